package mailbox

import (
	"runtime"
	"sync/atomic"
)

const segmentSize = 32

// slot is a cell and its tag, which is 0 until the producer is done.
type slot[T any] struct {
	v   T
	tag atomic.Uint64
}

// segment holds the cells of segmentSize consecutive tickets. The fields after next are used in root segments only.
type segment[T any] struct {
	next  atomic.Pointer[segment[T]]
	index uint64 // its cells are tickets index*segmentSize+1 …; written before it is published
	dirty bool   // cells must be cleared before use

	tail atomic.Pointer[segment[T]] // root: hint for producers
	head atomic.Pointer[segment[T]] // root: where the consumer reads

	_ [24]byte // what follows is written by the consumer on every message

	pos  atomic.Uint64 // the next ticket to pop; written by the consumer
	shut atomic.Uint32 // shutAsked, then shutDone: the consumer was replaced by Drain
	last atomic.Uint64 // with shutDone: tickets from here on are the drainer's

	retired  *segment[T] // the consumer's: segments left, oldest first, linked by free
	youngest *segment[T]
	free     *segment[T] // the link of that list
	retireAt uint64      // recycle when pos reached this

	slots [segmentSize]slot[T]
}

// reach returns segment k, appending segments as needed. from is the tail hint the caller read.
func (r *segment[T]) reach(pool *Pool[T], from *segment[T], k uint64) *segment[T] {
	seg := from
	if seg.index > k {
		// Others were faster. The consumer waits for our cell, so its segment is not behind ours.
		seg = r.head.Load()
	}
	for seg.index < k {
		next := seg.next.Load()
		if next == nil {
			fresh := pool.get()
			fresh.index = seg.index + 1
			if seg.next.CompareAndSwap(nil, fresh) {
				next = fresh
			} else {
				pool.put(fresh)
				next = seg.next.Load()
			}
		}
		seg = next
	}
	if from.index < k {
		r.tail.Store(seg)
	}
	return seg
}

// peek returns the next cell.
func (r *segment[T]) peek(q *Inbox[T], pool *Pool[T]) (*T, uint64, PopResult) {
	pos := r.pos.Load()
	t := pos - 1
	seg := r.head.Load()
	if seg.index != t/segmentSize {
		next := seg.next.Load()
		if next == nil {
			return nil, 0, q.unready(pos)
		}
		if r.shut.Load() != 0 {
			return nil, 0, Empty
		}
		r.leave(q, pool, seg, next)
		seg = next
	}
	c := &seg.slots[t%segmentSize]
	tag := c.tag.Load()
	if tag == 0 {
		return nil, 0, q.unready(pos)
	}
	return &c.v, tag, Got
}

// take makes the cell that peek returned the consumer's. It is false if a drainer has it.
//
// The consumer announces the pop and then looks whether it was replaced; the drainer announces itself and then looks how far the
// consumer came. If the consumer sees nobody, the drainer sees the pop. Else both settle it by last.
func (r *segment[T]) take() bool {
	pos := r.pos.Load()
	r.pos.Store(pos + 1)
	return r.shut.Load() == 0 || r.contested(pos)
}

// contested settles whose a cell is when a drainer came.
func (r *segment[T]) contested(pos uint64) bool {
	for r.shut.Load() != shutDone {
		runtime.Gosched()
	}
	return pos < r.last.Load()
}

// replace keeps the consumer from popping more and returns the first ticket that is the drainer's. There is one drainer.
func (r *segment[T]) replace() uint64 {
	if r.shut.CompareAndSwap(0, shutAsked) {
		r.last.Store(r.pos.Load())
		r.shut.Store(shutDone)
	}
	return r.last.Load()
}

const (
	shutAsked = 1
	shutDone  = 2
)

// leave moves the consumer from seg to next and retires seg. It also recycles what no producer can hold any more.
func (r *segment[T]) leave(q *Inbox[T], pool *Pool[T], seg, next *segment[T]) {
	r.head.Store(next)
	if hint := r.tail.Load(); hint.index <= seg.index {
		r.tail.CompareAndSwap(hint, next)
	}
	if seg != r { // the root stays until the epoch ends
		seg.retireAt = q.state.Load() & ticketMask
		seg.free = nil
		if r.youngest == nil {
			r.retired = seg
		} else {
			r.youngest.free = seg
		}
		r.youngest = seg
	}
	for old := r.retired; old != nil && r.pos.Load() >= old.retireAt; old = r.retired {
		r.retired = old.free
		if r.retired == nil {
			r.youngest = nil
		}
		old.dirty = true
		pool.put(old)
	}
}

// discard returns all segments of an epoch nobody can reach.
func (r *segment[T]) discard(pool *Pool[T]) {
	for old := r.retired; old != nil; {
		after := old.free
		old.dirty = true
		pool.put(old)
		old = after
	}
	r.retired, r.youngest = nil, nil
	head := r.head.Load()
	used := (r.pos.Load() - 1) - head.index*segmentSize
	for seg := head.next.Load(); seg != nil; {
		after := seg.next.Load()
		pool.put(seg)
		seg = after
	}
	if head != r {
		r.dirty = true
		clear(head.slots[:used])
		pool.put(head)
	} else {
		clear(head.slots[:used])
	}
	pool.put(r)
}
