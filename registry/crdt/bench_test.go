package crdt_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

func TestReadsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("not under the race detector")
	}
	stores := connected(t, "a", "b")
	for i := range 100 {
		must(stores[i%2].Add(entry(fmt.Sprint(i % 50))))
	}
	settle(t, stores)
	k, buffer := name("7"), make([]*crdt.Record, 0, 200)
	var digest crdt.Digest
	for what, f := range map[string]func(){
		"Lookup": func() { stores[0].Lookup(k) },
		"Holders": func() {
			for r := range stores[0].Holders(k) {
				_ = r
			}
		},
		"Lost":      func() { stores[0].Lost(name("none")) },
		"NextEpoch": func() { stores[0].NextEpoch(k) },
		"Digest":    func() { digest = stores[0].Digest() },
		"Check":     func() { stores[1].Check(digest) },
		"Token":     func() { _ = stores[0].Lookup(k).Token() },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
	stores[0].Snapshot(buffer)
}

func BenchmarkLookup(b *testing.B) {
	s := connected(b, "a")[0]
	for i := range 100_000 {
		must(s.Add(entry(fmt.Sprint("process/", i))))
	}
	k := name("process/4711")
	b.ReportAllocs()
	for b.Loop() {
		s.Lookup(k)
	}
}

func BenchmarkAddRemove(b *testing.B) {
	s := connected(b, "a")[0]
	b.ReportAllocs()
	for b.Loop() {
		s.Remove(must(s.Add(entry("x"))).Seq)
	}
}

func BenchmarkApply(b *testing.B) {
	s := connected(b, "a", "b")[0]
	d := crdt.Delta{Origin: origin("b", 1), First: 1, Ops: []crdt.Op{{Add: true, Entry: entry("x")}}}
	b.ReportAllocs()
	for b.Loop() {
		s.Apply(d)
		d.First++
		d.Ops[0].Drop = d.First - 1
	}
}

func BenchmarkMemory(b *testing.B) {
	const count = 100_000
	d := crdt.Delta{Origin: origin("b", 1), First: 1, Ops: make([]crdt.Op, count)}
	for i := range d.Ops {
		d.Ops[i] = crdt.Op{Add: true, Entry: entry(fmt.Sprint("process/", i))}
	}
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := connected(b, "a", "b")[0]
		s.Apply(d)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(s)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/count, "B/name")
}
