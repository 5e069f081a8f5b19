package crdt

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"
)

// Write is what a [Register] holds for a key: the last value, or that it was deleted.
type Write[V any] struct {
	Stamp   Stamp
	Origin  Origin
	Deleted bool
	Value   V // zero if Deleted
}

// after is the order of writes: by stamp, then by origin.
func (w Write[V]) after(other Write[V]) bool {
	return cmp.Or(cmp.Compare(w.Stamp, other.Stamp), w.Origin.Compare(other.Origin)) > 0
}

// Register maps keys to the last value that was written, where a deletion is a write like any other and is remembered:
// a node that missed it cannot bring the value back. The merge is the greatest write per key (Thomas, "A majority
// consensus approach to concurrency control", 1979). One origin must not use a stamp twice. It has no locks, and the zero
// value is ready to use.
type Register[K cmp.Ordered, V any] struct {
	writes map[K]Write[V]
	sum    uint64 // of the hashes of writes
}

// hash names the write: an origin uses a stamp once.
func (w *Write[V]) hash() uint64 { return Dot{w.Origin, uint64(w.Stamp)}.hash() }

// Put writes a value, unless a later write is known: then nothing happens, and it is false.
func (g *Register[K, V]) Put(self Origin, k K, v V, at Stamp) bool {
	return g.Merge(k, Write[V]{Stamp: at, Origin: self, Value: v})
}

// Delete writes a deletion, unless a later write is known. Deleting what is not there is a write too.
func (g *Register[K, V]) Delete(self Origin, k K, at Stamp) bool {
	return g.Merge(k, Write[V]{Stamp: at, Origin: self, Deleted: true})
}

// Merge takes a write over if it is later than the one that is known, and reports whether it was.
func (g *Register[K, V]) Merge(k K, w Write[V]) bool {
	known, ok := g.writes[k]
	if ok {
		if !w.after(known) {
			return false
		}
		g.sum -= known.hash()
	}
	g.sum += w.hash()
	if g.writes == nil {
		g.writes = map[K]Write[V]{}
	}
	g.writes[k] = w
	return true
}

// MergeAll merges all writes of another register, and returns the keys that changed, ascending.
func (g *Register[K, V]) MergeAll(other *Register[K, V]) (changed []K) {
	for k, w := range other.Writes() {
		if g.Merge(k, w) {
			changed = append(changed, k)
		}
	}
	return changed
}

// Digest is equal for registers that hold the same writes, and differs for others but for a chance of 2^-64.
func (g *Register[K, V]) Digest() uint64 { return g.sum }

// Len counts the keys, deleted ones included.
func (g *Register[K, V]) Len() int { return len(g.writes) }

// Split cuts a register into registers of at most keys keys each, so that one fits into a frame.
func (g *Register[K, V]) Split(keys int) (parts []*Register[K, V]) {
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(g.writes)), max(keys, 1)) {
		part := &Register[K, V]{}
		for _, k := range chunk {
			part.Merge(k, g.writes[k])
		}
		parts = append(parts, part)
	}
	return parts
}

// Get is the value of a key, if it has one.
func (g *Register[K, V]) Get(k K) (v V, ok bool) {
	w, ok := g.writes[k]
	return w.Value, ok && !w.Deleted
}

// Writes are the last writes of all keys, ascending by key, deletions included: what another register has to merge to
// hold the same.
func (g *Register[K, V]) Writes() iter.Seq2[K, Write[V]] {
	return func(yield func(K, Write[V]) bool) {
		for _, k := range slices.Sorted(maps.Keys(g.writes)) {
			if w, ok := g.writes[k]; ok && !yield(k, w) {
				return
			}
		}
	}
}

// Sweep forgets the deletions older than keep, and counts them. A node that was away for longer than that must start
// empty, or it brings the values back.
func (g *Register[K, V]) Sweep(now time.Time, keep time.Duration) int {
	before := len(g.writes)
	oldest := StampOf(now.Add(-keep))
	for k, w := range g.writes {
		if w.Deleted && w.Stamp < oldest {
			g.sum -= w.hash()
			delete(g.writes, k)
		}
	}
	return before - len(g.writes)
}
