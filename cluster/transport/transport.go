package transport

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Handler hears what happens. Its methods are called by the goroutine that saw it happen: what they wait for, waits. They may call
// everything but Close.
type Handler interface {
	// Up: both ends have confirmed the session. It returns before the first Record.
	Up(s *Session)
	// Record is what the peer sent, in order within a lane, one at a time within a lane. rec is valid during the call.
	Record(s *Session, lane Lane, rec []byte)
	// Down: the session has ended, after its last Record. lost is what was never acknowledged, in order within a lane. A session
	// that nobody was ever reached for is Down without having been Up.
	Down(s *Session, why error, lost []Lost)
	// Refused: a handshake failed, on either side. peer is what is known of the other end.
	Refused(addr string, peer Hello, err error)
}

// Lost is a record that was not acknowledged when its session ended.
type Lost struct {
	Lane    Lane
	Record  []byte
	InDoubt bool // it was written to the network: the peer may have got it
}

// Transport listens, dials, and holds a session with each peer.
type Transport struct {
	cfg       Config
	handler   Handler
	node      nodeid.ID
	listener  net.Listener
	advertise string
	began     time.Time
	ctx       context.Context // ends with the transport
	cancel    context.CancelFunc
	wg        sync.WaitGroup

	mu struct { // taken before a Session's mu
		sync.Mutex
		sessions map[nodeid.ID]*Session
		streams  map[byte]func(net.Conn)
		conns    map[net.Conn]struct{} // handshakes and streams of others
		pending  int
		closing  bool // no new sessions
		closed   chan struct{}
	}
}

// Start listens.
func Start(cfg Config, h Handler) (*Transport, error) {
	cfg = cfg.filled()
	err := cfg.check()
	if h == nil {
		err = errors.Join(err, errors.New("transport: the Handler is nil"))
	}
	if err != nil {
		return nil, err
	}
	l, err := cfg.Network.Listen(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("transport: Config.Listen: %w", err)
	}
	t := &Transport{cfg: cfg, handler: h, node: cfg.Self().Node, listener: l, advertise: cfg.Advertise, began: time.Now()}
	if t.advertise == "" {
		t.advertise = l.Addr().String()
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.mu.sessions = map[nodeid.ID]*Session{}
	t.mu.streams = map[byte]func(net.Conn){}
	t.mu.conns = map[net.Conn]struct{}{}
	t.mu.closed = make(chan struct{})
	t.wg.Go(t.accept)
	return t, nil
}

// Addr is the address that is listened on.
func (t *Transport) Addr() string { return t.listener.Addr().String() }

// Session returns the session with that life of a node, and begins one if there is none. It never waits: what is sent is kept, in
// order, until the node answers at addr. If it does not within Timing.Connect, the session goes Down.
func (t *Transport) Session(id nodeid.ID, addr string) (*Session, error) {
	if id == t.node {
		return nil, refuse(ErrSelf, "%v", id)
	}
	if err := nodeid.CheckName(id.Name); err != nil || id.Incarnation == 0 {
		return nil, fmt.Errorf("transport: %v is not a node: give a name and an incarnation", id)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.closing {
		return nil, ErrClosed
	}
	s := t.mu.sessions[id]
	if s == nil || !s.request(addr) {
		s = t.newSession(id, addr, s)
		s.request(addr)
	}
	return s, nil
}

// Lookup returns the session with that life of a node, if there is one.
func (t *Transport) Lookup(id nodeid.ID) *Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.sessions[id]
}

// End ends the session with a node that is down for sure. What came from it before is still delivered.
func (t *Transport) End(id nodeid.ID, why error) {
	if s := t.Lookup(id); s != nil {
		if why == nil {
			why = ErrDown
		}
		s.kill(why, true)
	}
}

// Connect makes a session with whoever answers at addr. It returns when both ends have confirmed it; a refusal, on either side, is a
// [*RefusedError].
func (t *Transport) Connect(ctx context.Context, addr string) (*Session, error) {
	id, err := t.introduce(ctx, addr)
	if err != nil {
		return nil, err
	}
	s, err := t.Session(id, addr)
	if err != nil {
		return nil, err
	}
	select {
	case <-s.up:
		return s, nil
	case <-s.done:
		return nil, s.Err()
	case <-ctx.Done():
		return nil, fmt.Errorf("transport: connect to %s: %w", addr, context.Cause(ctx))
	}
}

// Probe dials and hangs up. nil: somebody accepts connections at addr.
func (t *Transport) Probe(ctx context.Context, addr string) error {
	c, err := t.cfg.Network.Dial(ctx, addr)
	if err != nil {
		return err
	}
	c.Close()
	return nil
}

// Close says goodbye: what is queued is sent and acknowledged as far as ctx allows, then all sessions end with [ErrClosed] and the
// listener closes. It returns when nothing runs any more, so it waits for
// handlers, whatever ctx says; the error is that of ctx, if something was left behind. It must not be called by a handler.
func (t *Transport) Close(ctx context.Context) error {
	t.mu.Lock()
	first := !t.mu.closing
	t.mu.closing = true
	open := make([]*Session, 0, len(t.mu.sessions))
	for _, s := range t.mu.sessions {
		open = append(open, s)
	}
	t.mu.Unlock()
	if !first {
		select {
		case <-t.mu.closed:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var parting sync.WaitGroup
	left := make([]error, len(open))
	for i, s := range open {
		parting.Go(func() { left[i] = s.part(ctx) })
	}
	parting.Wait()
	t.listener.Close()
	t.mu.Lock()
	t.cancel() // nothing is held or spawned from here on
	strangers := slices.Collect(maps.Keys(t.mu.conns))
	t.mu.Unlock()
	for _, c := range strangers {
		c.Close()
	}
	t.wg.Wait()
	close(t.mu.closed)
	return errors.Join(left...)
}
