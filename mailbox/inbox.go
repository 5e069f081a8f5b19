package mailbox

import (
	"runtime"
	"sync/atomic"
)

// Inbox is the queue of the hot path: any number of producers, one consumer, lock-free, unbounded, and it tells who has
// to schedule the consumer. [Unbounded] wraps it for use as a [Queue]; the process engine uses it directly.
//
// One atomic word holds the number of tickets issued since the inbox was last idle, and flags. A producer takes its
// ticket with one fetch-add, which also says whether the inbox was idle, that is, whether this producer must schedule the
// consumer. Ticket 0 is the inline cell: a process that gets one message at a time touches no other memory. Ticket t > 0
// is cell (t-1)%segmentSize of segment (t-1)/segmentSize, reached from the root segment of the epoch.
//
// Invariants:
//   - tickets == 0 and no attention: the inbox is idle and nobody consumes. The transition away from idle is made by
//     exactly one Push, Poke or Claim, and that caller owns the right to run the consumer.
//   - A producer touches segments only between taking its ticket and marking its cell ready. So when every issued ticket
//     was popped, nobody is inside a segment, and when all tickets issued before some moment were popped, nobody holds a
//     segment that was unreachable at that moment.
//   - An epoch's segments are given back only after the epoch bit was flipped at a moment when every ticket was popped:
//     from then on no producer can find them.
//   - The tail hint never points to a segment that was retired: a producer moves it only to the segment of its own
//     ticket, before its cell is ready; the consumer moves it off a segment before retiring that.
//   - After Close the epoch cannot change, and tickets issued later are refused.
//
// The zero value is ready and idle. Methods named Pop, Release and Took belong to whoever owns the consumer's right.
type Inbox[T any] struct {
	state atomic.Uint64
	root  [2]atomic.Pointer[segment[T]]
	first T
	ready atomic.Uint32 // first was written while somebody else owned the consumer's right

	// The consumer's own; handed over by whatever schedules it.
	full  bool  // first was written by whoever then scheduled the consumer
	took  bool  // first was popped in this epoch
	epoch uint8 // as in state
}

// Layout of Inbox.state.
const (
	flagClosed    = 1 << 63
	flagAttention = 1 << 62
	flagEpoch     = 1 << 61
	ticketMask    = 1<<56 - 1
)

const segmentSize = 32

type slot[T any] struct {
	v     T
	ready atomic.Uint32
}

// segment holds the cells of segmentSize consecutive tickets. The fields after next are used in root segments only.
type segment[T any] struct {
	next  atomic.Pointer[segment[T]]
	index uint64 // its cells are tickets index*segmentSize+1 …; written before it is published
	dirty bool   // cells must be cleared before use

	tail atomic.Pointer[segment[T]] // root: hint for producers
	head atomic.Pointer[segment[T]] // root: where the consumer reads

	_ [24]byte // what follows is written by the consumer on every message

	guard atomic.Uint32 // 1 while somebody pops
	shut  bool          // under guard: the consumer was replaced by Drain
	pos   uint64        // under guard: the next ticket to pop

	retired  *segment[T] // under guard: segments left, oldest first, linked by free
	youngest *segment[T]
	free     *segment[T] // the link of that list
	retireAt uint64      // recycle when pos reached this

	slots [segmentSize]slot[T]
}

// PopResult says what Pop found.
type PopResult uint8

const (
	Empty PopResult = iota // every issued ticket was popped
	Got                    // a value
	Busy                   // a producer has a ticket but has not finished writing; try again soon
)

// Push appends v. wake tells the caller that the inbox was idle: the caller now owns the consumer's right and must
// schedule it. ok is false after Close; v was not taken then.
func (q *Inbox[T]) Push(pool *Pool[T], v *T) (wake, ok bool) {
	cell, ready := q.Reserve(pool)
	if cell == nil {
		return false, false
	}
	*cell = *v
	if ready == nil {
		return true, true
	}
	ready.Store(1)
	return false, true
}

// Reserve is the first half of Push for callers that write the cell in place: half a dozen words that are written one by one and
// copied at once stall the core. After writing, the caller stores 1 to ready; if ready is nil the inbox was idle, and the caller
// must schedule the consumer instead. The cell is nil after Close. A caller must not stop in between.
func (q *Inbox[T]) Reserve(pool *Pool[T]) (cell *T, ready *atomic.Uint32) {
	s := q.state.Add(1) - 1
	if s&flagClosed != 0 {
		q.state.Add(^uint64(0)) // tickets stay those that were accepted
		return nil, nil
	}
	if s&ticketMask == 0 {
		if s&flagAttention == 0 {
			q.full = true // nobody else looks before the caller scheduled the consumer
			return &q.first, nil
		}
		return &q.first, &q.ready
	}
	t := s&ticketMask - 1
	root := q.root[(s/flagEpoch)&1].Load()
	if root == nil {
		root = q.plant(pool, s)
	}
	seg := root.tail.Load()
	if k := t / segmentSize; seg.index != k {
		seg = root.reach(pool, seg, k)
	}
	c := &seg.slots[t%segmentSize]
	return &c.v, &c.ready
}

// plant installs the first segment of the epoch in s, or finds the one another producer installed.
func (q *Inbox[T]) plant(pool *Pool[T], s uint64) *segment[T] {
	root := &q.root[(s/flagEpoch)&1]
	seg := pool.get()
	for !seg.guard.CompareAndSwap(0, 1) {
		runtime.Gosched() // a late Len of its last inbox
	}
	seg.index = 0
	seg.pos = 1
	seg.shut = false
	seg.guard.Store(0)
	seg.tail.Store(seg)
	seg.head.Store(seg)
	if root.CompareAndSwap(nil, seg) {
		return seg
	}
	pool.put(seg)
	return root.Load()
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

// Poke claims the consumer's right without a message, so that it looks at something beside the queue. wake tells the
// caller that it must schedule the consumer; if it is false somebody owns the right and will call Release, which fails
// or succeeds after whatever the caller stored before Poke is visible. After Close it is
// false: whoever closed an idle inbox owns it. Release forgets a Poke that came after Pop found nothing, so the consumer looks
// again after it.
func (q *Inbox[T]) Poke() (wake bool) {
	s := q.state.Or(flagAttention)
	return s&(ticketMask|flagAttention|flagClosed) == 0
}

// Claim takes the consumer's right of an idle inbox. It fails if the inbox is not idle or closed.
func (q *Inbox[T]) Claim() bool {
	s := q.state.Load()
	return s&(ticketMask|flagAttention|flagClosed) == 0 && q.state.CompareAndSwap(s, s|flagAttention)
}

// Pop removes the oldest value into v.
func (q *Inbox[T]) Pop(pool *Pool[T], v *T) PopResult {
	cell, res := q.Peek(pool)
	if res == Got {
		*v = *cell
		q.Drop()
	}
	return res
}

// Peek is the first half of Pop for callers that read the cell in place. If it returns Got the caller must call Drop at once, after
// reading.
func (q *Inbox[T]) Peek(pool *Pool[T]) (cell *T, res PopResult) {
	if !q.took {
		if !q.full {
			if q.ready.Load() == 0 {
				if q.state.Load()&ticketMask == 0 {
					return nil, Empty
				}
				return nil, Busy
			}
			q.ready.Store(0)
			q.full = true
		}
		return &q.first, Got
	}
	root := q.root[q.epoch].Load()
	if root == nil {
		if q.state.Load()&ticketMask <= 1 {
			return nil, Empty
		}
		return nil, Busy
	}
	if !root.guard.CompareAndSwap(0, 1) {
		return nil, Busy // a drainer is at work
	}
	if cell, res = root.peek(q, pool); res != Got {
		root.guard.Store(0)
	}
	return cell, res
}

// Drop removes what Peek returned.
func (q *Inbox[T]) Drop() {
	if !q.took {
		var zero T
		q.first = zero
		q.full = false
		q.took = true
		return
	}
	root := q.root[q.epoch].Load()
	root.pos++
	root.guard.Store(0)
}

// peek runs under the guard.
func (r *segment[T]) peek(q *Inbox[T], pool *Pool[T]) (*T, PopResult) {
	if r.shut {
		return nil, Empty
	}
	t := r.pos - 1
	seg := r.head.Load()
	if seg.index != t/segmentSize {
		next := seg.next.Load()
		if next == nil {
			return nil, q.unready(r.pos)
		}
		r.leave(q, pool, seg, next)
		seg = next
	}
	c := &seg.slots[t%segmentSize]
	if c.ready.Load() == 0 {
		return nil, q.unready(r.pos)
	}
	return &c.v, Got
}

func (q *Inbox[T]) unready(pos uint64) PopResult {
	if q.state.Load()&ticketMask <= pos {
		return Empty
	}
	return Busy
}

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
	for old := r.retired; old != nil && r.pos >= old.retireAt; old = r.retired {
		r.retired = old.free
		if r.retired == nil {
			r.youngest = nil
		}
		old.dirty = true
		pool.put(old)
	}
}

// Release gives the consumer's right back after Pop returned Empty. It returns false, and the caller keeps the right, if
// a value was pushed meanwhile or the inbox was closed.
func (q *Inbox[T]) Release(pool *Pool[T]) bool {
	idle := uint64(q.epoch) * flagEpoch
	if r := q.root[q.epoch].Load(); r != nil {
		s := q.state.Load()
		if s&flagClosed != 0 || s&ticketMask != r.pos {
			return false
		}
		// Every ticket was popped. Move producers to the other epoch, keeping the right, then tidy up behind them.
		if !q.state.CompareAndSwap(s, (s&flagEpoch)^flagEpoch|flagAttention) {
			return false
		}
		q.root[q.epoch].Store(nil)
		q.epoch ^= 1
		q.took = false
		r.discard(pool)
		idle ^= flagEpoch
		return q.state.CompareAndSwap(idle|flagAttention, idle)
	}
	if !q.took {
		return q.state.CompareAndSwap(idle|flagAttention, idle)
	}
	q.took = false // before the next owner can look
	if q.state.CompareAndSwap(idle|1, idle) || q.state.CompareAndSwap(idle|1|flagAttention, idle) {
		return true
	}
	q.took = true
	return false
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
	used := (r.pos - 1) - head.index*segmentSize
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

// Close refuses later pushes. It returns the number of tickets that were issued before, to be given to Drain, and
// whether the inbox was idle, in which case the caller owns the consumer's right for good. first is false if it was closed
// before.
func (q *Inbox[T]) Close() (tickets uint64, idle, first bool) {
	s := q.state.Or(flagClosed)
	return s & ticketMask, s&(ticketMask|flagAttention) == 0, s&flagClosed == 0
}

// Closed reports whether Close was called.
func (q *Inbox[T]) Closed() bool { return q.state.Load()&flagClosed != 0 }

// Drain takes the place of the consumer after Close: it calls f with every value that was pushed before and not popped,
// except that the inline cell belongs to the consumer's owner and is left to it unless inline is true. A concurrent Pop
// finds the inbox empty from then on. It waits for producers that have a ticket and are about to write.
func (q *Inbox[T]) Drain(tickets uint64, inline bool, f func(*T)) {
	var v T
	if inline && !q.took && tickets > 0 {
		for q.Pop(nil, &v) != Got {
			runtime.Gosched()
		}
		f(&v)
	}
	if tickets <= 1 {
		return
	}
	root := &q.root[(q.state.Load()/flagEpoch)&1]
	for root.Load() == nil {
		runtime.Gosched()
	}
	r := root.Load()
	for !r.guard.CompareAndSwap(0, 1) {
		runtime.Gosched()
	}
	r.shut = true // nobody else pops from here on; the guard can go
	pos := r.pos
	seg := r.head.Load()
	r.guard.Store(0)
	for ; pos < tickets; pos++ {
		t := pos - 1
		for seg.index != t/segmentSize {
			if next := seg.next.Load(); next != nil {
				seg = next
			} else {
				runtime.Gosched()
			}
		}
		c := &seg.slots[t%segmentSize]
		for c.ready.Load() == 0 {
			runtime.Gosched()
		}
		v = c.v
		f(&v)
	}
}

// Len is the number of values pushed and not popped: exact when nobody pushes or pops meanwhile. begun says whether the consumer
// has popped anything since the inbox was last idle; who schedules it knows.
func (q *Inbox[T]) Len(begun bool) int {
	for {
		s := q.state.Load()
		n := int64(s & ticketMask)
		if n == 0 {
			return 0
		}
		pos := int64(1)
		if r := q.root[(s/flagEpoch)&1].Load(); r != nil {
			if !r.guard.CompareAndSwap(0, 1) {
				runtime.Gosched()
				continue
			}
			pos = int64(r.pos)
			r.guard.Store(0)
			if (q.state.Load()^s)&(flagEpoch|flagClosed) != 0 || q.root[(s/flagEpoch)&1].Load() != r {
				continue
			}
		}
		if !begun && pos == 1 {
			pos = 0
		}
		return int(max(0, n-pos))
	}
}

// Queued reports, to the consumer, whether Pop would find something or a value is about to come.
func (q *Inbox[T]) Queued() bool {
	t := q.state.Load() & ticketMask
	if r := q.root[q.epoch].Load(); r != nil {
		return t != r.pos
	}
	if q.took {
		return t > 1
	}
	return t > 0
}
