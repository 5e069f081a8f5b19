package registry_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry"
)

func TestNamesOnThreeNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		a, b := l.nodes[0], l.nodes[1]
		pid := a.register(t, "bank", registry.WithMeta("v1"))
		if got, ok := a.Whereis("bank"); !ok || got != pid {
			t.Fatal("the node does not read what it wrote", got)
		}
		began := time.Now()
		until(t, "all see it", func() bool { return l.everywhere("bank", pid) })
		if took := time.Since(began); took > 50*time.Millisecond {
			t.Errorf("visible after %v", took)
		}
		if e, ok := b.Lookup("bank"); !ok || e.Meta != "v1" || e.Name != "bank" {
			t.Error(e)
		}
		err := b.Register(within(t), "bank", b.process(t))
		taken, ok := errors.AsType[*registry.TakenError](err)
		if !ok || !errors.Is(err, registry.ErrTaken) || taken.Owner.String() != pid.String() {
			t.Error(err)
		}
		a.sys.Exit(pid, actor.Kill)
		until(t, "it is gone everywhere", func() bool { return l.nobody("bank") })
		again := b.register(t, "bank")
		until(t, "the next one is seen", func() bool { return l.everywhere("bank", again) })
		if err := a.Unregister(within(t), "bank"); !errors.Is(err, registry.ErrNotLocal) {
			t.Error(err)
		}
		if err := b.Unregister(within(t), "bank"); err != nil {
			t.Error(err)
		}
		if err := b.Unregister(within(t), "bank"); !errors.Is(err, registry.ErrNotFound) {
			t.Error(err)
		}
		until(t, "it is gone again", func() bool { return l.nobody("bank") })
		if !b.sys.Alive(again) {
			t.Error("Unregister ended the process")
		}
	})
}

func TestGroupsOnThreeNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		var pids []actor.PID
		for _, x := range l.nodes {
			pid := x.process(t)
			pids = append(pids, pid)
			for range 2 {
				if err := x.Join(within(t), "workers", pid); err != nil {
					t.Fatal(err)
				}
			}
			if got := x.LocalMembers("workers"); len(got) != 2 || got[0] != pid {
				t.Fatal(got)
			}
		}
		members := func(n int) func() bool {
			return func() bool {
				for _, x := range l.nodes {
					if len(x.Members("workers")) != n {
						return false
					}
				}
				return true
			}
		}
		until(t, "all see six", members(6))
		if err := l.nodes[0].Leave(within(t), "workers", pids[0]); err != nil {
			t.Fatal(err)
		}
		until(t, "all see five", members(5))
		l.nodes[1].sys.Exit(pids[1], actor.Shutdown)
		until(t, "all see three", members(3))
		if err := l.nodes[0].Leave(within(t), "workers", pids[0]); err != nil {
			t.Fatal(err)
		}
		if err := l.nodes[0].Leave(within(t), "workers", pids[0]); !errors.Is(err, registry.ErrNotFound) {
			t.Fatal(err)
		}
		l.nodes[2].sys.Exit(pids[2], actor.Shutdown)
		until(t, "nobody is left", members(0))
		if g := l.nodes[0].Groups(); len(g) != 0 {
			t.Error(g)
		}
	})
}

type hello struct {
	Text string
	To   actor.PID
}

func TestNamedLeadsToTheHolderOfTheMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		a, b, c := l.nodes[0], l.nodes[1], l.nodes[2]
		heard := make(chan string, 8)
		holder := func(x *node) actor.PID {
			pid, err := x.sys.Spawn(actor.Func(func(_ *actor.Context, msg any) error {
				heard <- x.name + " " + msg.(hello).Text
				return nil
			}))
			if err != nil {
				t.Fatal(err)
			}
			if err := x.Register(within(t), "bank", pid); err != nil {
				t.Fatal(err)
			}
			until(t, "all see it", func() bool { return l.everywhere("bank", pid) })
			return pid
		}
		// A process that sends on to the address that it got in a message.
		relay, err := c.sys.Spawn(actor.Func(func(ctx *actor.Context, msg any) error {
			m := msg.(hello)
			ctx.Send(m.To, hello{Text: m.Text})
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		relayAtA := a.sys.PIDOf(relay.Address())
		for _, x := range []*node{b, a, c} {
			pid := holder(x)
			a.sys.Send(a.Named("bank"), hello{Text: "direct"})
			if got := recv(t, heard, "the message"); got != x.name+" direct" {
				t.Fatal(got)
			}
			a.sys.Send(relayAtA, hello{Text: "relayed", To: a.Named("bank")})
			if got := recv(t, heard, "the relayed message"); got != x.name+" relayed" {
				t.Fatal(got)
			}
			x.sys.Exit(pid, actor.Shutdown)
			until(t, "it is gone", func() bool { return l.nobody("bank") })
			if err := a.sys.TrySend(a.Named("bank"), hello{}); err != actor.NoProc {
				t.Fatal(err)
			}
		}
	})
}

// A planned move: the old holder gives way to the greater epoch without an end, and at no moment there is none.
func TestYieldMovesANameWithoutAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		a, b, c := l.nodes[0], l.nodes[1], l.nodes[2]
		old := a.register(t, "x", registry.WithEpoch(1))
		until(t, "all see it", func() bool { return l.everywhere("x", old) })
		for _, x := range l.nodes {
			cancel := x.Watch("x", func(ch registry.Change) {
				if ch.New.IsZero() {
					t.Error(x.name, "has nobody for a moment")
				}
			})
			defer cancel()
		}
		if err := a.Yield("x", a.process(t)); !errors.Is(err, registry.ErrNotFound) {
			t.Error(err)
		}
		if err := a.Yield("x", old); err != nil {
			t.Fatal(err)
		}
		if e := b.NextEpoch("x"); e != 2 {
			t.Error(e)
		}
		next := b.register(t, "x", registry.WithEpoch(2))
		until(t, "all see the next", func() bool { return l.everywhere("x", next) && c.Stats().Entries == 1 })
		if !a.sys.Alive(old) || a.Stats().Conflicts != 0 || len(a.Conflicts()) != 0 {
			t.Error("the old one was ended")
		}
		third := c.register(t, "x", registry.WithEpoch(3))
		until(t, "who did not yield ends", func() bool { return !b.sys.Alive(next) && l.everywhere("x", third) })
	})
}
