package mailbox

// lane is one level of a core.
//
// Invariants:
//
//  1. A forced value with mark m comes after all plain values numbered below m
//     and before all others; marks do not decrease along the ring. So both
//     rings together are one FIFO queue, and yet the oldest plain value is
//     always in front of its ring, where it can be evicted in one step.
//  2. waiting holds the waiters of this level in the order of their calls.
type lane[T any] struct {
	plain   ring[T]
	forced  ring[forcedCell[T]]
	waiting waiterList[T]
}

// forcedCell is a forced value. The mark is the number that the next plain
// value would have got when this one was pushed.
type forcedCell[T any] struct {
	v    T
	mark uint64
}

func (l *lane[T]) pushForced(v T) {
	l.forced.push(&forcedCell[T]{v: v, mark: l.plain.tail})
}

// pop moves the oldest value to v; the lane must not be empty.
func (l *lane[T]) pop(v *T) (forced bool) {
	if l.forced.len() > 0 && l.forced.front().mark <= l.plain.head {
		var c forcedCell[T]
		l.forced.pop(&c)
		*v = c.v
		return true
	}
	l.plain.pop(v)
	return false
}

// waiter is one PushWait that waits for room.
//
// Invariants:
//
//  1. It is in a list iff linked is true. Who unlinks it either is its own
//     PushWait, which gives up, or sends the result to ready exactly once.
//  2. ready has room for one result, so that sending never waits.
type waiter[T any] struct {
	v          T
	level      int
	ready      chan error
	linked     bool
	prev, next *waiter[T]
}

// waiterList is a FIFO list of waiters, doubly linked because any of them may
// give up. The zero value is empty.
type waiterList[T any] struct {
	first, last *waiter[T]
}

func (l *waiterList[T]) append(w *waiter[T]) {
	w.linked = true
	w.prev = l.last
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
}

func (l *waiterList[T]) remove(w *waiter[T]) {
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.linked = nil, nil, false
}
