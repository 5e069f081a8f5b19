package crdt

import (
	"cmp"
	"maps"
	"slices"
)

// Split cuts a state or delta into deltas of at most keys keys each, so that one fits into a frame. Merging all of
// them, in any order, is merging m; merging some of them is a state on the way there.
func (m *Map[K, V]) Split(keys int) []*Map[K, V] {
	keys = max(keys, 1)
	var parts []*Map[K, V]
	live := map[Origin][]uint64{}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(m.entries)), keys) {
		part := &Map[K, V]{}
		for _, k := range chunk {
			for _, v := range m.entries[k] {
				part.insert(k, v)
				part.seen.Add(v.Dot)
				live[v.Dot.Origin] = append(live[v.Dot.Origin], v.Dot.Seq)
			}
		}
		parts = append(parts, part)
	}
	for _, seqs := range live {
		slices.Sort(seqs)
	}
	// What is left of the context are the dots of ended values. Where these lie scattered the spans are many, so they are
	// cut too.
	return append(parts, endings[K, V](m.seen.without(live), 8*keys)...)
}

// endings are maps without values, of at most n spans each.
func endings[K cmp.Ordered, V any](ended *Context, n int) (parts []*Map[K, V]) {
	room := 0
	for _, o := range ended.origins() {
		for _, s := range ended.of[o] {
			if room == 0 {
				parts = append(parts, &Map[K, V]{})
				room = n
			}
			parts[len(parts)-1].seen.addSpan(o, s)
			room--
		}
	}
	return parts
}
