package supervision

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// What OTP's suites do not have: names and queues of restarted children, linked starts, orders to end while starting,
// and what goes beyond OTP.

func TestRestartedChildKeepsItsNameAndLosesItsQueue(t *testing.T) {
	inLab(t, func(l *lab) {
		var dead atomic.Int32
		cancel := l.sys.Subscribe(func(e actor.Event) {
			if d, ok := e.(actor.DeadLetter); ok && d.Message == "queued" && errors.Is(d.Reason, actor.ErrExited) {
				dead.Add(1)
			}
		})
		defer cancel()
		c := kid("a")
		c.Options = []actor.SpawnOption{actor.WithName("worker")}
		sup := l.start(spec(c))
		one := l.pid(sup, "a")
		address := l.sys.Named("worker")
		l.sys.Send(address, nap{time.Second})
		l.sys.Send(address, end{errDied})
		l.sys.Send(address, "queued")
		<-time.After(2 * time.Second)
		l.settle()
		two := l.pid(sup, "a")
		if holder, _ := l.sys.Whereis("worker"); holder != two || two == one {
			t.Errorf("worker is %v, child %v, was %v", holder, two, one)
		}
		if info, _ := l.sys.Info(two); dead.Load() != 1 || info.Queued != 0 {
			t.Errorf("%d dead letters, %d queued", dead.Load(), info.Queued)
		}
		if i, _ := sup.Child("a"); i.Restarts != 1 || i.LastExit != errDied || i.Since != time.Now().Add(-time.Second) {
			t.Errorf("%+v", i)
		}
	})
}

func TestStartFromAProcessIsLinked(t *testing.T) {
	inLab(t, func(l *lab) {
		var sup *Supervisor
		parent, _ := l.sys.Go(func(p *actor.Process) (err error) {
			if sup, err = Start(p, spec(kid("a"))); err != nil {
				return err
			}
			_, err = p.Receive(p)
			return err
		})
		l.settle()
		a := l.pid(sup, "a")
		if info, _ := l.sys.Info(sup.PID()); info.Parent != parent || !linked(l, sup.PID(), parent) || len(info.Monitors) != 0 {
			t.Errorf("%+v", info)
		}
		l.sys.Exit(parent, errDied)
		l.settle()
		l.wantWhy(parent, errDied)
		l.wantWhy(a, actor.Shutdown)
		l.wantWhy(sup.PID(), errDied)

		child, _ := l.sys.Spawn(plain()) // a supervisor takes its parent along, as any link does
		l.sys.Send(child, run{func(c *actor.Context) { sup, _ = Start(c, Spec{Intensity: NoRestarts, Children: []Child{kid("a")}}) }})
		l.settle()
		l.kill(l.pid(sup, "a"), errDied)
		l.wantWhy(child, actor.Shutdown)
	})
}

func TestFailedStartHurtsNoParent(t *testing.T) {
	inLab(t, func(l *lab) {
		parent := l.script(func(p *actor.Process) error {
			_, err := Start(p, spec(kid("good"), kid("bad", initially(func(*actor.Context) error { return errBoom }))))
			l.wantErr(err, errBoom)
			l.settle()
			if n := l.sys.Stats().Processes; n != 1 {
				t.Errorf("%d processes, want only the parent", n)
			}
			return nil
		})
		l.wantWhy(parent, actor.Normal)
	})
}

func TestExitsOfStrangersAreIgnored(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec(kid("a")))
		stranger, _ := l.sys.Spawn(plain())
		l.sys.Send(stranger, run{func(c *actor.Context) { c.Exit(sup.PID(), errDied); c.Link(sup.PID()) }})
		l.sys.Send(stranger, end{errDied})
		l.sys.Send(sup.PID(), "what is this")
		l.settle()
		l.alive(sup.PID(), l.pid(sup, "a"))
		if by := l.sys.Stats().DeadBy; len(by) != 1 || by[actor.ErrUnhandled.Error()] != 1 {
			t.Errorf("dead letters %v", by)
		}
	})
}

func TestShutdownOfTheSystemEndsTreesInOrder(t *testing.T) {
	inLab(t, func(l *lab) {
		inner := Child{ID: "inner", Supervisor: Spec{Children: []Child{kid("b"), kid("c")}}}
		sup := l.start(spec(kid("a"), inner, kid("d")))
		sub := Attach(l.sys, l.pid(sup, "inner"))
		want := []actor.PID{l.pid(sup, "d"), l.pid(sub, "c"), l.pid(sub, "b"), sub.PID(), l.pid(sup, "a"), sup.PID()}
		if err := l.sys.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		got := l.endings()
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Fatalf("ended in order %v, want %v", got, want)
			}
		}
		if k := sup.Children(); len(k) != 3 || !k[0].PID.IsZero() || sup.Count().Specs != 3 {
			t.Errorf("after the end: %+v", k)
		}
		_, err := sup.RestartChild(l.ctx, "a")
		l.wantErr(err, actor.NoProc)
	})
}

func TestStopWhileStarting(t *testing.T) {
	inLab(t, func(l *lab) {
		never := kid("never")
		never.Ready = time.Hour
		pids := make(chan actor.PID, 2)
		first := kid("first", initially(func(c *actor.Context) error { pids <- c.Self(); return nil }))
		errs := make(chan error, 1)
		go func() {
			_, err := Start(l.sys, spec(first, never), actor.WithName("sup"))
			errs <- err
		}()
		one := <-pids
		l.settle()
		pid, _ := l.sys.Whereis("sup")
		began := time.Now()
		l.wantErr(Attach(l.sys, pid).Stop(l.ctx), nil)
		if e, ok := errors.AsType[*actor.ExitError](<-errs); !ok || !errors.Is(e, actor.Shutdown) || time.Since(began) > time.Second {
			t.Errorf("Start: %v after %v", e, time.Since(began))
		}
		l.wantWhy(one, actor.Shutdown)
	})
}

func TestReady(t *testing.T) {
	inLab(t, func(l *lab) {
		var order []string
		slow := kid("slow", from(func() actor.Actor {
			return actor.Blocking(func(p *actor.Process) error {
				<-time.After(3 * time.Second)
				order = append(order, "slow is ready")
				Ready(p)
				Ready(p)
				_, err := p.Receive(p)
				return err
			})
		}))
		slow.Ready = 5 * time.Second
		next := kid("next", initially(func(*actor.Context) error { order = append(order, "next starts"); return nil }))
		sup := l.start(spec(slow, next))
		if len(order) != 2 || order[0] != "slow is ready" {
			t.Errorf("order %v", order)
		}
		l.counts(sup, 2, 2, 0, 2)
		l.kill(l.pid(sup, "slow"), actor.Kill)
		l.wantState(sup, "slow", "restarting")
		<-time.After(3 * time.Second)
		l.settle()
		l.wantState(sup, "slow", "up")

		slow.ID, slow.Ready = "too slow", time.Second
		_, err := sup.StartChild(l.ctx, slow)
		l.wantErr(err, ErrNotReady)
		l.wantState(sup, "too slow", "none")
	})
}

func TestLiveness(t *testing.T) {
	inLab(t, func(l *lab) {
		probes := 0
		c := kid("a", func(c *Child) {
			c.Liveness = Liveness{Every: time.Second, Timeout: 2 * time.Second, Check: func(ctx context.Context, pid actor.PID) error {
				probes++
				_, err := actor.Ask(ctx, pid, whoAmI{})
				if errors.Is(err, actor.ErrNoReply) { // a worker has no number, but it has answered
					return nil
				}
				return err
			}}
		})
		sup := l.start(spec(c))
		one := l.pid(sup, "a")
		<-time.After(10*time.Second + time.Millisecond)
		l.settle()
		l.alive(one)
		if probes != 10 {
			t.Errorf("%d probes in ten seconds", probes)
		}
		l.sys.Send(one, nap{time.Minute})
		<-time.After(4 * time.Second)
		l.wantWhy(one, actor.Killed)
		if i, _ := sup.Child("a"); !errors.Is(i.LastExit, ErrUnresponsive) || i.Restarts != 1 {
			t.Errorf("%+v", i)
		}
		two := l.pid(sup, "a")
		<-time.After(time.Minute)
		l.alive(two)
		l.stop(sup.PID())
	})
}

// A probe that does not look at its context, or panics, counts as failed.
func TestLivenessOfBadProbes(t *testing.T) {
	inLab(t, func(l *lab) {
		stuck := Liveness{Every: time.Second, Check: func(context.Context, actor.PID) error { <-time.After(time.Hour); return nil }}
		panics := Liveness{Every: time.Second, Check: func(context.Context, actor.PID) error { panic("oops") }}
		for _, live := range []Liveness{stuck, panics} {
			sup := l.start(Spec{Children: []Child{kid("a", as(Transient), func(c *Child) { c.Liveness = live })}})
			one := l.pid(sup, "a")
			<-time.After(2500 * time.Millisecond)
			l.wantWhy(one, actor.Killed)
			l.stop(sup.PID())
		}
	})
}

func TestBackoffOfARealChild(t *testing.T) {
	inLab(t, func(l *lab) {
		var starts []time.Duration
		began := time.Now()
		broken := kid("broken", initially(func(*actor.Context) error {
			starts = append(starts, time.Since(began))
			if len(starts) > 1 {
				return errBoom
			}
			return nil
		}))
		sup := l.start(Spec{Intensity: 5, Period: 30 * time.Second, Backoff: Backoff{Min: time.Second, Max: 8 * time.Second}, Children: []Child{broken}})
		l.kill(l.pid(sup, "broken"), errDied)
		<-time.After(time.Minute)
		l.settle()
		want := []time.Duration{0, 1, 3, 7, 15, 23, 31, 39, 47, 55}
		for i, at := range starts {
			if at != want[i]*time.Second {
				t.Fatalf("started at %v, want %v s", starts, want)
			}
		}
		if l.alive(sup.PID()); len(starts) != len(want) {
			t.Errorf("%d starts", len(starts))
		}
	})
}

func TestTreeOfASystem(t *testing.T) {
	inLab(t, func(l *lab) {
		named := kid("a")
		named.Options = []actor.SpawnOption{actor.WithName("alpha")}
		l.start(spec(named, Child{ID: "dyn", Supervisor: DynamicSpec{}}, Child{ID: "parts", Supervisor: PartitionedSpec{Partitions: 2, Child: numbered}}))
		<-time.After(time.Second)
		a, _ := l.sys.Whereis("alpha")
		l.kill(a, errDied)
		other, _ := Start(l.sys, Spec{Strategy: RestForOne, Children: []Child{kid("idle", initially(ignoring))}}, actor.WithName("top"))
		f := Tree(l.sys)
		var seen []string
		f.Walk(func(n *Node, depth int) bool {
			seen = append(seen, strings.Repeat(" ", depth)+n.label()+" "+n.Kind)
			return true
		})
		want := "supervisor supervisor| a worker| dyn dynamic| parts partitioned|  0 worker|  1 worker|top supervisor| idle worker"
		if got := strings.Join(seen, "|"); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		if n := f[0].Children[0]; n.Restarts != 1 || n.LastExit != errDied || n.Name != "alpha" || n.Uptime != 0 {
			t.Errorf("%+v", n)
		}
		text, dot := f.String(), f.DOT()
		for _, part := range []string{`├─ a  "alpha"  `, "1 restarts  last: died", "└─ parts  ", "   └─ 1  ", "└─ idle  idle", "RestForOne"} {
			if !strings.Contains(text, part) {
				t.Errorf("%q is missing in\n%s", part, text)
			}
		}
		if strings.Count(dot, "->") != 6 || strings.Count(dot, "label=") != 8 || !strings.Contains(dot, "color=grey") {
			t.Errorf("graph\n%s", dot)
		}
		l.wantErr(other.Stop(l.ctx), nil)
		if f = Tree(l.sys); len(f) != 1 || Tree(nil) != nil {
			t.Errorf("an ended supervisor is still there:\n%s", f)
		}
	})
}

// A context that ends early does not take a request back.
func TestContextOfARequest(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec(Child{ID: "a", Shutdown: Infinity, Start: func() actor.Actor { return &worker{terminate: time.Hour} }}))
		ctx, cancel := context.WithTimeout(l.ctx, time.Second)
		defer cancel()
		l.wantErr(sup.TerminateChild(ctx, "a"), context.DeadlineExceeded)
		<-time.After(time.Hour)
		l.settle()
		l.wantState(sup, "a", "idle")
		slow := l.start(spec(Child{ID: "a", Shutdown: Infinity, Start: func() actor.Actor { return &worker{terminate: time.Hour} }}))
		ctx2, cancel2 := context.WithTimeout(l.ctx, time.Second)
		defer cancel2()
		l.wantErr(slow.Stop(ctx2), context.DeadlineExceeded)
		<-time.After(time.Hour)
		l.settle()
		l.wantWhy(slow.PID(), actor.Shutdown)
	})
}

// Children are actors of any kind; a Ref by name outlives their restarts.
func TestKindsOfChildren(t *testing.T) {
	inLab(t, func(l *lab) {
		got := make(chan int, 1)
		typed := kid("typed", from(func() actor.Actor {
			return actor.Typed[int](actor.TypedFunc[int](func(_ *actor.Context, n int) error {
				if n < 0 {
					return errDied
				}
				got <- n
				return nil
			}))
		}))
		typed.Options = []actor.SpawnOption{actor.WithName("typed")}
		sup := l.start(spec(
			typed,
			kid("func", from(func() actor.Actor { return actor.Func(func(*actor.Context, any) error { return errDied }) })),
			kid("blocking", from(func() actor.Actor {
				return actor.Blocking(func(p *actor.Process) error { _, err := p.Receive(p); return errors.Join(err, errDied) })
			})),
			kid("struct"),
		))
		ref := actor.RefOf[int](l.sys.Named("typed"))
		for n := range 3 {
			ref.Send(l.sys, n)
			if r := <-got; r != n {
				t.Errorf("got %d, want %d", r, n)
			}
			if n < 2 {
				ref.Send(l.sys, -1)
				l.settle()
			}
		}
		l.stop(sup.PID())
		sup = l.start(Spec{Intensity: 10, Children: []Child{typed,
			kid("blocking", from(func() actor.Actor {
				return actor.Blocking(func(p *actor.Process) error { _, err := p.Receive(p); return errors.Join(err, errDied) })
			}))}})
		for _, c := range sup.Children() {
			if c.ID == "blocking" {
				l.sys.Send(c.PID, "go")
			} else {
				ref.Send(l.sys, -1)
			}
			l.settle()
			if now := l.pid(sup, c.ID); now == c.PID {
				t.Errorf("%s was not restarted", c.ID)
			}
		}
	})
}
