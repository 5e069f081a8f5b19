package actor

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Blocking is an Actor with its own goroutine: a script that receives when it wants. The process ends when it returns, with
// its error.
type Blocking func(p *Process) error

var errBlockingReceive = errors.New("actor: a Blocking has its own goroutine and cannot be another process's behaviour")

// Receive makes Blocking an Actor; it is never called by the engine, and fails.
func (b Blocking) Receive(*Context, any) error { return errBlockingReceive }

func (b Blocking) make(s *System, cfg *spawnConfig) (*process, error) {
	q, err := newBox(cfg.mailbox)
	if err != nil {
		return nil, err
	}
	g := &goProcess{box: q, f: b, bell: make(chan struct{}, 1)}
	g.process = process{sys: s, ops: g, actor: b, traits: cfg.traits&^traitInline | traitGoroutine}
	return &g.process, nil
}

// Go starts a process with its own goroutine. It is Spawn of a [Blocking].
func (s *System) Go(f func(p *Process) error, opts ...SpawnOption) (PID, error) {
	return s.Spawn(Blocking(f), opts...)
}

// Go starts a process with its own goroutine; see [System.Go].
func (c *core) Go(f func(p *Process) error, opts ...SpawnOption) (PID, error) {
	return c.Spawn(Blocking(f), opts...)
}

// goProcess is a process with its own goroutine.
type goProcess struct {
	process
	box
	f      Blocking
	born   *meta         // baggage and trace of who spawned it
	bell   chan struct{} // something arrived
	warned atomic.Bool   // of its long queue

	mu    sync.Mutex // protects saved
	saved []envelope // received, but not what was wanted
}

func (p *goProcess) turn(*worker)         {}
func (p *goProcess) rest(*worker)         {}
func (p *goProcess) claim() bool          { return true }
func (p *goProcess) wake(*worker)         { p.ring() }
func (p *goProcess) current(*Context) any { return nil }

func (p *goProcess) receive(*Context, any) error { return errBlockingReceive }

func (p *goProcess) ring() {
	select {
	case p.bell <- struct{}{}:
	default: // it was rung already: what it did not answer may pile up
		if limit := p.sys.cfg.highWater; limit > 0 && !p.warned.Load() && p.Len() > limit && !p.warned.Swap(true) {
			p.sys.checkHighWater(&p.process)
		}
	}
}

func (p *goProcess) push(e envelope, _ *worker) error {
	err := p.put(&p.process, e)
	if err == nil {
		p.ring()
	}
	return err
}

func (p *goProcess) pushWait(ctx context.Context, e envelope, c *core) error {
	err := p.box.wait(ctx, &p.process, e, c)
	if err == nil {
		p.ring()
	}
	return err
}

func (p *goProcess) signal(h *header, from PID, _ *worker) bool {
	ok := p.force(envelope{from: from, hdr: h})
	p.ring()
	return ok
}

func (p *goProcess) shut() (uint64, bool) {
	p.Close()
	return 1, false
}

func (p *goProcess) drain(_ uint64, _ bool, u undertaker) {
	p.mu.Lock()
	saved := p.saved
	p.saved = nil
	p.mu.Unlock()
	for _, e := range saved {
		u.lose(e)
	}
	for b, ok := p.Pop(); ok; b, ok = p.Pop() {
		u.lose(b.envelope)
	}
}

func (p *goProcess) queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Len() + len(p.saved)
}

// launch starts the goroutine; its owner is the System, which waits for it in Shutdown.
func (p *goProcess) launch() {
	p.sig.And(^sigInit)
	p.sys.goroutines.Go(p.run)
}

func (p *goProcess) run() {
	h := &Process{own: p}
	h.core = core{p: &p.process, sys: p.sys, meta: p.born}
	returned := false
	var err error
	defer func() {
		if !returned {
			v := recover()
			if v == nil {
				v = "runtime.Goexit was called"
			}
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
		h.close(err)
	}()
	if !p.dead() { // killed before it began
		err = p.f(h)
	}
	returned = true
}

// Process is the handle of the blocking style. It has Context's methods but Become, Stash and Forward, and is used by the
// process's own goroutine alone. It is a context.Context that ends when the process is told to exit.
type Process struct {
	core
	own      *goProcess
	env      envelope
	handling bool
	answered bool
}

// Sender is who sent the message received last; zero if nobody said so.
func (p *Process) Sender() PID { return p.env.from }

// Send is [Context.Send].
func (p *Process) Send(to PID, msg any) {
	if !p.killed(to, msg) {
		p.sys.deliver(context.Background(), to, envelope{msg, p.core.p.pid(), p.meta.header()}, &p.core)
	}
}

// Blocking calls f; a Process may wait where it likes.
func (p *Process) Blocking(f func()) { f() }

// Receive waits for the next message and returns it. The error is ctx's, or, once the process is told to exit, that reason, for
// ever. A request that was received before and not answered fails with [ErrNoReply].
func (p *Process) Receive(ctx context.Context) (any, error) { return p.ReceiveMatch(ctx, nil) }

// ReceiveMatch is Receive for the first message that match accepts; what it skips stays queued, in order. match sees
// signals that are messages, too. A nil match accepts everything.
func (p *Process) ReceiveMatch(ctx context.Context, match func(msg any) bool) (any, error) {
	p.done()
	if ctx == nil {
		ctx = context.Background()
	}
	looked := 0
	for {
		if err := p.told(); err != nil {
			return nil, err
		}
		if !p.suspended() {
			if msg, ok := p.fromSaved(match, &looked); ok {
				return msg, nil
			}
			if msg, ok := p.fromQueue(match, &looked); ok {
				return msg, nil
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		select {
		case <-p.own.bell:
		case <-ctx.Done():
		}
	}
}

// told is the reason the process has to end with, if it has.
func (p *Process) told() error {
	if p.own.sig.Load()&(sigExit|sigDead) == 0 {
		return nil
	}
	e := p.own.ext.Load()
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.reason
}

func (p *Process) suspended() bool { return p.own.sig.Load()&sigSuspend != 0 }

// fromSaved looks through what was skipped before, from the first this call has not looked at.
func (p *Process) fromSaved(match func(any) bool, looked *int) (any, bool) {
	g := p.own
	for {
		g.mu.Lock()
		if *looked >= len(g.saved) {
			g.mu.Unlock()
			return nil, false
		}
		e := g.saved[*looked]
		g.mu.Unlock()
		nothing := p.dropped(&e)
		if !nothing && match != nil && !match(e.content()) {
			*looked++
			continue
		}
		if !p.unsave(*looked) {
			return nil, false // the process was killed
		}
		if msg, ok := p.settleOn(&e, nothing); ok {
			return msg, true
		}
	}
}

// unsave takes out what stands at i. It is false if the end of the process took it.
func (p *Process) unsave(i int) bool {
	g := p.own
	g.mu.Lock()
	defer g.mu.Unlock()
	if i >= len(g.saved) {
		return false
	}
	g.saved = append(g.saved[:i], g.saved[i+1:]...)
	return true
}

// fromQueue is fromSaved for what this process has not looked at. What match is asked about is saved first: match may panic.
func (p *Process) fromQueue(match func(any) bool, looked *int) (any, bool) {
	g := p.own
	for {
		b, ok := g.Pop()
		if !ok {
			return nil, false
		}
		told := g.sig.Load()&(sigExit|sigDead) != 0 // b may have been sent after that
		if match == nil && !told {
			if msg, ok := p.settleOn(&b.envelope, p.dropped(&b.envelope)); ok {
				return msg, true
			}
			continue
		}
		g.mu.Lock()
		dead := g.dead()
		if !dead {
			g.saved = append(g.saved, b.envelope)
		}
		g.mu.Unlock()
		if dead {
			g.lose(b.envelope, Killed, nil)
		} else if told {
			return nil, false
		} else if msg, ok := p.fromSaved(match, looked); ok {
			return msg, true
		}
	}
}

// content is what e shows to who receives it.
func (e *envelope) content() any {
	if e.hdr.internal() {
		return e.hdr.payload
	}
	return e.msg
}

// dropped reports whether e came to nothing while it was queued.
func (p *Process) dropped(e *envelope) bool {
	h := e.hdr
	if h == nil {
		return false
	}
	switch h.kind {
	case kindTimer:
		return h.timer.state.Load() == timerStopped
	case kindDown:
		return !p.core.p.extend().monitors(h.gen)
	case kindExit:
		return h.cancelled
	}
	return h.ask != nil && h.ask.expired()
}

// settleOn makes e, which is in no queue any more, the message being handled. It is false if e came to nothing.
func (p *Process) settleOn(e *envelope, nothing bool) (any, bool) {
	h := e.hdr
	if nothing {
		if h.ask != nil {
			p.sys.taken.Add(1)
			p.sys.lost(e.from, p.core.p.pid(), e.msg, ErrExpired)
		}
		return nil, false
	}
	if h != nil {
		ok := true
		switch h.kind {
		case kindTimer:
			ok = h.timer.deliver()
		case kindDown:
			x := p.core.p.extend()
			x.mu.Lock()
			ok = x.watching.remove(h.gen)
			x.mu.Unlock()
		case kindExit:
			ok = p.core.p.forgetExit(h)
		}
		if !ok {
			return nil, false
		}
	}
	p.sys.taken.Add(1)
	p.env = envelope{e.content(), e.from, h}
	p.meta = h.metaOf()
	p.handling, p.answered = true, false
	if a := h.askOf(); a != nil {
		p.core.p.asked.Store(a)
		p.core.p.disappoint(a, nil)
	}
	return p.env.msg, true
}

func (e *ext) monitors(ref uint64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.watching.get(ref)
	return ok
}

// done ends the handling of the message received last.
func (p *Process) done() {
	p.closeSpan(errHandlerDone)
	p.span = nil
	if !p.handling {
		return
	}
	p.handling = false
	p.count()
	if a := p.env.hdr.askOf(); a != nil {
		p.core.p.asked.Store(nil)
		if !p.answered {
			a.fail(ErrNoReply, nil)
		}
	}
	p.env, p.meta = envelope{}, nil
}

func (p *Process) count() {
	p.sys.handled.Add(1)
	p.core.p.seen.Add(1)
}

// close ends the process when its function returned.
func (p *Process) close(err error) {
	q := p.core.p
	if err = q.outcome(err); err == Normal {
		p.done()
	} else if p.handling {
		p.closeSpan(errHandlerDone)
		p.handling = false
		p.count()
	}
	if q.dead() {
		q.settle(nil, true)
		return
	}
	q.bury(err, nil, true)
}

func (p *Process) take() (*ask, *worker) {
	a := p.env.hdr.askOf()
	if a == nil {
		p.sys.lateReplies.Add(1)
		return nil, nil
	}
	p.answered = true
	return a, nil
}

// Context is a context.Context that ends when the process is told to exit, and not before.
func (p *Process) Context() context.Context { return p.Detach() }

// Deadline is that of the request received last.
func (p *Process) Deadline() (time.Time, bool) { return p.env.hdr.askOf().deadlineTime() }

// use is the life of the process, or what also ends with the deadline while a request that has one is handled.
func (p *Process) use() *span {
	t, ok := p.Deadline()
	if !ok {
		return p.core.p.life()
	}
	if p.span == nil {
		p.open(t, true, false)
	}
	return p.span
}

// Done is closed when the process is told to exit. While a request with a deadline is handled it is closed at that, too, or
// when the next message is wanted.
func (p *Process) Done() <-chan struct{} { return p.use().doneChan() }

// Err is nil until Done is closed.
func (p *Process) Err() error { return p.use().error() }

// Value knows baggage and trace.
func (p *Process) Value(key any) any { return p.value(key) }

// AfterFunc makes deriving from the Process start no goroutine.
func (p *Process) AfterFunc(f func()) (stop func() bool) { return p.use().afterFunc(f) }
