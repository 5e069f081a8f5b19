package crdt_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

func entry(n string) crdt.Entry { return crdt.Entry{Key: name(n)} }

// names are what a store shows, as node:name.
func names(s *crdt.Store) string {
	var all []string
	for _, r := range s.Snapshot(nil) {
		all = append(all, r.Origin.Node+":"+r.Name)
	}
	return strings.Join(all, " ")
}

func shows(t *testing.T, s *crdt.Store, want string) {
	t.Helper()
	if got := names(s); got != want {
		t.Errorf("%v shows %q, want %q", s.Self(), got, want)
	}
}

func origin(node string, n crdt.Incarnation) crdt.Origin {
	return crdt.Origin{Node: node, Incarnation: n}
}

func TestGapIsDetectedAndFilled(t *testing.T) {
	stores := connected(t, "a", "b")
	a, b := stores[0], stores[1]
	for _, n := range []string{"x", "y", "z"} {
		must(a.Add(entry(n)))
	}
	var later crdt.Delta
	for missing := range uint64(2) {
		later, _ = a.Since(missing+1, frame)
		if changes, v := b.Apply(later); v != crdt.Behind || len(changes) != 0 {
			t.Fatalf("a delta behind a gap: %v, %v", changes, v)
		}
	}
	shows(t, b, "")
	all, _ := a.Since(b.Upto(a.Self()), frame)
	if changes, v := b.Apply(all); v != crdt.InSync || len(changes) != 3 {
		t.Fatalf("%v, %v", changes, v)
	}
	if changes, v := b.Apply(later); v != crdt.InSync || len(changes) != 0 {
		t.Errorf("a repeated delta: %v, %v", changes, v)
	}
	shows(t, b, "a:x a:y a:z")
}

func TestDeltaKeepsToItsSize(t *testing.T) {
	stores := connected(t, "a", "b")
	for i := range 100 {
		must(stores[0].Add(crdt.Entry{Key: name(fmt.Sprint("name", i)), Meta: strings.Repeat("m", i)}))
	}
	for upto, frames := uint64(0), 0; upto < 100; frames++ {
		d, ok := stores[0].Since(upto, 512)
		if n := len(d.Append(nil)); !ok || len(d.Ops) == 0 || n > 512+300 || frames > 100 {
			t.Fatalf("frame %d: %d operations, %d bytes", frames, len(d.Ops), n)
		}
		upto = d.Last()
	}
	if d, ok := stores[0].Since(0, 1); !ok || len(d.Ops) != 1 {
		t.Errorf("no room for any operation: %d", len(d.Ops))
	}
	if _, ok := stores[0].Since(101, frame); ok {
		t.Error("operations that were never written")
	}
}

// TestEmptyNodeDropsNothing: a node that joins empty, and whose digest says so, takes nothing from the others (Horde
// issue #116), and gets everything in pages.
// TestPagesWhileTheOwnerWrites: entries end, move and begin between the pages; what was shown before stays to be seen
// until the exchange is complete.
// TestPagesShowNoStateThatNeverWas: the last entry is replaced before its page is made, with operations before that
// which do not fit into one page. It must not be missing in between.
// TestPagesThatCameTooLate: a state that is complete, but older than what deltas made of the shard, is dropped.
func TestHideAndShow(t *testing.T) {
	s := must(crdt.NewStore(origin("b", 1)))
	add := crdt.Delta{Origin: origin("a", 1), First: 1, Ops: []crdt.Op{{Add: true, Entry: entry("x")}}}
	if changes, _ := s.Apply(add); len(changes) != 0 {
		t.Error("a change of what is not shown")
	}
	shows(t, s, "")
	if changes := s.Show(origin("a", 1)); len(changes) != 1 || changes[0].New.Name != "x" || changes[0].Old != nil {
		t.Errorf("%v", changes)
	}
	shows(t, s, "a:x")
	if s.Show(origin("a", 1)) != nil || s.Hide(origin("a", 2)) != nil || s.Hide(origin("z", 1)) != nil {
		t.Error("changes without a reason")
	}
	if changes := s.Hide(origin("a", 1)); len(changes) != 1 || changes[0].Old.Name != "x" || changes[0].New != nil {
		t.Errorf("%v", changes)
	}
	shows(t, s, "")
	if s.Lookup(name("x")) != nil || s.Len() != 1 || s.NextEpoch(name("x")) != 1 {
		t.Error("hidden is neither shown nor gone")
	}
	s.Show(origin("a", 1)) // back without a restart: nothing was lost
	shows(t, s, "a:x")
}

// TestRestartNeverResurrects: a removes an entry while c is cut off with a copy, and restarts. c's copy is gone when it
// hears of the new life, and nothing of the old one is accepted again, whoever sends it.
func TestRestartNeverResurrects(t *testing.T) {
	stores := connected(t, "a", "b", "c")
	a, c := stores[0], stores[2]
	r := must(a.Add(entry("x")))
	settle(t, stores)
	old, _ := a.Since(0, frame)
	a.Remove(r.Seq)
	a2 := must(crdt.NewStore(origin("a", 2)))
	must(a2.Add(entry("y")))
	shows(t, c, "a:x")
	changes, v := c.Check(a2.Digest())
	if v != crdt.Behind || len(changes) != 1 || changes[0].Old == nil {
		t.Errorf("%v, %v", changes, v)
	}
	shows(t, c, "")
	for range 2 {
		if changes, v := c.Apply(old); v != crdt.Stale || changes != nil {
			t.Errorf("%v, %v", changes, v)
		}
		if _, v := c.Check(a.Digest()); v != crdt.Stale {
			t.Error(v)
		}
		if c.Show(a.Self()) != nil || c.Retire(a.Self()) != nil {
			t.Error("the old life can be shown")
		}
		catchUp(t, a2, c, frame)
	}
	shows(t, c, "") // until membership says so
	c.Show(a2.Self())
	shows(t, c, "a:y")
}

func TestRetireAndForget(t *testing.T) {
	stores := connected(t, "a", "b")
	a, b := stores[0], stores[1]
	must(a.Add(entry("x")))
	settle(t, stores)
	if changes := b.Retire(a.Self()); len(changes) != 1 || b.Len() != 0 {
		t.Errorf("%v", changes)
	}
	d, _ := a.Since(0, frame)
	if _, v := b.Apply(d); v != crdt.Stale {
		t.Error(v)
	}
	if got := slices.Collect(b.Nodes()); !slices.Equal(got, []crdt.Origin{a.Self()}) {
		t.Errorf("%v", got)
	}
	b.Forget("a")
	b.Forget("a")
	if len(slices.Collect(b.Nodes())) != 0 {
		t.Error("still known")
	}
	b.Apply(d)
	b.Show(a.Self())
	if changes := b.Forget("a"); len(changes) != 1 || b.Lookup(name("x")) != nil {
		t.Errorf("%v", changes)
	}
}

// TestMemoryIsBounded: a million registrations that ended, over a thousand lives of a hundred nodes, leave nothing but
// the newest incarnation of each node, and after it is forgotten nothing at all.
func TestMemoryIsBounded(t *testing.T) {
	s := must(crdt.NewStore(origin("self", 1)))
	ops := make([]crdt.Op, 0, 2000)
	for i := range 1000 {
		ops = append(ops, crdt.Op{Add: true, Entry: entry("x")}, crdt.Op{Drop: uint64(2*i + 1)})
	}
	lives := 1000
	if raceEnabled {
		lives = 200
	}
	for life := range lives {
		s.Apply(crdt.Delta{Origin: origin(fmt.Sprint(life%100), crdt.Incarnation(life)), First: 1, Ops: ops})
	}
	if n := len(slices.Collect(s.Nodes())); n != 100 || s.Len() != 0 || s.Slots() > 100*64 || s.Keys() != 0 {
		t.Errorf("%d nodes, %d records, %d slots, %d keys", n, s.Len(), s.Slots(), s.Keys())
	}
	for node := range 100 {
		s.Forget(fmt.Sprint(node))
	}
	if len(slices.Collect(s.Nodes())) != 0 || s.Slots() != 0 {
		t.Error("something is left")
	}
}

func TestOwnShardHasOneWriter(t *testing.T) {
	s := must(crdt.NewStore(origin("a", 2)))
	must(s.Add(entry("x")))
	for n, want := range []crdt.Verdict{crdt.Stale, crdt.Stale, crdt.Ours, crdt.Stale} {
		d := crdt.Delta{Origin: origin("a", crdt.Incarnation(n)), First: 1, Ops: []crdt.Op{{Drop: 1}}}
		if _, v := s.Apply(d); v != want {
			t.Errorf("incarnation %d: %v", n, v)
		}
		if _, _, v := s.ApplyPage(crdt.Page{Origin: d.Origin, First: 1, Done: true}); v != want {
			t.Errorf("page of incarnation %d: %v", n, v)
		}
	}
	s.Forget("a")
	shows(t, s, "a:x")
}

func TestGroupsHoldMembersTwice(t *testing.T) {
	stores := connected(t, "a", "b")
	e := crdt.Entry{Key: crdt.Key{Kind: crdt.Group, Name: "g"}, PID: crdt.PID{7}}
	first := must(stores[0].Add(e))
	must(stores[0].Add(e))
	settle(t, stores)
	if got := holders(stores[1], e.Key); len(got) != 2 {
		t.Errorf("%v", got)
	}
	stores[0].Remove(first.Seq)
	if stores[0].Remove(first.Seq) != nil {
		t.Error("removed twice")
	}
	settle(t, stores)
	if got := holders(stores[1], e.Key); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if r, err := stores[0].Replace(first.Seq, e); r != nil || err != nil {
		t.Errorf("replaced what is gone: %v, %v", r, err)
	}
}

func TestStoreLimits(t *testing.T) {
	for _, o := range []crdt.Origin{{}, {Node: strings.Repeat("n", crdt.MaxNodeBytes+1)}} {
		if _, err := crdt.NewStore(o); !errors.Is(err, crdt.ErrLimit) {
			t.Error(err)
		}
	}
	s := must(crdt.NewStore(origin(strings.Repeat("n", crdt.MaxNodeBytes), 1)))
	long, meta := strings.Repeat("x", crdt.MaxNameBytes), strings.Repeat("m", crdt.MaxMetaBytes)
	r := must(s.Add(crdt.Entry{Key: name(long), Meta: meta}))
	for _, e := range []crdt.Entry{{}, entry(long + "x"), {Key: name("x"), Meta: meta + "m"}} {
		if _, err := s.Add(e); !errors.Is(err, crdt.ErrLimit) {
			t.Error(err)
		}
		if _, err := s.Replace(r.Seq, e); !errors.Is(err, crdt.ErrLimit) {
			t.Error(err)
		}
	}
	d, _ := s.Since(0, frame)
	if got := must(crdt.DecodeDelta(d.Append(nil))); got.Ops[0] != d.Ops[0] {
		t.Error("the largest entry does not survive the codec")
	}
	for v := crdt.InSync; v <= crdt.Ours+1; v++ {
		if v.String() == "" {
			t.Error("no name")
		}
	}
}

// BenchmarkMemory shows what one name costs, held on one node and on another.
