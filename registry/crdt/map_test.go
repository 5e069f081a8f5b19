package crdt_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

type texts = crdt.Map[string, string]

var nodeA, nodeB, nodeC = origin("a", 1), origin("b", 1), origin("c", 1)

func read(m *texts) map[string]string { return maps.Collect(m.All()) }

func reads(t *testing.T, m *texts, want map[string]string) {
	t.Helper()
	if got := read(m); !maps.Equal(got, want) {
		t.Errorf("reads %v, want %v", got, want)
	}
}

// The cases of this file are those that delta_crdt tests its map with.

func TestMapAddAndRead(t *testing.T) {
	var m texts
	m.Put(nodeA, "1", "2", 1)
	reads(t, &m, map[string]string{"1": "2"})
	if _, ok := m.Get("2"); ok || m.Len() != 1 {
		t.Error("a key that nobody wrote")
	}
}

func TestMapJoinsTwoAdds(t *testing.T) {
	var m, other texts
	other.Merge(m.Put(nodeA, "1", "2", 1))
	other.Merge(m.Put(nodeA, "2", "2", 2))
	reads(t, &other, map[string]string{"1": "2", "2": "2"})
}

func TestMapRemove(t *testing.T) {
	var m, other texts
	add := m.Put(nodeA, "1", "2", 1)
	remove := m.Remove("1")
	reads(t, &m, nil)
	other.Merge(remove) // the removal first: the value must not come back
	if changed := other.Merge(add); len(changed) != 0 {
		t.Errorf("changed %v", changed)
	}
	reads(t, &other, nil)
}

func TestMapConflictingUpdatesResolve(t *testing.T) {
	var a, b texts
	da, db := a.Put(nodeA, "k", "of a", 7), b.Put(nodeB, "k", "of b", 7)
	a.Merge(db)
	b.Merge(da)
	for _, m := range []*texts{&a, &b} {
		reads(t, m, map[string]string{"k": "of b"}) // equal stamps: the greater origin
		if n := len(slices.Collect(m.Values("k"))); n != 2 {
			t.Errorf("%d values: a conflict is not hidden", n)
		}
	}
	b.Merge(a.Put(nodeA, "k", "settled", 8))
	if n := len(slices.Collect(b.Values("k"))); n != 1 {
		t.Errorf("%d values after a write that saw both", n)
	}
	// The clock decides, not who is greater.
	var c, d texts
	dc := c.Put(nodeA, "k", "later", 9)
	d.Put(nodeB, "k", "earlier", 8)
	d.Merge(dc)
	reads(t, &d, map[string]string{"k": "later"})
}

func TestMapAddWins(t *testing.T) {
	var a, b texts
	b.Merge(a.Put(nodeA, "k", "1", 1))
	remove, add := a.Remove("k"), b.Put(nodeB, "k", "2", 0)
	a.Merge(add)
	b.Merge(remove)
	reads(t, &a, map[string]string{"k": "2"})
	reads(t, &b, map[string]string{"k": "2"})
}

func TestMapSyncIsDirectional(t *testing.T) {
	var a, b texts
	b.Put(nodeB, "b", "1", 1)
	b.Merge(a.Put(nodeA, "a", "1", 1))
	reads(t, &a, map[string]string{"a": "1"})
	reads(t, &b, map[string]string{"a": "1", "b": "1"})
}

func TestMapBulk(t *testing.T) {
	var a, b texts
	delta := a.PutAll(nodeA, map[string]string{"1": "x", "2": "y", "3": "z"}, 1)
	if changed := b.Merge(delta); !slices.Equal(changed, []string{"1", "2", "3"}) {
		t.Errorf("changed %v", changed)
	}
	if changed := b.Merge(a.Remove("1", "3", "1", "none")); !slices.Equal(changed, []string{"1", "3"}) {
		t.Errorf("changed %v", changed)
	}
	reads(t, &b, map[string]string{"2": "y"})
	b.Merge(a.Clear())
	reads(t, &b, nil)
	if a.Digest() != b.Digest() {
		t.Error("empty maps that have seen the same differ")
	}
}

// TestMapKeepsNoDotsOfOldValues: writing one key again and again takes one value, one dot and one span.
func TestMapKeepsNoDotsOfOldValues(t *testing.T) {
	var m texts
	for i := range 1000 {
		m.Put(nodeA, "k", fmt.Sprint(i), crdt.Stamp(i))
	}
	if seen := m.Seen(); m.Dots() != 1 || seen.Spans() != 1 {
		t.Errorf("%d dots, %d spans", m.Dots(), seen.Spans())
	}
	m.Clear()
	if seen := m.Seen(); m.Dots() != 0 || seen.Spans() != 1 {
		t.Errorf("cleared: %d dots, %d spans", m.Dots(), seen.Spans())
	}
}

// TestMapRehydrates: what was written down continues where it was, and a node that lost all writes as a new incarnation.
func TestMapRehydrates(t *testing.T) {
	var a, b texts
	b.Merge(a.Put(nodeA, "k", "1", 1))
	again := decodeMap(t, encodeMap(&a))
	b.Merge(again.Put(nodeA, "k", "2", 2))
	reads(t, &b, map[string]string{"k": "2"})
	var empty texts
	b.Merge(empty.Put(origin("a", 2), "k", "3", 3))
	reads(t, &b, map[string]string{"k": "3"})
}

func TestMapSyncsAfterPartition(t *testing.T) {
	maps3 := [3]texts{}
	for i := range maps3 {
		maps3[0].Merge(maps3[i].Put(origin("abc"[i:i+1], 1), fmt.Sprint(i), "before", 1))
	}
	for i := range maps3 {
		maps3[i].Merge(&maps3[0])
	}
	maps3[0].Remove("1")                    // c does not see it
	maps3[2].Put(nodeC, "1", "survives", 2) // seen by nobody
	maps3[2].Remove("2")
	for i := range maps3 {
		for j := range maps3 {
			maps3[i].Merge(maps3[j].Delta(maps3[i].Seen()))
		}
	}
	for i := range maps3 {
		maps3[i].Merge(maps3[2].Delta(maps3[i].Seen()))
		reads(t, &maps3[i], map[string]string{"0": "before", "1": "survives"})
	}
}

// TestMapArbitrarySequence: adds and removals one after the other, by any nodes that see each other's, give what a plain
// map gives.
func TestMapArbitrarySequence(t *testing.T) {
	r := seeded(t)
	for range 300 {
		nodes := [3]texts{}
		plain := map[string]string{}
		for step := range r.IntN(60) {
			i, k, v := r.IntN(3), fmt.Sprint(r.IntN(5)), fmt.Sprint(step)
			var delta *texts
			if r.IntN(2) == 0 {
				delta = nodes[i].Put(origin("abc"[i:i+1], 1), k, v, 0)
				plain[k] = v
			} else {
				delta = nodes[i].Remove(k)
				delete(plain, k)
			}
			for j := range nodes {
				nodes[j].Merge(delta)
			}
		}
		for i := range nodes {
			reads(t, &nodes[i], plain)
		}
	}
}

func TestMapForget(t *testing.T) {
	var a, b texts
	b.Merge(a.Put(nodeA, "gone", "1", 1))
	b.Put(nodeB, "stays", "1", 1)
	if changed := b.Forget(nodeA); !slices.Equal(changed, []string{"gone"}) {
		t.Errorf("changed %v", changed)
	}
	if seen := b.Seen(); seen.Spans() != 1 || seen.Has(crdt.Dot{Origin: nodeA, Seq: 1}) {
		t.Error("still known")
	}
	reads(t, &b, map[string]string{"stays": "1"})
}

func TestMapReadsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("not under the race detector")
	}
	var m texts
	m.Put(nodeA, "k", "v", 1)
	if n := testing.AllocsPerRun(100, func() {
		m.Get("k")
		for range m.Values("k") {
			continue
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMapGet(b *testing.B) {
	var m texts
	for i := range 10_000 {
		m.Put(nodeA, fmt.Sprint(i), "v", 1)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Get("4711")
	}
}

func BenchmarkMapMergeDelta(b *testing.B) {
	var m, other texts
	for i := range 10_000 {
		m.Put(nodeA, fmt.Sprint(i), "v", 1)
	}
	other.Merge(&m)
	b.ReportAllocs()
	for b.Loop() {
		other.Merge(m.Put(nodeA, "4711", "w", 2))
	}
}
