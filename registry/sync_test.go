package registry_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry"
)

// Of those who claim one name at the same moment, on all nodes, exactly one gets it, and nobody loses it afterwards.
func TestRegisterSyncHasOneWinner(t *testing.T) {
	for _, mode := range []registry.Mode{registry.Majority, registry.All} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLAN(t, 3, nil)
				const names = 500
				var wg sync.WaitGroup
				var won [names]atomic.Int32
				for i := range names {
					for _, x := range l.nodes {
						for range 2 {
							pid := x.process(t)
							wg.Go(func() {
								ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
								defer cancel()
								err := x.RegisterSync(ctx, fmt.Sprint("n/", i), pid, mode)
								switch {
								case err == nil:
									won[i].Add(1)
								case !errors.Is(err, registry.ErrTaken):
									t.Error(err)
								}
							})
						}
					}
				}
				wg.Wait()
				for i := range won {
					if n := won[i].Load(); n != 1 {
						t.Fatalf("n/%d has %d winners", i, n)
					}
				}
				<-time.After(time.Second)
				for _, x := range l.nodes {
					if s := x.Stats(); s.Names != names || s.Conflicts != 0 {
						t.Error(x.name, s)
					}
				}
			})
		})
	}
}

func TestRegisterSyncAcrossFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		a, b, c := l.nodes[0], l.nodes[1], l.nodes[2]
		try := func(x *node, name string, mode registry.Mode, d time.Duration) error {
			ctx, cancel := context.WithTimeout(context.Background(), d)
			defer cancel()
			return x.RegisterSync(ctx, name, x.process(t), mode)
		}
		if err := try(a, "held", registry.All, time.Second); err != nil {
			t.Fatal(err)
		}
		err := try(b, "held", registry.Majority, time.Second)
		if taken, ok := errors.AsType[*registry.TakenError](err); !ok || taken.Owner.Node() != "n1" {
			t.Fatal(err)
		}
		if err := try(b, "", registry.Majority, time.Second); !errors.Is(err, registry.ErrLimit) {
			t.Fatal(err)
		}
		l.net.Isolate(host(2))
		// While it is not known that one is cut off, a majority is enough, and all is not.
		if err := try(a, "majority", registry.Majority, time.Second); err != nil {
			t.Fatal(err)
		}
		if err := try(a, "all", registry.All, time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := try(c, "alone", registry.Majority, 500*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		// What was given up is not kept from others for long.
		if err := try(b, "all", registry.Majority, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		// Once it is known to be away, all are the others.
		if err := try(b, "later", registry.All, waitLimit); err != nil {
			t.Fatal(err)
		}
		l.net.Heal()
		l.wholeAgain()
		if err := try(c, "alone", registry.All, waitLimit); err != nil {
			t.Fatal(err)
		}
		until(t, "all see all", func() bool {
			for _, x := range l.nodes {
				if x.Stats().Names != 5 {
					return false
				}
			}
			return true
		})
	})
}

// Horde #116: an empty node joins and everything is dropped. Here nothing is, and the joiner has it all when it is ready.
func TestHorde116NothingIsDroppedWhenANodeJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		const names = 10_000
		pids := map[string]actor.PID{}
		for i := range names {
			name := fmt.Sprint("n/", i)
			pids[name] = l.nodes[i%2].register(t, name)
		}
		var lost atomic.Int32
		for _, x := range l.nodes {
			x.Watch("", func(c registry.Change) {
				if c.New.IsZero() {
					lost.Add(1)
				}
			})
		}
		for i := range 2 {
			began := time.Now()
			x := l.add(2 + i)
			if err := x.Ready(within(t)); err != nil {
				t.Fatal(err)
			}
			t.Logf("ready after %v", time.Since(began))
			for name, pid := range pids {
				if !x.holds(name, pid) {
					t.Fatalf("%s is ready without %s", x.name, name)
				}
			}
		}
		l.whole()
		for _, x := range l.nodes {
			if s := x.Stats(); s.Names != names || s.Diverged != 0 {
				t.Error(x.name, s)
			}
		}
		if n := lost.Load(); n != 0 {
			t.Error("dropped meanwhile:", n)
		}
	})
}

// Horde #200: the registry grows with every attempt. Here it is as large as what is registered.
func TestHorde200NothingIsKeptOfWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		pid := a.process(t)
		for i := range 20_000 {
			name := fmt.Sprint("n/", i%7)
			if err := a.Register(within(t), name, pid); err != nil {
				t.Fatal(err)
			}
			if err := b.Register(within(t), name, pid); !errors.Is(err, registry.ErrNotLocal) {
				t.Fatal(err)
			}
			if err := a.Unregister(within(t), name); err != nil {
				t.Fatal(err)
			}
		}
		a.register(t, "last")
		until(t, "one is left", func() bool { s := b.Stats(); return s.Names == 1 && s.Entries == 1 })
		if s := a.Stats(); s.Entries != 1 || s.Names != 1 {
			t.Error(s)
		}
	})
}

// Horde #267: a name is not found right after it was registered.
func TestHorde267WhatIsRegisteredIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		for i := range 1000 {
			name := fmt.Sprint("n/", i)
			x := l.nodes[i%2]
			pid := x.register(t, name)
			if got, ok := x.Whereis(name); !ok || got != pid {
				t.Fatal(name)
			}
			if i%3 == 0 {
				x.sys.Exit(pid, actor.Kill)
				if _, ok := x.Whereis(name); ok {
					t.Fatal("a process that ended is found")
				}
				if err := x.Register(within(t), name, x.process(t)); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// A node whose clock is an hour ahead is refused, with the offset; one that is an hour behind is first, and still one survives.
func TestWrongClocks(t *testing.T) {
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			var wrong atomic.Int64
			var reported atomic.Pointer[registry.SkewError]
			l := newLAN(t, 3, func(i int, cfg *registry.Config) {
				if i == 2 {
					cfg.Now = func() time.Time { return time.Now().Add(time.Duration(wrong.Load())) }
				} else {
					cfg.OnSkew = func(e *registry.SkewError) { reported.Store(e) }
				}
			})
			wrong.Store(int64(off))
			<-time.After(2 * time.Second)
			a, c := l.nodes[0], l.nodes[2]
			first := a.register(t, "here")
			pid := c.register(t, "there")
			if off > 0 {
				<-time.After(2 * time.Second)
				if _, ok := a.Whereis("there"); ok {
					t.Error("an entry of a refused node is seen")
				}
				e := reported.Load()
				if e == nil || e.Node != "n3" || !errors.Is(e, registry.ErrSkew) || e.Ahead < 59*time.Minute || e.Ahead > 61*time.Minute {
					t.Error(e)
				}
				if s := a.Stats(); s.Refused == 0 {
					t.Error(s)
				}
			} else if _, ok := c.Whereis("here"); ok {
				t.Error("a node an hour behind takes what is an hour ahead of it")
			}
			until(t, "who is behind is seen by all", func() bool { return off > 0 || l.everywhere("there", pid) })
			wrong.Store(0)
			until(t, "all see all", func() bool { return l.everywhere("there", pid) && l.everywhere("here", first) })
			// Both register on two sides of a cut.
			wrong.Store(int64(off))
			l.split(2)
			one, two := a.register(t, "both"), c.register(t, "both")
			l.net.Heal()
			l.wholeAgain()
			<-time.After(2 * time.Second)
			wrong.Store(0)
			until(t, "one is left", func() bool {
				oneLives, twoLives := a.sys.Alive(one), c.sys.Alive(two)
				if !oneLives && !twoLives {
					t.Fatal("nobody is left")
				}
				return oneLives && !twoLives && l.everywhere("both", one) || twoLives && !oneLives && l.everywhere("both", two)
			})
		})
	}
}

func TestAwaitWatchAndNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		heard := make(chan registry.Change, 16)
		cancel := b.Watch("x/", func(c registry.Change) { heard <- c })
		found := make(chan actor.PID, 1)
		go func() {
			pid, err := b.Await(within(t), "x/1")
			if err != nil {
				t.Error(err)
			}
			found <- pid
		}()
		synctest.Wait()
		a.register(t, "y/1")
		pid := a.register(t, "x/1", registry.WithMeta("one"))
		if got := recv(t, found, "the holder"); got.String() != pid.String() {
			t.Error(got)
		}
		if c := recv(t, heard, "the change"); c.Name != "x/1" || c.New.String() != pid.String() || !c.Old.IsZero() || c.Meta != "one" || c.Group {
			t.Error(c)
		}
		if err := a.Register(within(t), "x/1", pid, registry.WithMeta("two")); err != nil {
			t.Error(err)
		}
		if c := recv(t, heard, "the new metadata"); c.Old != c.New || c.Meta != "two" {
			t.Error(c)
		}
		if err := a.Join(within(t), "x/g", pid); err != nil {
			t.Error(err)
		}
		if c := recv(t, heard, "the join"); !c.Group || c.Name != "x/g" || c.New.String() != pid.String() {
			t.Error(c)
		}
		names := map[string]string{}
		for name, p := range b.Names() {
			names[name] = p.String()
		}
		if len(names) != 2 || names["x/1"] != pid.String() {
			t.Error(names)
		}
		a.sys.Exit(pid, actor.Kill)
		for range 2 {
			if c := recv(t, heard, "the end"); !c.New.IsZero() || c.Old.String() != pid.String() {
				t.Error(c)
			}
		}
		cancel()
		a.register(t, "x/2")
		until(t, "it is seen", func() bool { _, ok := b.Whereis("x/2"); return ok })
		if len(heard) != 0 {
			t.Error("told after cancel")
		}
		ctx, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		if _, err := b.Await(ctx, "nobody"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestBadInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, err := registry.New(nil, registry.Config{}); err == nil {
			t.Error("a registry of nobody")
		}
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		if _, err := registry.New(a.node, registry.Config{Logger: quiet}); err == nil {
			t.Error("a second registry of a node")
		}
		ctx := within(t)
		pid, dead := a.process(t), a.process(t)
		a.sys.Exit(dead, actor.Kill)
		long := string(make([]byte, 5000))
		for what, c := range map[string]struct {
			err  error
			want error
		}{
			"empty name":       {a.Register(ctx, "", pid), registry.ErrLimit},
			"long name":        {a.Register(ctx, long, pid), registry.ErrLimit},
			"long metadata":    {a.Register(ctx, "x", pid, registry.WithMeta(long)), registry.ErrLimit},
			"empty group":      {a.Join(ctx, "", pid), registry.ErrLimit},
			"dead":             {a.Register(ctx, "x", dead), actor.NoProc},
			"dead in group":    {a.Join(ctx, "x", dead), actor.NoProc},
			"of another node":  {b.Register(ctx, "x", pid), registry.ErrNotLocal},
			"joined elsewhere": {b.Join(ctx, "x", b.sys.PIDOf(pid.Address())), registry.ErrNotLocal},
		} {
			if !errors.Is(c.err, c.want) {
				t.Errorf("%s: %v", what, c.err)
			}
		}
		for what, err := range map[string]error{
			"nobody":     a.Register(ctx, "x", actor.PID{}),
			"an address": a.Register(ctx, "x", a.sys.Named("x")),
			"no group":   a.Leave(ctx, "x", pid),
		} {
			if err == nil {
				t.Error(what, "is accepted")
			}
		}
		over, cancel := context.WithCancel(ctx)
		cancel()
		if err := a.Register(over, "x", pid); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := a.Register(ctx, "x", pid, nil); err != nil {
			t.Error(err)
		}
		if err := a.Register(ctx, "x", pid); err != nil {
			t.Error("again:", err)
		}
	})
}
