package distributed_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/distributed"
	"github.com/foundation-runtime/foundation/supervision"
)

func TestStartEverywhereOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		list := ids(60)
		for i, id := range list {
			x := l.nodes[i%3]
			pid, err := x.Start(within(t), spec(id))
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := x.Whereis(id); !ok || got != pid {
				t.Fatalf("%s: started as %v, and it is %v", id, pid, got)
			}
			if at, want := l.world.nodeOf(id), x.node.Owner(id).Name; at != want || pid.Node() != want {
				t.Fatalf("%s runs at %s as %v, it belongs to %s", id, at, pid, want)
			}
			if _, err := x.Start(within(t), spec(id)); !errors.Is(err, distributed.ErrAlreadyStarted) {
				t.Fatal(err)
			}
		}
		if wrong := l.world.wrong(1, list); len(wrong) > 0 {
			t.Fatal(wrong)
		}
		until(t, "all see all", func() bool {
			for _, x := range l.nodes {
				if n := x.Count(); n.Specs != 60 || n.Running != 60 {
					return false
				}
			}
			return true
		})
	})
}

func TestAdministration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		a, b := l.nodes[0], l.nodes[1]
		ctx := within(t)
		first, err := a.Start(ctx, spec("x"))
		if err != nil {
			t.Fatal(err)
		}
		before, _ := a.Child("x")
		if err := b.Terminate(ctx, "x"); err != nil || l.world.count("x") != 0 {
			t.Fatal(err, l.world.count("x"))
		}
		if _, err := b.Start(ctx, spec("x")); !errors.Is(err, distributed.ErrAlreadyPresent) {
			t.Fatal(err)
		}
		if c, ok := b.Child("x"); !ok || c.State != distributed.Stopped {
			t.Fatal(c, ok)
		}
		second, err := b.Restart(ctx, "x")
		if err != nil || second == first {
			t.Fatal(second, err)
		}
		if after, _ := b.Child("x"); after.Epoch <= before.Epoch {
			t.Fatal("the epoch did not grow:", before.Epoch, after.Epoch)
		}
		<-time.After(10 * time.Millisecond)
		if _, err := a.Restart(ctx, "x"); !errors.Is(err, distributed.ErrRunning) {
			t.Fatal(err)
		}
		if err := a.Delete(ctx, "x"); err != nil || l.world.count("x") != 0 {
			t.Fatal(err, l.world.count("x"))
		}
		for _, f := range []func() error{
			func() error { return a.Delete(ctx, "x") }, func() error { return a.Terminate(ctx, "nobody") },
			func() error { _, err := a.Restart(ctx, "x"); return err },
		} {
			if err := f(); !errors.Is(err, distributed.ErrNotFound) {
				t.Fatal(err)
			}
		}
		if n := a.Count(); n.Specs != 0 {
			t.Fatal(n)
		}
	})
}

func TestStartsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		ctx := within(t)
		l.world.broken["bad"] = true
		for _, x := range l.nodes {
			_, err := x.Start(ctx, spec("bad"))
			var e *distributed.StartError
			if !errors.As(err, &e) || e.Err.Error() != errBroken.Error() {
				t.Fatal(err)
			}
			until(t, "it is gone", func() bool { return l.nodes[0].Count().Specs+l.nodes[1].Count().Specs == 0 })
		}
		ignored := spec("ignored")
		ignored.Args = job{ID: "ignored", Note: "ignore"}
		if _, err := l.nodes[0].Start(ctx, ignored); !errors.Is(err, distributed.ErrDeleted) {
			t.Fatal(err)
		}
		for what, c := range map[string]distributed.Child{
			"no id": {Kind: "worker"}, "no kind": {ID: "x"}, "key": {ID: "x", Kind: "worker", Key: "k"}, "no key": {ID: "x", Kind: "worker", Strategy: distributed.Partitioned},
			"strategy": {ID: "x", Kind: "worker", Strategy: 9}, "restart": {ID: "x", Kind: "worker", Restart: 9},
			"intensity": {ID: "x", Kind: "worker", Intensity: 65}, "period": {ID: "x", Kind: "worker", Period: -1}, "shutdown": {ID: "x", Kind: "worker", Shutdown: -2},
		} {
			var e *distributed.ConfigError
			if _, err := l.nodes[0].Start(ctx, c); !errors.As(err, &e) {
				t.Fatal(what, err)
			}
		}
		if _, err := l.nodes[0].Start(ctx, distributed.Child{ID: "x", Kind: "other"}); !errors.Is(err, cluster.ErrUnknownKind) {
			t.Fatal(err)
		}
		for _, cfg := range []distributed.Config{{Redistribute: 7}, {Settle: -1}, {Rate: -1}} {
			var e *distributed.ConfigError
			if _, err := distributed.New(l.nodes[0].node, cfg); !errors.As(err, &e) {
				t.Fatal(err)
			}
		}
		if _, err := distributed.New(nil, distributed.Config{}); err == nil {
			t.Fatal("without a node")
		}
		type stranger struct{}
		if _, err := l.nodes[0].Start(ctx, distributed.Child{ID: "x", Kind: "worker", Args: stranger{}}); err == nil {
			t.Fatal("arguments that cannot travel")
		}
		wrong := spec("x")
		wrong.Args = 7
		if _, err := l.nodes[0].Start(ctx, wrong); err == nil {
			t.Fatal("arguments of another type")
		}
		if n := l.nodes[0].Count(); n.Specs != 0 {
			t.Fatal(n)
		}
	})
}

func TestRestartTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		ctx := within(t)
		for _, x := range []struct {
			restart supervision.Restart
			how     string
			again   bool
		}{
			{supervision.Permanent, "crash", true}, {supervision.Permanent, "normal", true}, {supervision.Permanent, "panic", true},
			{supervision.Transient, "crash", true}, {supervision.Transient, "normal", false}, {supervision.Transient, "panic", true},
			{supervision.Temporary, "crash", false}, {supervision.Temporary, "normal", false},
		} {
			id := x.restart.String() + " " + x.how
			c := spec(id)
			c.Restart = x.restart
			pid, err := l.nodes[0].Start(ctx, c)
			if err != nil {
				t.Fatal(err)
			}
			l.nodes[0].sys.Send(pid, x.how)
			if x.again {
				until(t, id+" runs again", func() bool {
					now, ok := l.nodes[2].Whereis(id)
					return ok && now.String() != pid.String() && l.world.started(id) == 2
				})
				continue
			}
			until(t, id+" is forgotten", func() bool {
				for _, n := range l.nodes {
					if _, ok := n.Child(id); ok {
						return false
					}
				}
				return true
			})
			if n := l.world.started(id); n != 1 {
				t.Fatal(id, "was started", n, "times")
			}
		}
	})
}

// TestPoisonChild lets a child crash at once, always: five nodes live on, and so does everything else.
func TestPoisonChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 5, nil)
		list := ids(40)
		l.nodes[0].start(t, list)
		poison := spec("poison")
		poison.Args = job{ID: "poison", Note: "poison"}
		_, _ = l.nodes[1].Start(within(t), poison)
		until(t, "it has failed everywhere", func() bool {
			for _, x := range l.nodes {
				if c, _ := x.Child("poison"); c.State != distributed.HasFailed || !errors.Is(c.Err, distributed.ErrIntensity) {
					return false
				}
			}
			return true
		})
		if n := l.world.started("poison"); n != 4 {
			t.Fatalf("it was started %d times; once, and 3 times again is what is permitted", n)
		}
		// Its node is lost: it does not walk on.
		c, _ := l.nodes[0].Child("poison")
		for i, x := range l.nodes {
			if x.name == c.Node {
				l.crash(i)
				defer func(x *node) { l.net.Restart(host(i)) }(x)
			}
		}
		until(t, "another says so", func() bool {
			for _, x := range l.nodes {
				if now, _ := x.Child("poison"); x.name != c.Node && (now.State != distributed.HasFailed || now.Node == c.Node) {
					return false
				}
			}
			return true
		})
		until(t, "all others run", func() bool { return l.world.exactly(1, list) })
		if n := l.world.started("poison"); n != 4 {
			t.Fatalf("it was started %d times", n)
		}
		// Somebody asks for it: it gets a clean record.
		for _, x := range l.nodes {
			if x.name != c.Node {
				_, _ = x.Restart(within(t), "poison")
				break
			}
		}
		until(t, "it was tried again", func() bool { return l.world.started("poison") == 8 })
	})
}

func TestReplicatedAndLocal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		ctx := within(t)
		every, own := spec("every"), spec("own")
		every.Strategy, own.Strategy = distributed.Replicated, distributed.Local
		for _, c := range []distributed.Child{every, own} {
			if _, err := l.nodes[1].Start(ctx, c); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "it is everywhere", func() bool { return l.world.count("every") == 3 })
		if at := l.world.nodeOf("own"); at != "n2" {
			t.Fatal(at)
		}
		for _, x := range l.nodes {
			if pid, ok := x.Whereis("every"); !ok || pid.Node() != x.name {
				t.Fatal(x.name, pid)
			}
		}
		l.add(3)
		l.whole()
		until(t, "the new one has it too", func() bool { return l.world.count("every") == 4 })
		l.crash(1)
		until(t, "the lost one is gone", func() bool { n := l.nodes[0].Count(); return n.Running == 3 && n.Waiting == 1 })
		if err := l.nodes[0].Delete(ctx, "every"); err != nil || l.world.count("every") != 0 {
			t.Fatal(err, l.world.count("every"))
		}
		l.net.Restart(host(1))
	})
}

// TestClosing is what a node does that goes: what it ran goes on elsewhere, and it runs nothing.
func TestClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		list := ids(90)
		l.nodes[0].start(t, list)
		if err := l.nodes[2].Close(within(t)); err != nil {
			t.Fatal(err)
		}
		until(t, "all run at the other two", func() bool {
			for _, id := range list {
				if l.world.count(id) != 1 || l.world.nodeOf(id) == "n3" {
					return false
				}
			}
			return true
		})
		if _, err := l.nodes[2].Start(within(t), spec("late")); !errors.Is(err, distributed.ErrClosed) {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := l.nodes[2].Close(ctx); err != nil {
			t.Fatal(err)
		}
		// It opens another one, in the same life.
		l.nodes[2].Supervisor = l.open(l.nodes[2])
		l.whole()
		l.nodes[2].start(t, []string{"new1", "new2", "new3", "new4", "new5", "new6"})
		if wrong := l.world.wrong(1, append(list, "new1", "new2", "new3", "new4", "new5", "new6")); len(wrong) > 0 {
			t.Fatal(wrong)
		}
		if pid, ok := l.nodes[2].Whereis("c0001"); !ok || pid == (actor.PID{}) {
			t.Fatal(pid)
		}
	})
}
