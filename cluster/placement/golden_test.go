package placement_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/foundation-runtime/foundation/cluster/placement"
)

var update = flag.Bool("update", false, "write testdata/golden.txt anew: clusters of the old placement cannot be upgraded node by node")

// TestGolden: the placement of keys and partitions is part of the wire protocol. If it changes, nodes of two releases in
// one cluster disagree about every key.
func TestGolden(t *testing.T) {
	const file = "testdata/golden.txt"
	got := goldenKeys() + goldenTables(t)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g, w := strings.Split(got, "\n"), strings.Split(strings.ReplaceAll(string(want), "\r\n", "\n"), "\n")
	if len(g) != len(w) {
		t.Fatalf("%d lines, want %d", len(g), len(w))
	}
	for i := range g {
		if g[i] != w[i] {
			t.Errorf("line %d is\n%s\nwant\n%s", i+1, g[i], w[i])
		}
	}
}

// goldenKeys has a line for keys of every length class of the hash, which has a way of its own for each.
func goldenKeys() string {
	var b strings.Builder
	b.WriteString("# the first n bytes of abc…xyzabc… and their partition of 16384\n")
	letters := strings.Repeat("abcdefghijklmnopqrstuvwxyz", 200)
	for _, n := range []int{0, 1, 3, 4, 8, 9, 16, 17, 32, 33, 64, 65, 128, 129, 240, 241, 512, 1024, 1025, 4096, 5200} {
		fmt.Fprintf(&b, "key %d %d\n", n, placement.Config{}.PartitionOf(letters[:n]))
	}
	b.WriteString("# keys as they are used\n")
	for _, key := range []string{"user/7", "user/8", "größe", "a\x00b", "\xff", "order:2026-01-02:000123"} {
		fmt.Fprintf(&b, "key %q %d\n", key, placement.Config{}.PartitionOf(key))
	}
	return b.String()
}

// goldenTables has a hash of the whole table, and its first owners to read, for each set of members.
func goldenTables(t *testing.T) string {
	var b strings.Builder
	b.WriteString("# members with weights, partitions, seed, SHA-256 of the owners' names by partition, a line each\n")
	for _, k := range []struct {
		config  placement.Config
		members []placement.Member
	}{
		{placement.Config{}, nodes(1)},
		{placement.Config{}, nodes(3)},
		{placement.Config{}, without(nodes(3), 1)},
		{placement.Config{Seed: 1}, nodes(3)},
		{placement.Config{Seed: 1<<64 - 1, Partitions: placement.MaxPartitions}, nodes(5)},
		{placement.Config{}, nodes(50)},
		{placement.Config{}, []placement.Member{{Name: "a", Weight: 1}, {Name: "b", Weight: 2}, {Name: "größe", Weight: 16},
			{Name: strings.Repeat("long", 60), Weight: 3}}},
	} {
		tab := table(t, k.config, k.members...)
		hash := sha256.New()
		for _, o := range owners(tab) {
			fmt.Fprintln(hash, o)
		}
		for i, m := range tab.Members() {
			if i < 6 {
				fmt.Fprintf(&b, "%.20s×%d ", m.Name, m.Weight)
			}
		}
		fmt.Fprintf(&b, "of %d, %d, %d, %x\n", len(k.members), tab.Config().Partitions, k.config.Seed, hash.Sum(nil))
		for p := range placement.Partition(4) {
			fmt.Fprintf(&b, "  partition %d: %.20s\n", p, tab.AppendOwners(nil, p, 3))
		}
	}
	return b.String()
}
