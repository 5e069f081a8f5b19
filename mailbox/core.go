package mailbox

import (
	"context"
	"math/bits"
	"sync"
)

// maxSpares is how many waiters a core keeps for reuse. They are kept in the
// core and not in a pool of the process, because a channel that was made in a
// testing/synctest bubble must not turn up outside of it.
const maxSpares = 4

// core is what Bounded and Priority have in common: levels of FIFO queues with
// one capacity over all. The zero value has one level, no limit and Block.
//
// Invariants, whenever mu is free:
//
//  1. limit == 0 (no limit) or plain <= limit. plain is the number of plain
//     values, those that were not forced, over all lanes; held counts both.
//  2. If anyone waits, then overflow is Block, plain == limit and the core is
//     not closed. So there is never room while someone waits, and no push can
//     overtake a waiter of its own level.
//  3. Bit i of hasAny is set iff lane i holds a value, of hasPlain iff it holds
//     a plain value, of hasWaiting iff someone waits with a value for it.
//  4. limit, overflow and the number of lanes do not change after the first
//     push.
//  5. A spare waiter is linked nowhere, holds no value, and its channel is
//     empty.
type core[T any] struct {
	mu       sync.Mutex
	limit    int
	overflow Overflow
	closed   bool

	held, plain                  int
	hasAny, hasPlain, hasWaiting uint64

	first lane[T]   // level 0, apart so that one level needs no allocation
	rest  []lane[T] // level i is rest[i-1]

	spares   *waiter[T] // linked by next
	spareLen int
}

func (c *core[T]) lane(level int) *lane[T] {
	if level == 0 {
		return &c.first
	}
	return &c.rest[level-1]
}

// clamp makes any number a level.
func (c *core[T]) clamp(level int) int {
	return min(max(level, 0), len(c.rest))
}

// push implements Queue.Push; level must be one. If there is no limit,
// fallback becomes it, which is how a zero Bounded gets its capacity.
func (c *core[T]) push(v T, level, fallback int) (lost T, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit == 0 {
		c.limit = fallback
	}
	switch {
	case c.closed:
		return lost, ErrClosed
	case c.hasRoom():
		c.add(&v, level)
		return lost, nil
	case c.overflow == DropOldest:
		return c.replace(v, level), nil
	default:
		return lost, ErrFull
	}
}

// pushWait implements Queue.PushWait; level and fallback are as for push.
func (c *core[T]) pushWait(ctx context.Context, v T, level, fallback int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w, err := c.pushOrPark(v, level, fallback)
	if w == nil {
		return err
	}
	select {
	case err = <-w.ready:
	case <-ctx.Done():
		if c.giveUp(w) {
			err = ctx.Err()
		} else {
			// Someone unlinked w before giveUp could: the result is there or
			// about to be, and v may be in the queue already.
			err = <-w.ready
		}
	}
	c.recycle(w)
	return err
}

// pushOrPark finishes a pushWait that need not wait, or returns the waiter it
// has linked.
func (c *core[T]) pushOrPark(v T, level, fallback int) (*waiter[T], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit == 0 {
		c.limit = fallback
	}
	switch {
	case c.closed:
		return nil, ErrClosed
	case c.hasRoom():
		c.add(&v, level)
		return nil, nil
	case c.overflow == DropOldest:
		c.replace(v, level)
		return nil, nil
	case c.overflow != Block:
		return nil, ErrFull
	}
	w := c.spares
	if w == nil {
		w = &waiter[T]{ready: make(chan error, 1)}
	} else {
		c.spares, w.next = w.next, nil
		c.spareLen--
	}
	w.v, w.level = v, level
	c.lane(level).waiting.append(w)
	c.hasWaiting |= 1 << level
	return w, nil
}

// giveUp unlinks w, and reports false if someone else did so before.
func (c *core[T]) giveUp(w *waiter[T]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !w.linked {
		return false
	}
	c.unlink(w)
	return true
}

// recycle keeps a waiter whose PushWait is over.
func (c *core[T]) recycle(w *waiter[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spareLen < maxSpares && !c.closed {
		w.next = c.spares
		c.spares = w
		c.spareLen++
	}
}

// pushForced adds v regardless of the limit; level must be one.
func (c *core[T]) pushForced(v T, level int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.lane(level).pushForced(v)
	c.held++
	c.hasAny |= 1 << level
	return nil
}

// pop implements Queue.Pop.
func (c *core[T]) pop(v *T) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == 0 {
		return false
	}
	level := bits.TrailingZeros64(c.hasAny)
	l := c.lane(level)
	forced := l.pop(v)
	c.held--
	if !forced {
		c.plain--
	}
	c.note(l, level)
	if !forced && c.hasWaiting != 0 {
		c.admit()
	}
	return true
}

func (c *core[T]) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// close implements Queue.Close.
func (c *core[T]) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for c.hasWaiting != 0 {
		l := c.lane(bits.TrailingZeros64(c.hasWaiting))
		w := l.waiting.first
		c.unlink(w)
		w.ready <- ErrClosed
	}
	c.spares, c.spareLen = nil, 0
}

func (c *core[T]) hasRoom() bool { return c.limit == 0 || c.plain < c.limit }

// add adds a plain value, for which there must be room.
func (c *core[T]) add(v *T, level int) {
	c.lane(level).plain.push(v)
	c.held++
	c.plain++
	c.hasAny |= 1 << level
	c.hasPlain |= 1 << level
}

// replace adds v to a full core as if there were room for it, and takes away
// the oldest plain value of the least urgent level that has one. This is v
// itself if v is less urgent than everything held: a value must not be lost to
// one that matters less.
func (c *core[T]) replace(v T, level int) (lost T) {
	least := bits.Len64(c.hasPlain) - 1
	if level > least {
		return v
	}
	l := c.lane(least)
	l.plain.pop(&lost)
	c.held--
	c.plain--
	c.note(l, least)
	c.add(&v, level)
	return lost
}

// admit takes the value of the waiter whose turn it is, the first of the most
// urgent level, and wakes it. The value is put in here and not by the woken
// goroutine, so that nobody can take the room before it runs.
func (c *core[T]) admit() {
	level := bits.TrailingZeros64(c.hasWaiting)
	w := c.lane(level).waiting.first
	c.add(&w.v, level)
	c.unlink(w)
	w.ready <- nil
}

// unlink takes w from its list and its value from w.
func (c *core[T]) unlink(w *waiter[T]) {
	var zero T
	w.v = zero
	l := c.lane(w.level)
	l.waiting.remove(w)
	if l.waiting.first == nil {
		c.hasWaiting &^= 1 << w.level
	}
}

// note brings the bits of lane l up to date after a removal.
func (c *core[T]) note(l *lane[T], level int) {
	if l.plain.len() > 0 {
		return
	}
	c.hasPlain &^= 1 << level
	if l.forced.len() == 0 {
		c.hasAny &^= 1 << level
	}
}
