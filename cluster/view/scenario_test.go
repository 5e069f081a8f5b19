package view_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/view"
)

// everySeed runs a scenario on a few seeds, and fails with the seed and what the oracles found.
func everySeed(t *testing.T, scenario func(seed uint64) *world) {
	t.Helper()
	for seed := range uint64(scenarioSeeds) {
		w := scenario(seed)
		if len(w.faults) > 0 {
			t.Fatalf("seed %d:\n%s", seed, w.report())
		}
	}
}

// died returns when the last of the others announced id down, and faults if not all did.
func (w *world) died(id nodeid.ID, proved bool) (last time.Duration) {
	var by []nodeid.ID
	for _, d := range w.downs {
		if d.id != id {
			continue
		}
		if d.proved != proved {
			w.fault("%v: %v is down, proved %v (%s)", d.by, id, d.proved, d.why)
		}
		last = max(last, d.at)
		by = append(by, d.by)
	}
	for _, p := range w.procs() {
		if p.id.Name != id.Name && !slices.Contains(by, p.id) {
			w.fault("%v does not know that %v is down", p.id, id)
		}
	}
	return last
}

// nobodyDied faults if there was any death, restart, or member that is not up.
func (w *world) nobodyDied() {
	if len(w.downs)+len(w.restarts) > 0 {
		w.fault("downs %v, restarts %v", w.downs, w.restarts)
	}
	if wrong := w.whole(); wrong != "" {
		w.fault("not whole: %s", wrong)
	}
}

func TestKilledIsProvedWithin300ms(t *testing.T) {
	for n := 2; n <= 10; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			everySeed(t, func(seed uint64) *world {
				w := cluster(seed, view.LAN(), n, 0)
				victim, at := w.hosts[w.rnd.IntN(n)].proc, w.now
				w.kill(victim)
				w.run(w.now + 300*ms)
				w.died(victim.id, true)
				w.run(at + time.Minute)
				if len(w.restarts) > 0 {
					w.fault("restarts: %v", w.restarts)
				}
				return w
			})
		})
	}
}

// Two at once are a minority of five or more, and are proved too.
func TestTwoKilledAtOnce(t *testing.T) {
	for n := 5; n <= 9; n++ {
		everySeed(t, func(seed uint64) *world {
			w := cluster(seed, view.LAN(), n, 0)
			a, b := w.hosts[0].proc, w.hosts[1].proc
			w.kill(a)
			w.kill(b)
			w.run(w.now + 300*ms)
			w.died(a.id, true)
			w.died(b.id, true)
			return w
		})
	}
}

func TestRestartInPlaceIsProved(t *testing.T) {
	everySeed(t, func(seed uint64) *world {
		w := cluster(seed, view.WAN(), 3, 0) // P1 needs no refusal
		old := w.hosts[1].proc
		w.kill(old)
		w.start(old.id.Name, 1, 0)
		w.run(w.now + time.Second)
		w.died(old.id, true)
		w.untilWhole(20 * time.Second)
		return w
	})
}

func TestVanishedHost(t *testing.T) {
	for _, c := range []struct {
		timing view.Timing
		limit  time.Duration
	}{{view.Fast(), 4100 * ms}, {view.LAN(), 10 * time.Second}} {
		everySeed(t, func(seed uint64) *world {
			w := cluster(seed, c.timing, 5, 0)
			victim, at := w.hosts[2].proc, w.now
			w.hosts[2].off = true
			w.kill(victim)
			w.run(w.now + 15*time.Second)
			took := w.died(victim.id, false) - at
			if took > c.limit+250*ms || took < w.swim[0] { // the model's SWIM looks every 250 ms
				w.fault("took %v", took)
			}
			return w
		})
	}
}

// SIGSTOP for 3 s: the kernel still acknowledges and accepts, so nothing is proved; and who was stopped itself does not
// take the others' silence for theirs.
func TestStoppedFor3sIsNotDead(t *testing.T) {
	everySeed(t, func(seed uint64) *world {
		w := cluster(seed, view.LAN(), 2+int(seed%4), 0)
		w.hosts[0].proc.wake = w.now + 3*time.Second
		if seed%2 == 0 {
			w.cutConnection(w.hosts[0].proc, w.hosts[1].proc)
		}
		w.run(w.now + 20*time.Second)
		w.nobodyDied()
		return w
	})
}

func TestStoppedItselfBlamesNobody(t *testing.T) {
	everySeed(t, func(seed uint64) *world {
		w := cluster(seed, view.Fast(), 3, 0)
		stopped := w.hosts[0].proc
		stopped.wake = w.now + time.Minute
		w.run(w.now + 62*time.Second)
		for _, d := range w.downs {
			if d.by == stopped.id {
				w.fault("it took %v for dead", d.id)
			}
		}
		if !slices.Equal(w.restarts, []nodeid.ID{stopped.id}) {
			w.fault("restarts: %v", w.restarts)
		}
		w.untilWhole(20 * time.Second)
		return w
	})
}

func TestClosedConnectionsAloneChangeNothing(t *testing.T) {
	everySeed(t, func(seed uint64) *world {
		w := cluster(seed, view.Fast(), 4, 0)
		for i := range 200 {
			w.after(time.Duration(i)*50*ms, func() { w.cutConnection(w.hosts[w.rnd.IntN(4)].proc, w.hosts[w.rnd.IntN(4)].proc) })
		}
		w.run(w.now + 15*time.Second)
		w.nobodyDied()
		for _, p := range w.procs() {
			for _, o := range p.peers {
				if o.suspected {
					w.fault("%v suspected %v", p.id, o.id)
				}
			}
		}
		return w
	})
}

// A child of the dead process keeps the listener: dials are accepted, so only SWIM can tell.
func TestClosedWithoutRefusalIsNotProved(t *testing.T) {
	everySeed(t, func(seed uint64) *world {
		w := cluster(seed, view.Fast(), 3, 0)
		victim := w.hosts[1].proc
		w.kill(victim)
		w.hosts[1].deaf = true
		w.run(w.now + w.swim[0])
		if len(w.downs) > 0 {
			w.fault("downs: %v", w.downs)
		}
		w.run(w.now + 5*time.Second)
		w.died(victim.id, false)
		return w
	})
}

// Both sides of a split go on; after it only the smaller one restarts.
func TestSplitRestartsTheSmallerSide(t *testing.T) {
	for _, sides := range []int{0b1, 0b11, 0b10000, 0b10100} {
		everySeed(t, func(seed uint64) *world {
			w := cluster(seed, view.Fast(), 5, 0)
			var smaller []nodeid.ID
			for h := range 5 {
				if sides>>h&1 == 1 {
					smaller = append(smaller, w.hosts[h].proc.id)
				}
			}
			w.split(5, sides, true)
			w.run(w.now + 20*time.Second)
			clear(w.cut)
			w.untilWhole(30 * time.Second)
			slices.SortFunc(w.restarts, nodeid.ID.Compare)
			if !slices.Equal(w.restarts, smaller) {
				w.fault("restarts: %v", w.restarts)
			}
			return w
		})
	}
}

// A split that is shorter than the evidence takes is not noticed by anybody but as suspicion.
func TestShortSplitCostsNothing(t *testing.T) {
	everySeed(t, func(seed uint64) *world {
		w := cluster(seed, view.LAN(), 5, 0)
		w.split(5, 0b11, true)
		w.run(w.now + 5*time.Second)
		clear(w.cut)
		w.run(w.now + 10*time.Second)
		w.nobodyDied()
		return w
	})
}

// Two that do not reach each other while others reach both: nothing moves, and everybody is told of the link.
func TestBridge(t *testing.T) {
	everySeed(t, func(seed uint64) *world {
		w := cluster(seed, view.Fast(), 4, 0)
		a, b := w.hosts[0].proc.id, w.hosts[1].proc.id
		before := w.hosts[2].proc.v.ViewID()
		w.setCut(0, 1, true)
		w.setCut(1, 0, true)
		w.run(w.now + 40*time.Second)
		if len(w.downs)+len(w.restarts) > 0 {
			w.fault("downs: %v", w.downs)
		}
		for _, p := range w.procs() {
			if p.v.ViewID() != before {
				w.fault("%v: the up set changed", p.id)
			}
		}
		told := map[nodeid.ID]bool{}
		broken := 0
		for _, e := range w.alarms {
			switch e.Kind {
			case view.AlarmPartialPartition:
				told[e.Member.ID] = slices.Equal(e.Links, []view.Link{{From: a, To: b}, {From: b, To: a}})
			case view.AlarmBrokenLink:
				broken++
			}
		}
		for _, p := range w.procs() {
			if !told[p.id] && p.id != a && p.id != b {
				w.fault("%v was not told of both directions", p.id)
			}
			if _, ok := told[p.id]; !ok {
				w.fault("%v was not told", p.id)
			}
		}
		if broken != 2 {
			w.fault("%d alarms of a broken link", broken)
		}
		clear(w.cut)
		w.untilWhole(20 * time.Second)
		return w
	})
}

// A firewall that refuses for the living: the wrong decision of P2, and its bounds.
func TestFirewallThatRefuses(t *testing.T) {
	t.Run("one", func(t *testing.T) {
		everySeed(t, func(seed uint64) *world {
			w := cluster(seed, view.Fast(), 5, 0)
			victim := w.hosts[3].proc
			for h := range 5 {
				if h != 3 {
					w.firewall(3, h)
				}
			}
			w.run(w.now + time.Second)
			for _, d := range w.downs {
				if d.id != victim.id {
					w.fault("%v is down for %v", d.id, d.by)
				}
			}
			w.run(w.now + 2*time.Second)
			clear(w.reject)
			w.untilWhole(30 * time.Second)
			if !slices.Equal(w.restarts, []nodeid.ID{victim.id}) {
				w.fault("restarts: %v", w.restarts)
			}
			return w
		})
	})
	t.Run("halves", func(t *testing.T) {
		everySeed(t, func(seed uint64) *world {
			w := cluster(seed, view.Fast(), 6, 0)
			for a := range 3 {
				for b := 3; b < 6; b++ {
					w.firewall(a, b)
				}
			}
			w.run(w.now + w.swim[0])
			for _, p := range w.procs() {
				if up := len(p.v.Up()); up < 3 {
					w.fault("%v: %d are left", p.id, up)
				}
			}
			clear(w.reject)
			w.untilWhole(60 * time.Second)
			return w
		})
	})
}

func TestDuplicateNameIsRefusedWhileTheFirstLives(t *testing.T) {
	everySeed(t, func(seed uint64) *world {
		w := cluster(seed, view.LAN(), 3, 1)
		first := w.hosts[1].proc
		second := w.start(first.id.Name, 3, first.id.Incarnation)
		w.run(w.now + 10*time.Second)
		if first.dead || !second.dead {
			w.fault("first dead %v, second dead %v", first.dead, second.dead)
		}
		w.nobodyDied()
		if !slices.ContainsFunc(w.alarms, func(e view.Event) bool {
			return e.Kind == view.AlarmDuplicateName && e.Other == second.id && e.Member.ID == first.id
		}) {
			w.fault("no alarm: %v", w.alarms)
		}
		return w
	})
}

// A name comes back at another address. Where the old address refuses it is proved dead; where it is silent, the new one
// waits until the old one is down.
func TestNameMoves(t *testing.T) {
	for _, off := range []bool{false, true} {
		everySeed(t, func(seed uint64) *world {
			w := cluster(seed, view.LAN(), 3, 1)
			first := w.hosts[1].proc
			w.hosts[1].off = off
			w.kill(first)
			w.start(first.id.Name, 3, first.id.Incarnation)
			if !off {
				w.run(w.now + time.Second)
			} else {
				w.run(w.now + w.swim[0])
				if len(w.downs) > 0 {
					w.fault("downs: %v", w.downs)
				}
				w.run(w.now + 10*time.Second)
			}
			w.died(first.id, !off)
			w.untilWhole(30 * time.Second)
			return w
		})
	}
}
