package actor

import (
	"context"
	"log/slog"
	"runtime/debug"
)

// Context is the view a process has of itself while it handles a message. It is valid until the handler returns, and for the
// goroutine of the handler alone; other goroutines take [Context.Detach].
//
// It is a context.Context as that of an http.Request is: it ends with the handler, with the deadline of the request being
// handled, or when the process is told to exit. Pass it down to calls that return. Baggage and trace go along with everything
// sent, spawned or timed with it; the deadline goes along with asks only.
type Context struct {
	core
	env   envelope // the message being handled; msg is unset in typed processes
	flags flags
	stage stage // which user code runs: its panic is the process's
	w     *worker
	tally *tally

	_ [128]byte // two workers' Contexts are not to share a cache line
}

// flags say what a handler did with its message; any of them needs a look after it returned.
type flags uint32

const (
	flagAnswered  flags = 1 << iota // the request was answered, or the duty passed on
	flagStashed                     // the message was put aside: it is not handled yet
	flagUnhandled                   // the message was counted as a dead letter
	flagUsed                        // the Context was used as a context.Context and is not reused
)

type stage uint8

const (
	stageNone    stage = iota
	stageMessage       // Receive
	stageThen          // the continuation of an AskAsync
	stageInit
	stageTerminate
)

func newContext(sys *System, w *worker, t *tally) *Context {
	c := &Context{w: w, tally: t}
	c.sys = sys
	c.host = c
	return c
}

// signals acts on what arrived beside the queue. It is false if the turn is over.
func (c *Context) signals() bool {
	c.tally.settle(c.p)
	p := c.p
	s := p.sig.Load()
	if s&sigDead != 0 {
		p.settle(c.w, true)
		return false
	}
	if s&sigInit != 0 {
		var ok bool
		if c, ok = c.start(); !ok {
			return false
		}
		s = p.sig.Load()
	}
	if s&sigExit != 0 {
		e := p.ext.Load()
		e.mu.Lock()
		reason := e.reason
		e.mu.Unlock()
		c.end(reason)
		return false
	}
	return s&sigSuspend == 0 || !p.suspendTurn()
}

// handle deals with the message in c.env when there is something special about it or about the process. It is false if the
// turn is over.
func (c *Context) handle() bool {
	c.tally.settle(c.p)
	p := c.p
	if p.sig.Load()&^sigTrace != 0 {
		c.putBack() // what arrived beside the queue comes first
		return c.signals()
	}
	if h := c.env.hdr; h != nil && h.kind == kindThen {
		return c.resume(h.ask)
	}
	payload, deliver := c.admit()
	if !deliver {
		return p.sig.Load()&^sigTrace == 0 || c.signals()
	}
	if p.sig.Load()&sigTrace != 0 {
		p.traced(c.env.from, p.ops.current(c))
	}
	c.stage = stageMessage
	err := p.ops.receive(c, payload)
	return c.finish(err)
}

// admit decides whether the cell in c.env is delivered, and with which payload instead of its message.
func (c *Context) admit() (payload any, deliver bool) {
	h := c.env.hdr
	if h == nil {
		return nil, true
	}
	p := c.p
	c.meta = h.meta
	switch h.kind {
	case kindTimer:
		if !h.timer.deliver() {
			c.tally.taken--
			return nil, false
		}
	case kindDown:
		e := p.extend()
		e.mu.Lock()
		deliver = e.watching.remove(h.gen)
		e.mu.Unlock()
	case kindExit:
		deliver = p.forgetExit(h)
	case kindIdle:
		deliver = p.local&localIdle != 0 && p.extend().rare.idle.gen == h.gen
	}
	if h.kind == kindMessage || h.kind == kindTimer {
		if a := h.ask; a != nil {
			if a.expired() {
				c.sys.lost(c.env.from, p.pid(), p.ops.current(c), ErrExpired)
				a.fail(ErrExpired, c.w)
				c.env = envelope{}
				return nil, false
			}
			p.asked.Store(a)
			p.disappoint(a, c.w)
		}
		return nil, true
	}
	if !deliver {
		c.tally.taken--
		return nil, false
	}
	c.env.hdr, c.env.msg = nil, h.payload
	return h.payload, true
}

// finish is the epilogue of a handler that did anything beyond returning nil. It is false if the turn is over.
func (c *Context) finish(err error) bool {
	c.tally.settle(c.p)
	p, f := c.p, c.flags
	if c.stage == stageMessage && f&(flagStashed|flagUnhandled) == 0 {
		c.count()
	}
	c.stage, c.flags = stageNone, 0
	if a := c.env.hdr.askOf(); a != nil {
		if f&flagAnswered == 0 && err == nil && a.pending == 0 {
			a.fail(ErrNoReply, c.w)
		}
		if err == nil || f&flagAnswered != 0 {
			p.asked.Store(nil)
		}
	}
	c.meta = nil
	c.env = envelope{}
	if f&flagUsed != 0 {
		c = c.replace()
	}
	if p.local&localIdle != 0 {
		p.rearmIdle()
	}
	if err != nil && !p.dead() {
		c.end(err)
		return false
	}
	return p.sig.Load()&^sigTrace == 0 || c.signals()
}

func (c *Context) count() {
	c.tally.handled++
	c.p.adds(1)
}

// replace ends a Context that user code may still hold, and gives the worker a new one.
func (c *Context) replace() *Context {
	c.closeSpan(errHandlerDone)
	fresh := newContext(c.sys, c.w, c.tally)
	fresh.p = c.p
	if c.w != nil && c.w.ctx == c {
		c.w.ctx = fresh
	}
	return fresh
}

// crashed is called while user code's goroutine unwinds.
func (c *Context) crashed(value any) {
	c.tally.settle(c.p)
	if value == nil {
		value = "runtime.Goexit was called"
	}
	reason := &PanicError{Value: value, Stack: debug.Stack()}
	if c.stage == stageMessage && c.flags&(flagStashed|flagUnhandled) == 0 {
		c.count() // it was delivered; what came of it is the exit reason
	}
	f, inInit := c.flags, c.stage == stageInit
	c.stage, c.flags, c.meta, c.env = stageNone, 0, nil, envelope{}
	if f&flagUsed != 0 {
		c = c.replace()
	}
	switch {
	case c.p.dead():
		c.p.settle(c.w, true)
	case inInit:
		c.failStart(c.p.ext.Load().rare.start, reason)
	default:
		c.end(reason)
	}
}

// end ends the process whose turn it is: Terminate, then the rest.
func (c *Context) end(reason error) {
	p := c.p
	p.status.CompareAndSwap(statusLive, statusDying)
	reason = c.terminate(p.outcome(reason))
	p.bury(reason, c.w, true)
}

// terminate calls the Terminate of the actor that was spawned, whatever it became. Its panic becomes the reason.
func (c *Context) terminate(reason error) (final error) {
	p := c.p
	t := terminator(p.first())
	if t == nil || p.dead() || p.sig.Load()&sigInit != 0 || !p.accept(reason) {
		return reason
	}
	c.stage = stageTerminate
	final = reason
	done := false
	defer func() {
		c.stage = stageNone
		if v := recover(); v != nil {
			final = &PanicError{Value: v, Stack: debug.Stack()}
		} else if !done {
			c.p.bury(&PanicError{Value: "runtime.Goexit was called", Stack: debug.Stack()}, c.w, true)
		}
		f := c.flags
		c.flags = 0
		if f&flagUsed != 0 {
			c.replace()
		}
	}()
	t.Terminate(c, reason)
	done = true
	return final
}

// accept notes the reason p ends with, so that whoever asks it from now on learns of it. It is false if p was killed.
func (p *process) accept(reason error) bool {
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.dead && !e.dying {
		e.dying, e.reason = true, reason
	}
	return !e.dead
}

func terminator(a Actor) Terminator {
	if x, ok := a.(interface{ terminator() Terminator }); ok {
		return x.terminator()
	}
	t, _ := a.(Terminator)
	return t
}

// first is the behaviour the process was spawned with.
func (p *process) first() Actor {
	if p.local&localBecame != 0 {
		return p.ext.Load().rare.behaviours[0]
	}
	return p.actor
}

// Logger is the System's logger with the process's PID.
func (c *core) Logger() *slog.Logger { return c.sys.cfg.logger.With("pid", c.p.pid().String()) }

// Blocking calls f, which may wait or compute for long, and lets other processes run meanwhile. The scheduler would notice by
// itself within two milliseconds; this tells it at once.
func (c *Context) Blocking(f func()) {
	c.block()
	defer c.unblock()
	f()
}

func (c *Context) block() {
	if c.w != nil {
		c.tally.settle(c.p)
		c.p.publish()
		c.tally.flush()
		c.w.sched.block(c.w)
	}
}

func (c *Context) unblock() {
	if c.w != nil {
		c.w.sched.unblock(c.w)
	}
}

// Unhandled says that the handler does not know the message: it becomes a dead letter, and a request fails with
// [ErrUnhandled]. It returns nil, to be returned by the handler.
func (c *Context) Unhandled() error {
	if c.flags&(flagUnhandled|flagStashed) != 0 {
		return nil
	}
	c.flags |= flagUnhandled
	if a := c.env.hdr.askOf(); a != nil && c.flags&flagAnswered == 0 {
		c.flags |= flagAnswered
		a.fail(ErrUnhandled, c.w)
	}
	if c.stage == stageMessage { // in a continuation it is handled already
		c.sys.lost(c.env.from, c.p.pid(), c.p.ops.current(c), ErrUnhandled)
	}
	return nil
}

// Forward passes the message on with its sender and, if it is a request, with its asker, whom the receiver answers then.
func (c *Context) Forward(to PID) {
	if c.killed(to, c.p.ops.current(c)) {
		return
	}
	e := envelope{c.p.ops.current(c), c.env.from, c.env.hdr}
	if h := e.hdr; h != nil && h.kind != kindMessage {
		e.hdr = h.meta.header()
		if h.ask != nil {
			e.hdr = &header{meta: h.meta, ask: h.ask}
		}
	}
	if e.hdr.askOf() != nil {
		c.flags |= flagAnswered
		c.p.asked.Store(nil)
	}
	c.sys.deliver(context.Background(), to, e, &c.core)
}
