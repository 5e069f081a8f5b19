package crdt_test

import (
	"fmt"
	"testing"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

func TestEmptyNodeDropsNothing(t *testing.T) {
	const count = 10_000
	stores := connected(t, "a", "b")
	a, b := stores[0], stores[1]
	for i := range count {
		must(a.Add(entry(fmt.Sprint(i))))
	}
	a.Check(b.Digest())
	d, _ := b.Since(0, frame)
	a.Apply(d)
	if pages := catchUp(t, a, b, 4096); pages < 50 {
		t.Errorf("%d pages", pages)
	}
	if a.Len() != count || b.Len() != count || a.Digest().Hash != b.HashOf(t, "a") {
		t.Errorf("%d and %d records", a.Len(), b.Len())
	}
}

func TestPagesWhileTheOwnerWrites(t *testing.T) {
	stores := connected(t, "a", "b")
	a, b := stores[0], stores[1]
	kept := must(a.Add(entry("kept")))
	catchUp(t, a, b, frame)
	var seqs []uint64
	for i := range crdt.RingOps + 100 {
		seqs = append(seqs, must(a.Add(entry(fmt.Sprint(i)))).Seq)
	}
	if _, ok := a.Since(b.Upto(a.Self()), frame); ok {
		t.Fatal("the ring has not passed")
	}
	pages := 0
	for {
		q, _, v := b.ApplyPage(a.Page(b.PageRequest(a.Self()), 2000))
		if pages++; q == nil {
			if v != crdt.InSync {
				t.Fatal(v)
			}
			break
		}
		if b.Lookup(name("kept")) == nil {
			t.Fatalf("page %d took what was shown", pages)
		}
		a.Remove(seqs[pages])
		a.Remove(seqs[len(seqs)-pages])
		must(a.Replace(seqs[pages*5], entry("moved")))
		kept = must(a.Replace(kept.Seq, kept.Entry))
	}
	if _, v := b.Check(a.Digest()); v != crdt.InSync || pages < 20 {
		t.Errorf("%v after %d pages", v, pages)
	}
	if names(b) != names(a) {
		t.Error("different entries")
	}
}

func TestPagesShowNoStateThatNeverWas(t *testing.T) {
	stores := connected(t, "a", "b")
	a, b := stores[0], stores[1]
	must(a.Add(entry("first")))
	r := must(a.Add(entry("held")))
	b.ApplyPage(a.Page(b.PageRequest(a.Self()), 1))
	for i := range 10 {
		must(a.Add(entry(fmt.Sprint(i))))
	}
	must(a.Replace(r.Seq, r.Entry))
	for pages := 1; ; pages++ {
		if q, _, _ := b.ApplyPage(a.Page(b.PageRequest(a.Self()), 1)); q != nil {
			continue
		}
		if b.Lookup(name("held")) == nil || names(b) != names(a) {
			t.Errorf("after %d pages b shows %q, a %q", pages, names(b), names(a))
		}
		return
	}
}

func TestPagesThatCameTooLate(t *testing.T) {
	stores := connected(t, "a", "b")
	a, b := stores[0], stores[1]
	must(a.Add(entry("x")))
	late := a.Page(b.PageRequest(a.Self()), frame)
	must(a.Add(entry("y")))
	catchUp(t, a, b, frame)
	if q, changes, v := b.ApplyPage(late); q != nil || len(changes) != 0 || v != crdt.InSync {
		t.Errorf("%v, %v, %v", q, changes, v)
	}
	shows(t, b, "a:x a:y")
}

func TestPagesStartAnewWhenTheRingPassed(t *testing.T) {
	stores := connected(t, "a", "b")
	a, b := stores[0], stores[1]
	for i := range 100 {
		must(a.Add(entry(fmt.Sprint(i))))
	}
	b.ApplyPage(a.Page(b.PageRequest(a.Self()), 500))
	for range crdt.RingOps {
		a.Remove(must(a.Add(entry("x"))).Seq)
	}
	if p := a.Page(b.PageRequest(a.Self()), 500); p.After != 0 || p.Base != a.Digest().Upto {
		t.Errorf("the exchange goes on after %d of %d", p.After, p.Base)
	}
	catchUp(t, a, b, 500)
	if names(a) != names(b) {
		t.Error("different entries")
	}
}

func TestPagesThatNoOwnerMakes(t *testing.T) {
	for what, p := range map[string]crdt.Page{
		"unordered": {Base: 9, First: 10, Cursor: 9, Items: []crdt.Item{{Seq: 5}, {Seq: 4}}},
		"above":     {Base: 9, First: 10, Cursor: 9, Items: []crdt.Item{{Seq: 10}}},
		"no step":   {Base: 9, First: 10},
		"cut short": {Base: 9, First: 10, Cursor: 5, Items: []crdt.Item{{Seq: 5}}, Done: true},
	} {
		b := connected(t, "b", "a")[0]
		p.Origin = origin("a", 1)
		if q, changes, v := b.ApplyPage(p); q != nil || len(changes) != 0 || v != crdt.Diverged {
			t.Errorf("%s: %v, %v, %v", what, q, changes, v)
		}
	}
}

func TestDivergenceIsSeenAndHealed(t *testing.T) {
	stores := connected(t, "a", "b")
	a, b := stores[0], stores[1]
	must(a.Add(entry("x")))
	b.Apply(crdt.Delta{Origin: a.Self(), First: 1, Ops: []crdt.Op{{Add: true, Entry: entry("y")}}})
	if _, v := b.Check(a.Digest()); v != crdt.Diverged {
		t.Fatal(v)
	}
	if pages := catchUp(t, a, b, frame); pages != 1 {
		t.Errorf("%d pages", pages)
	}
	shows(t, b, "a:x")
	if b.Lookup(name("y")) != nil {
		t.Error("the index keeps what was replaced")
	}
}
