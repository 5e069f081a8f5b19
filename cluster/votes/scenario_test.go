package votes_test

import (
	"slices"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/votes"
)

// record keeps what nodes say, but for messages.
func (w *world) record() map[nodeid.ID]*[]votes.Output {
	w.said = map[nodeid.ID]*[]votes.Output{}
	for _, p := range w.procs {
		w.said[p.id] = &[]votes.Output{}
	}
	return w.said
}

func (w *world) ticks(n int) {
	for range n {
		w.tick()
	}
}

// within ticks until ok, and fails if that takes more than n.
func (w *world) within(t *testing.T, n int, what string, ok func() bool) {
	t.Helper()
	for range n {
		if ok() {
			return
		}
		w.tick()
	}
	for _, p := range w.procs {
		t.Logf("%v dead %v: %v, reaches %v, runs %v", p.id, p.dead, p.vote.Set(), p.vote.Reachable(), w.runs(p))
	}
	t.Fatalf("%s: not within %d heartbeats; %s", what, n, w.detail)
}

func formed(t *testing.T, n int, ru rules) *world {
	t.Helper()
	w := newWorld(1, n, ru)
	w.within(t, 120, "the first set", func() bool { return w.whole() })
	return w
}

// group cuts those of a from all others, both ways.
func (w *world) group(a ...int) {
	w.heal()
	for i := range w.cut {
		for j := range w.cut {
			w.cut[i][j] = slices.Contains(a, i) != slices.Contains(a, j)
		}
	}
}

func (w *world) clean(t *testing.T) {
	t.Helper()
	if w.owners+w.outlived+w.disagree > 0 {
		t.Errorf("two owners %d, excluded and running %d, sets that differ %d: %s", w.owners, w.outlived, w.disagree, w.detail)
	}
}

func TestExcludedAndBack(t *testing.T) {
	w := formed(t, 5, rules{calm: true})
	w.record()
	first := w.procs[0]
	w.group(0, 1)
	w.within(t, 26, "three of five without the oldest", func() bool { return len(w.procs[2].vote.Set().Members) == 3 })
	if w.runs(first) || !w.runs(w.procs[2]) {
		t.Error("the minority runs, or the majority does not")
	}
	w.within(t, 40, "a stop in the minority", func() bool { return has[votes.Stop](*w.said[first.id]) })
	w.heal()
	w.within(t, 120, "the heal", w.whole)
	if got := w.best().Members; got[0] != w.procs[2].id || !slices.Contains(got[3:], first.id) {
		t.Errorf("who came back is not among the youngest: %v", got)
	}
	if !w.runs(first) {
		w.ticks(20)
	}
	if !w.runs(first) || !w.saidAll(first.id, votes.Suspend{}, votes.Stop{}, votes.Resume{}) {
		t.Errorf("who came back: runs %v, said %v", w.runs(first), *w.said[first.id])
	}
	w.clean(t)
}

// saidAll reports whether a node said outputs of these kinds in this order, others between them.
func (w *world) saidAll(id nodeid.ID, kinds ...votes.Output) bool {
	for _, out := range *w.said[id] {
		if len(kinds) > 0 && kindOf(out) == kindOf(kinds[0]) {
			kinds = kinds[1:]
		}
	}
	return len(kinds) == 0
}

func kindOf(o votes.Output) int {
	switch o.(type) {
	case votes.Suspend:
		return 1
	case votes.Stop:
		return 2
	case votes.Resume:
		return 3
	case votes.PartialPartition:
		return 4
	case votes.Dissolved:
		return 5
	}
	return 0
}

func has[T votes.Output](outs []votes.Output) bool {
	return slices.ContainsFunc(outs, func(o votes.Output) bool { _, ok := o.(T); return ok })
}

// TestShortCut: leases that lapse and come back for the same set suspend and resume, and stop nothing.
func TestShortCut(t *testing.T) {
	w := formed(t, 3, rules{})
	w.record()
	p := w.procs[2]
	w.group(2)
	w.within(t, 12, "the lapse", func() bool { return has[votes.Suspend](*w.said[p.id]) })
	w.heal()
	w.within(t, 12, "the leases", func() bool { return has[votes.Resume](*w.said[p.id]) })
	w.ticks(30)
	if has[votes.Stop](*w.said[p.id]) || w.best().K != 1 || w.procs[0].vote.Set().Members[2] != p.id {
		t.Errorf("%v, %v", *w.said[p.id], w.best())
	}
	w.clean(t)
}

func TestLeaseEndsOnTime(t *testing.T) {
	w := formed(t, 3, rules{})
	p := w.procs[0]
	now := w.clock(p)
	until := p.vote.Until()
	if !p.vote.MayRun(until.Add(-1)) || p.vote.MayRun(until) || until.After(now.Add(simTiming.Lease)) || until.Before(now) {
		t.Errorf("now %v, until %v", now, until)
	}
	if got := p.vote.NextTick(); got.After(now.Add(simTiming.Heartbeat)) || got.Before(now) {
		t.Errorf("next tick after %v", got.Sub(now))
	}
}

func TestProvedDeadIsOutAtOnce(t *testing.T) {
	w := formed(t, 5, rules{calm: true})
	p := w.procs[0]
	p.dead = true
	for _, q := range w.procs[1:] {
		w.step(q, votes.Dead{ID: p.id})
	}
	w.within(t, 6, "the exclusion", func() bool { return w.best().K == 2 }) // two round trips
	if w.best().Has(p.id) || !w.runs(w.procs[1]) {
		t.Errorf("%v", w.best())
	}
	w.clean(t)
}

func TestLeaving(t *testing.T) {
	w := formed(t, 3, rules{})
	for i, p := range w.procs[:2] {
		w.step(p, votes.Leave{})
		if w.runs(p) {
			t.Error("who leaves runs")
		}
		w.within(t, 60, "the exclusion of who leaves", func() bool {
			return w.procs[2].vote.Set().K == uint64(i+2) && !p.vote.Member()
		})
	}
	if got := w.procs[2].vote.Set().Members; len(got) != 1 || got[0] != w.procs[2].id {
		t.Errorf("left is %v", got)
	}
	w.within(t, 20, "the last one", func() bool { return w.runs(w.procs[2]) })
	w.clean(t)
}

// TestBridge: whom enough others hear is not excluded; who has the most broken links is given up after a while.
func TestBridge(t *testing.T) {
	w := formed(t, 5, rules{calm: true})
	w.record()
	first := w.best()
	for _, i := range []int{0, 1} {
		for _, j := range []int{3, 4} {
			w.cut[i][j], w.cut[j][i] = true, true
		}
	}
	w.within(t, 60, "the event", func() bool { return has[votes.PartialPartition](*w.said[node0(w)]) })
	if w.best().K != first.K {
		t.Errorf("somebody was excluded at once: %v", w.best())
	}
	for i, p := range w.procs {
		if !w.runs(p) {
			t.Errorf("%d does not run though it reaches a quorum", i)
		}
	}
	w.within(t, 200, "the end of it", func() bool { return w.best().K > first.K })
	if w.best().Has(w.procs[4].id) {
		t.Errorf("of equals the youngest goes: %v", w.best())
	}
	w.heal()
	w.within(t, 150, "the heal", w.whole)
	w.clean(t)
}

func node0(w *world) nodeid.ID { return w.procs[0].id }

// TestBootstrap: fewer than more than half of the expected form nothing; then all that are there do; who comes joins.
func TestBootstrap(t *testing.T) {
	w := newWorld(2, 5, rules{})
	w.group(3, 4)
	w.cut[2][0], w.cut[2][1], w.cut[0][2], w.cut[1][2] = true, true, true, true
	w.ticks(100)
	if w.best().K != 0 {
		t.Fatalf("2|1|2 of 5 formed %v", w.best())
	}
	w.group(3, 4)
	w.within(t, 100, "three of five", func() bool { return len(w.best().Members) == 3 })
	w.heal()
	w.within(t, 100, "the others", w.whole)
	w.clean(t)
}

// TestLineages: two clusters that formed apart and meet become one, that of the greater.
func TestLineages(t *testing.T) {
	w := newWorld(3, 5, rules{expected: 1})
	w.record()
	w.group(0, 1)
	w.within(t, 100, "two sets", func() bool {
		return len(w.procs[0].vote.Set().Members) == 2 && len(w.procs[2].vote.Set().Members) == 3 && w.runs(w.procs[0]) && w.runs(w.procs[2])
	})
	stays := w.procs[2].vote.Set().Lineage
	w.heal()
	w.within(t, 200, "one set", func() bool { return w.whole() && w.best().Lineage == stays })
	if !has[votes.Dissolved](*w.said[w.procs[0].id]) || has[votes.Dissolved](*w.said[w.procs[2].id]) {
		t.Error("the lesser did not say that it dissolved, or the greater did")
	}
	if w.disagree > 0 {
		t.Error(w.detail)
	}
}

// TestForce: the quorum is gone for good; nothing runs until an operator says so. Who was thought gone joins then.
func TestForce(t *testing.T) {
	w := formed(t, 5, rules{calm: true})
	w.group(3, 4)
	for _, p := range w.procs[:3] {
		p.paused = 1 << 30
	}
	w.ticks(60)
	p := w.procs[3]
	if w.runs(p) || w.runs(w.procs[4]) {
		t.Fatal("two of five run")
	}
	w.step(p, votes.Force{})
	w.within(t, 60, "the forced set", func() bool { return w.runs(p) && w.runs(w.procs[4]) })
	if s := p.vote.Set(); len(s.Members) != 2 || s.Generation != 2 {
		t.Errorf("forced %v", s)
	}
	for _, q := range w.procs[:3] {
		q.paused = 0
	}
	w.heal()
	w.within(t, 200, "the heal", func() bool {
		for _, q := range w.procs {
			if len(q.vote.Set().Members) != 5 || q.vote.Set().Generation != 2 || !w.runs(q) {
				return false
			}
		}
		return true
	})
}

func TestStaticQuorumLeavesOut(t *testing.T) {
	w := newWorld(1, 3, rules{policy: votes.StaticQuorum(2)})
	w.within(t, 120, "the first set", w.whole)
	w.n = 4
	for i := range w.cut {
		w.cut[i] = append(w.cut[i], false)
	}
	w.cut = append(w.cut, make([]bool, 4))
	w.start(3)
	w.ticks(60)
	if got := w.best(); len(got.Members) != 3 || w.runs(w.procs[3]) {
		t.Errorf("%v", got)
	}
}

func TestKeepAll(t *testing.T) {
	now := epoch
	s := votes.New(node(0), votes.Config{Policy: votes.KeepAll, Timing: votes.LAN(), Expected: 3}, now)
	if outs := s.Step(now, votes.Tick{}); len(outs) != 1 || !has[votes.Resume](outs) || !s.MayRun(now.Add(time.Hour)) {
		t.Errorf("%v", outs)
	}
	if outs := s.Step(now, votes.Met{ID: node(1)}); len(outs) != 0 || s.NextTick().Before(now.Add(time.Minute)) {
		t.Errorf("%v", outs)
	}
}

func TestOtherPoliciesUnderCuts(t *testing.T) {
	for seed := range defaultSeeds / 10 {
		for _, p := range []votes.Policy{votes.KeepOldest, votes.StaticQuorum(4)} {
			w := newWorld(uint64(seed), 5, rules{policy: p})
			if ok := w.run(simTicks); !ok || w.owners+w.outlived+w.disagree > 0 {
				t.Errorf("%v, seed %d: whole %v, %d %d %d, %s", p, seed, ok, w.owners, w.outlived, w.disagree, w.detail)
			}
		}
	}
}

// TestBridgesOnly: partial partitions that last.
func TestBridgesOnly(t *testing.T) {
	for seed := range defaultSeeds / 5 {
		w := newWorld(uint64(seed), 5, rules{bridgesOnly: true, crashes: true})
		if ok := w.run(simTicks); !ok || w.owners+w.outlived+w.disagree > 0 {
			t.Errorf("seed %d: whole %v, %d %d %d, %s", seed, ok, w.owners, w.outlived, w.disagree, w.detail)
		}
	}
}

// chosenUnseen: b sees that {a b c d e} follows {a b c}, then it is cut off with d and e, before a, which accepted that, or c
// knows it.
func chosenUnseen(t *testing.T, ru rules) *world {
	ru.calm = true
	w := newWorld(4, 5, ru)
	w.group(0, 1, 2)
	w.within(t, 60, "the first three", func() bool { return len(w.best().Members) == 3 && w.runs(w.procs[2]) })
	w.heal()
	accepted := false
	w.route = func(from, to int, m votes.Msg) (bool, bool) {
		switch m.(type) {
		case votes.Accept:
			return to != 2, true
		case votes.Accepted:
			accepted = accepted || from == 1
			return false, true
		}
		return false, false
	}
	w.within(t, 60, "b accepts", func() bool { return accepted })
	w.group(0)
	w.cut[0][2], w.cut[2][0] = false, false
	chosen := false
	w.route = func(from, to int, m votes.Msg) (bool, bool) {
		switch m.(type) {
		case votes.Accept:
			return from == 1 && to == 0, true
		case votes.Accepted:
			chosen = chosen || from == 0 && to == 1
			return from == 0 && to == 1, true
		case votes.Learn:
			return to > 2, true
		}
		return false, false
	}
	w.within(t, 120, "a accepts what b completes", func() bool { return chosen })
	w.group(0, 2)
	w.within(t, 5, "b knows", func() bool { return w.procs[1].vote.Set().K == 2 })
	w.route = func(from, to int, m votes.Msg) (bool, bool) { // or a and c would soon find out
		_, prepare := m.(votes.Prepare)
		return false, prepare && from == 0
	}
	if w.procs[2].vote.Set().K != 1 {
		t.Fatal("c knows too")
	}
	w.within(t, 60, "b, d and e without a and c", func() bool { return w.procs[1].vote.Set().K == 3 })
	w.ticks(20)
	return w
}

// TestChosenUnseen: a and c are a quorum of the set that they know, but no more of the one that was chosen. The leases of a
// tell c, because a accepted it.
func TestChosenUnseen(t *testing.T) {
	w := chosenUnseen(t, rules{})
	if w.best().Has(w.procs[2].id) || !w.runs(w.procs[1]) {
		t.Errorf("%v", w.best())
	}
	w.clean(t)
	w.route = nil
	w.heal()
	w.within(t, 150, "the heal", w.whole)
	w.clean(t)
	if wrong := chosenUnseen(t, rules{noJoint: true}); wrong.outlived == 0 {
		t.Error("leases that do not tell what was accepted do no harm: the control finds nothing")
	}
}
