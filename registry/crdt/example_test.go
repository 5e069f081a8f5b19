package crdt_test

import (
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// Two nodes hold the same name. Both compute who stays; only the owner of the other record removes it.
func ExampleStore() {
	a, _ := crdt.NewStore(crdt.Origin{Node: "a", Incarnation: 1})
	b, _ := crdt.NewStore(crdt.Origin{Node: "b", Incarnation: 1})
	a.Show(b.Self())
	b.Show(a.Self())

	key := crdt.Key{Kind: crdt.Name, Name: "clock"}
	a.Add(crdt.Entry{Key: key, Stamp: 7})
	b.Add(crdt.Entry{Key: key, Stamp: 5}) // earlier: it stays

	exchange := func(from, to *crdt.Store) {
		if _, verdict := to.Check(from.Digest()); verdict == crdt.Behind {
			delta, _ := from.Since(to.Upto(from.Self()), crdt.MaxFrameBytes)
			received, _ := crdt.DecodeDelta(delta.Append(nil))
			to.Apply(received)
		}
	}
	exchange(b, a)
	winner, lost := a.Lost(key)
	fmt.Println("winner:", winner.Origin.Node)
	for _, r := range lost {
		fmt.Println("loser:", a.Remove(r.Seq).Origin.Node)
	}
	exchange(a, b)
	for r := range b.Holders(key) {
		fmt.Println("b sees:", r.Origin.Node)
	}
	// Output:
	// winner: b
	// loser: a
	// b sees: b
}

// A write that a removal has not seen survives it.
func ExampleMap() {
	var a, b crdt.Map[string, string]
	nodeA, nodeB := crdt.Origin{Node: "a", Incarnation: 1}, crdt.Origin{Node: "b", Incarnation: 1}

	b.Merge(a.Put(nodeA, "room", "first", 1))
	removed, written := a.Remove("room"), b.Put(nodeB, "room", "second", 2)
	fmt.Println("a changed:", a.Merge(written))
	fmt.Println("b changed:", b.Merge(removed))
	v, _ := a.Get("room")
	w, _ := b.Get("room")
	fmt.Println(v, w, a.Digest() == b.Digest())
	// Output:
	// a changed: [room]
	// b changed: []
	// second second true
}

// What was deleted stays deleted, although another node still had it.
func ExampleRegister() {
	var a, b crdt.Register[string, string]
	nodeA := crdt.Origin{Node: "a", Incarnation: 1}
	a.Put(nodeA, "worker", "spec", 1)
	b.MergeAll(&a)
	a.Delete(nodeA, "worker", 2)
	fmt.Println("from b:", a.MergeAll(&b))
	fmt.Println("from a:", b.MergeAll(&a))
	_, ok := b.Get("worker")
	fmt.Println(ok)
	// Output:
	// from b: []
	// from a: [worker]
	// false
}

// The clock moves on even if the time does not.
func ExampleClock() {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var c crdt.Clock
	c, first := c.Tick(now)
	c, second := c.Tick(now.Add(-time.Second))
	fmt.Println(first)
	fmt.Println(second)
	_, err := c.Merge(crdt.StampOf(now.Add(time.Hour)), now)
	fmt.Println(err)
	// Output:
	// 2026-01-02T03:04:05.000Z+0
	// 2026-01-02T03:04:05.000Z+1
	// crdt: stamp 2026-01-02T04:04:05.000Z+0 is 1h0m0s ahead of the local clock, more than 500ms
}
