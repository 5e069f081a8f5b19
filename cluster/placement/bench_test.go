package placement_test

import (
	"fmt"
	"testing"

	"github.com/foundation-runtime/foundation/cluster/placement"
)

func TestLookupsAllocateNothing(t *testing.T) {
	tab := table(t, placement.Config{}, nodes(50)...)
	dst := make([]string, 0, 3)
	for what, f := range map[string]func(){
		"PartitionOf":        func() { tab.PartitionOf("user/7") },
		"Config.PartitionOf": func() { placement.Config{}.PartitionOf("user/7") },
		"Owner":              func() { tab.Owner("user/7") },
		"OwnerOf":            func() { tab.OwnerOf(7) },
		"AppendOwners":       func() { dst = tab.AppendOwners(dst[:0], 7, 3) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

func BenchmarkOwner(b *testing.B) {
	tab := table(b, placement.Config{}, nodes(50)...)
	b.ReportAllocs()
	for b.Loop() {
		tab.Owner("user/1234567")
	}
}

func BenchmarkOwnerOf(b *testing.B) {
	tab := table(b, placement.Config{}, nodes(50)...)
	b.ReportAllocs()
	p := placement.Partition(0)
	for b.Loop() {
		tab.OwnerOf(p % placement.DefaultPartitions)
		p++
	}
}

func BenchmarkAppendOwners(b *testing.B) {
	tab := table(b, placement.Config{}, nodes(50)...)
	dst := make([]string, 0, 3)
	b.ReportAllocs()
	for b.Loop() {
		dst = tab.AppendOwners(dst[:0], 7, 3)
	}
}

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{3, 50} {
		b.Run(fmt.Sprint("members=", n), func(b *testing.B) {
			members := nodes(n)
			b.ReportAllocs()
			for b.Loop() {
				table(b, placement.Config{}, members...)
			}
		})
	}
}

func BenchmarkDiff(b *testing.B) {
	all := nodes(50)
	before, after := table(b, placement.Config{}, all...), table(b, placement.Config{}, without(all, 7)...)
	b.ReportAllocs()
	for b.Loop() {
		if moves, err := placement.Diff(before, after); err != nil || len(moves) == 0 {
			b.Fatal(err)
		}
	}
}
