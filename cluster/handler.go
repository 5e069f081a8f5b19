package cluster

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/transport"
	"github.com/foundation-runtime/foundation/cluster/view"
)

// What transport tells.

// beginning bounds how long a handshake waits for a node that is only beginning: less than the handshake may take.
const beginning = 3 * time.Second

func (l *life) isReady() bool {
	select {
	case <-l.ready:
		return true
	default:
		return false
	}
}

// check decides whether a node that shakes hands is admitted.
func (l *life) check(peer transport.Hello) error {
	timer := time.NewTimer(beginning)
	defer timer.Stop()
	select {
	case <-l.ready:
	case <-timer.C:
	}
	if l.ctx.Err() != nil || !l.isReady() {
		return ErrLeft
	}
	info, err := parseInfo(peer.Meta)
	if err != nil {
		return err
	}
	if _, err := l.n.types.Table(peer.Types); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stepLocked(view.Hello{ID: peer.Node, Addr: peer.Addr, Info: info})
	if told := l.tells[peer.Node]; told != nil {
		return told
	}
	err = l.view.Admit(peer.Node, peer.Addr)
	if e, ok := errors.AsType[*view.AdmitError](err); ok {
		return refusal{e}
	}
	return err
}

// Up implements transport.Handler.
func (l *life) Up(s *transport.Session) {
	hello := s.Peer()
	p := l.peer(s.ID())
	table, err := l.n.types.Table(hello.Types)
	if err != nil {
		l.transport.End(s.ID(), err) // check has looked at it
		return
	}
	p.types.Store(table)
	p.session.Store(s)
	p.port.Lock()
	p.gone = false
	p.port.Unlock()
	p.up.Store(true)
	s.SetValue(p)
	info, _ := parseInfo(hello.Meta)
	l.mu.Lock()
	l.stepLocked(view.SessionUp{ID: s.ID(), Addr: hello.Addr, Info: info})
	rec := l.statusLocked()
	l.mu.Unlock()
	p.control(rec)
	_ = l.members.Discovered(hello.Addr) // gossip is to know it too
	for _, port := range l.n.ports.all() {
		p.meet(port)
	}
}

// Record implements transport.Handler.
func (l *life) Record(s *transport.Session, lane transport.Lane, rec []byte) {
	p, ok := s.Value().(*peer)
	if !ok {
		return
	}
	if lane != transport.Control {
		p.record(rec)
		return
	}
	var in view.Input
	var err error
	if len(rec) > 0 && rec[0] == controlPort {
		err = p.portRecord(rec)
	} else {
		in, err = parseControl(rec, s.ID())
	}
	if err != nil {
		l.transport.End(s.ID(), errors.Join(transport.ErrMalformed, err))
		return
	}
	if in != nil {
		l.step(in)
	}
}

// Lost implements transport.Handler: the connection broke and is being made anew.
func (l *life) Lost(s *transport.Session) { l.step(view.SessionLost{ID: s.ID()}) }

// Again implements transport.Handler: the connection works again.
func (l *life) Again(s *transport.Session) {
	hello := s.Peer()
	info, _ := parseInfo(hello.Meta)
	l.step(view.SessionUp{ID: s.ID(), Addr: hello.Addr, Info: info})
}

// Down implements transport.Handler.
func (l *life) Down(s *transport.Session, why error, lost []transport.Lost) {
	p := l.peer(s.ID())
	p.swept(lost)
	if errors.Is(why, transport.ErrGoodbye) {
		l.step(view.Goodbye{ID: s.ID()})
	}
	l.step(view.SessionDown{ID: s.ID(), Why: why.Error()})
}

// Refused implements transport.Handler.
func (l *life) Refused(addr string, peer transport.Hello, err error) {
	r, ok := errors.AsType[*transport.RefusedError](err)
	if ok && errors.Is(r, transport.ErrSelf) {
		return // whoever looks for nodes finds itself too
	}
	l.n.refused.log(l.n.log, slog.LevelInfo, "cluster: a handshake failed", hostOf(addr), "node", peer.Node.String(), "error", err)
	if !ok || !r.Remote || !errors.Is(r, transport.ErrCheck) || r.Peer.IsZero() {
		return
	}
	code, floor, rank, err := parseRefusal(r.Meta)
	if err == nil && code == refusedOld {
		l.step(view.Removed{ID: l.id, By: r.Peer, Addr: addr, Floor: floor, Rank: rank})
	}
}

// complaints logs what others may cause as often as they like: at most once per key and minute.
type complaints struct {
	mu   sync.Mutex // protects last
	last map[string]time.Time
}

const complaintEvery, maxComplaints = time.Minute, 1024

func (c *complaints) log(to *slog.Logger, level slog.Level, text, key string, args ...any) {
	now := time.Now()
	c.mu.Lock()
	last, told := c.last[key]
	again := !told || now.Sub(last) >= complaintEvery
	if again {
		if c.last == nil || len(c.last) >= maxComplaints {
			c.last = map[string]time.Time{}
		}
		c.last[key] = now
	}
	c.mu.Unlock()
	if !again {
		level = slog.LevelDebug
	}
	to.Log(context.Background(), level, text, append([]any{"about", key}, args...)...)
}

// dial finds out whether a member's address refuses.
func (l *life) dial(o view.Dial) {
	timer := time.NewTimer(o.After)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.ctx.Done():
		return
	}
	ctx, cancel := context.WithTimeout(l.ctx, l.n.timing.view.Silent)
	defer cancel()
	result := view.Silent
	var answered nodeid.ID
	switch id, err := l.transport.Introduce(ctx, o.Addr); {
	case err == nil:
		result, answered = view.Accepted, id
	case errors.Is(err, syscall.ECONNREFUSED):
		result = view.Refused
	default:
		if r, ok := errors.AsType[*transport.RefusedError](err); ok {
			result, answered = view.Accepted, r.Peer
		}
	}
	l.step(view.Dialled{ID: o.ID, Attempt: o.Attempt, Result: result, Answered: answered})
}

// hostOf is addr without the port, which is another for each dial.
func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}
