package crdt

import (
	"cmp"
	"slices"
)

// Op is one operation of an owner: it ends the record written by operation Drop, or writes Entry, or both at once, which
// replaces a record without a moment in which there is none.
type Op struct {
	Drop  uint64 // 0 for none
	Add   bool
	Entry Entry // if Add
}

// Delta is a contiguous range of an owner's operations: the first has number First, and the first ever has number 1.
type Delta struct {
	Origin Origin
	First  uint64
	Ops    []Op
}

// Last is the number of the last operation.
func (d *Delta) Last() uint64 { return d.First + uint64(len(d.Ops)) - 1 }

// Digest sums up a shard: how many operations it has seen, and a hash of the live records.
type Digest struct {
	Origin Origin
	Upto   uint64
	Hash   uint64
}

// shard is the state of one origin's entries after its first upto operations. There is one writer, so states are
// totally ordered by upto, and the merge of two is the later one.
//
// Invariants: slots ascend by seq; a slot without a record was dropped and waits for compaction; dead counts these;
// hash is the sum of the hashes of all records.
type shard struct {
	origin  Origin
	upto    uint64
	hash    uint64
	slots   []slot
	dead    int
	visible bool
}

type slot struct {
	seq    uint64
	record *Record
}

// minCompact keeps small shards from being compacted all the time.
const minCompact = 32

func (s *shard) digest() Digest { return Digest{s.origin, s.upto, s.hash} }

func (s *shard) len() int { return len(s.slots) - s.dead }

// find is the position of the record, or of the first one behind.
func (s *shard) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(s.slots, seq, func(sl slot, seq uint64) int { return cmp.Compare(sl.seq, seq) })
}

func (s *shard) get(seq uint64) *Record {
	if i, ok := s.find(seq); ok {
		return s.slots[i].record
	}
	return nil
}

// put writes a record behind all others.
func (s *shard) put(seq uint64, e Entry) *Record {
	r := &Record{Origin: s.origin, Seq: seq, Entry: e, shard: s}
	s.slots = append(s.slots, slot{seq, r})
	s.hash += r.hash()
	return r
}

// drop ends a record. One that is unknown is fine: pages leave out what ended while they were under way.
func (s *shard) drop(seq uint64) *Record {
	i, ok := s.find(seq)
	if !ok || s.slots[i].record == nil {
		return nil
	}
	r := s.slots[i].record
	s.hash -= r.hash()
	s.slots[i].record = nil
	if s.dead++; s.dead > minCompact && s.dead > len(s.slots)/2 {
		s.slots = slices.DeleteFunc(s.slots, func(sl slot) bool { return sl.record == nil })
		s.dead = 0
	}
	return r
}

// apply does the next operation.
func (s *shard) apply(op *Op) (before, after *Record) {
	s.upto++
	if op.Drop != 0 {
		before = s.drop(op.Drop)
	}
	if op.Add {
		after = s.put(s.upto, op.Entry)
	}
	return before, after
}

// records calls yield for each record in the order they were written.
func (s *shard) records(yield func(*Record) bool) bool {
	for _, sl := range s.slots {
		if sl.record != nil && !yield(sl.record) {
			return false
		}
	}
	return true
}

// RingOps is how many of its last operations an owner keeps for those who missed some.
const RingOps = 4096

// ring holds the last operations of an owner; operation n is at (n-1) mod RingOps.
type ring []Op

func (r *ring) push(seq uint64, op Op) {
	if len(*r) < RingOps {
		*r = append(*r, op)
		return
	}
	(*r)[(seq-1)%RingOps] = op
}

func (r ring) at(seq uint64) *Op { return &r[(seq-1)%RingOps] }
