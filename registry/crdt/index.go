package crdt

import (
	"iter"
	"maps"
	"slices"
)

// reindex takes before out of the index and puts after in; either may be nil. Holders of a key are kept with the best
// first, so that a lookup reads one element in the usual case.
func (s *Store) reindex(before, after *Record) {
	if before != nil {
		holders := s.index[before.Key]
		i, _ := slices.BinarySearchFunc(holders, before, worse)
		if len(holders) == 1 {
			delete(s.index, before.Key)
		} else {
			s.index[before.Key] = slices.Delete(holders, i, i+1)
		}
	}
	if after != nil {
		holders := s.index[after.Key]
		i, _ := slices.BinarySearchFunc(holders, after, worse)
		s.index[after.Key] = slices.Insert(holders, i, after)
	}
}

// worse orders the best first.
func worse(a, b *Record) int { return Compare(b, a) }

// Lookup is the best visible holder of a key, nil if there is none.
func (s *Store) Lookup(k Key) *Record {
	for _, r := range s.index[k] {
		if r.shard.visible {
			return r
		}
	}
	return nil
}

// Holders are the visible records of a key, the best first. The store must not be written to during the iteration.
func (s *Store) Holders(k Key) iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		for _, r := range s.index[k] {
			if r.shard.visible && !yield(r) {
				return
			}
		}
	}
}

// Lost are our own records of a key that must go because there is a better visible one. Only for kinds that permit one
// holder. The owner of a record alone decides to remove it; what others hold is not in the list.
func (s *Store) Lost(k Key) (winner *Record, lost []*Record) {
	for r := range s.Holders(k) {
		switch {
		case winner == nil:
			winner = r
		case r.Origin == s.own.origin:
			lost = append(lost, r)
		}
	}
	return winner, lost
}

// NextEpoch is one more than the greatest epoch known for a key, hidden records included: what an activation that is to
// win has to be written with.
func (s *Store) NextEpoch(k Key) uint64 {
	epoch := uint64(0)
	for _, r := range s.index[k] {
		epoch = max(epoch, r.Epoch)
	}
	return epoch + 1
}

// Len counts the records held, hidden ones included.
func (s *Store) Len() int {
	n := s.own.len()
	for _, p := range s.peers {
		if p.shard != nil {
			n += p.shard.len()
		}
	}
	return n
}

// Snapshot appends all visible records to dst, by node name and then in the order they were written. Records do not
// change, so the result stays valid and consistent whatever happens to the store.
func (s *Store) Snapshot(dst []*Record) []*Record {
	collect := func(r *Record) bool { dst = append(dst, r); return true }
	names := append(slices.Collect(maps.Keys(s.peers)), s.own.origin.Node)
	slices.Sort(names)
	for _, name := range names {
		if name == s.own.origin.Node {
			s.own.records(collect)
		} else if sh := s.peers[name].shard; sh != nil && sh.visible {
			sh.records(collect)
		}
	}
	return dst
}
