package actor_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// family is a process with children; it notes the order of ends.
type family struct {
	name     string
	children []*family
	trap     bool
	ends     *order
}

type order struct {
	mu    sync.Mutex
	names []string
}

func (o *order) add(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.names = append(o.names, name)
}

func (f *family) Init(c *actor.Context) error {
	c.TrapExit(f.trap)
	for _, x := range f.children {
		x.ends = f.ends
		if _, err := c.SpawnLink(x); err != nil {
			return err
		}
	}
	return nil
}
func (f *family) Receive(_ *actor.Context, msg any) error { f.ends.add("signal"); return nil }
func (f *family) Terminate(_ *actor.Context, reason error) {
	if !errors.Is(reason, actor.Shutdown) {
		f.ends.add(reason.Error())
	}
	f.ends.add(f.name)
}

func TestShutdownEndsChildrenFirst(t *testing.T) {
	for _, trap := range []bool{false, true} {
		s := sysOf(t)
		o := &order{}
		spawnActor(t, s, &family{name: "root", trap: trap, ends: o, children: []*family{
			{name: "a", trap: trap, children: []*family{{name: "aa", trap: trap}, {name: "ab"}}},
			{name: "b"},
		}})
		shutDown(t, s)
		at := func(name string) int { return slices.Index(o.names, name) }
		if len(o.names) != 5 || at("root") != 4 || at("a") < at("aa") || at("a") < at("ab") {
			t.Fatal(trap, o.names)
		}
		if n := s.Stats().Processes; n != 0 {
			t.Fatal(n)
		}
	}
}

func TestShutdownIsIdempotentAndConcurrent(t *testing.T) {
	s := sysOf(t)
	for range 100 {
		spawnFn(t, s, doubler)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { shutDown(t, s) })
	}
	wg.Wait()
	shutDown(t, s)
	empty := sysOf(t)
	shutDown(t, empty)
}

func TestAfterShutdown(t *testing.T) {
	s := sysOf(t)
	log := recordEvents(t, s)
	pid := spawnFn(t, s, doubler, actor.WithName("x"))
	shutDown(t, s)
	for _, a := range []actor.Actor{actor.Func(doubler), actor.Blocking(func(*actor.Process) error { return nil })} {
		_, err := s.Spawn(a, actor.WithName("x"))
		wantErr(t, err, actor.ErrStopped)
	}
	s.Send(pid, "late")
	deadLetterOf(t, log, "late", actor.NoProc)
	s.Send(s.Named("x"), "later")
	deadLetterOf(t, log, "later", actor.NoProc)
	_, err := actor.Ask(within(t), pid, askDouble{})
	wantErr(t, err, actor.NoProc)
	s.Exit(pid, actor.Kill)
	s.SendAfter(0, pid, 1)
	if _, ok := s.Whereis("x"); ok || s.Alive(pid) {
		t.Fatal("somebody is left")
	}
	wantErr(t, s.Register("y", pid), actor.NoProc)
	wantErr(t, s.Suspend(pid), actor.NoProc)
	conserved(t, s)
}

func TestShutdownIsBoundedByItsContext(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	stuck := spawnFn(t, s, func(*actor.Context, any) error { g.pass(); return nil })
	s.Send(stuck, 1)
	recv(t, g.arrived, "the handler")
	s.Send(stuck, "queued")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
	defer cancel()
	wantErr(t, s.Shutdown(ctx), context.DeadlineExceeded)
	if s.Alive(stuck) {
		t.Fatal("the rest was not killed")
	}
	g.unlock()
	wantErr(t, s.Shutdown(context.Background()), nil)
	conserved(t, s)
}

// A killed handler that returns late must not leave the monitor behind, even if that had gone to sleep.
func TestShutdownWaitsForKilledHandlers(t *testing.T) {
	s := sysOf(t, actor.WithLongTurn(2*time.Millisecond))
	g := newBarrier(t)
	stuck := spawnFn(t, s, func(*actor.Context, any) error { g.pass(); return nil })
	s.Send(stuck, 1)
	recv(t, g.arrived, "the handler")
	s.Exit(stuck, actor.Kill)
	untilGone(t, s, stuck)
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(within(t)) }()
	pause := time.NewTimer(40 * time.Millisecond) // the monitor has nothing to look at
	<-pause.C
	g.unlock()
	wantErr(t, recv(t, done, "Shutdown"), nil)
}

func TestShutdownLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		s, err := actor.NewSystem("short", actor.WithWorkers(4))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			pid := spawnFn(t, s, func(c *actor.Context, _ any) error {
				c.SendAfter(time.Hour, c.Self(), 1)
				c.IdleAfter(time.Hour)
				return nil
			})
			s.Send(pid, i)
			script(t, s, func(p *actor.Process) error {
				_, err := p.Receive(context.Background())
				return err
			})
		}
		shutDown(t, s)
	}
	until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

// Spawning beside Shutdown: every process either never was or is ended.
func TestShutdownRacesWithSpawn(t *testing.T) {
	for range 60 {
		s := sysOf(t, actor.WithWorkers(1+rand.IntN(3)))
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for {
					var a actor.Actor = actor.Func(doubler)
					switch rand.IntN(4) {
					case 0:
						a = &idler{make(chan any, 8)}
					case 1:
						a = actor.Blocking(func(p *actor.Process) error { <-p.Done(); return nil })
					case 2:
						a = actor.Typed(actor.TypedFunc[int](func(*actor.Context, int) error { return nil }))
					}
					pid, err := s.Spawn(a)
					if err != nil {
						if !errors.Is(err, actor.ErrStopped) && !errors.Is(err, actor.Shutdown) && !errors.Is(err, actor.Killed) {
							t.Error(err)
						}
						return
					}
					s.Send(pid, 1)
				}
			})
		}
		runtime.Gosched()
		shutDown(t, s)
		wg.Wait()
		if st := conserved(t, s); st.Processes != 0 || st.Spawned != st.Exited || st.Queued != 0 {
			t.Fatalf("%+v", st)
		}
	}
}

func TestShutdownEndsSuspendedProcesses(t *testing.T) {
	s := sysOf(t)
	log := recordEvents(t, s)
	pid := spawnFn(t, s, doubler)
	if err := s.Suspend(pid); err != nil {
		t.Fatal(err)
	}
	s.Send(pid, "queued")
	shutDown(t, s)
	deadLetterOf(t, log, "queued", actor.ErrExited)
}
