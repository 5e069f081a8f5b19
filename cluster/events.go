package cluster

import (
	"fmt"
	"log/slog"
	"sync"
)

// events brings what happens to subscribers, in order, on one goroutine, so that nobody who causes an event waits for them.
type events struct {
	log  *slog.Logger
	wake chan struct{}
	done chan struct{}

	mu     sync.Mutex // protects the fields below
	queue  []MemberEvent
	subs   map[int]func(MemberEvent)
	next   int
	closed bool
}

func newEvents(log *slog.Logger) *events {
	e := &events{log: log, wake: make(chan struct{}, 1), done: make(chan struct{}), subs: map[int]func(MemberEvent){}}
	go e.run()
	return e
}

func (e *events) put(x MemberEvent) {
	e.mu.Lock()
	if !e.closed {
		e.queue = append(e.queue, x)
	}
	e.mu.Unlock()
	e.nudge()
}

func (e *events) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *events) subscribe(f func(MemberEvent)) (cancel func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := e.next
	e.next++
	e.subs[id] = f
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.subs, id)
	}
}

func (e *events) run() {
	defer close(e.done)
	for range e.wake {
		e.mu.Lock()
		queue, closed := e.queue, e.closed
		e.queue = nil
		e.mu.Unlock()
		for _, x := range queue {
			e.deliver(x)
		}
		if closed {
			return
		}
	}
}

func (e *events) deliver(x MemberEvent) {
	e.mu.Lock()
	ids := make([]int, 0, len(e.subs))
	for id := range e.subs {
		ids = append(ids, id)
	}
	e.mu.Unlock()
	for _, id := range ids {
		e.mu.Lock()
		f := e.subs[id]
		e.mu.Unlock()
		if f != nil {
			e.call(f, x)
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

// close delivers what is there and ends the goroutine. It waits for it, unless a subscriber calls.
func (e *events) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.nudge()
}
