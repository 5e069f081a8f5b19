package view_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/view"
)

// number reads an environment variable.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// cluster starts n nodes and waits until they are one.
func cluster(seed uint64, timing view.Timing, n, spare int) *world {
	w := newWorld(seed, timing, n+spare)
	for i := range n {
		w.after(w.between(0, 300*ms), func() { w.start(fmt.Sprintf("n%d", i), i, 0) })
	}
	w.run(400 * ms)
	w.untilWhole(20 * time.Second)
	w.run(w.now + timing.Settle)
	return w
}

// TestChaos runs clusters through random faults. VIEW_SEEDS is how many, VIEW_SEED is one to look at.
func TestChaos(t *testing.T) {
	first, seeds := number(t, "VIEW_SEED", 0), number(t, "VIEW_SEEDS", defaultSeeds)
	if os.Getenv("VIEW_SEED") != "" {
		seeds = 1
	}
	const shards = 4
	for shard := range uint64(shards) {
		t.Run(strconv.Itoa(int(shard)), func(t *testing.T) {
			t.Parallel()
			for seed := first + shard; seed < first+seeds; seed += shards {
				w := chaos(seed)
				if len(w.faults) > 0 {
					t.Errorf("seed %d (run it alone with VIEW_SEED=%d):\n%s", seed, seed, w.report())
					return
				}
			}
		})
	}
}

func chaos(seed uint64) *world {
	w := newWorld(seed, view.Fast(), 0)
	n := 3 + w.rnd.IntN(4)
	if w.rnd.IntN(8) == 0 {
		n = 2 + w.rnd.IntN(9)
	}
	timing := view.Fast()
	timing.NoProof = w.rnd.IntN(8) == 0
	if w.rnd.IntN(4) == 0 { // so that it happens within the run
		timing.LinkBroken, timing.ForgetAfter = 2*time.Second, 3*time.Second
	}
	w = cluster(seed, timing, n, 1)
	for range 1 + w.rnd.IntN(3) {
		w.after(w.between(0, 3*time.Second), func() { w.hurt(n) })
	}
	w.run(w.now + w.between(3*time.Second, 9*time.Second))
	w.heal(n)
	w.untilWhole(90 * time.Second)
	return w
}

// hurt does something bad.
func (w *world) hurt(n int) {
	victim := w.rnd.IntN(n)
	p := w.hosts[victim].proc
	if p == nil {
		return
	}
	other := (victim + 1 + w.rnd.IntN(max(n-1, 1))) % n
	switch w.rnd.IntN(14) {
	case 0:
		w.did("kill %v", p.id)
		w.kill(p)
	case 1:
		w.did("restart %v in place", p.id)
		w.kill(p)
		w.after(w.between(0, 400*ms), func() {
			if w.hosts[victim].proc == nil {
				w.start(p.id.Name, victim, 0)
			}
		})
	case 2:
		w.did("host %d is gone", victim)
		w.hosts[victim].off = true
		w.kill(p)
	case 3:
		d := w.between(100*ms, 3*time.Second)
		w.did("stop %v for %v", p.id, d)
		p.wake = w.now + d
	case 4:
		w.did("isolate %d", victim)
		w.split(n, 1<<victim, true)
	case 5:
		sides := w.rnd.IntN(1 << n)
		w.did("split %b", sides)
		w.split(n, sides, true)
	case 6:
		sides := w.rnd.IntN(1 << n)
		w.did("one-way split %b", sides)
		w.split(n, sides, false)
	case 7:
		w.did("bridge: %d and %d do not reach each other", victim, other)
		w.setCut(victim, other, true)
		w.setCut(other, victim, w.rnd.IntN(2) == 0)
	case 8:
		w.did("connections close")
		for range 20 {
			w.after(w.between(0, time.Second), func() {
				if a, b := w.hosts[w.rnd.IntN(n)].proc, w.hosts[w.rnd.IntN(n)].proc; a != nil && b != nil {
					w.cutConnection(a, b)
				}
			})
		}
	case 9:
		w.jitter = w.between(2*ms, 60*ms)
		w.did("delays up to %v", w.jitter)
	case 10:
		w.replace(p, n)
	case 11:
		w.did("%v leaves", p.id)
		w.leave(p)
	case 12:
		w.did("kill %v, a child of it keeps the listener", p.id)
		w.kill(p)
		w.hosts[victim].deaf = true
	case 13:
		w.did("a firewall refuses between %d and %d", victim, other)
		w.firewall(victim, other)
	}
}

// replace starts the name of p on a spare host: after a crash that nobody saw, or while it lives.
func (w *world) replace(p *proc, spare int) {
	if w.hosts[spare].proc != nil {
		return
	}
	switch w.rnd.IntN(3) {
	case 0:
		w.did("%v moves: its process is dead", p.id)
		w.kill(p)
	case 1:
		w.did("%v moves: its host is gone", p.id)
		w.hosts[p.host].off = true
		w.kill(p)
	default:
		w.did("%v gets a double", p.id)
	}
	w.after(ms, func() { w.start(p.id.Name, spare, p.id.Incarnation) })
}

// split cuts between the hosts whose bit is set and the others.
func (w *world) split(n, sides int, bothWays bool) {
	for a := range n {
		for b := range n {
			if sides>>a&1 == 1 && sides>>b&1 == 0 {
				w.setCut(a, b, true)
				if bothWays {
					w.setCut(b, a, true)
				}
			}
		}
	}
}

// heal repairs the network, and starts what is dead in place, unless its name lives elsewhere.
func (w *world) heal(n int) {
	w.did("heal")
	clear(w.cut)
	clear(w.reject)
	w.jitter = 2 * ms
	for h := range n {
		w.hosts[h].off, w.hosts[h].deaf = false, false
		name := fmt.Sprintf("n%d", h)
		lives := false
		for _, p := range w.procs() {
			lives = lives || p.id.Name == name
		}
		if !lives && w.rnd.IntN(2) == 0 {
			w.start(name, h, 0)
		}
	}
}

// firewall closes the connections between two hosts, and answers dials with a reset.
func (w *world) firewall(a, b int) {
	w.refused = true
	w.reject[[2]int{a, b}], w.reject[[2]int{b, a}] = true, true
	if p, q := w.hosts[a].proc, w.hosts[b].proc; p != nil && q != nil {
		w.cutConnection(p, q)
	}
}

// leave ends a life politely: it says so, then goodbye, and SWIM hears it too, sooner or later.
func (w *world) leave(p *proc) {
	p.step(view.SelfLeaving{})
	w.after(w.between(0, time.Second), func() {
		p.on(func() {
			for _, q := range w.procs() {
				if q == p {
					continue
				}
				p.overSession(q.id, func(q *proc) { q.step(view.Goodbye{ID: p.id}) })
				if p.reaches(q) {
					w.after(w.between(0, 300*ms), func() {
						q.on(func() {
							q.peer(p.id, p.host).swim = 2
							q.step(view.SwimLeft{ID: p.id})
						})
					})
				}
			}
			w.kill(p)
		})
	})
}
