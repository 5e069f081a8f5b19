package cluster

import (
	"fmt"
	"log/slog"
	"sync"
)

// events brings what happens to subscribers: to each in order, on a goroutine of its own, so that neither who causes an event nor
// another subscriber waits for one that takes its time.
type events struct {
	log *slog.Logger

	mu     sync.Mutex // protects the fields below
	subs   map[*subscription]struct{}
	closed bool
}

// subscription is one subscriber's queue.
type subscription struct {
	f    func(MemberEvent)
	wake chan struct{}

	mu    sync.Mutex // protects the fields below
	queue []MemberEvent
	over  bool // nothing comes any more
	off   bool // cancelled: nothing is delivered any more
}

func newEvents(log *slog.Logger) *events {
	return &events{log: log, subs: map[*subscription]struct{}{}}
}

func (e *events) put(x MemberEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.subs {
		s.change(func() { s.queue = append(s.queue, x) })
	}
}

// change does something to the queue and wakes the subscriber's goroutine.
func (s *subscription) change(f func()) {
	s.mu.Lock()
	f()
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (e *events) subscribe(f func(MemberEvent)) (cancel func()) {
	s := &subscription{f: f, wake: make(chan struct{}, 1)}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return func() {}
	}
	e.subs[s] = struct{}{}
	go e.run(s) // it ends with cancel or close
	return func() {
		e.mu.Lock()
		delete(e.subs, s)
		e.mu.Unlock()
		s.change(func() { s.over, s.off, s.queue = true, true, nil })
	}
}

func (e *events) run(s *subscription) {
	for range s.wake {
		for {
			s.mu.Lock()
			if len(s.queue) == 0 || s.off {
				over := s.over
				s.mu.Unlock()
				if over {
					return
				}
				break
			}
			x := s.queue[0]
			s.queue = s.queue[1:]
			s.mu.Unlock()
			e.call(s.f, x)
		}
	}
}

func (e *events) call(f func(MemberEvent), x MemberEvent) {
	defer func() {
		if v := recover(); v != nil {
			e.log.Error("cluster: a subscriber panicked", "panic", fmt.Sprint(v), "event", x.Kind.String())
		}
	}()
	f(x)
}

// close lets subscribers hear what is there, and nothing more.
func (e *events) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for s := range e.subs {
		s.change(func() { s.over = true })
	}
	e.subs = nil
}
