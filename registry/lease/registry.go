package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Registry is a node's part of the names.
type Registry struct {
	sys    *actor.System
	cfg    Config
	log    *slog.Logger
	consul consul
	idle   func() // closes connections that wait
	keeper actor.PID
	wake   chan struct{}
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // all goroutines
	began  time.Time

	mu      sync.Mutex // protects the fields below
	life    life
	period  *period // of the session that is believed in, or nil
	slots   map[string]*slot
	named   map[string]actor.PID // forwarders, by name
	others  map[string]Entry     // what Consul said of all names
	fault   error                // why there is no session
	changed chan struct{}        // closed and made anew when any of the above changes
	ready   chan struct{}        // closed when the table was read once
	closed  bool
	stats   Stats
}

// period is how long a session is believed in, for all that hold a name by it.
type period struct {
	session string
	began   time.Time
	until   atomic.Int64 // nanoseconds after began, on the monotonic clock; the least int64: over
}

// valid reports whether the session is believed in.
func (p *period) valid(now time.Time) bool { return int64(now.Sub(p.began)) < p.until.Load() }

func (p *period) extend(until time.Time) { p.until.Store(int64(until.Sub(p.began))) }
func (p *period) end()                   { p.until.Store(math.MinInt64) }

// New opens the registry of a node, and begins to ask Consul for a session; [Registry.Ready] waits for that. sys need not belong to a
// cluster. The error says what is wrong with the Config.
func New(sys *actor.System, cfg Config) (*Registry, error) {
	if sys == nil {
		return nil, errors.New("lease: New: the System is nil; make one with actor.NewSystem")
	}
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	client, idle, err := cfg.connect()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	r := &Registry{
		sys: sys, cfg: cfg, log: cfg.Logger, idle: idle, wake: make(chan struct{}, 1), began: now,
		consul: consul{client: client, prefix: cfg.Prefix, t: cfg.timings()},
		life:   life{t: cfg.timings(), due: now},
		slots:  map[string]*slot{}, named: map[string]actor.PID{}, others: map[string]Entry{},
		changed: make(chan struct{}), ready: make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if r.keeper, err = sys.Spawn(&keeper{r}); err != nil {
		return nil, fmt.Errorf("lease: New: %w", err)
	}
	r.wg.Go(r.run)
	r.wg.Go(r.watch)
	return r, nil
}

// Close kills the processes that still hold a name: end those before that are to end in order. It gives back what ended before,
// destroys the session, and waits for all this until ctx ends; what is left then ends with the session, by its TTL. Names of killed
// processes are free after the lock delay, as what they were just doing cannot be stopped. Again: it waits for the same end.
func (r *Registry) Close(ctx context.Context) error {
	r.mu.Lock()
	again := r.closed
	session := r.life.session
	var holders []*Hold
	if !again {
		holders = r.closeLocked()
	}
	r.mu.Unlock()
	if !again {
		r.kill(holders, "the registry was closed")
		r.drain(ctx, session)
		r.cancel()
		r.sys.Exit(r.keeper, actor.Kill)
		for _, pid := range r.named { // nothing is added any more
			r.sys.Exit(pid, actor.Kill)
		}
	}
	done := make(chan struct{})
	go func() { r.wg.Wait(); close(done) }()
	select {
	case <-done:
		r.idle()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// closeLocked ends all that is held. Who still lives is to be killed, and its name is left to the end of the session.
func (r *Registry) closeLocked() (holders []*Hold) {
	for name, s := range r.slots {
		switch {
		case s.hold == nil:
		case !r.sys.Alive(s.hold.pid):
			r.endLocked(name, s)
		default:
			holders = append(holders, s.hold)
			s.hold, s.session = nil, ""
			r.tidyLocked(name, s)
		}
	}
	if r.period != nil {
		r.period.end()
		r.period = nil
	}
	r.closed = true
	r.noteLocked()
	return holders
}

// drain waits for what is just being given back, and destroys the session.
func (r *Registry) drain(ctx context.Context, session string) {
	timer := time.NewTimer(r.cfg.ValidFor) // nothing renews the session any more
	defer timer.Stop()
	for waiting := true; waiting; {
		r.mu.Lock()
		left, changed := len(r.slots), r.changed
		r.mu.Unlock()
		if left == 0 {
			break
		}
		select {
		case <-changed:
		case <-timer.C:
			waiting = false
		case <-ctx.Done():
			waiting = false
		}
	}
	if session == "" {
		return
	}
	if err := r.consul.destroy(ctx, session); err != nil {
		r.log.Warn("lease: the session could not be destroyed; it ends by its TTL", "session", session, "error", err)
	}
}

// run keeps the session: it is the only one that lets time pass for life.
func (r *Registry) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		r.mu.Lock()
		if r.closed {
			r.mu.Unlock()
			return
		}
		e, wake := r.life.tick(time.Now())
		ended := r.applyLocked(e)
		r.mu.Unlock()
		r.perform(e, ended)
		r.sweep()
		timer.Reset(time.Until(wake))
		if wake.IsZero() {
			timer.Stop()
		}
		select {
		case <-timer.C:
		case <-r.wake:
		case <-r.ctx.Done():
			return
		}
	}
}

// applyLocked makes what life decided visible, and returns the holds that are over by it.
func (r *Registry) applyLocked(e effect) (over []*Hold) {
	if e.ended != "" {
		over = r.overLocked()
		r.stats.Lapses++
	}
	if e.began != "" {
		r.period = &period{session: e.began, began: r.began}
		r.fault = nil
	}
	if r.life.session != "" && (e.began != "" || e.renewed) {
		r.period.extend(r.life.until)
	}
	if e.ended != "" || e.began != "" {
		r.noteLocked()
	}
	return over
}

// overLocked ends the period, and with it all that is held.
func (r *Registry) overLocked() (over []*Hold) {
	if r.period != nil {
		r.period.end()
		r.period = nil
	}
	for name, s := range r.slots {
		if s.hold != nil {
			over = append(over, s.hold)
			s.hold = nil
		}
		// What may be left of it at Consul ends with the session.
		s.dirty, s.session = time.Time{}, ""
		r.tidyLocked(name, s)
	}
	return over
}

// perform does what life wants done.
func (r *Registry) perform(e effect, over []*Hold) {
	if e.ended != "" {
		r.kill(over, "the session is over")
		r.abandon(e.ended)
	}
	if e.orphan != "" {
		r.abandon(e.orphan)
	}
	if e.request != nil {
		req := *e.request
		r.wg.Go(func() { r.ask(req) })
	}
}

func (r *Registry) kill(over []*Hold, why string) {
	for _, h := range over {
		r.sys.Exit(h.pid, actor.Kill)
	}
	for _, h := range over { // what a logger takes its time for must not keep others alive
		r.log.Warn("lease: a process is killed that held a name", "name", h.name, "pid", h.pid.String(), "why", why)
	}
}

// ask sends a request of life and takes in the answer.
func (r *Registry) ask(req request) {
	a := answer{number: req.number, session: req.renew, sent: time.Now()}
	var err error
	if req.renew == "" {
		a.session, err = r.consul.create(r.ctx, r.sys.Name())
	} else {
		a.gone, err = r.consul.renew(r.ctx, req.renew)
	}
	if err != nil {
		a.session = ""
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		if req.renew == "" && a.session != "" {
			r.abandon(a.session)
		}
		return
	}
	e := r.life.answered(time.Now(), a)
	over := r.applyLocked(e)
	if err != nil {
		r.stats.Failures++
		r.fault = err
	}
	r.mu.Unlock()
	if err != nil {
		r.log.Warn("lease: Consul did not answer a request for the session", "session", req.renew, "error", err)
	}
	r.perform(e, over)
	r.nudge()
}

// abandon destroys a session this node does not believe in any more. If that fails, its TTL does it.
func (r *Registry) abandon(session string) {
	r.wg.Go(func() {
		for deadline := time.Now().Add(r.cfg.TTL); ; {
			if err := r.consul.destroy(r.ctx, session); err == nil || r.ctx.Err() != nil || !time.Now().Before(deadline) {
				return
			}
			r.pause(r.ctx, r.cfg.RetryAfter)
		}
	})
}

// sweep ends the holds of processes whose end nobody told.
func (r *Registry) sweep() {
	r.mu.Lock()
	var dead []actor.PID
	for _, s := range r.slots {
		if s.hold != nil && !r.sys.Alive(s.hold.pid) {
			dead = append(dead, s.hold.pid)
		}
	}
	r.mu.Unlock()
	for _, pid := range dead {
		r.exited(pid)
	}
}

func (r *Registry) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// noteLocked wakes who waits for a change.
func (r *Registry) noteLocked() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// pause waits for a while, or until ctx or the registry ends.
func (r *Registry) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-r.ctx.Done():
	}
}

// keeper is the process that hears of the ends of those that hold a name.
type keeper struct{ r *Registry }

type watchProcess struct{ pid actor.PID }

// Receive implements actor.Actor.
func (k *keeper) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case watchProcess:
		ctx.Monitor(m.pid)
	case actor.Down:
		k.r.exited(m.PID)
	}
	return nil
}

// Stats describes a registry.
type Stats struct {
	Session  string        // that is believed in; "" is none
	ValidFor time.Duration // from now, if no renewal succeeds
	Held     int           // names of this node
	Known    int           // names of all nodes, as far as Consul said
	Lapses   uint64        // sessions that ended while they were believed in
	Failures uint64        // requests for the session that failed
	Fault    error         // the last of them, if there is no session
}

// Stats looks at the registry.
func (r *Registry) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	now := time.Now()
	if p := r.period; p != nil && p.valid(now) {
		s.Session, s.ValidFor = p.session, r.life.until.Sub(now)
	} else {
		s.Fault = r.fault
	}
	for _, x := range r.slots {
		if x.hold != nil && x.hold.Err() == nil {
			s.Held++
		}
	}
	s.Known = len(r.others)
	return s
}
