package mailbox

import "sync/atomic"

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
// The zero value is ready and idle. Pop, First, Seek, Release, Renew, Queued and Begun belong to whoever owns the consumer's right.
type Inbox[T any] struct {
	state atomic.Uint64
	root  [2]atomic.Pointer[segment[T]]
	first T
	tag   uint64        // of first, if full
	ready atomic.Uint64 // of first, if it was written while somebody else owned the consumer's right

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
	ticket := q.Ticket()
	if cell := q.Sole(ticket, 1); cell != nil {
		*cell = *v
		return true, true
	}
	cell, ready := q.Cell(pool, ticket)
	if cell == nil {
		return false, false
	}
	*cell = *v
	ready.Store(1)
	return false, true
}

// Ticket, Sole and Cell are the parts of Push, for callers that write the cell in place: half a dozen words that are written one
// by one and copied at once stall the core. A ticket whose Sole is nil must be taken to Cell. A caller must not stop in between.
//
// With a value goes a tag, a word that is not 0. It tells the consumer that the value is complete, and may carry anything else: so a cell
// has no word that only says that it is ready.
func (q *Inbox[T]) Ticket() uint64 { return q.state.Add(1) - 1 }

// Sole is the cell of a ticket that found the inbox idle, else nil. The caller writes it and schedules the consumer.
func (q *Inbox[T]) Sole(ticket, tag uint64) *T {
	if ticket&^flagEpoch != 0 {
		return nil
	}
	q.tag, q.full = tag, true // nobody else looks before the caller scheduled the consumer
	return &q.first
}

// Cell is the cell of any other ticket; nil after Close. The caller writes it, then stores the tag to ready.
func (q *Inbox[T]) Cell(pool *Pool[T], ticket uint64) (cell *T, ready *atomic.Uint64) {
	s := ticket
	if s&flagClosed != 0 {
		q.state.Add(^uint64(0)) // tickets stay those that were accepted
		return nil, nil
	}
	if s&ticketMask == 0 {
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
	return &c.v, &c.tag
}

// plant installs the first segment of the epoch in s, or finds the one another producer installed.
func (q *Inbox[T]) plant(pool *Pool[T], s uint64) *segment[T] {
	root := &q.root[(s/flagEpoch)&1]
	seg := pool.get()
	seg.index = 0
	seg.pos.Store(1)
	seg.shut.Store(0)
	seg.tail.Store(seg)
	seg.head.Store(seg)
	if root.CompareAndSwap(nil, seg) {
		return seg
	}
	pool.put(seg)
	return root.Load()
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
	_, res := q.PopTagged(pool, v)
	return res
}

// PopTagged is Pop that also returns the tag.
func (q *Inbox[T]) PopTagged(pool *Pool[T], v *T) (tag uint64, res PopResult) {
	if cell, tag := q.First(); cell != nil {
		*v = *cell
		q.DropFirst()
		return tag, Got
	}
	if !q.took {
		if res := q.promote(); res != Got {
			return 0, res
		}
		return q.PopTagged(pool, v)
	}
	root := q.root[q.epoch].Load()
	if root == nil {
		return 0, q.unready(1)
	}
	cell, tag, res := root.peek(q, pool)
	if res == Got {
		if *v = *cell; !root.take() {
			return 0, Empty
		}
	}
	return tag, res
}

// First and DropFirst are Pop for the value that made somebody schedule the consumer, small enough to be inlined. First is nil if
// that was taken, or was no value.
func (q *Inbox[T]) First() (cell *T, tag uint64) {
	if q.full {
		return &q.first, q.tag
	}
	return nil, 0
}

// DropFirst removes what First returned.
func (q *Inbox[T]) DropFirst() {
	var zero T
	q.first = zero
	q.full, q.took = false, true
}

// promote makes First return the inline cell when it was not written by whoever scheduled the consumer.
func (q *Inbox[T]) promote() PopResult {
	tag := q.ready.Load()
	if tag == 0 {
		return q.unready(0)
	}
	q.ready.Store(0)
	q.tag, q.full = tag, true
	return Got
}

func (q *Inbox[T]) unready(pos uint64) PopResult {
	if q.state.Load()&ticketMask <= pos {
		return Empty
	}
	return Busy
}

// Release gives the consumer's right back after Pop returned Empty. It returns false, and the caller keeps the right, if
// a value was pushed meanwhile or the inbox was closed.
func (q *Inbox[T]) Release(pool *Pool[T]) bool {
	if q.ReleaseFirst() {
		return true
	}
	if q.root[q.epoch].Load() != nil && !q.renewEpoch(pool) {
		return false
	}
	idle := uint64(q.epoch) * flagEpoch
	if !q.took {
		return q.state.CompareAndSwap(idle|flagAttention, idle)
	}
	q.took = false
	if q.state.CompareAndSwap(idle|1|flagAttention, idle) {
		return true
	}
	q.took = true
	return false
}

// ReleaseFirst is Release after one value and nothing else; false says only that it does not apply.
func (q *Inbox[T]) ReleaseFirst() bool {
	if !q.took || q.root[q.epoch].Load() != nil {
		return false
	}
	q.took = false // before the next owner can look
	idle := uint64(q.epoch) * flagEpoch
	if q.state.CompareAndSwap(idle|1, idle) {
		return true
	}
	q.took = true
	return false
}

// Renew is Release that keeps the right: it only returns the memory of what was popped.
func (q *Inbox[T]) Renew(pool *Pool[T]) {
	idle := uint64(q.epoch)*flagEpoch | flagAttention
	switch {
	case q.root[q.epoch].Load() != nil:
		q.renewEpoch(pool)
	case q.took:
		q.took = false
		if !q.state.CompareAndSwap(idle|1, idle) {
			q.took = true
		}
	}
}

// Hold takes the right of an idle inbox for good, for consumers that poll: nobody is ever told to schedule them.
func (q *Inbox[T]) Hold() {
	if q.state.Load()&flagAttention == 0 {
		q.state.Or(flagAttention)
	}
}

// renewEpoch moves producers to the other epoch, keeping the right, and tidies up behind them. It fails if there are values left.
func (q *Inbox[T]) renewEpoch(pool *Pool[T]) bool {
	r := q.root[q.epoch].Load()
	s := q.state.Load()
	if s&flagClosed != 0 || s&ticketMask != r.pos.Load() || !q.state.CompareAndSwap(s, (s&flagEpoch)^flagEpoch|flagAttention) {
		return false
	}
	q.root[q.epoch].Store(nil)
	q.epoch ^= 1
	q.took = false
	r.discard(pool)
	return true
}
