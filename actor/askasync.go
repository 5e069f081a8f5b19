package actor

import (
	"context"
	"time"
)

// asyncRecord is a request whose asker goes on: the answer comes as an envelope.
type asyncRecord[R any] struct {
	ask
	value R
	then  func(*Context, R, error) error
	from  PID
	done  header   // of the answer's envelope
	timer *timer   // of the deadline
	outer envelope // the request that was being handled, which then goes on handling
}

// continuation is an asyncRecord of any type.
type continuation interface {
	outerEnvelope() envelope
	call(c *Context) error
}

func (r *asyncRecord[R]) outerEnvelope() envelope { return r.outer }
func (r *asyncRecord[R]) call(c *Context) error   { return r.then(c, r.value, r.err) }

// deliver brings the answer to the asker, behind what is in its mailbox.
func (r *asyncRecord[R]) deliver(w *worker) {
	if r.timer != nil {
		r.timer.stop()
	}
	r.done = header{kind: kindThen, ask: &r.ask, meta: r.hdr.meta}
	if p := r.from.resolve(); p == nil || !p.ops.signal(&r.done, PID{}, w) {
		r.sys.lateReplies.Add(1)
	}
}

// AskAsync sends a request and lets the process go on; then runs as part of it when the answer is there, like a handler. If a
// request is being handled, then is part of handling that: it may answer it, and inherits its deadline and baggage. The
// errors are those of [Ask].
func AskAsync[R any](ctx *Context, to PID, req Request[R], then func(ctx *Context, r R, err error) error) {
	rec := &asyncRecord[R]{then: then, from: ctx.p.pid()}
	a := &rec.ask
	a.init(ctx.sys, ctx.meta, rec)
	a.state.Store(askParked)
	rec.outer.from = ctx.env.from
	if outer := ctx.env.hdr.askOf(); outer != nil {
		rec.outer = envelope{ctx.p.ops.current(ctx), ctx.env.from, ctx.env.hdr}
		outer.pending++
		ctx.p.owe(outer)
		if t, ok := outer.deadlineTime(); ok {
			a.deadline = outer.deadline
			rec.timer = &timer{call: func() { a.fail(context.DeadlineExceeded, nil) }}
			ctx.sys.clock.add(rec.timer, time.Until(t))
		}
	}
	e := envelope{req, rec.from, &a.hdr}
	if ctx.p.isHeld() {
		a.fail(ErrHeld, ctx.w)
		return
	}
	if ctx.killed(to, req) {
		return
	}
	to = ctx.sys.own(to)
	p := to.resolve()
	var err error
	if p != nil || !to.far() {
		err = ctx.sys.askable(p, to, rec.from, e)
	}
	if err == nil {
		err = a.send(ctx, p, to, e, &ctx.core, ctx.w)
	}
	if err != nil {
		a.fail(err, ctx.w)
	}
}

// resume runs the continuation of an AskAsync. It is false if the turn is over.
func (c *Context) resume(a *ask) bool {
	c.tally.taken-- // the answer is not a message
	rec := a.record.(continuation)
	c.env = rec.outerEnvelope()
	c.meta = a.hdr.meta
	if outer := c.env.hdr.askOf(); outer != nil {
		outer.pending--
		if !outer.expired() {
			c.p.asked.Store(outer)
		}
	}
	c.stage = stageThen
	err := rec.call(c)
	return c.finish(err)
}
