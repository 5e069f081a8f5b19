package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Hold is a name that a process of this node was given. Its methods may be used by any goroutine.
type Hold struct {
	name   string
	pid    actor.PID
	meta   string
	act    string // the activation
	token  Token
	period *period
	over   atomic.Bool // given back, or the process has ended
}

// Name that is held.
func (h *Hold) Name() string { return h.name }

// PID of the holder.
func (h *Hold) PID() actor.PID { return h.pid }

// Token goes along with all that the holder writes elsewhere, so that stores can refuse it when there is a successor.
func (h *Hold) Token() Token { return h.token }

// Err is nil while the name is held, and [ErrExpired] from then on for ever. It takes no lock and asks nobody. That it is nil says
// nothing of a moment later.
func (h *Hold) Err() error {
	if h.over.Load() || !h.period.valid(time.Now()) {
		return ErrExpired
	}
	return nil
}

// Until is when the name is lost at the latest if no further renewal succeeds; the zero time if it is lost already.
func (h *Hold) Until() time.Time {
	if h.Err() != nil {
		return time.Time{}
	}
	return h.period.began.Add(time.Duration(h.period.until.Load()))
}

func (h *Hold) entry() Entry {
	return Entry{Name: h.name, PID: h.pid, Node: h.pid.Node(), Meta: h.meta, Activation: h.act, Token: h.token, Session: h.period.session}
}

// Option says something about a registration.
type Option func(*options)

type options struct {
	meta string
	wait bool
}

// WithMeta attaches a text to the entry, up to 4 KiB, for whoever looks it up.
func WithMeta(meta string) Option { return func(o *options) { o.meta = meta } }

// Wait makes Register try again, until ctx ends, when the name is taken or Consul does not answer.
func Wait() Option { return func(o *options) { o.wait = true } }

// own checks that pid is a process of this node.
func (r *Registry) own(what, name string, pid actor.PID) error {
	a := pid.Address()
	switch {
	case pid.IsZero():
		return fmt.Errorf("lease: %s(%q): the PID is nobody", what, name)
	case a.Name != "":
		return fmt.Errorf("lease: %s(%q, %v): it is an address; give the PID of a process", what, name, pid)
	case a.Node != r.sys.Name() || a.Incarnation != 0 && a.Incarnation != r.sys.Incarnation():
		return fmt.Errorf("lease: %s(%q, %v): %w; do it there", what, name, pid, ErrNotLocal)
	}
	return nil
}

// Register gives a name to a process of this node, until it ends, [Registry.Unregister], or the lease is over: then the process is
// killed. It returns when Consul has said, and confirmed, that the name belongs to this activation and no other. A process may have many
// names. Who holds the name already gets the same Hold, as it is.
//
// The error is a [TakenError], [ErrUnavailable], [ErrExpired] if the session ended meanwhile, [ErrNotLocal], [ErrLimit], actor.NoProc,
// [ErrClosed] or ctx's. With an error the name is not held.
func (r *Registry) Register(ctx context.Context, name string, pid actor.PID, opts ...Option) (*Hold, error) {
	var o options
	for _, f := range opts {
		if f != nil {
			f(&o)
		}
	}
	err := errors.Join(checkName("Register", name), r.own("Register", name, pid))
	if len(o.meta) > MaxMetaBytes {
		err = errors.Join(err, fmt.Errorf("lease: Register(%q): %w: metadata has at most %d bytes", name, ErrLimit, MaxMetaBytes))
	}
	if err != nil {
		return nil, err
	}
	for {
		h, err := r.register(ctx, name, pid, o.meta)
		if err == nil || !o.wait || ctx.Err() != nil || !errors.Is(err, ErrTaken) && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrExpired) {
			return h, err
		}
		r.untilChange(ctx, name)
	}
}

// untilChange waits until it is worth trying again: the name has changed hands, or some time has passed.
func (r *Registry) untilChange(ctx context.Context, name string) {
	timer := time.NewTimer(r.cfg.RetryAfter)
	defer timer.Stop()
	for r.taken(name) {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		slow := time.NewTimer(r.cfg.Renew) // the table may be old
		select {
		case <-changed:
			slow.Stop()
			continue
		case <-slow.C:
		case <-ctx.Done():
		case <-r.ctx.Done():
		}
		slow.Stop()
		break
	}
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-r.ctx.Done():
	}
}

// register tries once.
func (r *Registry) register(ctx context.Context, name string, pid actor.PID, meta string) (*Hold, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := r.session(ctx)
	if err != nil {
		return nil, err
	}
	s, h, err := r.enter(ctx, name, pid)
	if s == nil {
		return h, err
	}
	h = &Hold{name: name, pid: pid, meta: meta, act: rand.Text(), period: p}
	trace, err := r.activate(ctx, h)
	if err = r.settle(s, h, trace, err); err != nil {
		return nil, err
	}
	r.sys.Send(r.keeper, watchProcess{pid})
	return h, nil
}

// trace is what an attempt to activate may have left at Consul.
type trace uint8

const (
	traceNone  trace = iota
	traceLock        // a lock of this session
	traceDoubt       // a request without an answer, which may make one any time now
)

// settle ends the operation that enter began: h holds the name, or what is left of the attempt is cleaned up.
func (r *Registry) settle(s *slot, h *Hold, left trace, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.busy = false
	if err == nil {
		if err = r.mayHoldLocked(h); err != nil {
			left = traceLock
		}
	}
	if r.period == h.period && left != traceNone {
		s.session = h.period.session
		if left == traceDoubt {
			s.dirty = time.Now().Add(r.cfg.TTL)
		}
	}
	if err == nil {
		s.hold = h
	} else {
		r.cleanLocked(h.name, s)
		r.tidyLocked(h.name, s)
	}
	r.noteLocked()
	return err
}

// mayHoldLocked says why what Consul granted is worth nothing by now.
func (r *Registry) mayHoldLocked(h *Hold) error {
	switch {
	case r.closed:
		return ErrClosed
	case h.period != r.period || !h.period.valid(time.Now()):
		return fmt.Errorf("lease: Register(%q): %w: the session ended meanwhile", h.name, ErrExpired)
	case !r.sys.Alive(h.pid):
		return fmt.Errorf("lease: Register(%q, %v): %w", h.name, h.pid, actor.NoProc)
	}
	return nil
}

// session waits for a session, for as long as a request may take.
func (r *Registry) session(ctx context.Context) (*period, error) {
	timer := time.NewTimer(r.cfg.Timeout)
	defer timer.Stop()
	for {
		r.mu.Lock()
		p, closed, changed := r.period, r.closed, r.changed
		r.mu.Unlock()
		if closed {
			return nil, ErrClosed
		}
		if p != nil && p.valid(time.Now()) {
			return p, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil, unavailable("there is no session yet", r.why())
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// enter waits until no operation on the name is under way, and begins one. Without a slot h and err are the answer already.
func (r *Registry) enter(ctx context.Context, name string, pid actor.PID) (s *slot, h *Hold, err error) {
	for {
		r.mu.Lock()
		if r.closed {
			r.mu.Unlock()
			return nil, nil, ErrClosed
		}
		s := r.slots[name]
		if s == nil {
			s = &slot{}
			r.slots[name] = s
		}
		alive := s.hold != nil && r.sys.Alive(s.hold.pid)
		if h := s.hold; alive && h.Err() == nil {
			r.mu.Unlock()
			if h.pid == pid {
				return nil, h, nil
			}
			return nil, nil, &TakenError{Name: name, Owner: h.entry()}
		}
		if !s.busy && !alive { // one that is alive without a right is just about to be killed
			if s.hold != nil {
				s.hold.over.Store(true)
				s.hold = nil
			}
			s.busy = true
			r.mu.Unlock()
			return s, nil, nil
		}
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// activate has Consul give the name to h.
func (r *Registry) activate(ctx context.Context, h *Hold) (left trace, err error) {
	if !r.sys.Alive(h.pid) {
		return traceNone, fmt.Errorf("lease: Register(%q, %v): %w", h.name, h.pid, actor.NoProc)
	}
	text, err := value{Node: r.sys.Name(), PID: h.pid.String(), Activation: h.act, Meta: h.meta}.encode()
	if err != nil {
		return traceNone, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	session := h.period.session
	ok, err := r.consul.acquire(ctx, h.name, text, session)
	if err != nil {
		return traceDoubt, r.failed(ctx, h.name, err)
	}
	if ok {
		left = traceLock
	}
	p, err := r.consul.read(ctx, h.name)
	switch {
	case err != nil:
		return left, r.failed(ctx, h.name, err)
	case ok && p.same(session, text) && p.index != 0:
		h.token = Token(p.index)
		return left, nil
	case ok:
		// Somebody wrote the key, or destroyed the session, between the two requests.
		r.suspect()
		return left, unavailable(fmt.Sprintf("the name %q was given to this node, but Consul then read otherwise", h.name), nil)
	case p == nil || p.session == "":
		return left, &TakenError{Name: h.name}
	case p.session == session:
		left = traceLock // of an attempt before
	}
	return left, &TakenError{Name: h.name, Owner: entryOf(r.sys, h.name, *p)}
}

// failed is the error of a request that failed, for the caller.
func (r *Registry) failed(ctx context.Context, name string, err error) error {
	switch {
	case r.ctx.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	r.suspect()
	return unavailable(fmt.Sprintf("the name %q", name), err)
}

// suspect has the session renewed at once: an error may mean that it is gone.
func (r *Registry) suspect() {
	r.mu.Lock()
	r.life.hurry(time.Now())
	r.mu.Unlock()
	r.nudge()
}

// Unregister gives a name back that a process of this node holds. Its Hold is over from the call on; the process goes on, and must
// not go on as the holder: end what it does under the name before. It returns when Consul knows. The error is [ErrNotFound],
// [ErrNotLocal] if a process of another node holds it, [ErrUnavailable] if Consul does not know yet (it is told as soon as it
// answers), [ErrClosed] or ctx's.
func (r *Registry) Unregister(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	s := r.slots[name]
	if r.closed || s == nil || s.hold == nil || s.hold.Err() != nil {
		e, known := r.others[name]
		closed, own := r.closed, r.period != nil && r.period.session == e.Session
		r.mu.Unlock()
		switch {
		case closed:
			return ErrClosed
		case known && !own:
			return fmt.Errorf("lease: Unregister(%q): %w: %s holds it; do it there", name, ErrNotLocal, e.who())
		}
		return fmt.Errorf("lease: Unregister(%q): %w", name, ErrNotFound)
	}
	r.endLocked(name, s)
	r.mu.Unlock()
	return r.freed(ctx, name)
}

// EndSession destroys the session of another node, with all names it holds; Entry.Session says which it is. It is for a node that is
// known to be dead: its names are then free after its lock delay, and not only after up to twice its TTL and the lock delay. If the
// node lives after all, it loses its names safely: the lock delay is longer than it goes on believing in a session.
func (r *Registry) EndSession(ctx context.Context, session string) error {
	r.mu.Lock()
	own, closed := session == r.life.session, r.closed
	r.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case session == "":
		return errors.New("lease: EndSession: the session is empty; take that of an Entry")
	case own:
		return errors.New("lease: EndSession: it is the session of this node; Close ends that")
	}
	if err := r.consul.destroy(ctx, session); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return unavailable("session "+session, err)
	}
	return nil
}
