package crdt_test

import (
	"testing"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// TestContextIsASet compares contexts with plain sets: membership, union, equality, and as few spans as there are runs.
func TestContextIsASet(t *testing.T) {
	r := seeded(t)
	const most = 40
	for range 2000 {
		var c, other crdt.Context
		set := map[crdt.Dot]bool{}
		for range r.IntN(60) {
			d := crdt.Dot{Origin: origin("ab"[r.IntN(2):][:1], 1), Seq: r.Uint64N(most)}
			if r.IntN(2) == 0 {
				c.Add(d)
			} else {
				other.Add(d)
			}
			if d.Seq != 0 { // there is no such dot
				set[d] = true
			}
		}
		before := c.Clone()
		c.Union(&other)
		other.Union(before)
		runs := 0
		for _, node := range []string{"a", "b"} {
			for n := range uint64(most + 1) {
				d := crdt.Dot{Origin: origin(node, 1), Seq: n}
				if c.Has(d) != set[d] {
					t.Fatalf("%v: %v", d, c.Has(d))
				}
				d.Seq++
				if set[d] && (n == 0 || !c.Has(crdt.Dot{Origin: d.Origin, Seq: n})) {
					runs++
				}
			}
		}
		if c.Spans() != runs || !c.Equal(&other) {
			t.Fatalf("%d spans of %d runs, the same the other way round: %v", c.Spans(), runs, c.Equal(&other))
		}
	}
}

// TestContextHealsItsHoles: what arrives backwards ends as one span.
func TestContextHealsItsHoles(t *testing.T) {
	var c crdt.Context
	for n := uint64(100); n > 0; n-- {
		c.Add(crdt.Dot{Origin: nodeA, Seq: n})
	}
	if c.Spans() != 1 {
		t.Errorf("%d spans", c.Spans())
	}
	c.Add(crdt.Dot{Origin: nodeA, Seq: 102})
	c.Add(crdt.Dot{Origin: nodeB, Seq: ^uint64(0)})
	c.Add(crdt.Dot{Origin: nodeB, Seq: ^uint64(0) - 1})
	if c.Spans() != 3 || !c.Has(crdt.Dot{Origin: nodeB, Seq: ^uint64(0)}) || c.Has(crdt.Dot{Origin: nodeA, Seq: 101}) {
		t.Errorf("%d spans", c.Spans())
	}
}
