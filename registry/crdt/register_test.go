package crdt_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

type specs = crdt.Register[string, string]

func TestRegisterLastWriteWins(t *testing.T) {
	var g specs
	if !g.Put(nodeA, "k", "1", 5) || g.Put(nodeB, "k", "2", 4) || g.Put(nodeA, "k", "3", 5) {
		t.Error("an earlier or equal write won")
	}
	if v, ok := g.Get("k"); !ok || v != "1" {
		t.Errorf("%q, %v", v, ok)
	}
	if !g.Put(nodeB, "k", "4", 5) { // equal stamps: the greater origin
		t.Error("no tie-break")
	}
	if _, ok := g.Get("none"); ok {
		t.Error("a key that nobody wrote")
	}
}

// TestRegisterDeletionStays: one side deletes while the other, cut off, still holds and sends the value.
func TestRegisterDeletionStays(t *testing.T) {
	var a, b specs
	a.Put(nodeA, "k", "v", 1)
	b.MergeAll(&a)
	a.Delete(nodeA, "k", 2)
	a.MergeAll(&b)
	b.MergeAll(&a)
	b.MergeAll(&b)
	for _, g := range []*specs{&a, &b} {
		if v, ok := g.Get("k"); ok || v != "" {
			t.Errorf("%q came back", v)
		}
	}
	noonStamp := crdt.StampOf(noon)
	a.Delete(nodeA, "young", noonStamp)
	a.Put(nodeA, "old", "v", 3)
	if n := a.Sweep(noon.Add(time.Hour), time.Hour); n != 1 || a.Len() != 2 {
		t.Errorf("swept %d, %d are left", n, a.Len())
	}
	if v, ok := a.Get("old"); !ok || v != "v" {
		t.Error("a value was swept")
	}
	if a.Put(nodeB, "young", "v", noonStamp-1) {
		t.Error("a young deletion was forgotten")
	}
}

// TestRegisterLaws: any order of the same writes, with repetitions and through others, ends the same.
func TestRegisterLaws(t *testing.T) {
	r := seeded(t)
	for range 500 {
		nodes := [3]specs{}
		for step := range 20 {
			i, k := r.IntN(3), fmt.Sprint(r.IntN(3))
			self := origin("abc"[i:i+1], 1)
			stamp := crdt.Stamp(step*3 + r.IntN(20))
			switch r.IntN(3) {
			case 0:
				nodes[i].Put(self, k, fmt.Sprint(step), stamp)
			case 1:
				nodes[i].Delete(self, k, stamp)
			default:
				nodes[i].MergeAll(&nodes[r.IntN(3)])
			}
		}
		var left, right specs
		for i := range nodes {
			left.MergeAll(&nodes[i])
			right.MergeAll(&nodes[2-i])
			right.MergeAll(&left)
		}
		if !maps.Equal(maps.Collect(left.Writes()), maps.Collect(right.Writes())) {
			t.Fatal("not commutative")
		}
		if left.Digest() != right.Digest() || left.Digest() == (&specs{}).Digest() != (left.Len() == 0) {
			t.Fatal("the digest does not follow")
		}
		var parts specs
		for _, part := range right.Split(1 + r.IntN(2)) {
			parts.MergeAll(part)
		}
		if changed := left.MergeAll(&parts); len(changed) != 0 || parts.Digest() != left.Digest() {
			t.Fatalf("the parts are not the whole: %v", changed)
		}
	}
}
