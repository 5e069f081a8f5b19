package mailbox

import "context"

var _ Queue[int] = (*Bounded[int])(nil)

// Bounded is a FIFO queue that holds at most its capacity and applies an
// [Overflow] policy beyond. The zero value is ready to use and has
// [DefaultCapacity] and [Block]. It must not be copied after its first use.
//
// All methods may be called by any goroutines at once; Pop too.
//
// Under Block, PushWait parks its goroutine, and waiters get their room in the
// order of their calls: the Pop that makes room puts the first waiter's value
// into the queue itself, so a later push cannot overtake it.
//
// Memory is allocated as it is needed, up to the least power of two that is
// not below the capacity, and given up again when the queue has become empty;
// an idle Bounded holds 8 cells or none, and the records of up to 4 waiters
// for reuse. Pushing and popping in a steady state allocates nothing while no
// more than 8 values are held, and amortized less than one allocation per 4
// values otherwise.
//
// Invariants: those of core, with one level, and a limit that is not 0 except
// in an unused zero value.
type Bounded[T any] struct {
	core core[T]
}

// NewBounded returns an empty queue. A capacity of 0 is DefaultCapacity. It
// panics if capacity is negative or overflow is none of the policies.
func NewBounded[T any](capacity int, overflow Overflow) *Bounded[T] {
	if capacity == 0 {
		capacity = DefaultCapacity
	}
	if err := (Spec{Capacity: capacity, Overflow: overflow}).Validate(); err != nil {
		panic(err)
	}
	b := new(Bounded[T])
	b.core.limit = capacity
	b.core.overflow = overflow
	return b
}

// Push implements [Queue]. Under Block, DropNewest and Fail the error is
// ErrFull when the capacity is used up. Under DropOldest it drops the oldest
// value that was not forced, and returns it.
func (b *Bounded[T]) Push(v T) (lost T, err error) {
	return b.core.push(v, 0, DefaultCapacity)
}

// PushWait implements [Queue]. A PushWait that returned an error has put
// nothing in the queue and holds no room. Under DropOldest what it drops is
// lost without report; use Push to learn of it.
func (b *Bounded[T]) PushWait(ctx context.Context, v T) error {
	return b.core.pushWait(ctx, v, 0, DefaultCapacity)
}

// PushForced adds v even if the queue is full; the only error is ErrClosed. A
// forced value keeps its place in the order and counts in Len, but takes no
// room of the capacity and is never dropped by DropOldest. It is meant for the
// few messages that must not be lost: their number has no limit.
func (b *Bounded[T]) PushForced(v T) error { return b.core.pushForced(v, 0) }

// Pop implements [Queue]. Several goroutines may call it at once.
func (b *Bounded[T]) Pop() (v T, ok bool) {
	ok = b.core.pop(&v)
	return v, ok
}

// Len implements [Queue]. Forced values count, so it can exceed the capacity.
func (b *Bounded[T]) Len() int { return b.core.len() }

// Close implements [Queue].
func (b *Bounded[T]) Close() { b.core.close() }
