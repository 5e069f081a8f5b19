package registry

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// calm ends all faults and waits. It returns the names that had a living holder when nobody did anything any more.
func (s *sim) calm() map[string]bool {
	for _, n := range s.nodes {
		for _, c := range n.calls {
			n.core.abandon(c.cl, errors.New("given up"), s.now)
		}
		n.answers()
		for _, id := range n.told {
			n.core.exited(id, s.now)
		}
		n.told = nil
		n.drain()
	}
	before := s.holders()
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for range 40 {
		for i, a := range s.nodes {
			for _, b := range s.nodes[:i] {
				ss := s.link(a, b)
				if ss == nil {
					s.connect(a, b)
				} else {
					ss.cut = false
				}
			}
			for _, b := range s.nodes {
				a.sees[b] = a != b
			}
			a.tellMembers()
			a.drain()
			for _, id := range a.told {
				a.core.exited(id, s.now)
			}
			a.told = nil
			a.drain()
		}
		s.flush()
		s.deliver(40 * len(s.sessions) * len(s.nodes))
		s.pass(400 * time.Millisecond)
	}
	s.flush()
	s.deliver(100 * len(s.sessions) * len(s.nodes))
	return names
}

// holders are the processes that live and hold names.
func (s *sim) holders() map[string][]string {
	all := map[string][]string{}
	for _, n := range s.nodes {
		for id, p := range n.procs {
			if !p.alive {
				continue
			}
			for name := range p.names {
				all[name] = append(all[name], fmt.Sprintf("n%d/%d", n.i, id))
			}
		}
	}
	return all
}

func (s *sim) check(before map[string]bool) error {
	truth := s.holders()
	for name := range before {
		if len(truth[name]) != 1 {
			return fmt.Errorf("%s is held by %v", name, truth[name])
		}
	}
	groups := map[string]int{}
	total := len(truth)
	for _, n := range s.nodes {
		for id, p := range n.procs {
			for g, times := range p.groups {
				if total += times; times > 0 {
					groups[fmt.Sprintf("%s n%d/%d", g, n.i, id)] += times
				}
			}
		}
	}
	for _, n := range s.nodes {
		c := n.core
		shown := map[string][]string{}
		for e := range c.table.all() {
			shown[e.name] = []string{fmt.Sprintf("%s/%d", e.rec.Origin.Node, processOf(e.rec.PID))}
			if n.view[e.name] != e.pid.String() {
				return fmt.Errorf("n%d: changes add up to %s for %s, which is %v", n.i, n.view[e.name], e.name, e.pid)
			}
			if e.src.gone.Load() || e.src.of != c.sources[e.rec.Origin].of {
				return fmt.Errorf("n%d: %s comes from nowhere", n.i, e.name)
			}
		}
		if !maps.EqualFunc(shown, truth, slices.Equal) {
			return fmt.Errorf("n%d shows %v, and there is %v", n.i, shown, truth)
		}
		if len(n.view) != len(shown) {
			return fmt.Errorf("n%d: changes add up to %v", n.i, n.view)
		}
		members := map[string]int{}
		for g := range c.groups {
			for r := range c.store.Holders(crdt.Key{Kind: crdt.Group, Name: g}) {
				members[fmt.Sprintf("%s %s/%d", g, r.Origin.Node, processOf(r.PID))]++
			}
		}
		if !maps.Equal(members, groups) {
			return fmt.Errorf("n%d has the groups %v, and there is %v", n.i, members, groups)
		}
		sum := 0
		for _, k := range n.groups {
			sum += k
		}
		if want := total - len(truth); sum != want {
			return fmt.Errorf("n%d: changes of groups add up to %v", n.i, n.groups)
		}
		if c.store.Len() != total || !c.complete() || len(c.contests)+len(c.promises)+len(c.claims) != 0 || c.counts.diverged != 0 {
			return fmt.Errorf("n%d is left with %d records of %d, complete %v, contests %v, promises %v, claims %v", n.i, c.store.Len(), total,
				c.complete(), c.contests, c.promises, c.claims)
		}
	}
	return nil
}

// newFuzzed is one node that holds "mine" and has a session with node a.
func newFuzzed(t *testing.T) *sim {
	sys, err := actor.NewSystem("sim")
	if err != nil {
		t.Fatal(err)
	}
	s := &sim{sys: sys, r: rand.New(rand.NewPCG(1, 1)), now: time.Unix(1_800_000_000, 0), lastInc: 1000}
	n := &simNode{s: s}
	s.nodes = append(s.nodes, n)
	s.boot(n)
	if err := n.core.register("mine", n.spawn(), options{}, 0, s.now); err != nil {
		t.Fatal(err)
	}
	n.core.met(member{"a", 3}, s.now)
	n.drain()
	return s
}
