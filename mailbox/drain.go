package mailbox

import "runtime"

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
	q.DrainTagged(tickets, inline, func(v *T, _ uint64) { f(v) })
}

// DrainTagged is Drain that also passes the tags.
func (q *Inbox[T]) DrainTagged(tickets uint64, inline bool, f func(v *T, tag uint64)) {
	if tickets > 1 || inline && !q.took && tickets > 0 {
		q.drain(tickets, inline, f)
	}
}

func (q *Inbox[T]) drain(tickets uint64, inline bool, f func(*T, uint64)) {
	var v T
	if inline && !q.took && tickets > 0 {
		tag, res := q.PopTagged(nil, &v)
		for ; res != Got; tag, res = q.PopTagged(nil, &v) {
			runtime.Gosched()
		}
		f(&v, tag)
	}
	if tickets <= 1 {
		return
	}
	root := &q.root[(q.state.Load()/flagEpoch)&1]
	for root.Load() == nil {
		runtime.Gosched()
	}
	r := root.Load()
	pos := r.replace()
	seg := r.head.Load()
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
		for c.tag.Load() == 0 {
			runtime.Gosched()
		}
		v = c.v
		f(&v, c.tag.Load())
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
			pos = int64(r.pos.Load())
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

// Begun reports, to the consumer, whether it has popped anything since the inbox was last idle.
func (q *Inbox[T]) Begun() bool { return q.took }

// Queued reports, to the consumer, whether Pop would find something or a value is about to come.
func (q *Inbox[T]) Queued() bool {
	t := q.state.Load() & ticketMask
	if r := q.root[q.epoch].Load(); r != nil {
		return t != r.pos.Load()
	}
	if q.took {
		return t > 1
	}
	return t > 0
}
