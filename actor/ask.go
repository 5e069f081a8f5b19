package actor

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Replies makes a message a request: embed Replies[R] first in a struct, and R is the type of its answer. It has no size.
type Replies[R any] struct{}

func (Replies[R]) replies(R) {}

// Request is a message whose answer is an R. It is satisfied by embedding [Replies].
type Request[R any] interface{ replies(R) }

// ask is a request under way. Exactly one of Reply, Fail, the asker's giving up and the end of who owes the answer wins.
type ask struct {
	hdr      header // of the request's envelope
	state    atomic.Uint32
	pending  int32 // AskAsyncs made for it and not continued; owned by the process that handles it
	deadline time.Duration
	sys      *System
	parker   *parker // who waits, in state askParked; nil if the answer comes as an envelope
	err      error
	owner    atomic.Pointer[process] // who owes a deferred answer
	wire     atomic.Uint64           // its id, if the answer may come from another node
	record   any                     // the *askRecord[R] or *asyncRecord[R] this is part of
}

const (
	askRunning   uint32 = iota // the asker does not wait yet: it runs the target itself
	askParked                  // the asker waits, or continues when the answer's envelope arrives
	askWriting                 // the answer is being written
	askAnswered                // the answer is there
	askAbandoned               // nobody wants the answer any more
)

type askRecord[R any] struct {
	ask
	value R
}

func (a *ask) init(sys *System, m *meta, record any) {
	a.hdr.meta, a.hdr.ask = m, a
	a.sys, a.record = sys, record
}

// setDeadline stores t as an offset to the System's start; 0 is none.
func (a *ask) setDeadline(t time.Time) { a.deadline = max(1, t.Sub(a.sys.started)) }

func (a *ask) deadlineTime() (time.Time, bool) {
	if a == nil || a.deadline == 0 {
		return time.Time{}, false
	}
	return a.sys.started.Add(a.deadline), true
}

// expired reports whether nobody wants the answer any more.
func (a *ask) expired() bool { return a.state.Load() > askParked }

// claim gives the caller the right to write the answer.
func (a *ask) claim() (parked, ok bool) {
	for {
		s := a.state.Load()
		if s > askParked {
			return false, false
		}
		if a.state.CompareAndSwap(s, askWriting) {
			return s == askParked, true
		}
	}
}

func (a *ask) publish(parked bool, w *worker) {
	a.disown()
	if a.wire.Load() != 0 {
		a.sys.wire.forget(a)
	}
	a.state.Store(askAnswered)
	if !parked {
		return
	}
	if a.parker == nil {
		a.record.(interface{ deliver(w *worker) }).deliver(w)
		return
	}
	if w != nil {
		w.quick = true
	}
	a.parker.ch <- struct{}{}
}

// fail answers with an error unless it was answered already.
func (a *ask) fail(err error, w *worker) bool {
	parked, ok := a.claim()
	if ok {
		a.err = err
		a.publish(parked, w)
	}
	return ok
}

// answer is Reply once the request is known.
func answer[R any](a *ask, r R, w *worker) {
	var value *R
	switch rec := a.record.(type) {
	case *askRecord[R]:
		value = &rec.value
	case *asyncRecord[R]:
		value = &rec.value
	case *wireAsk:
		settleAny(a, r, w)
		return
	default:
		a.fail(ErrWrongType, w)
		return
	}
	parked, ok := a.claim()
	if !ok {
		a.sys.lateReplies.Add(1)
		return
	}
	*value = r
	a.publish(parked, w)
}

// parker is where a goroutine waits for its answer. Whoever moves an ask out of askParked to askWriting puts exactly one token
// into ch, so a parker is empty when its ask is over and can be used again.
type parker struct{ ch chan struct{} }

type parkers struct{ sync.Pool }

func (ps *parkers) get() *parker {
	if p, _ := ps.Get().(*parker); p != nil {
		return p
	}
	return &parker{make(chan struct{}, 1)}
}

// Ask sends a request and waits for its answer. It works from any goroutine: within a handler pass the handler's Context, so
// that other processes run meanwhile. The error is ctx's, [NoProc], an [*ExitError] if the process asked ended before it
// answered, [ErrNoReply] if it did not answer, or what it gave to [Fail]. An answer that comes after ctx ended is
// counted and dropped. The deadline of ctx goes along.
func Ask[R any](ctx context.Context, to PID, req Request[R]) (R, error) {
	rec := &askRecord[R]{}
	err := rec.run(ctx, to, req, rec)
	if err == nil {
		return rec.value, nil
	}
	var zero R
	return zero, err
}

func (a *ask) run(ctx context.Context, to PID, req, record any) error {
	o := originOf(ctx)
	sys := o.sys
	if sys == nil {
		if to.h == nil {
			return NoProc // there is no System to count it
		}
		sys = to.h.sys
	}
	a.init(sys, o.meta, record)
	done := ctx.Done()
	if done != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		if t, ok := ctx.Deadline(); ok {
			a.setDeadline(t)
		}
	}
	e := envelope{req, o.from, &a.hdr}
	to = sys.own(to)
	p := to.resolve()
	far := p == nil && to.far()
	if !far {
		if err := sys.askable(p, to, o.from, e); err != nil {
			return err
		}
	}
	var w *worker
	if o.core != nil {
		if o.core.p.isHeld() {
			return ErrHeld
		}
		if o.core.killed(to, req) {
			return ErrSenderDead
		}
		w = o.core.worker()
	} else if !o.from.IsZero() && o.ended(to, req) {
		return ErrSenderDead
	}
	inline := !far && p.traits&traitInline != 0 && p.ops.claim()
	if inline {
		p.sys.runInline(p, e, w)
		if a.settled() {
			return a.err
		}
	}
	pk := sys.parkers.get()
	a.parker = pk
	if !inline {
		a.state.Store(askParked)
		if err := a.send(ctx, p, to, e, o.core, w); err != nil {
			<-pk.ch // the failure is its answer
			sys.parkers.Put(pk)
			if err := ctx.Err(); err != nil {
				return err
			}
			return a.err
		}
	} else if !a.state.CompareAndSwap(askRunning, askParked) {
		sys.parkers.Put(pk)
		a.settled()
		return a.err
	}
	return a.wait(ctx, done, o.core)
}

// send brings e, a request, to p, or to another node if p is nil. If that fails the request has failed.
func (a *ask) send(ctx context.Context, p *process, to PID, e envelope, c *core, w *worker) error {
	if p == nil {
		err := a.sys.convey(ctx, to, e, c, true)
		if err != nil {
			a.sys.undeliverable(to, e, err)
		}
		return err
	}
	err := p.ops.push(e, w)
	if err != nil {
		err = a.sys.pushFailed(ctx, p, e, c, err)
	}
	return err
}

// settled reports whether the answer is there, waiting out its writing.
func (a *ask) settled() bool {
	for a.state.Load() == askWriting {
		runtime.Gosched()
	}
	return a.state.Load() == askAnswered
}

// wait parks the asker until the answer is there or ctx ends.
func (a *ask) wait(ctx context.Context, done <-chan struct{}, c *core) error {
	pk := a.parker
	if c != nil {
		if c.host != nil {
			select {
			case <-pk.ch:
				a.sys.parkers.Put(pk)
				return a.err
			default:
			}
			c.host.block()
			defer c.host.unblock()
		}
	}
	if done == nil {
		<-pk.ch
		a.sys.parkers.Put(pk)
		return a.err
	}
	select {
	case <-pk.ch:
	case <-done:
		if a.state.CompareAndSwap(askParked, askAbandoned) {
			a.sys.wire.forget(a)
			a.sys.parkers.Put(pk)
			return ctx.Err()
		}
		<-pk.ch
	}
	a.sys.parkers.Put(pk)
	return a.err
}

// askable refuses at once what could never be answered.
func (s *System) askable(p *process, to, from PID, e envelope) error {
	if p == nil {
		reason := to.unreachable()
		s.refused(from, to, e.msg, reason, e.hdr.meta)
		return reason
	}
	if p.sys == s && from.h == s.self && from.id == p.id {
		return ErrSelfAsk
	}
	if p.status.Load() == statusDying {
		if x := p.ext.Load(); x != nil {
			x.mu.Lock()
			reason, dying := x.reason, x.dying
			x.mu.Unlock()
			if dying {
				s.refused(from, to, e.msg, ErrExited, e.hdr.meta)
				return &ExitError{PID: p.pid(), Reason: reason}
			}
		}
	}
	return nil
}

// originOf finds the process or System that ctx belongs to.
func originOf(ctx context.Context) origin {
	switch x := ctx.(type) {
	case *Context:
		return x.origin()
	case *Process:
		return x.origin()
	case *scope:
		return x.o
	}
	switch x := ctx.Value(originKey{}).(type) {
	case *core:
		return x.origin()
	case *scope:
		return x.o
	case *metaContext:
		o := originOf(x.Context)
		o.meta = x.m
		return o
	}
	return origin{}
}
