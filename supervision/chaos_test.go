package supervision

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestMachineChaos lets processes take their time to end, crash while others stop, report ready late or never, and
// requests come at any moment. It checks what must hold whatever happens: one process per child at a time, one answer
// per request, nothing left behind when the supervisor ends, and that it ends when it is told to.
func TestMachineChaos(t *testing.T) {
	n := 30_000
	if testing.Short() || raceEnabled {
		n = 3_000
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range n {
		c := &chaos{r: rand.New(rand.NewPCG(seed+uint64(i), 2))}
		if err := c.run(); err != nil {
			t.Fatalf("seed %d: %v\nsupervisor %+v\nlog %v", seed+uint64(i), err, c.sim.m.conf, c.sim.log)
		}
	}
}

type chaos struct {
	*sim
	r     *rand.Rand
	asked uint64
	conf  config
}

func (c *chaos) run() error {
	c.conf = config{strategy: Strategy(c.r.IntN(3)), auto: AutoShutdown(c.r.IntN(3)), intensity: []int{NoRestarts, 1, 2, 4, 8}[c.r.IntN(5)], period: 5 * time.Second}
	if c.conf.strategy == OneForOne && c.r.IntN(2) == 0 {
		c.conf.dynamic, c.conf.max = true, c.r.IntN(5)
	}
	if c.r.IntN(2) == 0 {
		c.conf.backoff = Backoff{Min: time.Second, Max: 4 * time.Second, Jitter: 0.5}
	}
	var specs []Child
	if !c.conf.dynamic {
		for i := range c.r.IntN(5) {
			specs = append(specs, c.spec(string(rune('a'+i))))
		}
	}
	c.sim = newSim(c.conf, specs...)
	c.slow = true
	failing := c.r.Float64() * 0.4
	c.start = func(string) string {
		switch p := c.r.Float64(); {
		case p < failing:
			return "cannot"
		case p < failing+0.05:
			return "ignore"
		}
		return ""
	}
	c.begin()
	for range 40 {
		if c.ended {
			break
		}
		c.step()
		if err := c.holds(); err != nil {
			return err
		}
	}
	return c.finish()
}

func (c *chaos) spec(id string) Child {
	s := randomSpec(c.r, id, c.conf.auto)
	s.Ready = []time.Duration{0, 0, Infinity, 2 * time.Second}[c.r.IntN(4)]
	s.Shutdown = []time.Duration{BrutalKill, Infinity, time.Second, 3 * time.Second}[c.r.IntN(4)]
	return s
}

// one picks a key of m, in an order that depends on the seed alone.
func one[V any](r *rand.Rand, m map[int]V) (int, bool) {
	if len(m) == 0 {
		return 0, false
	}
	keys := slices.Sorted(maps.Keys(m))
	return keys[r.IntN(len(keys))], true
}

func (c *chaos) step() {
	switch c.r.IntN(10) {
	case 0, 1: // anything ends by itself
		if pid, ok := one(c.r, c.names); ok {
			c.logf("(%s %d ends)", c.names[pid], pid)
			c.gone(pid, exitClass(c.r.IntN(3)), "boom")
		}
	case 2, 3, 4: // something that was told ends
		if pid, ok := one(c.r, c.toldTo); ok {
			c.logf("(%s %d obeys)", c.names[pid], pid)
			c.gone(pid, exitShutdown, "shutdown")
		}
	case 5, 6:
		if pid, ok := one(c.r, c.names); ok {
			c.m.ready(c.now, pid)
		}
	case 7:
		c.pass(time.Duration(c.r.IntN(4000)) * time.Millisecond)
	case 8:
		c.asked++
		cmd := &command[int]{kind: commandKind(c.r.IntN(4)), token: c.asked, id: string(rune('a' + c.r.IntN(6)))}
		cmd.pid = 1 + c.r.IntN(c.pids+1)
		if c.conf.dynamic && cmd.kind > cmdTerminate {
			cmd.kind = cmdTerminate
		}
		if cmd.kind == cmdStart {
			child := c.spec(cmd.id)
			cmd.child = &child
		}
		c.do1(cmd)
	case 9:
		if c.r.IntN(8) == 0 {
			c.tell()
		}
	}
	c.sim.run()
}

// holds checks the invariants.
func (c *chaos) holds() error {
	seen := map[string]int{}
	for pid, id := range c.names {
		if other, dup := seen[id]; dup && !c.conf.dynamic {
			return fmt.Errorf("two processes of %s: %d and %d", id, pid, other)
		}
		seen[id] = pid
		if e := c.m.table.byPID[pid]; e == nil || !e.live {
			return fmt.Errorf("process %d of %s is not known any more", pid, id)
		}
	}
	n, significant := 0, 0
	for e := range c.m.table.all() {
		n++
		if e.child.Significant && e.state != stateIdle {
			significant++
		}
		if e.live && !e.gone && c.names[e.pid] == "" {
			return fmt.Errorf("%s: process %d is dead and nobody noticed", e.child.ID, e.pid)
		}
	}
	if n != c.m.table.n || significant != c.m.table.significant {
		return fmt.Errorf("counted %d children, %d significant; noted %d, %d", n, significant, c.m.table.n, c.m.table.significant)
	}
	if c.ended && len(c.names) > 0 {
		return fmt.Errorf("ended, but processes %v live", c.names)
	}
	if most := 2; c.m.phase == phaseStopping && !c.conf.dynamic && c.conf.strategy != OneForOne && len(c.toldTo) > most { // one, beside one that was being stopped already
		return fmt.Errorf("told %v at once", c.toldTo)
	}
	return nil
}

// finish lets everything settle, then tells the supervisor to end.
func (c *chaos) finish() error {
	for i := 0; !c.ended && i < 1000; i++ {
		if pid, ok := one(c.r, c.toldTo); ok {
			c.gone(pid, exitShutdown, "shutdown")
			c.sim.run()
		} else if c.starting() {
			for _, pid := range slices.Sorted(maps.Keys(c.names)) {
				c.m.ready(c.now, pid)
				c.sim.run()
			}
		} else if !c.fireOne(Infinity - c.now) {
			break
		}
	}
	if !c.ended {
		for token := uint64(1); token <= c.asked; token++ {
			if _, ok := c.replies[token]; !ok {
				return fmt.Errorf("request %d has no answer", token)
			}
		}
		for e := range c.m.table.all() {
			if e.gone || e.state == stateRestarting || e.state == stateStopping {
				return fmt.Errorf("%s was forgotten: state %d, gone %v", e.child.ID, e.state, e.gone)
			}
		}
		c.tell()
	}
	for i := 0; !c.ended && i < 100; i++ {
		if pid, ok := one(c.r, c.toldTo); ok {
			c.gone(pid, exitShutdown, "shutdown")
		}
		c.sim.run()
	}
	if !c.ended {
		return fmt.Errorf("does not end; alive %v, told %v", c.names, c.toldTo)
	}
	for _, l := range c.log {
		if len(l) > 6 && l[:6] == "SECOND" {
			return fmt.Errorf("%s", l)
		}
	}
	return c.holds()
}

func (c *chaos) starting() bool {
	for e := range c.m.table.all() {
		if e.state == stateStarting {
			return true
		}
	}
	return false
}
