package transport

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Session is what lasts between this node and one life of another while connections come and go. It is made of lanes. All methods
// may be called by any number of goroutines.
type Session struct {
	t     *Transport
	id    nodeid.ID
	mine  uint64 // this end's number of the session
	lanes []*lane
	after <-chan struct{} // an earlier session with the same life, to be swept first; nil: none
	peer  atomic.Pointer[Hello]
	value atomic.Pointer[any]
	heard atomic.Int64 // time since t.began
	wg    sync.WaitGroup
	up    chan struct{}   // closed when Up has returned
	ctx   context.Context // ends when the session is to end
	stop  context.CancelFunc
	done  chan struct{} // closed when Down has returned

	mu struct { // taken after the Transport's mu, before a lane's mu
		sync.Mutex
		addr        string
		theirs      uint64 // the other end's number
		requested   bool   // somebody here asked for it
		established bool   // both ends have confirmed it
		dialled     bool   // this end dialled the first connection
		parting     bool   // our goodbye is on its way: however it ends, it was us
		dead        bool
		drain       bool // what is on its way may still be read
		why         error
	}
}

// newSession makes a session and puts it in place of before. The Transport's mu is held.
func (t *Transport) newSession(id nodeid.ID, addr string, before *Session) *Session {
	s := &Session{t: t, id: id, up: make(chan struct{}), done: make(chan struct{})}
	s.ctx, s.stop = context.WithCancel(context.Background())
	var b [8]byte
	for s.mine == 0 {
		rand.Read(b[:]) // never fails
		s.mine = binary.LittleEndian.Uint64(b[:])
	}
	if before != nil {
		s.after = before.done
	}
	s.mu.addr = addr
	for i, name := range slices.Concat(fixedLanes, t.cfg.Lanes) {
		s.lanes = append(s.lanes, newLane(s, Lane(i), name))
	}
	s.peer.Store(&Hello{Node: id, Addr: addr})
	t.mu.sessions[id] = s
	return s
}

// ID is the node at the other end.
func (s *Session) ID() nodeid.ID { return s.id }

// Peer is what the other end said of itself. Before Up only Node and Addr are there.
func (s *Session) Peer() Hello { return *s.peer.Load() }

// Heard is when the last byte came from the peer; the zero time before the first. It has a monotonic part.
func (s *Session) Heard() time.Time {
	if d := s.heard.Load(); d > 0 {
		return s.t.began.Add(time.Duration(d))
	}
	return time.Time{}
}

func (s *Session) hear() { s.heard.Store(int64(max(time.Since(s.t.began), 1))) }

// Protocol is the greatest protocol version that both ends speak, after Up.
func (s *Session) Protocol() uint16 { return min(s.Peer().ProtocolMax, s.t.cfg.Self().ProtocolMax) }

// Done is closed after Down has returned.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err is why the session ended, nil while it lasts.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.why
}

// Send copies rec into the lane and returns; it never waits. The writer takes it soon, together with what else is there. now says
// that somebody waits for the answer: if nothing else is under way it is written at once. The error is [ErrFull], [ErrTooLarge],
// [ErrLane] or [ErrDown], and then nothing was taken.
func (s *Session) Send(lane Lane, rec []byte, now bool) error {
	if int(lane) >= len(s.lanes) {
		return ErrLane
	}
	return s.lanes[lane].send(rec, now, s.t.cfg.Limits.Lane)
}

// SendAlways is Send for what must not be refused for lack of room. At twice the lane's bound the session ends with
// [ErrOverflow].
func (s *Session) SendAlways(lane Lane, rec []byte) error {
	if int(lane) >= len(s.lanes) {
		return ErrLane
	}
	err := s.lanes[lane].send(rec, false, 2*s.t.cfg.Limits.Lane)
	if err == ErrFull {
		s.kill(fmt.Errorf("%w: lane %s of %v", ErrOverflow, s.lanes[lane].name, s.id), true)
		return ErrDown
	}
	return err
}

// Wait waits until Send may succeed again: until the lane is filled to less than its bound. Others may fill it first. The error is
// [ErrDown], or that of ctx.
func (s *Session) Wait(ctx context.Context, lane Lane) error {
	if int(lane) >= len(s.lanes) {
		return ErrLane
	}
	for {
		room, err := s.lanes[lane].room(s.t.cfg.Limits.Lane)
		if room == nil || err != nil {
			return err
		}
		select {
		case <-room:
		case <-s.ctx.Done():
			return ErrDown
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// request says that somebody here wants the session. It is false if the session is ending.
func (s *Session) request(addr string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.dead {
		return false
	}
	s.mu.requested = true
	if !s.mu.established {
		s.mu.addr = addr
		s.start(s.lanes[Control], true)
	}
	return true
}

func (s *Session) address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.addr
}

func (s *Session) wasUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.established
}

// start lets a lane connect. s.mu is held.
func (s *Session) start(l *lane, dial bool) {
	if l.conn.running || s.mu.dead {
		return
	}
	l.conn.running, l.conn.dials = true, dial
	s.wg.Go(l.run)
}

// want starts a lane on its first use.
func (s *Session) want(l *lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.established && s.isUp() {
		s.start(l, true)
	}
}

func (s *Session) isUp() bool {
	select {
	case <-s.up:
		return true
	default:
		return false
	}
}

// is reports whether a hello that names both numbers of a session names those of this one. A session that this end has not
// confirmed yet may have been confirmed by the other.
func (s *Session) is(r request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.mu.dead && r.theirs == s.mine && r.mine == s.mu.theirs
}

// admit takes a lane's place for an attempt of the peer's. The Transport's mu is held.
func (s *Session) admit(c *peerConn, peer Hello, r request) (*lane, *attempt, error) {
	i := slices.IndexFunc(s.lanes, func(l *lane) bool { return l.name == r.lane })
	if i < 0 {
		return nil, nil, refuse(ErrHello, "lane %.64q is not known here", r.lane)
	}
	l := s.lanes[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	switch swept := s.after == nil || isClosed(s.after); {
	case s.mu.dead || !swept:
		return nil, nil, refuse(errBusy, "")
	case s.mu.established && s.mu.theirs != r.mine:
		// The peer has ended this session and begun another.
		s.t.wg.Go(func() { s.kill(ErrUnknownSession, true) })
		return nil, nil, refuse(errBusy, "")
	case l.id != Control && !s.isUp():
		return nil, nil, refuse(errBusy, "")
	case !l.admits(r.attempt, peer.Node.Compare(s.t.node) < 0):
		return nil, nil, refuse(errCrossed, "")
	}
	if !s.mu.established {
		s.mu.theirs = r.mine
		if r.theirs == 0 {
			s.peer.Store(&peer)
		}
	}
	a := &attempt{inbound: true, first: true, cancel: func() { c.Close() }}
	a.replaces = l.take(a)
	l.conn.number = max(l.conn.number, r.attempt)
	return l, a, nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// begin takes a lane's place for an attempt of this end's.
func (s *Session) begin(l *lane, a *attempt) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.dead || l.conn.attempt != nil || l.conn.handed != nil || l.conn.live != nil {
		return false
	}
	l.take(a)
	l.conn.number++
	return true
}

// ask is what this end says of the session in a hello.
func (s *Session) ask(l *lane) request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return request{wanted: s.id, lane: l.name, mine: s.mine, theirs: s.mu.theirs, attempt: l.conn.number, received: l.received.Load()}
}

// learn takes what the listener's hello says.
func (s *Session) learn(l *lane, a *attempt, peer Hello, r request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.mu.dead || l.conn.attempt != a:
		return refuse(errCrossed, "")
	case r.theirs != s.mine || r.mine == 0 || s.mu.established && r.mine != s.mu.theirs:
		return refuse(ErrUnknownSession, "")
	}
	if !s.mu.established && s.mu.theirs != r.mine {
		s.mu.theirs = r.mine
		s.peer.Store(&peer)
	}
	l.conn.number = max(l.conn.number, r.attempt)
	return nil
}

// establish confirms the session, the first time. It is false if a has lost its place.
func (s *Session) establish(l *lane, a *attempt) bool {
	s.mu.Lock()
	if s.mu.dead || l.conn.attempt != a {
		s.mu.Unlock()
		return false
	}
	first := !s.mu.established
	s.mu.established = true
	if first {
		s.mu.dialled = !a.inbound
		if s.mu.addr == "" {
			s.mu.addr = s.Peer().Addr
		}
		s.wg.Add(1) // Down waits for Up
	}
	s.mu.Unlock()
	if !first {
		return true
	}
	s.hear()
	s.alias()
	s.t.handler.Up(s)
	s.mu.Lock()
	close(s.up)
	dialled := s.mu.dialled
	s.start(s.lanes[Control], dialled)
	s.start(s.lanes[Default], dialled)
	for _, l := range s.lanes[Bulk:] {
		if l.used() {
			s.start(l, true)
		}
	}
	s.mu.Unlock()
	s.wg.Done()
	return true
}

// alias lets the lanes that the peer does not have flow into Bulk.
func (s *Session) alias() {
	for _, l := range s.lanes[Bulk+1:] {
		if !slices.Contains(s.Peer().Lanes, l.name) {
			l.flowInto(s.lanes[Bulk])
		}
	}
}

// failed gives up a's place. A session that nobody here asked for, and that was never confirmed, is forgotten.
func (s *Session) failed(l *lane, a *attempt) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.conn.attempt != a {
		return
	}
	l.conn.attempt = nil
	l.poke()
	if !s.mu.requested && !s.mu.established && !s.mu.dead {
		s.mu.dead, s.mu.why = true, ErrUnreachable
		s.stop()
		close(s.done)
		if s.t.mu.sessions[s.id] == s {
			delete(s.t.mu.sessions, s.id)
		}
	}
}
