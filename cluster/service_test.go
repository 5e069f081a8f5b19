package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
)

type seat struct{ Number int }

var errSeat = errors.New("no such seat")

// kinds are what nodes of these tests start for each other.
var kinds = []cluster.Kind{
	cluster.KindOf("seat", func(s seat) (actor.Actor, error) {
		if s.Number < 0 {
			return nil, fmt.Errorf("seat %d: %w", s.Number, errSeat)
		}
		return actor.Func(func(c *actor.Context, msg any) error {
			if m, ok := msg.(double); ok {
				actor.Reply(c, m, s.Number)
			}
			return nil
		}), nil
	}),
	cluster.KindOf("failing", func(text string) (actor.Actor, error) { return failing(text), nil }),
	cluster.KindOf("panicking", func(int) (actor.Actor, error) { panic("no") }),
}

type failing string

func (f failing) Init(*actor.Context) error       { return fmt.Errorf("%s: %w", string(f), errBoom) }
func (failing) Receive(*actor.Context, any) error { return nil }

func serviceLAN(t *testing.T, n int) *lan {
	return newLAN(t, n, func(_ int, c *cluster.Config) {
		c.Kinds = kinds
		c.Types = append(append([]cluster.Type(nil), types...), cluster.ErrorOf("seat", errSeat))
	})
}

func TestSpawnOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serviceLAN(t, 2)
		a := l.nodes[0]
		for _, m := range a.Members() {
			pid, err := a.SpawnOn(within(t), m, "seat", seat{7})
			if err != nil || pid.Node() != m.Name {
				t.Fatal(pid, err)
			}
			if n, err := actor.Ask(within(t), pid, double{}); n != 7 || err != nil {
				t.Fatal(n, err)
			}
			info, ok, err := a.Info(within(t), pid)
			if err != nil || !ok || info.PID != pid || info.Handled != 1 {
				t.Fatalf("%+v %v %v", info, ok, err)
			}
			a.System().Exit(pid, actor.Kill)
			until(t, "it is gone", func() bool { _, ok, err := a.Info(within(t), pid); return !ok && err == nil })
			for kind, want := range map[string]error{"seat": errSeat, "failing": errBoom, "nothing": cluster.ErrUnknownKind} {
				args := any(seat{-1})
				if kind == "failing" {
					args = "text"
				}
				if _, err := a.SpawnOn(within(t), m, kind, args); !errors.Is(err, want) {
					t.Errorf("%s at %s: %v", kind, m.Name, err)
				}
			}
			if _, err := a.SpawnOn(within(t), m, "panicking", 1); err == nil {
				t.Error("a panic is no error")
			}
			if _, err := a.SpawnOn(within(t), m, "seat", "a text"); err == nil {
				t.Error("wrong arguments are no error")
			}
		}
		if _, err := a.SpawnOn(within(t), cluster.Member{}, "seat", seat{}); !errors.Is(err, cluster.ErrNotMember) {
			t.Error(err)
		}
		if _, err := a.SpawnOn(within(t), cluster.Member{Name: "n9", Incarnation: 9}, "seat", seat{}); !errors.Is(err, actor.NoConnection) {
			t.Error(err)
		}
	})
}

func TestNamesOfOtherNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serviceLAN(t, 2)
		a, b := l.nodes[0], l.nodes[1]
		mb, _ := a.Member("n2")
		if pid, ok, err := a.Whereis(within(t), mb, "x"); ok || err != nil || !pid.IsZero() {
			t.Fatal(pid, ok, err)
		}
		if _, err := actor.Ask(within(t), a.Named(mb, "x"), double{}); !errors.Is(err, actor.NoProc) {
			t.Fatal(err)
		}
		x := spawn(t, b.System(), func(c *actor.Context, msg any) error { actor.Reply(c, msg.(double), 1); return nil }, actor.WithName("x"))
		if pid, ok, err := a.Whereis(within(t), mb, "x"); !ok || err != nil || pid != a.System().PIDOf(x.Address()) {
			t.Fatal(pid, ok, err)
		}
		if n, err := actor.Ask(within(t), a.Named(mb, "x"), double{}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		self := a.Self()
		if _, ok, err := a.Whereis(within(t), self, "x"); ok || err != nil {
			t.Fatal(ok, err)
		}
	})
}

// A request goes through three nodes, by Forward and as a ReplyTo in a message, and its answer comes straight back.
func TestRequestsThroughThreeNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serviceLAN(t, 3)
		a, b, c := l.nodes[0], l.nodes[1], l.nodes[2]
		third := spawn(t, c.System(), func(ctx *actor.Context, msg any) error {
			switch m := msg.(type) {
			case double:
				if m.N < 0 {
					actor.Fail(ctx, fmt.Errorf("wrapped: %w", errBoom))
					return nil
				}
				actor.Reply(ctx, m, 2*m.N)
			case give:
				m.To.Reply(77)
			}
			return nil
		})
		second := spawn(t, b.System(), func(ctx *actor.Context, msg any) error {
			to := b.System().PIDOf(third.Address())
			if m := msg.(double); m.N == 0 {
				ctx.Send(to, give{actor.DeferReply(ctx, m)})
			} else {
				ctx.Forward(to)
			}
			return nil
		})
		far := a.System().PIDOf(second.Address())
		if n, err := actor.Ask(within(t), far, double{N: 4}); n != 8 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := actor.Ask(within(t), far, double{}); n != 77 || err != nil {
			t.Fatal(n, err)
		}
		if _, err := actor.Ask(within(t), far, double{N: -1}); !errors.Is(err, errBoom) {
			t.Fatal(err)
		}
		// The node that has the request dies: its asker knows at once.
		errs := make(chan error, 1)
		hang := spawn(t, c.System(), func(ctx *actor.Context, msg any) error { actor.DeferReply(ctx, msg.(double)); return nil })
		go func() {
			_, err := actor.Ask(context.Background(), a.System().PIDOf(hang.Address()), double{})
			errs <- err
		}()
		<-time.After(100 * time.Millisecond)
		began := time.Now()
		l.net.Crash(host(2))
		if err := recv(t, errs, "the asker"); !errors.Is(err, actor.NoConnection) || time.Since(began) > time.Second {
			t.Fatal(err, time.Since(began))
		}
	})
}

func TestRemoteDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serviceLAN(t, 2)
		a, b := l.nodes[0], l.nodes[1]
		left := make(chan time.Duration, 1)
		slow := spawn(t, b.System(), func(c *actor.Context, msg any) error {
			d, _ := c.Deadline()
			left <- time.Until(d)
			actor.DeferReply(c, msg.(double))
			return nil
		})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := actor.Ask(ctx, a.System().PIDOf(slow.Address()), double{})
		if d := recv(t, left, "the request"); !errors.Is(err, context.DeadlineExceeded) || d < 900*time.Millisecond || d > time.Second || time.Since(began) < time.Second {
			t.Fatal(err, d)
		}
	})
}

// What waits for a peer that does not take it is bounded, by the policy.
func TestSlowPeer(t *testing.T) {
	for _, drop := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := newLAN(t, 2, func(_ int, c *cluster.Config) {
				c.Profile, c.Insecure = cluster.LAN, true
				c.Outbound = cluster.Outbound{Limit: 128 << 10, Drop: drop, Patience: 500 * time.Millisecond}
			})
			a := l.nodes[0]
			sink := spawn(t, l.nodes[1].System(), idle)
			far := a.System().PIDOf(sink.Address())
			l.net.Pause(host(1))
			began := time.Now()
			text := string(make([]byte, 1000))
			for range 500 {
				if a.System().Send(far, note{Text: text}); a.System().Stats().Dead > 0 {
					break
				}
			}
			st := a.System().Stats()
			if st.DeadBy["overloaded"] != 1 || st.Conveyed < 100 || st.Conveyed > 200 {
				t.Fatalf("%+v", st)
			}
			if took := time.Since(began); drop != (took < 100*time.Millisecond) {
				t.Fatalf("drop %v: %v", drop, took)
			}
			if err := a.System().TrySend(far, note{Text: text}); !errors.Is(err, actor.ErrOverloaded) {
				t.Fatal(err)
			}
			l.net.Resume(host(1))
			until(t, "all came", func() bool { return l.nodes[1].System().Stats().Arrived == st.Conveyed })
		})
	}
}

func TestSendOnOtherLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, func(_ int, c *cluster.Config) { c.Lanes = []string{"metrics"} })
		a := l.nodes[0]
		got := make(chan int, 10)
		sink := spawn(t, l.nodes[1].System(), func(_ *actor.Context, msg any) error { got <- msg.(note).N; return nil })
		far := a.System().PIDOf(sink.Address())
		for i, lane := range []string{"bulk", "metrics", "default"} {
			if err := a.SendOn(within(t), lane, far, note{N: i}); err != nil {
				t.Fatal(err)
			}
			if n := recv(t, got, "a message"); n != i {
				t.Fatal(n)
			}
		}
		if err := a.SendOn(within(t), "nothing", far, note{}); err == nil {
			t.Fatal("a lane that is not there")
		}
		here := make(chan any, 1)
		near := spawn(t, a.System(), func(_ *actor.Context, msg any) error { here <- msg; return nil })
		if err := a.SendOn(within(t), "bulk", near, note{N: 9}); err != nil || recv(t, here, "it").(note).N != 9 {
			t.Fatal(err)
		}
	})
}

// A message that cannot travel is a dead letter here; one that the other node does not know is one there.
func TestTypesThatAreNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, func(i int, c *cluster.Config) {
			if i == 0 {
				c.Types = append(append([]cluster.Type(nil), types...), cluster.TypeOf[seat]("seat"))
			}
		})
		a, b := l.nodes[0], l.nodes[1]
		sink := spawn(t, b.System(), idle)
		far := a.System().PIDOf(sink.Address())
		if err := a.System().TrySend(far, struct{ X int }{1}); !errors.Is(err, actor.ErrUnknownType) {
			t.Fatal(err)
		}
		a.System().Send(far, func() {})
		a.System().Send(far, seat{1})
		a.System().Send(far, note{Text: string(make([]byte, 20<<20))})
		until(t, "all is told", func() bool {
			sa, sb := a.System().Stats(), b.System().Stats()
			return sa.DeadBy["unknown type"] == 1 && sb.DeadBy["unknown type"] == 1 && sa.DeadBy["too large"] == 1
		})
		if _, err := actor.Ask(within(t), far, double{}); !errors.Is(err, actor.ErrNoReply) {
			t.Fatal("the session did not survive it:", err)
		}
	})
}

// The System of a node that is shut down takes the node along.
func TestShutdownLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		if err := l.nodes[1].System().Shutdown(within(t)); err != nil {
			t.Fatal(err)
		}
		until(t, "it has left", func() bool { return fmt.Sprint(upAt(l.nodes[0])) == "[n1]" })
	})
}

func TestOwnersAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 4, func(i int, c *cluster.Config) { c.Weight = 1 + i%2 })
		share := map[string]int{}
		for i := range 3000 {
			key := fmt.Sprint("key", i)
			owner := l.nodes[0].Owner(key)
			share[owner.Name]++
			for _, n := range l.nodes[1:] {
				if o := n.Owner(key); o.Name != owner.Name || o.Incarnation != owner.Incarnation {
					t.Fatalf("%s: %v and %v", key, owner, o)
				}
			}
		}
		if len(share) != 4 || share["n2"] < share["n1"] {
			t.Fatal(share)
		}
	})
}

// An inline handler that calls runtime.Goexit costs the session with who asked, and no more: another begins.
func TestGoexitInAnInlineHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		bad := spawn(t, b.System(), func(*actor.Context, any) error { runtime.Goexit(); return nil }, actor.WithInline())
		good := spawn(t, b.System(), func(c *actor.Context, msg any) error { actor.Reply(c, msg.(double), 1); return nil }, actor.WithInline())
		_, err := actor.Ask(within(t), a.System().PIDOf(bad.Address()), double{})
		var exit *actor.ExitError
		if !errors.As(err, &exit) && !errors.Is(err, actor.NoConnection) {
			t.Fatal(err)
		}
		until(t, "they talk again", func() bool {
			n, err := actor.Ask(within(t), a.System().PIDOf(good.Address()), double{})
			return n == 1 && err == nil
		})
		if b.System().Alive(bad) {
			t.Fatal("it lives")
		}
	})
}
