package mailbox

import (
	"context"
	"errors"
)

var _ Queue[int] = (*Priority[int])(nil)

// Priority is a queue with levels, of which 0 is the most urgent. Pop takes the
// oldest value of the most urgent level that has one, so a level gets nothing
// while a more urgent one always has something: there is no protection from
// starvation. The zero value is ready to use and has one level and no limit.
// It must not be copied after its first use.
//
// With a capacity, which is for all levels together, it applies an [Overflow]
// policy beyond. Under Block the waiter that gets the room is the one that
// waits longest among those with the most urgent values.
//
// All methods may be called by any goroutines at once; Pop too. Memory is
// treated as in [Bounded], per level.
//
// Invariants: those of core. level is called without any lock held, so it may
// use the queue, and a panic in it reaches the sender and leaves the queue as
// it was.
type Priority[T any] struct {
	core  core[T]
	level func(T) int // nil: all values are of level 0
}

// NewPriority returns an empty queue of the given number of levels, from 1 to
// [MaxLevels]. The function level returns the level of a value; results below 0
// count as 0, and those beyond the last level as the last. It is called once
// for each value, by the goroutine that pushes it, and may be nil if all values
// are of level 0. A capacity of 0 is no limit.
//
// NewPriority panics if levels or capacity is out of range, if overflow is none
// of the policies, or if it is other than Block without a capacity.
func NewPriority[T any](levels int, level func(T) int, capacity int, overflow Overflow) *Priority[T] {
	if levels == 0 {
		panic(errors.New("mailbox: NewPriority with 0 levels: use 1 or more"))
	}
	checked := Spec{Capacity: capacity, Overflow: overflow, Levels: levels, Level: func(any) int { return 0 }}
	if err := checked.Validate(); err != nil {
		panic(err)
	}
	p := &Priority[T]{level: level}
	p.core.limit = capacity
	p.core.overflow = overflow
	if levels > 1 {
		p.core.rest = make([]lane[T], levels-1)
	}
	return p
}

// Push implements [Queue]. Under Block, DropNewest and Fail the error is
// ErrFull when the capacity is used up. Under DropOldest it drops, and returns,
// the oldest value that was not forced of the least urgent level that has one;
// v counts as one of these, so v itself is what is lost if everything else is
// more urgent.
func (p *Priority[T]) Push(v T) (lost T, err error) {
	return p.core.push(v, p.levelOf(v), 0)
}

// PushWait implements [Queue]. A PushWait that returned an error has put
// nothing in the queue and holds no room. Under DropOldest what it drops, be it
// v itself, is lost without report; use Push to learn of it.
func (p *Priority[T]) PushWait(ctx context.Context, v T) error {
	return p.core.pushWait(ctx, v, p.levelOf(v), 0)
}

// PushForced adds v at a level of the caller's choice, clamped as that of the
// level function, which is not called. It does so even if the queue is full;
// the only error is ErrClosed. A forced value keeps its place in the order of
// its level and counts in Len, but takes no room of the capacity and is never
// dropped by DropOldest. The number of forced values has no limit.
func (p *Priority[T]) PushForced(v T, level int) error {
	return p.core.pushForced(v, p.core.clamp(level))
}

// Pop implements [Queue]. Several goroutines may call it at once.
func (p *Priority[T]) Pop() (v T, ok bool) {
	ok = p.core.pop(&v)
	return v, ok
}

// Len implements [Queue]. Forced values count, so it can exceed the capacity.
func (p *Priority[T]) Len() int { return p.core.len() }

// Close implements [Queue].
func (p *Priority[T]) Close() { p.core.close() }

func (p *Priority[T]) levelOf(v T) int {
	if p.level == nil {
		return 0
	}
	return p.core.clamp(p.level(v))
}
