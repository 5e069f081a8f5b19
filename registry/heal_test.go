package registry_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry"
)

func hosts(from, to int) (ips []string) {
	for i := from; i < to; i++ {
		ips = append(ips, host(i))
	}
	return ips
}

// split cuts the network into the first n nodes and the others, and waits until each side is alone.
func (l *lan) split(n int) {
	l.t.Helper()
	l.net.Partition(hosts(0, n), hosts(n, len(l.nodes)))
	until(l.t, "each side is alone", func() bool {
		for i, x := range l.nodes {
			want := n
			if i >= n {
				want = len(l.nodes) - n
			}
			if len(x.node.Members()) != want {
				return false
			}
		}
		return true
	})
}

// tally counts the processes of each name that live.
type tally struct {
	pids map[string][]held
}

type held struct {
	at  *node
	pid actor.PID
}

func (ta *tally) alive(name string) (live []held) {
	for _, h := range ta.pids[name] {
		if h.at.sys.Alive(h.pid) {
			live = append(live, h)
		}
	}
	return live
}

// The test that Horde skips: four nodes, a thousand names, two against two, both sides start all of them, and after the heal
// each lives exactly once, everywhere the same. By turns the one or the other side is first.
func TestSplitBothSidesRegisterAll(t *testing.T) {
	last := func(x registry.Conflict) int { return len(x.Holders) - 1 }
	for _, c := range []struct {
		name    string
		second  int // the side that registers first
		resolve func(registry.Conflict) int
		later   bool // the later one stays
	}{
		{"left first", 0, nil, false},
		{"right first", 1, nil, false},
		{"resolver takes the first", 0, func(registry.Conflict) int { return 0 }, false},
		{"resolver takes the last", 0, last, true},
		{"resolver takes the last, right first", 1, last, true},
		{"resolver panics", 0, func(registry.Conflict) int { panic("resolver") }, false},
		{"resolver says nonsense", 1, func(registry.Conflict) int { return 77 }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLAN(t, 4, func(_ int, cfg *registry.Config) { cfg.Resolve = c.resolve })
				l.split(2)
				const names = 1000
				ta := &tally{pids: map[string][]held{}}
				for turn := range 2 {
					side := (c.second + turn) % 2
					for i := range names {
						x := l.nodes[2*side+i%2]
						name := fmt.Sprint("name/", i)
						ta.pids[name] = append(ta.pids[name], held{x, x.register(t, name)})
					}
					<-time.After(100 * time.Millisecond)
				}
				l.net.Heal()
				l.wholeAgain()
				healed := time.Now()
				until(t, "each name has one process, everywhere the same", func() bool {
					for name := range ta.pids {
						live := ta.alive(name)
						if len(live) == 0 {
							t.Fatal("no process is left of", name)
						}
						if len(live) > 1 || !l.everywhere(name, live[0].pid) {
							return false
						}
					}
					for _, x := range l.nodes {
						if x.Stats().Contested != 0 {
							return false
						}
					}
					return true
				})
				took := time.Since(healed)
				t.Logf("settled %v after all were up", took)
				if took > 6*time.Second {
					t.Errorf("that is too long")
				}
				for name, both := range ta.pids {
					want := 0
					if c.later {
						want = 1
					}
					if !both[want].at.sys.Alive(both[want].pid) {
						t.Fatal("the wrong one stayed for", name)
					}
				}
				conflicts := uint64(0)
				for _, x := range l.nodes {
					conflicts += x.Stats().Conflicts
				}
				if conflicts != names {
					t.Error("conflicts:", conflicts)
				}
			})
		})
	}
}

// wholeAgain waits for one cluster, whatever lives its nodes have.
func (l *lan) wholeAgain() {
	l.t.Helper()
	until(l.t, "all are up everywhere again", func() bool {
		for _, x := range l.nodes {
			if len(x.node.Members()) != len(l.nodes) {
				return false
			}
		}
		return true
	})
}

// Horde #91: after a netsplit two processes of one name go on. Here the loser ends, and is told why.
func TestHorde91OneProcessIsLeftAfterANetsplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		l.split(1)
		first := a.register(t, "singleton", registry.WithMeta("a"))
		<-time.After(time.Second)
		trapped := make(chan error, 1)
		state := make(chan registry.Offered, 1)
		loser, err := b.sys.Spawn(&offering{trapped})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Register(within(t), "singleton", loser, registry.WithMeta("b")); err != nil {
			t.Fatal(err)
		}
		a.sys.Exit(first, actor.Shutdown)
		until(t, "the first one is gone", func() bool { _, ok := a.Whereis("singleton"); return !ok })
		_ = state
		// The winner hears the state of the loser.
		winner, err := a.sys.Spawn(actor.Func(func(_ *actor.Context, msg any) error {
			if m, ok := msg.(registry.Offered); ok {
				state <- m
			}
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		// It is later, but its epoch is greater: a promoted activation.
		if err := a.Register(within(t), "singleton", winner, registry.WithEpoch(3)); err != nil {
			t.Fatal(err)
		}
		l.net.Heal()
		reason := recv(t, trapped, "the end of the loser")
		conflict, ok := errors.AsType[*registry.NameConflict](reason)
		if !ok || !errors.Is(reason, registry.ErrNameConflict) || conflict.Name != "singleton" || conflict.Winner.String() != winner.String() {
			t.Fatal(reason)
		}
		if m := recv(t, state, "the state of the loser"); m.Name != "singleton" || m.State != (hello{Text: "final"}) || m.From.String() != loser.String() {
			t.Fatal(m)
		}
		until(t, "all see the winner", func() bool { return l.everywhere("singleton", winner) })
		logged := b.Conflicts()
		if len(logged) != 1 || logged[0].Name != "singleton" || len(logged[0].Holders) != 2 || logged[0].Holders[0].PID.String() != winner.String() {
			t.Error(logged)
		}
		if len(a.Conflicts()) != 0 {
			t.Error("the winner's node lost something")
		}
	})
}

// offering offers its state to who took its name.
type offering struct{ ended chan<- error }

func (o *offering) Receive(*actor.Context, any) error { return nil }

func (o *offering) Terminate(ctx *actor.Context, reason error) {
	registry.Offer(ctx, reason, hello{Text: "final"})
	o.ended <- reason
}

// Horde #250: every claimant loses the conflict. Three isolated nodes claim one name and meet in all orders.
func TestHorde250OneOfThreeClaimantsIsLeft(t *testing.T) {
	pick := func(place int) func(registry.Conflict) int {
		return func(x registry.Conflict) int { return min(place, len(x.Holders)-1) }
	}
	for place := -1; place < 3; place++ {
		for order, pairs := range [][2]int{{0, 1}, {0, 2}, {1, 2}} {
			t.Run(fmt.Sprint("resolver ", place, " first pair ", order), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLAN(t, 3, func(_ int, cfg *registry.Config) {
						if place >= 0 {
							cfg.Resolve = pick(place)
						}
					})
					l.net.Partition([]string{host(0)}, []string{host(1)}, []string{host(2)})
					until(t, "all are alone", func() bool {
						for _, x := range l.nodes {
							if len(x.node.Members()) != 1 {
								return false
							}
						}
						return true
					})
					var live []held
					for _, x := range l.nodes {
						live = append(live, held{x, x.register(t, "one")})
						<-time.After(10 * time.Millisecond)
					}
					l.net.Heal()
					third := 3 - pairs[0] - pairs[1]
					l.net.Partition([]string{host(third)}, []string{host(pairs[0]), host(pairs[1])})
					<-time.After(time.Duration(order) * 3 * time.Second)
					l.net.Heal()
					l.wholeAgain()
					ta := &tally{pids: map[string][]held{"one": live}}
					until(t, "one is left, everywhere the same", func() bool {
						left := ta.alive("one")
						if len(left) == 0 {
							t.Fatal("nobody is left")
						}
						return len(left) == 1 && l.everywhere("one", left[0].pid)
					})
				})
			})
		}
	}
}

// A name that two nodes hold which do not hear each other: a third, which hears both, makes it one.
func TestBridgeTellsOwnersOfEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		l.net.Cut(host(0), host(1))
		l.net.Cut(host(1), host(0))
		first := l.nodes[0].register(t, "x")
		<-time.After(time.Millisecond)
		second := l.nodes[1].process(t)
		if err := l.nodes[1].Register(within(t), "x", second); err != nil {
			t.Fatal(err)
		}
		until(t, "the later one ends", func() bool { return !l.nodes[1].sys.Alive(second) })
		if !l.nodes[0].sys.Alive(first) {
			t.Fatal("both ended")
		}
		l.net.Heal()
		l.wholeAgain()
		until(t, "all see the first", func() bool { return l.everywhere("x", first) })
	})
}

// Entries of a node that vanishes are hidden; they are back with it, and what it took back meanwhile is not.
func TestUnregisteredWhileCutOffStaysGone(t *testing.T) {
	for _, long := range []time.Duration{3 * time.Second, 40 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			l := newLAN(t, 3, nil)
			a := l.nodes[0]
			kept, dropped := a.register(t, "kept"), a.register(t, "dropped")
			until(t, "all see both", func() bool { return l.everywhere("kept", kept) && l.everywhere("dropped", dropped) })
			cancel := l.nodes[2].Watch("dropped", func(x registry.Change) {
				if !x.New.IsZero() {
					t.Error("it came up again", x)
				}
			})
			defer cancel()
			l.net.Isolate(host(2))
			if err := a.Unregister(within(t), "dropped"); err != nil {
				t.Fatal(err)
			}
			<-time.After(long)
			if _, ok := l.nodes[2].Whereis("kept"); ok && long > 10*time.Second {
				t.Error("an entry of a node out of reach is shown")
			}
			if !a.holds("kept", kept) || !l.nodes[1].holds("kept", kept) {
				t.Error("an entry is hidden from those who are connected")
			}
			l.net.Heal()
			l.wholeAgain()
			until(t, "all see what is left", func() bool { return l.everywhere("kept", kept) && l.nobody("dropped") })
			for _, x := range l.nodes {
				if err := x.Ready(within(t)); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A node that others declared dead goes on with a new incarnation: what its processes hold is there again, the rest is not.
func TestRenewedNodeKeepsWhatItsProcessesHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		c := l.nodes[2]
		was := c.node.Self().Incarnation
		lives, ends := c.register(t, "lives", registry.WithMeta("m")), c.register(t, "ends")
		if err := c.Join(within(t), "g", lives); err != nil {
			t.Fatal(err)
		}
		l.split(2)
		<-time.After(30 * time.Second)
		c.sys.Exit(ends, actor.Kill)
		during := c.register(t, "during")
		l.net.Heal()
		until(t, "it joined anew", func() bool { return c.node.Self().Incarnation != was })
		l.wholeAgain()
		until(t, "all see it", func() bool {
			now := c.sys.PIDOf(lives.Address())
			return l.everywhere("lives", now) && l.everywhere("during", during) && l.nobody("ends")
		})
		for _, x := range l.nodes {
			if e, _ := x.Lookup("lives"); e.Meta != "m" {
				t.Error(x.name, e)
			}
			until(t, "the group is whole", func() bool { return len(x.Members("g")) == 1 })
		}
		c.sys.Exit(lives, actor.Kill)
		until(t, "its end is still told", func() bool { return l.nobody("lives") && len(l.nodes[0].Members("g")) == 0 })
	})
}

// A crashed node's entries vanish at once; a restarted one brings only its own.
func TestCrashAndRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		for i := range 100 {
			l.nodes[2].register(t, fmt.Sprint("old/", i))
		}
		until(t, "all see them", func() bool { return l.nodes[0].Stats().Names == 100 && l.nodes[1].Stats().Names == 100 })
		began := time.Now()
		l.net.Crash(host(2))
		until(t, "they are gone", func() bool { return l.nodes[0].Stats().Names == 0 && l.nodes[1].Stats().Names == 0 })
		if took := time.Since(began); took > 300*time.Millisecond {
			t.Errorf("gone after %v", took)
		}
		l.net.Restart(host(2))
		old := l.nodes[2]
		ctx := within(t)
		_ = old.Registry.Close(ctx)
		_ = old.node.Leave(ctx)
		fresh := l.add(2)
		pid := fresh.register(t, "new")
		l.wholeAgain()
		until(t, "all see the new one alone", func() bool { return l.everywhere("new", pid) && l.nodes[0].Stats().Names == 1 })
		if n := l.nodes[0].Stats().Entries; n != 1 {
			t.Error("entries of the old life are kept:", n)
		}
	})
}

// A registry that is closed and opened within one life of its node begins anew.
func TestCloseAndOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		for i := range 50 {
			a.register(t, fmt.Sprint("old/", i))
		}
		pid := a.process(t)
		until(t, "they are seen", func() bool { return b.Stats().Names == 50 })
		if err := a.Registry.Close(within(t)); err != nil {
			t.Fatal(err)
		}
		if err := a.Registry.Close(within(t)); err != nil {
			t.Fatal(err)
		}
		until(t, "they are gone", func() bool { return b.Stats().Names == 0 })
		if err := a.Register(within(t), "x", pid); !errors.Is(err, registry.ErrClosed) {
			t.Error(err)
		}
		if _, ok := a.Whereis("old/1"); ok {
			t.Error("a closed registry answers")
		}
		a.Registry = l.open(0, a)
		if err := a.Register(within(t), "x", pid); err != nil {
			t.Fatal(err)
		}
		until(t, "the new entry is seen", func() bool { return l.everywhere("x", pid) && b.Stats().Names == 1 })
	})
}
