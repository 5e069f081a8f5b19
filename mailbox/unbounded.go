package mailbox

import (
	"context"
	"sync"
)

// Unbounded is a [Queue] without a capacity. Push never fails before Close and never allocates in the steady state; an
// empty one owns no segment; those it used are in a pool that the garbage collector empties. The zero value is ready; it must not be copied after first use.
//
// Values of one producer stay in order. Push is lock-free. Pop may be called by one goroutine at a time; a mutex makes
// two at once harmless, not fast.
type Unbounded[T any] struct {
	in     Inbox[T]
	pool   Pool[T]
	mu     sync.Mutex // protects the consumer's side
	closed bool
	left   []T // what Close found
}

// Push appends v. The only error is ErrClosed; nothing is ever evicted.
func (q *Unbounded[T]) Push(v T) (lost T, err error) {
	q.in.Hold()
	if _, ok := q.in.Push(&q.pool, &v); !ok {
		err = ErrClosed
	}
	return lost, err
}

// PushWait is Push: there is always room. An ended ctx is an error all the same.
func (q *Unbounded[T]) PushWait(ctx context.Context, v T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := q.Push(v)
	return err
}

// Pop removes the oldest value. ok is false if there is none, or if its producer is still writing it.
func (q *Unbounded[T]) Pop() (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		if len(q.left) == 0 {
			return v, false
		}
		v = q.left[0]
		var zero T
		q.left[0] = zero
		q.left = q.left[1:]
		return v, true
	}
	if q.in.Pop(&q.pool, &v) == Got {
		return v, true
	}
	q.in.Renew(&q.pool)
	return v, false
}

// Len is the number of values pushed and not popped; exact when nobody pushes or pops meanwhile.
func (q *Unbounded[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return len(q.left)
	}
	return q.in.Len(q.in.took)
}

// Close refuses later pushes with ErrClosed. Pop goes on returning what is left. Closing again does nothing.
func (q *Unbounded[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	tickets, _, _ := q.in.Close()
	q.in.Drain(tickets, true, func(v *T) { q.left = append(q.left, *v) })
}
