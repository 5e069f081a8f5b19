package actor_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/mailbox"
)

// collector is a process that passes on what it gets.
func collector(t testing.TB, s actor.Spawner, opts ...actor.SpawnOption) (actor.PID, chan any) {
	t.Helper()
	got := make(chan any, 1024)
	return spawnFn(t, s, func(_ *actor.Context, msg any) error { got <- msg; return nil }, opts...), got
}

func TestTimersFireInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sysOf(t)
		pid, got := collector(t, s)
		begin := time.Now()
		for _, d := range []time.Duration{30, 10, 20, 10, 0, -5} {
			s.SendAfter(d*10*time.Millisecond, pid, int(d))
		}
		for _, want := range []int{0, -5, 10, 10, 20, 30} {
			recvEq(t, got, any(want), "a timer")
			if d := time.Since(begin); d != time.Duration(max(want, 0))*10*time.Millisecond {
				t.Fatalf("%d fired after %v", want, d)
			}
		}
		shutDown(t, s)
	})
}

func TestTimerOfAProcessKeepsSender(t *testing.T) {
	s := sysOf(t)
	senders := make(chan actor.PID, 2)
	to := spawnFn(t, s, func(c *actor.Context, _ any) error { senders <- c.Sender(); return nil })
	from := spawnFn(t, s, func(c *actor.Context, _ any) error {
		c.SendAfter(time.Microsecond, to, 1)
		return actor.Normal // a timer outlives who set it
	})
	s.Send(from, 1)
	recvEq(t, senders, from, "the sender")
}

func TestStoppedTimerDeliversNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sysOf(t)
		pid, got := collector(t, s)
		x := s.SendAfter(time.Second, pid, 1)
		if !x.Stop() || x.Stop() {
			t.Fatal("Stop is true once")
		}
		s.SendAfter(2*time.Second, pid, 2)
		recvEq(t, got, any(2), "the other timer")
		if y := s.SendAfter(0, pid, 3); true {
			recvEq(t, got, any(3), "the third timer")
			if y.Stop() {
				t.Fatal("Stop of a delivered timer is true")
			}
		}
		var none actor.Timer
		if none.Stop() {
			t.Fatal("Stop of no timer is true")
		}
		shutDown(t, s)
		if s.SendAfter(time.Second, pid, 4).Stop() {
			t.Fatal("a timer was started after Shutdown")
		}
	})
}

// A timer whose message is in the mailbox already can be stopped, in every kind of process.
func TestTimerStoppedInTheMailbox(t *testing.T) {
	kinds := map[string]func(got chan any, g *barrier) actor.Actor{
		"plain": func(got chan any, g *barrier) actor.Actor {
			return actor.Func(func(_ *actor.Context, msg any) error { got <- msg; g.pass(); return nil })
		},
		"typed": func(got chan any, g *barrier) actor.Actor {
			return actor.Typed(actor.TypedFunc[string](func(_ *actor.Context, msg string) error { got <- msg; g.pass(); return nil }))
		},
		"blocking": func(got chan any, g *barrier) actor.Actor {
			return actor.Blocking(func(p *actor.Process) error {
				for {
					msg, err := p.Receive(p.Context())
					if err != nil {
						return err
					}
					got <- msg
					g.pass()
				}
			})
		},
	}
	for name, make_ := range kinds {
		for _, opts := range [][]actor.SpawnOption{nil, {actor.WithMailbox(mailbox.Spec{Capacity: 8})}} {
			t.Run(name, func(t *testing.T) {
				s := sysOf(t)
				g := newBarrier(t)
				got := make(chan any, 8)
				pid := spawnActor(t, s, make_(got, g), opts...)
				s.Send(pid, "first")
				recv(t, g.arrived, "the handler")
				x := s.SendAfter(0, pid, "stopped")
				until(t, "it is queued", func() bool { i, _ := s.Info(pid); return i.Queued == 1 })
				if !x.Stop() {
					t.Fatal("it was not delivered yet")
				}
				s.Send(pid, "last")
				g.unlock()
				recvEq(t, got, any("first"), "the first")
				recvEq(t, got, any("last"), "the last")
				books(t, s, 2, 2, 0)
			})
		}
	}
}

func TestStoppedTimerIsNoDeadLetter(t *testing.T) {
	s := sysOf(t)
	log := recordEvents(t, s)
	g := newBarrier(t)
	pid := spawnFn(t, s, func(*actor.Context, any) error { g.pass(); return nil },
		actor.WithMailbox(mailbox.Spec{Capacity: 1, Overflow: mailbox.DropOldest}))
	s.Send(pid, "first")
	recv(t, g.arrived, "the handler")
	x := s.SendAfter(0, pid, "stopped")
	until(t, "it is queued", func() bool { i, _ := s.Info(pid); return i.Queued == 1 })
	x.Stop()
	s.Send(pid, "evicts it")
	s.Send(pid, "evicts that")
	deadLetterOf(t, log, "evicts it", actor.ErrMailboxFull)
	if n := countEvents(log, func(d actor.DeadLetter) bool { return d.Message == "stopped" }); n != 0 {
		t.Fatal("a stopped timer became a dead letter")
	}
	s.Exit(pid, actor.Shutdown)
	g.unlock()
	untilGone(t, s, pid)
	conserved(t, s)
}

// A full mailbox that makes senders wait must not hold up the clock.
func TestTimersDoNotWaitForRoom(t *testing.T) {
	s := sysOf(t)
	log := recordEvents(t, s)
	g := newBarrier(t)
	full := spawnFn(t, s, func(*actor.Context, any) error { g.pass(); return nil }, actor.WithMailbox(mailbox.Spec{Capacity: 1}))
	s.Send(full, 1)
	recv(t, g.arrived, "the handler")
	s.Send(full, 2)
	s.SendAfter(0, full, 3)
	pid, got := collector(t, s)
	s.SendAfter(time.Millisecond, pid, 4)
	recvEq(t, got, any(4), "another timer")
	deadLetterOf(t, log, 3, actor.ErrMailboxFull)
	conserved(t, s)
}

func TestTimerToADeadProcess(t *testing.T) {
	s := sysOf(t)
	log := recordEvents(t, s)
	pid, _ := collector(t, s)
	s.SendAfter(20*time.Millisecond, pid, "late")
	s.SendAfter(0, s.Named("nobody"), "lost")
	s.Exit(pid, actor.Kill)
	deadLetterOf(t, log, "lost", actor.NoProc)
	deadLetterOf(t, log, "late", actor.NoProc)
}

func TestIdleAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sysOf(t)
		at := make(chan time.Duration, 16)
		begin := time.Now()
		n := 0
		pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
			switch m := msg.(type) {
			case actor.Idle:
				at <- time.Since(begin)
				if n++; n == 3 {
					c.IdleAfter(0)
				}
			case time.Duration:
				c.IdleAfter(m)
			}
			return nil
		})
		s.Send(pid, 100*time.Millisecond)
		for i := 1; i <= 3; i++ { // messages put it off
			s.SendAfter(time.Duration(i)*60*time.Millisecond, pid, "work")
		}
		for _, want := range []time.Duration{28, 38, 48} {
			recvEq(t, at, want*10*time.Millisecond, "Idle")
		}
		s.SendAfter(1000*time.Millisecond, pid, 50*time.Millisecond) // and again, from another handler
		recvEq(t, at, 1530*time.Millisecond, "Idle of the second time")
		s.Exit(pid, actor.Shutdown)
		synctest.Wait()
		shutDown(t, s)
	})
}

func TestIdleAfterFromInit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sysOf(t)
		got := make(chan any, 4)
		spawnActor(t, s, &idler{got})
		if _, ok := recv(t, got, "Idle").(actor.Idle); !ok {
			t.Fatal("that was something else")
		}
		shutDown(t, s)
	})
}

type idler struct{ got chan any }

func (a *idler) Init(c *actor.Context) error { c.IdleAfter(time.Second); return nil }
func (a *idler) Receive(c *actor.Context, msg any) error {
	a.got <- msg
	c.IdleAfter(0)
	return nil
}
