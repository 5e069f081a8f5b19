package actor

import (
	"context"
	"slices"
	"time"
)

// Reply answers the request being handled. R may be an interface: Reply[fmt.Stringer](…). Of several answers the first counts;
// if the message is not a request, or its asker gave up, the answer is counted and dropped.
func Reply[R any](c Receiver, req Request[R], r R) {
	if a, w := c.take(); a != nil {
		answer(a, r, w)
	}
}

// Fail answers the request being handled with an error, which Ask returns as it is.
func Fail(c Receiver, err error) {
	if a, w := c.take(); a != nil {
		if err == nil {
			err = ErrNoReply
		}
		if !a.fail(err, w) {
			a.sys.lateReplies.Add(1)
		}
	}
}

// ReplyTo is the duty to answer a request later, from anywhere. The zero value is of nobody's request.
type ReplyTo[R any] struct{ a *ask }

// DeferReply puts the answer to the request being handled off. The process owes it then: if it ends first, the asker gets an
// [*ExitError].
func DeferReply[R any](c Receiver, req Request[R]) ReplyTo[R] {
	a, _ := c.take()
	if a != nil {
		c.corePart().p.owe(a)
	}
	return ReplyTo[R]{a}
}

// Reply answers, once; later answers are counted and dropped.
func (t ReplyTo[R]) Reply(r R) {
	if t.a != nil {
		answer(t.a, r, nil)
	}
}

// Fail answers with an error, once.
func (t ReplyTo[R]) Fail(err error) {
	if t.a == nil {
		return
	}
	if err == nil {
		err = ErrNoReply
	}
	if !t.a.fail(err, nil) {
		t.a.sys.lateReplies.Add(1)
	}
}

// take returns the request being handled and marks it as dealt with.
func (c *Context) take() (*ask, *worker) {
	a := c.env.hdr.askOf()
	if a == nil {
		c.sys.lateReplies.Add(1)
		return nil, nil
	}
	c.flags |= flagAnswered
	return a, c.w
}

func (c *core) corePart() *core { return c }

// owe makes the asker of a learn of p's end, if that comes before the answer.
func (p *process) owe(a *ask) {
	e := p.extend()
	e.mu.Lock()
	if e.dead {
		e.mu.Unlock()
		a.fail(&ExitError{PID: p.pid(), Reason: e.reason}, nil)
		return
	}
	if a.owner.CompareAndSwap(nil, p) {
		r := e.rarely()
		r.owed = append(r.owed, a)
	}
	e.mu.Unlock()
	if a.expired() {
		a.disown() // it was over before there was somebody to disown
	}
}

// disown is the opposite of owe, by whoever answers.
func (a *ask) disown() {
	p := a.owner.Load()
	if p == nil {
		return
	}
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rare == nil {
		return
	}
	owed := e.rare.owed
	if i := slices.Index(owed, a); i >= 0 {
		last := len(owed) - 1
		owed[i], owed[last] = owed[last], nil
		e.rare.owed = owed[:last]
	}
}

// AskAsync sends a request and lets the process go on; then runs as part of it when the answer is there, like a handler. If a
// request is being handled, then is part of handling that: it may answer it, and inherits its deadline and baggage. The
// errors are those of [Ask].
func AskAsync[R any](ctx *Context, to PID, req Request[R], then func(ctx *Context, r R, err error) error) {
	rec := &askRecord[R]{then: then}
	a := &rec.ask
	a.init(ctx.sys, ctx.p.pid(), ctx.meta, rec)
	a.async = true
	a.state.Store(askParked)
	if outer := ctx.env.hdr.askOf(); outer != nil {
		rec.outer = envelope{ctx.p.ops.current(ctx), ctx.env.from, ctx.env.hdr}
		outer.pending++
		ctx.p.owe(outer)
		if d := outer.deadline; !d.IsZero() {
			a.deadline = d
			a.timer = ctx.sys.clock.call(time.Until(d), func() { a.fail(context.DeadlineExceeded, nil) })
		}
	} else {
		rec.outer.from = ctx.env.from
	}
	e := envelope{req, a.from, &a.hdr}
	if ctx.killed(to, req) {
		return
	}
	p := to.resolve()
	err := ctx.sys.askable(p, to, a.from, e)
	if err == nil {
		if err = p.ops.push(e, ctx.w); err != nil {
			ctx.sys.refused(a.from, to, req, err, ctx.meta)
		}
	}
	if err != nil {
		a.fail(err, ctx.w)
	}
}

// continuation is an askRecord of any type.
type continuation interface {
	part() *ask
	outerEnvelope() envelope
	call(c *Context) error
}

func (r *askRecord[R]) part() *ask              { return &r.ask }
func (r *askRecord[R]) outerEnvelope() envelope { return r.outer }
func (r *askRecord[R]) call(c *Context) error   { return r.then(c, r.value, r.err) }

// resume runs the continuation of an AskAsync. It is false if the turn is over.
func (c *Context) resume(a *ask) bool {
	c.tally.taken-- // the answer is not a message
	rec := a.record.(continuation)
	c.env = rec.outerEnvelope()
	c.meta = a.hdr.meta
	if outer := c.env.hdr.askOf(); outer != nil {
		outer.pending--
		if outer.state.Load() == askParked || outer.state.Load() == askRunning {
			c.p.asked.Store(outer)
		}
	}
	c.stage = stageThen
	err := rec.call(c)
	return c.finish(err)
}
