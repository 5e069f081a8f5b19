package actor_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// pinged fails the test unless a process answers soon.
func pinged(t testing.TB, s *actor.System, pid actor.PID) {
	t.Helper()
	for i := range 20 {
		if n, err := actor.Ask(within(t), pid, askDouble{n: i}); n != 2*i || err != nil {
			t.Fatal(n, err)
		}
	}
}

func TestPingsWhileAllWorkersAreBlocked(t *testing.T) {
	for _, workers := range []int{1, 2, 4} {
		for name, wait := range map[string]func(c *actor.Context, g *barrier){
			"channel":  func(_ *actor.Context, g *barrier) { g.pass() },
			"Blocking": func(c *actor.Context, g *barrier) { c.Blocking(g.pass) },
			"spinning": func(_ *actor.Context, g *barrier) {
				g.arrived <- struct{}{}
				for open := false; !open; {
					select {
					case <-g.open:
						open = true
					default:
					}
				}
			},
			"select with a timer": func(c *actor.Context, g *barrier) {
				g.arrived <- struct{}{}
				select {
				case <-g.open:
				case <-time.After(time.Hour):
				}
			},
		} {
			t.Run(name, func(t *testing.T) {
				s := sysOf(t, actor.WithWorkers(workers))
				g := newBarrier(t)
				defer g.unlock()
				idle := spawnFn(t, s, doubler)
				blockers := 3 * workers
				if name == "spinning" {
					blockers = workers
				}
				for range blockers {
					s.Send(spawnFn(t, s, func(c *actor.Context, _ any) error { wait(c, g); return nil }), 1)
				}
				for range blockers {
					recv(t, g.arrived, "a handler that blocks")
				}
				pinged(t, s, idle)
				g.unlock()
				pinged(t, s, idle)
			})
		}
	}
}

// The monitor may be asleep when a long wait ends; if the handler then waits again it must notice.
func TestBlockedAgainAfterALongWait(t *testing.T) {
	s := sysOf(t, actor.WithWorkers(1), actor.WithLongTurn(2*time.Millisecond))
	first, second := newBarrier(t), newBarrier(t)
	defer second.unlock()
	duties := make(chan actor.ReplyTo[int], 1)
	deferrer := spawnFn(t, s, func(c *actor.Context, msg any) error {
		duties <- actor.DeferReply(c, msg.(askDouble))
		return nil
	})
	log := recordEvents(t, s)
	pid := spawnFn(t, s, func(c *actor.Context, _ any) error {
		c.Blocking(first.pass)
		_, _ = actor.Ask(c, deferrer, askDouble{})
		second.pass()
		return nil
	})
	s.Send(pid, 1)
	recv(t, first.arrived, "the first wait")
	findEvent(t, log, "the long turn", func(w actor.Warning) bool { return w.Kind == actor.LongTurn && w.PID == pid })
	pause := time.NewTimer(30 * time.Millisecond) // until the monitor has nothing to look at
	<-pause.C
	first.unlock()
	duty := recv(t, duties, "the request")
	pause.Reset(30 * time.Millisecond)
	<-pause.C
	duty.Reply(1)
	recv(t, second.arrived, "the second wait")
	pinged(t, s, spawnFn(t, s, doubler))
}

func TestGoexitKeepsTheWorkers(t *testing.T) {
	for _, workers := range []int{1, 2} {
		s := sysOf(t, actor.WithWorkers(workers))
		log := recordEvents(t, s)
		for range 10 {
			pid := spawnFn(t, s, func(*actor.Context, any) error { runtime.Goexit(); return nil })
			s.Send(pid, 1)
			e := findEvent(t, log, "its end", func(e actor.Exited) bool { return e.PID == pid })
			if _, ok := e.Reason.(*actor.PanicError); !ok {
				t.Fatal(e.Reason)
			}
		}
		pinged(t, s, spawnFn(t, s, doubler))
	}
}

func TestASelfSenderStarvesNobody(t *testing.T) {
	s := sysOf(t, actor.WithWorkers(1))
	var stop atomic.Bool
	defer stop.Store(true)
	for range 2 {
		pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
			if !stop.Load() {
				c.Send(c.Self(), msg)
			}
			return nil
		})
		s.Send(pid, 1)
	}
	pinged(t, s, spawnFn(t, s, doubler))
}

func TestAPairStarvesNobody(t *testing.T) {
	s := sysOf(t, actor.WithWorkers(1))
	var stop atomic.Bool
	defer stop.Store(true)
	bounce := func(c *actor.Context, msg any) error {
		if !stop.Load() {
			to := c.Sender()
			if pid, ok := msg.(actor.PID); ok {
				to = pid
			}
			c.Send(to, "ball")
		}
		return nil
	}
	a, b := spawnFn(t, s, bounce), spawnFn(t, s, bounce)
	s.Send(a, b)
	third := spawnFn(t, s, doubler)
	pinged(t, s, third)
	inside := make(chan error, 1)
	from := spawnFn(t, s, func(c *actor.Context, _ any) error { // from within the same worker
		_, err := actor.Ask(c, third, askDouble{})
		inside <- err
		return nil
	})
	s.Send(from, 1)
	wantErr(t, recv(t, inside, "the answer"), nil)
}

func TestNoGoroutinePerMessageOrProcess(t *testing.T) {
	s := sysOf(t, actor.WithWorkers(2))
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	var most atomic.Int64
	const processes, messages = 500, 20
	wg.Add(processes * messages)
	for range processes {
		pid := spawnFn(t, s, func(*actor.Context, any) error {
			if n := int64(runtime.NumGoroutine()); n > most.Load() {
				most.Store(n)
			}
			wg.Done()
			return nil
		})
		for i := range messages {
			s.Send(pid, i)
		}
	}
	wg.Wait()
	if most := int(most.Load()); most > before+12 { // some handlers may have been taken for blocked
		t.Fatalf("%d goroutines before, %d at most", before, most)
	}
}

func TestAnIdleSystemHasFewGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := actor.NewSystem("idle", actor.WithWorkers(2))
	if err != nil {
		t.Fatal(err)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Fatalf("a System that runs nothing has %d goroutines", n-before)
	}
	pid := spawnFn(t, s, doubler)
	pinged(t, s, pid)
	until(t, "only workers, monitor and clock are left", func() bool { return runtime.NumGoroutine() <= before+2+2 })
	shutDown(t, s)
	until(t, "none is left", func() bool { return runtime.NumGoroutine() <= before })
}

// chain is a process that asks the next, and the last answers.
func chain(t testing.TB, s *actor.System, n int, opts ...actor.SpawnOption) actor.PID {
	t.Helper()
	next := spawnFn(t, s, func(c *actor.Context, msg any) error { actor.Reply(c, msg.(askDouble), 0); return nil }, opts...)
	for range n - 1 {
		to := next
		next = spawnFn(t, s, func(c *actor.Context, msg any) error {
			n, err := actor.Ask(c, to, askDouble{})
			if err != nil {
				return err
			}
			actor.Reply(c, msg.(askDouble), n+1)
			return nil
		}, opts...)
	}
	return next
}

func TestChainOfAsks(t *testing.T) {
	for _, workers := range []int{1, 2, 16} {
		for _, opts := range [][]actor.SpawnOption{nil, {actor.WithInline()}} {
			s := sysOf(t, actor.WithWorkers(workers))
			first := chain(t, s, 64, opts...)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if n, err := actor.Ask(within(t), first, askDouble{}); n != 63 || err != nil {
						t.Error(n, err)
					}
				})
			}
			wg.Wait()
			conserved(t, s)
		}
	}
}

func TestManySystemsAndWorkers(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := actor.NewSystem("same", actor.WithWorkers(32))
			if err != nil {
				t.Error(err)
				return
			}
			pid, _ := s.Spawn(actor.Func(doubler))
			for i := range 50 {
				if n, err := actor.Ask(context.Background(), pid, askDouble{n: i}); n != 2*i || err != nil {
					t.Error(n, err)
				}
			}
			shutDown(t, s)
		})
	}
	wg.Wait()
}

func TestGOMAXPROCS1(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s := sysOf(t)
	g := newBarrier(t)
	defer g.unlock()
	s.Send(spawnFn(t, s, func(*actor.Context, any) error { g.pass(); return nil }), 1)
	recv(t, g.arrived, "the handler")
	pinged(t, s, spawnFn(t, s, doubler))
}
