package crdt

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// Versioned is a value with the write it came from.
type Versioned[V any] struct {
	Dot   Dot
	Stamp Stamp
	Value V
}

// better is the order in which the values of a key are read: the later stamp first, then the greater origin, so that
// nodes agree even when their clocks issued the same stamp.
func better[V any](a, b Versioned[V]) int {
	return cmp.Or(cmp.Compare(b.Stamp, a.Stamp), b.Dot.compare(a.Dot))
}

// Map is an add-wins observed-remove map. A removal, and a write, ends exactly those values that its writer had seen; a
// write that it had not seen survives. What concurrent writes left under one key is all there, in an order that every
// node computes the same.
//
// The same type is a state and a delta: writing methods change the map and return the change as a small map, which any
// other map can [Map.Merge], in any order and any number of times.
//
// The join is that of the causal dot stores in Almeida, Shoker and Baquero, "Delta state replicated data types" (JPDC
// 2018); removal without tombstones that of Bieniusa et al., "An optimized conflict-free replicated set" (2012).
//
// Invariants: dots has each value of entries, and nothing else; all of them are in seen; no entry is empty; sum is that
// of the hashes of dots. A Map has no locks, and the zero value is ready to use.
type Map[K cmp.Ordered, V any] struct {
	entries map[K][]Versioned[V] // best first
	dots    map[Dot]K
	seen    Context
	sum     uint64
}

// Get is the value of a key that all agree on.
func (m *Map[K, V]) Get(k K) (v V, ok bool) {
	if all := m.entries[k]; len(all) > 0 {
		return all[0].Value, true
	}
	return v, false
}

// Values are all concurrent values of a key, the one that Get returns first. The map must not be written to meanwhile.
func (m *Map[K, V]) Values(k K) iter.Seq[Versioned[V]] { return slices.Values(m.entries[k]) }

// Len counts the keys.
func (m *Map[K, V]) Len() int { return len(m.entries) }

// All are the keys, ascending, with the value that Get returns. It iterates over the keys of the moment it begins.
func (m *Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m.entries)) {
			if v, ok := m.Get(k); ok && !yield(k, v) {
				return
			}
		}
	}
}

// Put writes a value as self, in place of all values of the key that are here, and returns the delta. An origin has one
// writer, and one that lost its state must write as a new incarnation: a dot that is used twice is a lost value.
func (m *Map[K, V]) Put(self Origin, k K, v V, at Stamp) *Map[K, V] {
	delta := &Map[K, V]{}
	m.put(delta, self, k, v, at)
	return delta
}

// PutAll is one Put for each pair, with a single delta.
func (m *Map[K, V]) PutAll(self Origin, values map[K]V, at Stamp) *Map[K, V] {
	delta := &Map[K, V]{}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		m.put(delta, self, k, values[k], at)
	}
	return delta
}

func (m *Map[K, V]) put(delta *Map[K, V], self Origin, k K, v V, at Stamp) {
	m.end(delta, k)
	value := Versioned[V]{Dot{self, m.seen.last(self) + 1}, at, v}
	m.seen.Add(value.Dot)
	delta.seen.Add(value.Dot)
	m.insert(k, value)
	delta.insert(k, value)
}

// Remove ends the values of the keys that are here, and returns the delta. Values that others wrote without having been
// seen here stay.
func (m *Map[K, V]) Remove(keys ...K) *Map[K, V] {
	delta := &Map[K, V]{}
	for _, k := range keys {
		m.end(delta, k)
	}
	return delta
}

// Clear removes all keys.
func (m *Map[K, V]) Clear() *Map[K, V] { return m.Remove(slices.Collect(maps.Keys(m.entries))...) }

// end takes all values of a key out of m, and notes in delta that they were seen. An element of the delta itself, from
// an earlier write of the same bulk, cannot be among them: bulks have each key once.
func (m *Map[K, V]) end(delta *Map[K, V], k K) {
	for _, old := range m.entries[k] {
		delta.seen.Add(old.Dot)
		delete(m.dots, old.Dot)
		m.sum -= old.Dot.hash()
	}
	delete(m.entries, k)
}

func (m *Map[K, V]) insert(k K, v Versioned[V]) {
	if m.entries == nil {
		m.entries, m.dots = map[K][]Versioned[V]{}, map[Dot]K{}
	}
	all := m.entries[k]
	i, _ := slices.BinarySearchFunc(all, v, better)
	m.entries[k] = slices.Insert(all, i, v)
	m.dots[v.Dot] = k
	m.sum += v.Dot.hash()
}

// kill takes one value out.
func (m *Map[K, V]) kill(k K, d Dot) {
	rest := slices.DeleteFunc(m.entries[k], func(v Versioned[V]) bool { return v.Dot == d })
	if len(rest) == 0 {
		delete(m.entries, k)
	} else {
		m.entries[k] = rest
	}
	delete(m.dots, d)
	m.sum -= d.hash()
}

// Merge joins a state or a delta into m, and returns the keys whose values changed, ascending. It takes time in
// proportion to the smaller of the two.
func (m *Map[K, V]) Merge(other *Map[K, V]) []K {
	changed := map[K]bool{}
	end := func(d Dot, k K) {
		if _, lives := other.dots[d]; !lives {
			m.kill(k, d)
			changed[k] = true
		}
	}
	if other.seen.atMost(len(m.dots)) {
		other.seen.dots(func(d Dot) {
			if k, here := m.dots[d]; here {
				end(d, k)
			}
		})
	} else {
		for d, k := range m.dots {
			if other.seen.Has(d) {
				end(d, k)
			}
		}
	}
	for k, all := range other.entries {
		for _, v := range all {
			if !m.seen.Has(v.Dot) {
				m.insert(k, v)
				changed[k] = true
			}
		}
	}
	m.seen.Union(&other.seen)
	return slices.Sorted(maps.Keys(changed))
}

// Seen is a copy of the causal context: what to send to another node so that it can answer with [Map.Delta].
func (m *Map[K, V]) Seen() *Context { return m.seen.Clone() }

// Delta is what a map that has seen no more than since lacks, removals included: merging it gives the same as merging
// the whole of m.
func (m *Map[K, V]) Delta(since *Context) *Map[K, V] {
	delta := &Map[K, V]{}
	known := map[Origin][]uint64{}
	for d, k := range m.dots {
		if since.Has(d) {
			known[d.Origin] = append(known[d.Origin], d.Seq)
			continue
		}
		for _, v := range m.entries[k] {
			if v.Dot == d {
				delta.insert(k, v)
			}
		}
	}
	for _, seqs := range known {
		slices.Sort(seqs)
	}
	// A dot that is in the context without a value says that the value ended. Those that live, and are known there, must
	// not be in it.
	delta.seen = *m.seen.without(known)
	return delta
}

// MapDigest sums up a map: two with equal digests hold the same, but for a chance of 2^-64.
type MapDigest struct{ Seen, Live uint64 }

// Digest is computed in time proportional to the spans of the context.
func (m *Map[K, V]) Digest() MapDigest { return MapDigest{m.seen.hash(), m.sum} }

// Forget deletes the values that o wrote and all memory of it, and returns the keys that changed. It is for origins
// that nobody has heard of for so long that none of their writes can still be under way: whoever still holds one would
// bring it back. Every node does this for itself.
func (m *Map[K, V]) Forget(o Origin) []K {
	changed := map[K]bool{}
	for d, k := range m.dots {
		if d.Origin == o {
			m.kill(k, d)
			changed[k] = true
		}
	}
	delete(m.seen.of, o)
	return slices.Sorted(maps.Keys(changed))
}

// Clone is a copy that shares nothing with m but what the values themselves refer to.
func (m *Map[K, V]) Clone() *Map[K, V] {
	copied := &Map[K, V]{dots: maps.Clone(m.dots), seen: *m.seen.Clone(), sum: m.sum}
	if m.entries != nil {
		copied.entries = make(map[K][]Versioned[V], len(m.entries))
	}
	for k, all := range m.entries {
		copied.entries[k] = slices.Clone(all)
	}
	return copied
}
