package placement_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	jump "github.com/lithammer/go-jump-consistent-hash"
	"github.com/zeebo/xxh3"

	"github.com/foundation-runtime/foundation/cluster/placement"
)

// seeded returns a source of numbers, and shows how to have the same again: PLACEMENT_SEED=n.
func seeded(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("PLACEMENT_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("PLACEMENT_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func table(t testing.TB, c placement.Config, members ...placement.Member) *placement.Table {
	t.Helper()
	tab, err := placement.New(c, members)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// nodes are n members of weight 1, named as people name them.
func nodes(n int) (all []placement.Member) {
	for i := range n {
		all = append(all, placement.Member{Name: fmt.Sprintf("node-%d", i)})
	}
	return all
}

// crowd is a random set: names of all kinds, weights 1 to 4.
func crowd(r *rand.Rand, n int) (all []placement.Member) {
	for i := range n {
		name := []string{"node-%d", "10.0.0.%d:4000", "%d", "pod-x.%d.ns.svc.cluster.local"}[r.IntN(4)]
		all = append(all, placement.Member{Name: fmt.Sprintf(name, i), Weight: r.IntN(5)})
	}
	return all
}

func without(members []placement.Member, i int) []placement.Member {
	return slices.Delete(slices.Clone(members), i, i+1)
}

func owners(t *placement.Table) []string {
	all := make([]string, t.Config().Partitions)
	for p := range all {
		all[p] = t.OwnerOf(placement.Partition(p))
	}
	return all
}

// foreign returns a partition that moved though neither its old nor its new owner is name; "" if there is none.
func foreign(before, after []string, name string) string {
	for p := range before {
		if before[p] != after[p] && before[p] != name && after[p] != name {
			return fmt.Sprintf("partition %d moved from %s to %s though it was %s that changed", p, before[p], after[p], name)
		}
	}
	return ""
}

func TestLossMovesOnlyItsOwnAndReturnRestores(t *testing.T) {
	r := seeded(t)
	for range 60 {
		c := placement.Config{Partitions: 1 + r.IntN(4096), Seed: r.Uint64()}
		members := crowd(r, 2+r.IntN(40))
		i := r.IntN(len(members))
		whole, rest := table(t, c, members...), table(t, c, without(members, i)...)
		before, after, name := owners(whole), owners(rest), members[i].Name
		if f := foreign(before, after, name); f != "" {
			t.Fatal(f)
		}
		if slices.Contains(after, name) {
			t.Fatalf("%s is lost and owns something", name)
		}
		back := append(without(members, i), members[i])
		r.Shuffle(len(back), func(i, j int) { back[i], back[j] = back[j], back[i] })
		if !slices.Equal(before, owners(table(t, c, back...))) {
			t.Fatalf("the return of %s does not restore the table", name)
		}
	}
}

// TestForeignCanFail: what is usually written instead, jump over the sorted list of who is up, moves foreign keys.
func TestForeignCanFail(t *testing.T) {
	byIndex := func(members []placement.Member) (all []string) {
		for p := range uint64(1024) {
			all = append(all, members[jump.Hash(p*0x9e3779b97f4a7c15, int32(len(members)))].Name)
		}
		return all
	}
	all := nodes(9)
	if foreign(byIndex(all), byIndex(without(all, 2)), "node-2") == "" {
		t.Error("the check of minimal movement cannot fail")
	}
}

// TestLossIsSharedEvenly: what a lost member had goes to the others in proportion to their weights.
func TestLossIsSharedEvenly(t *testing.T) {
	members := nodes(10)
	members[3].Weight, members[4].Weight = 2, 3
	for lost := range members {
		total := -max(1, members[lost].Weight)
		for _, m := range members {
			total += max(1, m.Weight)
		}
		moves, err := placement.Diff(table(t, placement.Config{}, members...), table(t, placement.Config{}, without(members, lost)...))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, m := range moves {
			got[m.To]++
		}
		for _, m := range without(members, lost) {
			fair := float64(len(moves)*max(1, m.Weight)) / float64(total)
			if d := math.Abs(float64(got[m.Name]) - fair); d > 5*math.Sqrt(fair) {
				t.Errorf("of the %d of node-%d %s took %d, fair are %.0f", len(moves), lost, m.Name, got[m.Name], fair)
			}
		}
	}
}

// TestSidesOfASplit: both sides lose and gain members on their own; after the heal everybody has the table of the union.
func TestSidesOfASplit(t *testing.T) {
	all := nodes(14)
	left, right := all[:6], all[6:]
	union := slices.Concat(right, left)
	want := owners(table(t, placement.Config{}, all...))
	if !slices.Equal(want, owners(table(t, placement.Config{}, union...))) {
		t.Error("the order in which members are learnt matters")
	}
	for p, owner := range owners(table(t, placement.Config{}, left...)) {
		if i := slices.IndexFunc(left, func(m placement.Member) bool { return m.Name == want[p] }); i >= 0 && owner != want[p] {
			t.Fatalf("partition %d: %s owns it in the union and is here, but %s owns it", p, want[p], owner)
		}
	}
}

// TestWorstShare: 3 to 50 members, 100 seeds, 16384 partitions.
func TestWorstShare(t *testing.T) {
	seeds, step := 100, 1
	if testing.Short() || raceEnabled {
		seeds, step = 5, 7
	}
	worst, where := 0.0, ""
	for seed := range seeds {
		for n := 3; n <= 50; n += step {
			for _, s := range table(t, placement.Config{Seed: uint64(seed)}, nodes(n)...).Shares() {
				if w := float64(s.Partitions) / s.Fair; w > worst {
					worst, where = w, fmt.Sprintf("%s of %d, seed %d", s.Member.Name, n, seed)
				}
			}
		}
	}
	t.Logf("worst share: %.3f of fair (%s)", worst, where)
	if worst > 1.25 {
		t.Errorf("%.3f > 1.25", worst)
	}
}

func TestSharesFollowWeights(t *testing.T) {
	members := nodes(6)
	total := 0
	for i := range members {
		members[i].Weight = []int{1, 2, 3, 4, 8, 16}[i]
	}
	for _, s := range table(t, placement.Config{}, members...).Shares() {
		total += s.Partitions
		if d := math.Abs(float64(s.Partitions) - s.Fair); d > 5*math.Sqrt(s.Fair) {
			t.Errorf("%+v", s)
		}
	}
	if total != placement.DefaultPartitions {
		t.Errorf("%d partitions have an owner", total)
	}
}

func TestMoreWeightOnlyTakes(t *testing.T) {
	members := nodes(8)
	before := owners(table(t, placement.Config{}, members...))
	for w := 2; w <= placement.MaxWeight; w *= 2 {
		members[5].Weight = w
		after := owners(table(t, placement.Config{}, members...))
		for p := range after {
			if after[p] != before[p] && after[p] != "node-5" {
				t.Fatalf("weight %d: partition %d moved from %s to %s", w, p, before[p], after[p])
			}
		}
		before = after
	}
}

func TestMorePartitionsOnlyTake(t *testing.T) {
	for i := range 20_000 {
		key := fmt.Sprint("user/", i)
		small, large := placement.Config{}.PartitionOf(key), placement.Config{Partitions: 2 * placement.DefaultPartitions}.PartitionOf(key)
		if small != large && large < placement.DefaultPartitions {
			t.Fatalf("%s moved from partition %d to %d, which is not new", key, small, large)
		}
	}
}

// TestOwnersAreTheRule computes scores from the words of the rule, one partition at a time, and sorts.
func TestOwnersAreTheRule(t *testing.T) {
	r := seeded(t)
	mix := func(x uint64) uint64 {
		x += 0x9e3779b97f4a7c15
		x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
		x = (x ^ (x >> 27)) * 0x94d049bb133111eb
		return x ^ (x >> 31)
	}
	for range 20 {
		c, members := placement.Config{Partitions: 512, Seed: r.Uint64()}, crowd(r, 1+r.IntN(20))
		tab := table(t, c, members...)
		for p := range c.Partitions {
			score := map[string]uint64{}
			for _, m := range members {
				for i := range max(1, m.Weight) {
					x := mix(mix(c.Seed)^uint64(p)*0xd6e8feb86659fd93) ^ (xxh3.HashString(m.Name) + uint64(i)*0x9e3779b97f4a7c15)
					score[m.Name] = max(score[m.Name], mix(x))
				}
			}
			want := slices.SortedFunc(maps.Keys(score), func(a, b string) int {
				if score[a] > score[b] {
					return -1
				}
				return 1
			})
			if got := tab.AppendOwners(nil, placement.Partition(p), len(members)+1); !slices.Equal(got, want) || tab.OwnerOf(placement.Partition(p)) != want[0] {
				t.Fatalf("partition %d: %v, owner %s; want %v", p, got, tab.OwnerOf(placement.Partition(p)), want)
			}
		}
	}
}

func TestReplicasKeepTheirOrder(t *testing.T) {
	all := nodes(9)
	whole := table(t, placement.Config{}, all...)
	for lost := range all {
		rest := table(t, placement.Config{}, without(all, lost)...)
		for p := placement.Partition(0); p < 200; p++ {
			want := slices.DeleteFunc(whole.AppendOwners(nil, p, 9), func(n string) bool { return n == all[lost].Name })
			if got := rest.AppendOwners(nil, p, 9); !slices.Equal(got, want) {
				t.Fatalf("partition %d without node-%d: %v, want %v", p, lost, got, want)
			}
		}
	}
	if got := whole.AppendOwners([]string{"x"}, 0, 2); len(got) != 3 || got[0] != "x" || got[1] != whole.OwnerOf(0) {
		t.Errorf("appended: %v", got)
	}
	for _, n := range []int{0, -1} {
		if got := whole.AppendOwners(nil, 0, n); got != nil {
			t.Errorf("%d owners: %v", n, got)
		}
	}
}

func TestDiff(t *testing.T) {
	c := placement.Config{Partitions: 64}
	ab, abc := table(t, c, nodes(2)...), table(t, c, nodes(3)...)
	for _, k := range []struct{ before, after *placement.Table }{
		{ab, abc}, {abc, ab}, {ab, ab}, {nil, abc}, {abc, nil}, {&placement.Table{}, ab}, {nil, nil},
	} {
		moves, err := placement.Diff(k.before, k.after)
		if err != nil {
			t.Fatal(err)
		}
		owner := map[placement.Partition]string{}
		for p := range placement.Partition(64) {
			if k.before != nil {
				owner[p] = k.before.OwnerOf(p)
			}
		}
		for i, m := range moves {
			if owner[m.Partition] != m.From || m.From == m.To || i > 0 && moves[i-1].Partition >= m.Partition {
				t.Errorf("%+v does not start from %q, or is out of order", m, owner[m.Partition])
			}
			owner[m.Partition] = m.To
		}
		for p, o := range owner {
			if k.after != nil && k.after.OwnerOf(p) != o || k.after == nil && o != "" {
				t.Errorf("after the moves %q owns %d", o, p)
			}
		}
	}
	for field, other := range map[string]placement.Config{"Partitions": {Partitions: 65}, "Seed": {Partitions: 64, Seed: 1}} {
		_, err := placement.Diff(ab, table(t, other, nodes(2)...))
		if e, ok := errors.AsType[*placement.ConfigError](err); !ok || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestBadInputNamesFieldAndCure(t *testing.T) {
	one := nodes(1)
	for _, k := range []struct {
		config  placement.Config
		members []placement.Member
		fields  string
	}{
		{placement.Config{Partitions: -1}, one, "Partitions"},
		{placement.Config{Partitions: placement.MaxPartitions + 1}, one, "Partitions"},
		{placement.Config{}, nil, "Members"},
		{placement.Config{}, nodes(placement.MaxMembers + 1), "Members"},
		{placement.Config{}, []placement.Member{{}}, "Member.Name"},
		{placement.Config{}, []placement.Member{{Name: strings.Repeat("x", placement.MaxNameBytes+1)}}, "Member.Name"},
		{placement.Config{}, []placement.Member{{Name: "a"}, {Name: "b"}, {Name: "a", Weight: 3}}, "Member.Name"},
		{placement.Config{}, []placement.Member{{Name: "a", Weight: -1}}, "Member.Weight"},
		{placement.Config{}, []placement.Member{{Name: "a", Weight: placement.MaxWeight + 1}}, "Member.Weight"},
		{placement.Config{Partitions: -1}, []placement.Member{{Weight: 99}}, "Partitions Member.Name Member.Weight"},
	} {
		_, err := placement.New(k.config, k.members)
		all, ok := err.(interface{ Unwrap() []error })
		if !ok {
			t.Errorf("%s: %v", k.fields, err)
			continue
		}
		var fields []string
		for _, err := range all.Unwrap() {
			e, ok := errors.AsType[*placement.ConfigError](err)
			if !ok || e.Why == "" || e.Cure == "" || !strings.Contains(e.Error(), e.Field) {
				t.Errorf("%#v", err)
				continue
			}
			fields = append(fields, e.Field)
		}
		if got := strings.Join(fields, " "); got != k.fields {
			t.Errorf("faults of %q, want %q", got, k.fields)
		}
	}
}

func TestEdges(t *testing.T) {
	var zero placement.Table
	if zero.Owner("x") != "" || zero.OwnerOf(0) != "" || zero.AppendOwners(nil, 0, 1) != nil || len(zero.Shares()) != 0 {
		t.Error("somebody owns something in the zero table")
	}
	members := []placement.Member{{Name: "b"}, {Name: "a"}}
	tab := table(t, placement.Config{Partitions: 10}, members...)
	if tab.OwnerOf(10) != "" || tab.AppendOwners(nil, math.MaxUint16, 1) != nil {
		t.Error("somebody owns a partition that does not exist")
	}
	members[0].Name = "changed"
	tab.Members()[0].Name = "changed"
	if got := tab.Members(); !slices.Equal(got, []placement.Member{{Name: "a", Weight: 1}, {Name: "b", Weight: 1}}) {
		t.Errorf("members %v", got)
	}
	most := table(t, placement.Config{Partitions: placement.MaxPartitions}, nodes(2)...)
	if most.OwnerOf(math.MaxUint16) == "" {
		t.Error("the last of the most partitions has no owner")
	}
	for _, partitions := range []int{-1, 0, 1, math.MaxInt} {
		placement.Config{Partitions: partitions}.PartitionOf("does not panic")
	}
}

func TestExplain(t *testing.T) {
	tab := table(t, placement.Config{}, placement.Member{Name: "a"}, placement.Member{Name: "b", Weight: 3}, placement.Member{Name: "c"})
	e := tab.Explain("user/7")
	if e.Partition != tab.PartitionOf("user/7") || len(e.Ranking) != 3 || e.Ranking[0].Member.Name != tab.Owner("user/7") {
		t.Errorf("%+v", e)
	}
	if !slices.IsSortedFunc(e.Ranking, func(a, b placement.Rank) int { return cmp.Compare(b.Score, a.Score) }) {
		t.Errorf("not by score: %v", e)
	}
	text := e.String()
	for _, part := range []string{`"user/7" is in partition `, " of 16384\nowner " + tab.Owner("user/7"), "\n then ", " of 3"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
	if s := new(placement.Table).Explain("x").String(); !strings.Contains(s, "nobody") {
		t.Error(s)
	}
}
