package actor

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Event is what [System.Subscribe] delivers, by value: [DeadLetter], [Exited], [Spawned] or [Warning].
type Event interface{ event() }

// DeadLetter is a message that could not be delivered or was not handled. Reason says why: [NoProc], [ErrMailboxFull],
// [ErrExited], [ErrExpired], [ErrUnhandled], [ErrWrongType], [ErrSenderDead], [NoConnection].
type DeadLetter struct {
	From, To PID
	Message  any
	Reason   error
}

// Exited tells the end of a process.
type Exited struct {
	PID    PID
	Name   string
	Reason error
}

// Spawned tells the start of a process; its Init may still fail.
type Spawned struct {
	PID    PID
	Name   string
	Parent PID // zero if it was spawned from outside
}

// Warning tells that something goes on that should not. There is at most one per process, kind and minute.
type Warning struct {
	PID    PID
	Kind   WarningKind
	Queued int           // HighWater: length of the mailbox
	Lasts  time.Duration // LongTurn: how long the handler has been running
}

// WarningKind says what a Warning is about.
type WarningKind uint8

const (
	HighWater WarningKind = iota + 1 // a mailbox is longer than the limit of WithHighWater
	LongTurn                         // a handler runs longer than the limit of WithLongTurn
)

func (k WarningKind) String() string {
	switch k {
	case HighWater:
		return "mailbox above high water"
	case LongTurn:
		return "handler runs long"
	}
	return fmt.Sprintf("WarningKind(%d)", uint8(k))
}

func (DeadLetter) event() {}
func (Exited) event()     {}
func (Spawned) event()    {}
func (Warning) event()    {}

// subscribers is copied on write, so that publishing takes no lock and no lock is held over a callback.
type subscribers struct {
	mu   sync.Mutex // serialises writers
	list atomic.Pointer[[]*func(Event)]
}

// Subscribe calls f with every event from now on, at once, in the goroutine that caused it, possibly concurrently. f must not
// block; a panic in it is logged. cancel may be called more than once; calls of f under way may end after it.
func (s *System) Subscribe(f func(Event)) (cancel func()) {
	key := &f
	s.subs.change(func(list []*func(Event)) []*func(Event) { return append(list, key) })
	return func() {
		s.subs.change(func(list []*func(Event)) []*func(Event) {
			for i, x := range list {
				if x == key {
					return append(list[:i], list[i+1:]...)
				}
			}
			return list
		})
	}
}

func (ss *subscribers) change(f func([]*func(Event)) []*func(Event)) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	var list []*func(Event)
	if old := ss.list.Load(); old != nil {
		list = append(list, *old...)
	}
	if list = f(list); len(list) == 0 {
		ss.list.Store(nil)
		return
	}
	ss.list.Store(&list)
}

// heard reports whether anybody wants events: making one costs an allocation.
func (s *System) heard() bool { return s.subs.list.Load() != nil }

func (s *System) publish(e Event) {
	list := s.subs.list.Load()
	if list == nil {
		return
	}
	for _, f := range *list {
		s.callSubscriber(*f, e)
	}
}

func (s *System) callSubscriber(f func(Event), e Event) {
	defer func() {
		if v := recover(); v != nil {
			s.cfg.logger.Error("actor: a subscriber panicked", "panic", v, "event", fmt.Sprintf("%T", e))
		}
	}()
	f(e)
}

// refused is a dead letter that never was in a mailbox.
func (s *System) refused(from, to PID, msg any, reason error, _ *meta) {
	s.unsent.Add(1)
	s.lost(from, to, msg, reason)
}

// lost counts a dead letter and tells the subscribers. What is itself an event is counted only, so that a subscriber that
// forwards events to a process that ended does not hear of that for ever.
func (s *System) lost(from, to PID, msg any, reason error) {
	s.dead.Add(1)
	s.deadMu.Lock()
	if s.deadBy == nil {
		s.deadBy = map[string]uint64{}
	}
	s.deadBy[reasonKey(reason)]++
	s.deadMu.Unlock()
	if _, ok := msg.(Event); ok || s.subs.list.Load() == nil {
		return
	}
	s.publish(DeadLetter{From: from, To: to, Message: msg, Reason: reason})
}

// warnings are limited to one per process, kind and interval.
type warnings struct {
	mu   sync.Mutex // protects the fields below
	last map[warningKey]time.Time
}

type warningKey struct {
	pid  PID
	kind WarningKind
}

const warningInterval = time.Minute

func (s *System) warn(w Warning) {
	now := time.Now()
	s.warnings.mu.Lock()
	key := warningKey{w.PID, w.Kind}
	last, seen := s.warnings.last[key]
	if seen && now.Sub(last) < warningInterval {
		s.warnings.mu.Unlock()
		return
	}
	if s.warnings.last == nil || len(s.warnings.last) > 1024 {
		s.warnings.last = map[warningKey]time.Time{}
	}
	s.warnings.last[key] = now
	s.warnings.mu.Unlock()
	s.publish(w)
	s.cfg.logger.Warn("actor: "+w.Kind.String(), "pid", w.PID.String(), "queued", w.Queued, "lasts", w.Lasts)
}

func (s *System) checkHighWater(p *process) {
	if s.cfg.highWater <= 0 {
		return
	}
	if n := p.ops.queued(); n > s.cfg.highWater {
		s.warn(Warning{PID: p.pid(), Kind: HighWater, Queued: n})
	}
}
