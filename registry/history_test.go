package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// TestHistories runs cores over a simulated network: sessions that break, partitions, nodes that are declared down and begin anew,
// crash or open their registry again, claims, resolvers, and ends of processes that are told late. After each history all faults
// end, and then every node has to show the same, and that has to be what the processes that live have registered.
//
// REGISTRY_RUNS=10000 runs as many, REGISTRY_SEED=n that one alone.
func TestHistories(t *testing.T) {
	runHistories(t, 300, func(s *sim) error { return s.chaos() })
}

// TestClaimHistories has nodes claim names at the same time, without faults: never two may win.
func TestClaimHistories(t *testing.T) {
	runHistories(t, 200, func(s *sim) error { return s.claims() })
}

func runHistories(t *testing.T, count int, f func(*sim) error) {
	sys, err := actor.NewSystem("sim")
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Shutdown(context.Background())
	if testing.Short() || raceEnabled {
		count /= 10
	}
	first := number(t, "REGISTRY_SEED", 0)
	if first != 0 {
		count = 1
	} else {
		first, count = int(time.Now().UnixNano()), number(t, "REGISTRY_RUNS", count)
	}
	for i := range count {
		s := newSim(sys, rand.New(rand.NewPCG(uint64(first+i), 7)))
		if err := f(s); err != nil {
			t.Fatalf("REGISTRY_SEED=%d: %v", first+i, err)
		}
	}
	t.Logf("%d histories from REGISTRY_SEED=%d", count, first)
}

func number(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s=%q is not a number", name, text)
	}
	return n
}

// chaos is a history with faults.
func (s *sim) chaos() error {
	s.rounds()
	s.calm()
	if err := s.check(nil); err != nil {
		return fmt.Errorf("%d nodes: %w", len(s.nodes), err)
	}
	s.keep = true
	s.rounds()
	if err := s.check(s.calm()); err != nil {
		return fmt.Errorf("%d nodes, nobody ended: %w", len(s.nodes), err)
	}
	return nil
}

func (s *sim) rounds() {
	for range 10 + s.r.IntN(100) {
		for range 1 + s.r.IntN(3) {
			s.act(s.nodes[s.r.IntN(len(s.nodes))])
		}
		if s.r.IntN(3) == 0 {
			s.fault()
		}
		if s.r.IntN(2) == 0 {
			s.flush()
		}
		s.deliver(s.r.IntN(30))
		if s.r.IntN(4) == 0 {
			s.pass(time.Duration(s.r.IntN(1500)) * time.Millisecond)
		}
	}
}

// claims is a history without faults.
func (s *sim) claims() error {
	s.choose = nil
	s.calm()
	for range 60 {
		for range s.r.IntN(4) {
			n := s.nodes[s.r.IntN(len(s.nodes))]
			n.claim(fmt.Sprint("c", s.r.IntN(4)), n.spawn())
			n.drain()
			n.answers()
		}
		if s.r.IntN(2) == 0 {
			s.flush()
		}
		s.deliver(s.r.IntN(40))
		for _, n := range s.nodes {
			n.answers()
		}
		if s.r.IntN(10) == 0 {
			s.pass(time.Duration(s.r.IntN(800)) * time.Millisecond)
		}
	}
	before := s.calm()
	won := map[string]int{}
	for _, n := range s.nodes {
		for name, k := range n.won {
			won[name] += k
		}
		if n.core.counts.lost != 0 {
			return errors.New("a winner lost its name")
		}
	}
	for name, k := range won {
		if k != 1 {
			return fmt.Errorf("%s was won %d times", name, k)
		}
	}
	if len(won) == 0 {
		return errors.New("nobody won anything")
	}
	return s.check(before)
}

// Three that claim one name meet in all orders, and the resolver chooses each of them: one survives.
func TestThreeClaimantsInAllOrders(t *testing.T) {
	sys, err := actor.NewSystem("sim")
	if err != nil {
		t.Fatal(err)
	}
	pairs := [][2]int{{0, 1}, {0, 2}, {1, 2}}
	orders := [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	for place := -1; place < 4; place++ {
		for _, stamps := range orders {
			for _, order := range orders {
				s := &sim{sys: sys, r: rand.New(rand.NewPCG(3, 3)), now: time.Unix(1_800_000_000, 0), lastInc: 1000}
				if place >= 0 {
					s.choose = func(Conflict) int { return place }
				}
				for i := range 3 {
					n := &simNode{s: s, i: i}
					s.nodes = append(s.nodes, n)
					s.boot(n)
				}
				for _, i := range stamps {
					n := s.nodes[i]
					id := n.spawn()
					if err := n.core.register("x", id, options{}, 0, s.now); err != nil {
						t.Fatal(err)
					}
					n.procs[id].names["x"] = true
					n.drain()
					s.now = s.now.Add(time.Millisecond)
				}
				for _, k := range order {
					a, b := s.nodes[pairs[k][0]], s.nodes[pairs[k][1]]
					s.connect(a, b)
					a.sees[b], b.sees[a] = true, true
					for _, n := range []*simNode{a, b} {
						n.tellMembers()
						n.drain()
					}
					s.deliver(200)
					s.pass(tickEvery)
					s.deliver(200)
				}
				if err := s.check(s.calm()); err != nil {
					t.Fatalf("resolver %d, registered in the order %v, met in the order %v: %v", place, stamps, order, err)
				}
				if first := fmt.Sprintf("n%d", stamps[0]); place < 0 && s.nodes[0].core.holder("x").Origin.Node != first {
					t.Fatalf("the first one did not stay: %v", s.holders())
				}
			}
		}
	}
}

// Two claims at once, ten thousand times: never two winners, and one of them in the end.
func TestTwoClaimsNeverBothWin(t *testing.T) {
	sys, err := actor.NewSystem("sim")
	if err != nil {
		t.Fatal(err)
	}
	s := newSim(sys, rand.New(rand.NewPCG(5, 5)))
	s.choose = nil
	s.calm()
	won, rounds := 0, 10_000
	if raceEnabled {
		rounds /= 10
	}
	for i := range rounds {
		name := fmt.Sprint("c", i)
		a, b := s.nodes[s.r.IntN(len(s.nodes))], s.nodes[s.r.IntN(len(s.nodes))]
		for _, n := range []*simNode{a, b} {
			n.claim(name, n.spawn())
			n.drain()
			s.deliver(s.r.IntN(6))
		}
		for a.calls = a.calls[:len(a.calls):len(a.calls)]; len(a.calls)+len(b.calls) > 0; {
			s.flush()
			s.deliver(5)
			a.answers()
			b.answers()
		}
		wins := a.won[name]
		if a != b {
			wins += b.won[name]
		}
		if won += wins; wins > 1 {
			t.Fatal(name, "was won twice")
		}
		for _, n := range s.nodes {
			for id := range n.procs {
				n.end(id)
			}
			for _, id := range n.told {
				n.core.exited(id, s.now)
			}
			n.told, n.procs = nil, map[uint64]*simProc{}
			n.drain()
		}
	}
	if won < rounds/2 {
		t.Error("only", won, "were won")
	}
}

// What is known of a thousand lives of a node is as much as of one, and after the last is forgotten it is nothing.
func TestLivesLeaveNothingBehind(t *testing.T) {
	s := newFuzzed(t)
	n := s.nodes[0]
	for life := range 1000 {
		a := member{"a", uint64(10 + life)}
		n.core.met(a, s.now)
		o := crdt.Origin{Node: "a", Incarnation: crdt.Incarnation(10 + life)}
		d := crdt.Delta{Origin: o, First: 1}
		for i := range 500 {
			d.Ops = append(d.Ops, crdt.Op{Add: true, Entry: crdt.Entry{Key: crdt.Key{Kind: crdt.Name, Name: fmt.Sprint(i)}, PID: wirePID(1)}},
				crdt.Op{Drop: uint64(2*i + 1)})
		}
		m := message{kind: recordDelta, delta: d}
		if err := n.core.received(a, m.append(nil), s.now); err != nil {
			t.Fatal(err)
		}
		n.core.gone(a, s.now)
		n.drain()
	}
	c := n.core
	if len(c.peers) > 2 || len(c.newest) != 1 || len(c.sources) != 2 || c.store.Len() != 1 {
		t.Fatal(len(c.peers), c.newest, len(c.sources), c.store.Len())
	}
	c.forgotten(member{"a", 1009}, s.now)
	if len(c.newest) != 0 || len(c.sources) != 1 || len(slices.Collect(c.store.Nodes())) != 0 {
		t.Fatal(c.newest, len(c.sources))
	}
}
