package crdt_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// randomRecord draws from few values, so that all parts of the order are decisive now and then.
func randomRecord(r *rand.Rand) *crdt.Record {
	return &crdt.Record{
		Origin: crdt.Origin{Node: string(rune('a' + r.IntN(3))), Incarnation: crdt.Incarnation(r.IntN(3))},
		Seq:    1 + r.Uint64N(3),
		Entry:  crdt.Entry{Key: name("n"), Epoch: r.Uint64N(3), Stamp: crdt.Stamp(r.IntN(3))},
	}
}

func name(n string) crdt.Key { return crdt.Key{Kind: crdt.Name, Name: n} }

func TestOrderIsTotal(t *testing.T) {
	r := seeded(t)
	for range 20_000 {
		a, b, c := randomRecord(r), randomRecord(r), randomRecord(r)
		ab, ba := crdt.Compare(a, b), crdt.Compare(b, a)
		if ab != -ba {
			t.Fatalf("%v and %v: %d and %d", a, b, ab, ba)
		}
		same := a.Origin == b.Origin && a.Seq == b.Seq && a.Epoch == b.Epoch && a.Stamp == b.Stamp
		if (ab == 0) != same {
			t.Fatalf("%v and %v: %d", a, b, ab)
		}
		if ab > 0 && crdt.Compare(b, c) > 0 && crdt.Compare(a, c) <= 0 {
			t.Fatalf("not transitive: %v, %v, %v", a, b, c)
		}
		if byToken := a.Token().Compare(b.Token()); byToken != 0 && byToken != ab {
			t.Fatalf("%v and %v: the tokens say %d, the records %d", a, b, byToken, ab)
		}
	}
}

func TestBestIsOneOfAnyOrder(t *testing.T) {
	r := seeded(t)
	for range 2_000 {
		records := make([]*crdt.Record, 1+r.IntN(6))
		for i := range records {
			records[i] = randomRecord(r)
		}
		best := crdt.Best(slices.Values(records))
		r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		if again := crdt.Best(slices.Values(records)); crdt.Compare(best, again) != 0 {
			t.Fatalf("%v, then %v", best, again)
		}
	}
	if crdt.Best(slices.Values[[]*crdt.Record](nil)) != nil {
		t.Error("the best of nothing is something")
	}
}

func TestTokenIsBytes(t *testing.T) {
	r := &crdt.Record{Origin: crdt.Origin{Node: "a", Incarnation: 3}, Seq: 4, Entry: crdt.Entry{Epoch: 1, Stamp: 2}}
	token := r.Token()
	want := []byte{0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255, 255, 255, 255, 253, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4}
	if !bytes.Equal(token[:], want) {
		t.Errorf("%v, want %v", token, want)
	}
}

// TestThreeClaimants: three nodes hold a name that they registered unseen by each other. All orders in which the six
// deltas can arrive, and every choice of a resolver (which promotes the one it chose), leave exactly one holder.
func TestThreeClaimants(t *testing.T) {
	nodes := []string{"a", "b", "c"}
	type arrival struct{ from, to int }
	var arrivals []arrival
	for from := range nodes {
		for to := range nodes {
			if from != to {
				arrivals = append(arrivals, arrival{from, to})
			}
		}
	}
	for chosen := -1; chosen < len(nodes); chosen++ { // -1: no resolver
		permute(arrivals, func(order []arrival) {
			stores := connected(t, nodes...)
			claims := make([]*crdt.Record, len(nodes))
			for i, s := range stores {
				claims[i] = must(s.Add(crdt.Entry{Key: name("n"), Stamp: crdt.Stamp(10 - i), PID: crdt.PID{byte(i)}}))
			}
			if chosen >= 0 {
				e := claims[chosen].Entry
				e.Epoch = stores[chosen].NextEpoch(e.Key)
				must(stores[chosen].Replace(claims[chosen].Seq, e))
			}
			for _, a := range order {
				stores[a.to].Apply(since(t, stores[a.from], stores[a.to]))
				resolve(stores[a.to], name("n"))
			}
			settle(t, stores)
			want := chosen
			if chosen < 0 {
				want = 2 // who registered first
			}
			for _, s := range stores {
				resolve(s, name("n"))
				if got := holders(s, name("n")); !slices.Equal(got, nodes[want:want+1]) {
					t.Fatalf("chosen %d, order %v: %s sees %v", chosen, order, s.Self(), got)
				}
			}
		})
	}
}

// resolve is what a node does about a conflict.
func resolve(s *crdt.Store, k crdt.Key) {
	_, lost := s.Lost(k)
	for _, r := range lost {
		s.Remove(r.Seq)
	}
}

func holders(s *crdt.Store, k crdt.Key) (nodes []string) {
	for r := range s.Holders(k) {
		nodes = append(nodes, r.Origin.Node)
	}
	return nodes
}

// permute calls f with every order of list.
func permute[T any](list []T, f func([]T)) {
	var rest func(int)
	rest = func(n int) {
		if n == len(list) {
			f(list)
			return
		}
		for i := n; i < len(list); i++ {
			list[n], list[i] = list[i], list[n]
			rest(n + 1)
			list[n], list[i] = list[i], list[n]
		}
	}
	rest(0)
}

// TestReplicaEventTable is the table of conflicts that Swarm tests its tracker with: an event from another node about a
// name that is, or is not, known here. Swarm lets any node write any entry and decides by interval tree clocks; here
// only the owner writes its entries, so that "remote dominates" is an operation not seen yet, and "local dominates" one
// that was applied already. Between holders the token decides.
func TestReplicaEventTable(t *testing.T) {
	k, p1, p2 := name("n"), crdt.PID{1}, crdt.PID{2}
	add := func(pid crdt.PID, meta string, stamp crdt.Stamp) crdt.Op {
		return crdt.Op{Add: true, Entry: crdt.Entry{Key: k, PID: pid, Meta: meta, Stamp: stamp}}
	}
	update := func(drop uint64, op crdt.Op) crdt.Op { op.Drop = drop; return op }
	end := func(drop uint64) crdt.Op { return crdt.Op{Drop: drop} }
	type ops = []crdt.Op
	for _, c := range []struct {
		event, situation string
		local            []crdt.Op // written here
		known            []crdt.Op // by the other node, seen before
		first            uint64
		ops              []crdt.Op // of the event
		want             string    // pid and metadata of the holder, after we removed what we lost
	}{
		{"track", "adds a registration", nil, nil, 1, ops{add(p1, "m", 5)}, "1 m"},
		{"track", "again is ignored", nil, ops{add(p1, "m", 5)}, 1, ops{add(p1, "m", 5)}, "1 m"},
		{"track", "other metadata, remote dominates", nil, ops{add(p1, "m", 5)}, 2, ops{update(1, add(p1, "other", 5))}, "1 other"},
		{"track", "other metadata, local dominates", nil, ops{add(p1, "m", 5), update(1, add(p1, "new", 5))}, 1, ops{add(p1, "m", 5)}, "1 new"},
		{"track", "other pid, remote dominates", ops{add(p1, "m", 5)}, nil, 1, ops{add(p2, "r", 4)}, "2 r"},
		{"track", "other pid, local dominates", ops{add(p1, "m", 5)}, nil, 1, ops{add(p2, "r", 6)}, "1 m"},
		{"untrack", "remote dominates", nil, ops{add(p1, "m", 5)}, 2, ops{end(1)}, "-"},
		{"untrack", "local dominates", nil, ops{add(p1, "m", 5), end(1), add(p1, "back", 5)}, 2, ops{end(1)}, "1 back"},
		{"untrack", "of an unknown pid", ops{add(p1, "m", 5)}, nil, 1, ops{end(1)}, "1 m"},
		{"update_meta", "of an unknown pid", ops{add(p1, "m", 5)}, nil, 2, ops{update(1, add(p2, "other", 4))}, "1 m"},
		{"update_meta", "remote dominates", nil, ops{add(p1, "m", 5)}, 2, ops{update(1, add(p1, "new", 5))}, "1 new"},
		{"update_meta", "local dominates", nil, ops{add(p1, "m", 5), update(1, add(p1, "a", 5)), update(2, add(p1, "b", 5))}, 2, ops{update(1, add(p1, "a", 5))}, "1 b"},
		// Swarm merges the two maps; here metadata belongs to the record of its owner, and the winner brings its own.
		{"update_meta", "conflict", ops{add(p1, "m", 5)}, ops{add(p2, "r", 4)}, 2, ops{update(1, add(p2, "both", 4))}, "2 both"},
	} {
		t.Run(c.event+" "+c.situation, func(t *testing.T) {
			s := connected(t, "here", "there")[0]
			other := crdt.Origin{Node: "there", Incarnation: 1}
			for _, op := range c.local {
				must(s.Add(op.Entry))
			}
			s.Apply(crdt.Delta{Origin: other, First: 1, Ops: c.known})
			s.Apply(crdt.Delta{Origin: other, First: c.first, Ops: c.ops})
			resolve(s, k)
			got := "-"
			if r := s.Lookup(k); r != nil {
				got = fmt.Sprintf("%d %s", r.PID[0], r.Meta)
			}
			if got != c.want {
				t.Errorf("%q with holders %v, want %q", got, holders(s, k), c.want)
			}
		})
	}
}
