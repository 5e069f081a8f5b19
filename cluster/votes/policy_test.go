package votes_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/votes"
)

func node(i int) nodeid.ID {
	return nodeid.ID{Name: fmt.Sprintf("n%02d", i), Incarnation: nodeid.Incarnation(i + 1)}
}

func setOf(n int) votes.Set {
	s := votes.Set{SetID: votes.SetID{Lineage: votes.Lineage{Generation: 1, Born: 1}, K: 1}}
	for i := range n {
		s.Members = append(s.Members, node(i))
	}
	return s
}

func nobody(nodeid.ID) bool { return false }

func in(mask int) func(nodeid.ID) bool {
	return func(id nodeid.ID) bool { return mask>>(int(id.Incarnation)-1)&1 == 1 }
}

// TestQuorumsIntersect: no policy but KeepAll ever lets two disjoint parts of a set decide, and more members never undo it.
func TestQuorumsIntersect(t *testing.T) {
	for n := 1; n <= 9; n++ {
		v := setOf(n)
		for _, p := range []votes.Policy{votes.KeepMajority, votes.KeepOldest, votes.StaticQuorum(n/2 + 1)} {
			for m := range 1 << n {
				if rest := 1<<n - 1 - m; p.Quorum(v, in(m), nobody) && p.Quorum(v, in(rest), nobody) {
					t.Fatalf("%v of %d: %b and %b both decide", p, n, m, rest)
				}
				for i := range n {
					if p.Quorum(v, in(m), nobody) && !p.Quorum(v, in(m|1<<i), nobody) {
						t.Fatalf("%v of %d: %b decides, with %d more it does not", p, n, m, i)
					}
				}
			}
		}
		if !votes.KeepAll.Quorum(v, in(0), nobody) {
			t.Fatal("KeepAll refuses")
		}
	}
}

// TestCountingWhatIsSeen is the control: each side counts the members it sees against those it misses, while one member is
// joining or leaving and the sides may know that or not. Then two sides win. With a vote set both count the same set.
func TestCountingWhatIsSeen(t *testing.T) {
	naive, agreed, splits := 0, 0, 0
	for n := 2; n <= 7; n++ {
		v := setOf(n)
		for mask := 1; mask < 1<<n-1; mask++ {
			for c := range 2 * 2 * 2 { // where the candidate is, and whether either side counts it as a member
				splits++
				here, mine, theirs := c&1 != 0, c&2 != 0, c&4 != 0
				wins := func(mask int, here, known bool) bool {
					have, all, least := 0, n, false
					for i := range n {
						if mask>>i&1 == 1 {
							have++
							least = least || i == 0
						}
					}
					if known {
						all++
						if here {
							have++
						}
					}
					return 2*have > all || 2*have == all && least
				}
				rest := 1<<n - 1 - mask
				if wins(mask, here, mine) && wins(rest, !here, theirs) {
					naive++
				}
				if votes.KeepMajority.Quorum(v, in(mask), nobody) && votes.KeepMajority.Quorum(v, in(rest), nobody) {
					agreed++
				}
			}
		}
	}
	t.Logf("%d splits: two winners in %d when each counts what it sees, in %d when both count one set", splits, naive, agreed)
	if naive == 0 || agreed > 0 {
		t.Fail()
	}
}

func TestPolicies(t *testing.T) {
	dead := func(id nodeid.ID) bool { return id == node(0) }
	for _, c := range []struct {
		name string
		got  bool
		want bool
	}{
		{"half with the oldest", votes.KeepMajority.Quorum(setOf(4), in(0b0011), nobody), true},
		{"half without the oldest", votes.KeepMajority.Quorum(setOf(4), in(0b1100), nobody), false},
		{"the younger of two", votes.KeepMajority.Quorum(setOf(2), in(0b10), nobody), false},
		{"the older of two", votes.KeepMajority.Quorum(setOf(2), in(0b01), nobody), true},
		{"two of three without the oldest", votes.KeepMajority.Quorum(setOf(3), in(0b110), nobody), true},
		{"strangers do not count", votes.KeepMajority.Quorum(setOf(3), in(0b111000), nobody), false},
		{"static, enough", votes.StaticQuorum(3).Quorum(setOf(5), in(0b10101), nobody), true},
		{"static, too few", votes.StaticQuorum(3).Quorum(setOf(5), in(0b10001), nobody), false},
		{"oldest alone", votes.KeepOldest.Quorum(setOf(5), in(0b1), nobody), true},
		{"all but the oldest", votes.KeepOldest.Quorum(setOf(5), in(0b11110), nobody), false},
		{"all but the oldest, which is dead", votes.KeepOldest.Quorum(setOf(5), in(0b00010), dead), true},
		{"without the second oldest", votes.KeepOldest.Quorum(setOf(5), in(0b11100), dead), false},
		{"no set", votes.KeepMajority.Quorum(votes.Set{}, in(1), nobody) || votes.KeepOldest.Quorum(votes.Set{}, in(1), nobody), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v", c.name, c.got)
		}
	}
	if votes.StaticQuorum(3).Max() != 5 || votes.StaticQuorum(0).Max() != 1 {
		t.Error("StaticQuorum(n) takes 2n-1 members")
	}
}

func TestConfig(t *testing.T) {
	for _, timing := range []votes.Timing{votes.Fast(), votes.LAN(), votes.WAN(), simTiming} {
		if err := (votes.Config{Policy: votes.KeepMajority, Timing: timing, Expected: 3}).Validate(); err != nil {
			t.Error(err)
		}
	}
	err := votes.Config{Timing: votes.Timing{Patience: -time.Second}}.Validate()
	for _, field := range []string{"Policy", "Expected", "Heartbeat", "Stable", "Margin", "Patience"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is wrong, and is not named: %v", field, err)
		}
	}
	if (votes.Config{Policy: votes.StaticQuorum(2), Timing: votes.LAN(), Expected: 4}).Validate() == nil {
		t.Error("four members with a static quorum of two are accepted")
	}
}
