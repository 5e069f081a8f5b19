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
type Register[K cmp.Ordered, V any] struct{ writes map[K]Write[V] }

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
	if known, ok := g.writes[k]; ok && !w.after(known) {
		return false
	}
	if g.writes == nil {
		g.writes = map[K]Write[V]{}
	}
	g.writes[k] = w
	return true
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
	maps.DeleteFunc(g.writes, func(_ K, w Write[V]) bool { return w.Deleted && w.Stamp < oldest })
	return before - len(g.writes)
}
