package actor

import (
	"context"
	"sync"
	"time"
)

// errHandlerDone is the cause of a Context that outlived its handler; its Err is context.Canceled.
var errHandlerDone = context.Canceled

// span is the life of a Context or a Process that was used as a context.Context. It ends once.
type span struct {
	mu    sync.Mutex // protects the fields below
	err   error
	done  chan struct{}
	funcs map[*func()]struct{}
	timer *timer
}

func (s *span) end(err error) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err = err
	if s.done != nil {
		close(s.done)
	}
	funcs, t := s.funcs, s.timer
	s.funcs, s.timer = nil, nil
	s.mu.Unlock()
	if t != nil {
		t.stop()
	}
	for f := range funcs {
		go (*f)() // as context.AfterFunc promises: in its own goroutine
	}
}

// use makes the span of c, which ends with the handler, the request's deadline or an exit.
func (c *Context) use() *span {
	if c.span != nil {
		return c.span
	}
	c.flags |= flagUsed
	t, ok := c.env.hdr.askOf().deadlineTime()
	return c.open(t, ok, c.stage == stageTerminate)
}

// open makes a span that ends at t, if there is one, and by an exit. In Terminate, which is last, there is no exit any more but Kill.
func (c *core) open(t time.Time, ok, last bool) *span {
	s := &span{}
	c.span = s
	if ok {
		s.timer = &timer{call: func() { s.end(context.DeadlineExceeded) }} // set before it can fire
		c.sys.clock.add(s.timer, time.Until(t))
	}
	c.p.span(s, last)
	return s
}

// span makes an exit end s.
func (p *process) span(s *span, last bool) {
	e := p.extend()
	e.mu.Lock()
	ended := e.dead || e.dying && !last
	if !e.dead {
		e.rarely().span = s
	}
	e.mu.Unlock()
	if ended {
		s.end(context.Canceled)
	}
}

func (c *core) closeSpan(err error) {
	if s := c.span; s != nil {
		if e := c.p.ext.Load(); e != nil && e != deadExt {
			e.mu.Lock()
			if e.rare != nil && e.rare.span == s {
				e.rare.span = nil
			}
			e.mu.Unlock()
		}
		s.end(err)
	}
}

// Deadline is that of the request being handled.
func (c *Context) Deadline() (time.Time, bool) {
	return c.env.hdr.askOf().deadlineTime()
}

// Done is closed when the handler returns, the request's deadline passes or the process is told to exit.
func (c *Context) Done() <-chan struct{} { return c.use().doneChan() }

func (s *span) doneChan() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.err != nil {
			close(s.done)
		}
	}
	return s.done
}

// Err is nil until Done is closed.
func (c *Context) Err() error { return c.use().error() }

func (s *span) error() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Value knows baggage and trace, see [Baggage] and [Trace]; a Context carries no other values.
func (c *Context) Value(key any) any { return c.value(key) }

func (c *core) value(key any) any {
	switch key.(type) {
	case metaKey:
		return c.meta
	case originKey:
		return c
	}
	return nil
}

// originKey finds the innermost context.Context of this package.
type originKey struct{}

// AfterFunc makes deriving from the Context start no goroutine; see [context.AfterFunc].
func (c *Context) AfterFunc(f func()) (stop func() bool) { return c.use().afterFunc(f) }

func (s *span) afterFunc(f func()) func() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		go f()
		return func() bool { return false }
	}
	if s.funcs == nil {
		s.funcs = map[*func()]struct{}{}
	}
	key := &f
	s.funcs[key] = struct{}{}
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		_, ok := s.funcs[key]
		delete(s.funcs, key)
		return ok
	}
}

// Scope sends on behalf of a process or System from any goroutine, with baggage. It is also a context.Context.
type Scope interface {
	context.Context
	Sender
}

type scope struct {
	context.Context
	o   origin
	own *process // the process in whose handler it sends, if it does
}

func (s *scope) origin() origin { return s.o }

// Send is [System.Send] with the scope's sender, baggage and trace.
func (s *scope) Send(to PID, msg any) {
	if s.o.ended(to, msg) {
		return
	}
	e := envelope{msg, s.o.from, s.o.meta.header()}
	if s.own != nil && s.own == to.resolve() {
		s.o.sys.deliverNow(to, e) // a process cannot wait for itself
		return
	}
	s.o.sys.deliver(s.Context, to, e, nil)
}

func (s *scope) Value(key any) any {
	switch key.(type) {
	case metaKey:
		return s.o.meta
	case originKey:
		return s
	}
	if s.Context == nil {
		return nil
	}
	return s.Context.Value(key)
}

// AfterFunc makes deriving from it start no goroutine, if deriving from what is below starts none.
func (s *scope) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(s.Context, f) }

// With returns a Scope that adds ctx's baggage and trace to the process's own, and is otherwise ctx.
func (c *core) With(ctx context.Context) Scope {
	return &scope{ctx, origin{c.sys, c.p.pid(), merge(c.meta, metaOf(ctx)), nil}, c.p}
}

// Detach returns a Scope for other goroutines. It ends with the process, not with the handler, and has no deadline.
func (c *core) Detach() Scope {
	return &scope{life{c.p}, origin{c.sys, c.p.pid(), c.meta, nil}, nil}
}

// life is the context.Context that ends when its process is told to exit.
type life struct{ p *process }

func (l life) Deadline() (time.Time, bool) { return time.Time{}, false }
func (l life) Value(any) any               { return nil }
func (l life) Done() <-chan struct{}       { return l.p.life().doneChan() }
func (l life) Err() error                  { return l.p.life().error() }

// AfterFunc makes deriving from it start no goroutine.
func (l life) AfterFunc(f func()) func() bool { return l.p.life().afterFunc(f) }

// ended is the span of every process that ended before somebody asked for its own.
var ended = &span{err: context.Canceled}

func (p *process) life() *span {
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead && (e.rare == nil || e.rare.life == nil) {
		return ended
	}
	r := e.rarely()
	if r.life == nil {
		r.life = &span{}
		if e.dying {
			r.life.err = context.Canceled
		}
	}
	return r.life
}

// With returns a Scope that sends with ctx's baggage and trace, from nobody, and is otherwise ctx.
func (s *System) With(ctx context.Context) Scope {
	return &scope{ctx, origin{s, PID{}, metaOf(ctx), nil}, nil}
}
