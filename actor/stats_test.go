package actor_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/mailbox"
)

// chaos is a System under seeded disorder.
type chaos struct {
	s    *actor.System
	seed uint64
	next atomic.Uint64

	mu   sync.Mutex
	pids []actor.PID
}

func (x *chaos) rand(salt uint64) *rand.Rand { return rand.New(rand.NewPCG(x.seed, salt)) }

func (x *chaos) pick(r *rand.Rand) actor.PID {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.pids) == 0 || r.IntN(40) == 0 {
		return actor.PID{}
	}
	return x.pids[r.IntN(len(x.pids))]
}

func (x *chaos) add(pid actor.PID, err error) {
	if err != nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.pids) < 40 {
		x.pids = append(x.pids, pid)
	} else {
		x.pids[x.next.Add(1)%uint64(len(x.pids))] = pid
	}
}

// work is a message that makes its receiver do things; n says how much more may come of it.
type work struct {
	seed uint64
	n    int
}

type workAsk struct {
	actor.Replies[int]
	work
}

// send sends some way or other.
func (x *chaos) send(from actor.Sender, r *rand.Rand, n int) {
	from.Send(x.pick(r), work{r.Uint64(), n})
}

// handle is the behaviour of every process of the chaos.
func (x *chaos) handle(c *actor.Context, msg any) error {
	var w work
	m, isAsk := msg.(workAsk)
	switch v := msg.(type) {
	case work:
		w = v
	case workAsk:
		w = v.work
	case actor.Idle:
		c.IdleAfter(0)
		return nil
	default:
		return nil // a signal
	}
	r := x.rand(w.seed)
	if isAsk {
		switch r.IntN(7) {
		case 0:
			actor.Fail(c, errors.New("no"))
		case 1:
			to := x.pick(r)
			c.Forward(to)
		case 2:
			duty := actor.DeferReply(c, m)
			if r.IntN(2) == 0 {
				go duty.Reply(1)
			}
		case 3:
			actor.AskAsync(c, x.pick(r), workAsk{work: work{r.Uint64(), w.n - 1}}, func(c *actor.Context, n int, err error) error {
				if r.IntN(8) > 0 {
					actor.Reply(c, m, n)
				}
				return nil
			})
		case 4: // no answer
		default:
			actor.Reply(c, m, 1)
		}
	}
	if w.n <= 0 {
		return nil
	}
	if !isAsk && r.IntN(24) == 0 {
		c.Stash() // and again, whenever it is unstashed
		return nil
	}
	for range r.IntN(3) {
		x.send(c, r, w.n-1)
	}
	switch r.IntN(24) {
	case 0:
		x.add(c.Spawn(x.actor(r), x.options(r)...))
	case 1:
		x.add(c.SpawnLink(x.actor(r), x.options(r)...))
	case 2:
		c.TrapExit(r.IntN(2) == 0)
	case 3:
		c.Link(x.pick(r))
	case 4:
		ref := c.Monitor(x.pick(r))
		if r.IntN(2) == 0 {
			c.Demonitor(ref)
		}
	case 5:
		c.Exit(x.pick(r), []error{actor.Kill, actor.Normal, actor.Shutdown, errors.New("boom")}[r.IntN(4)])
	case 7, 8:
		c.Unstash()
	case 9:
		return errors.New("boom")
	case 10:
		panic("boom")
	case 11:
		if !isAsk {
			return c.Unhandled()
		}
	case 12:
		c.Become(actor.Func(x.handle))
	case 13:
		c.Unbecome()
	case 14:
		ctx, cancel := context.WithTimeout(c, time.Duration(r.IntN(200))*time.Microsecond)
		_, _ = actor.Ask(ctx, x.pick(r), workAsk{work: work{r.Uint64(), w.n - 1}})
		cancel()
	case 15:
		c.With(actor.WithBaggage(c, "k", "v")).Send(actor.PID{}, work{})
	case 16:
		c.IdleAfter(time.Duration(r.IntN(100)) * time.Microsecond)
	}
	return nil
}

func (x *chaos) script(p *actor.Process) error {
	for {
		msg, err := p.ReceiveMatch(context.Background(), func(msg any) bool {
			w, ok := msg.(work)
			return !ok || w.seed%5 != 0
		})
		if err != nil {
			return err
		}
		switch m := msg.(type) {
		case workAsk:
			if m.seed%3 > 0 {
				actor.Reply(p, m, 1)
			}
		case work:
			if m.n > 0 {
				x.send(p, x.rand(m.seed), m.n-1)
			}
			if m.seed%101 == 0 {
				return errors.New("boom")
			}
		}
	}
}

func (x *chaos) actor(r *rand.Rand) actor.Actor {
	switch r.IntN(6) {
	case 0:
		return actor.Blocking(x.script)
	case 1:
		return actor.Typed(actor.TypedFunc[any](x.handle))
	case 2:
		return actor.Typed[work](typedChaos{x})
	}
	return actor.Func(x.handle)
}

type typedChaos struct{ x *chaos }

func (a typedChaos) Receive(c *actor.Context, w work) error           { return a.x.handle(c, w) }
func (a typedChaos) ReceiveSignal(c *actor.Context, signal any) error { return a.x.handle(c, signal) }

func (x *chaos) options(r *rand.Rand) []actor.SpawnOption {
	var opts []actor.SpawnOption
	switch r.IntN(8) {
	case 0:
		opts = append(opts, actor.WithMailbox(mailbox.Spec{Capacity: 1 + r.IntN(8), Overflow: mailbox.DropNewest + mailbox.Overflow(r.IntN(3))}))
	case 1:
		opts = append(opts, actor.WithMailbox(mailbox.Spec{Levels: 3, Level: func(any) int { return 1 }}))
	case 2:
		opts = append(opts, actor.WithInline())
	case 3:
		opts = append(opts, actor.WithName(fmt.Sprint("n", r.IntN(4))))
	}
	return opts
}

// drive is what goes on outside of processes.
func (x *chaos) drive(r *rand.Rand, rounds int) {
	var timers []actor.Timer
	for range rounds {
		switch r.IntN(16) {
		case 0:
			x.add(x.s.Spawn(x.actor(r), x.options(r)...))
		case 1:
			x.s.Exit(x.pick(r), []error{actor.Kill, actor.Kill, actor.Shutdown}[r.IntN(3)])
		case 2:
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+r.IntN(300))*time.Microsecond)
			_, _ = actor.Ask(x.s.With(ctx), x.pick(r), workAsk{work: work{r.Uint64(), 2}})
			cancel()
		case 3:
			pid := x.pick(r)
			if x.s.Suspend(pid) == nil {
				_ = x.s.Resume(pid)
			}
		case 4:
			timers = append(timers, x.s.SendAfter(time.Duration(r.IntN(300))*time.Microsecond, x.pick(r), work{r.Uint64(), 1}))
		case 5:
			x.s.Info(x.pick(r))
			x.s.Stats()
		default:
			x.send(x.s, r, 3)
		}
	}
	for _, t := range timers {
		t.Stop()
	}
}

// idle waits until the counts stand still.
func (x *chaos) idle(t *testing.T) actor.Stats {
	t.Helper()
	var last actor.Stats
	still := 0
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d: last seen %+v", x.seed, last)
			for pid := range x.s.Processes() {
				if info, ok := x.s.Info(pid); ok {
					t.Logf("%+v", info)
				}
			}
		}
	})
	until(t, "the chaos ended", func() bool {
		st := x.s.Stats()
		if st.Sent == last.Sent && st.Handled == last.Handled && st.Dead == last.Dead && st.Spawned == last.Spawned {
			still++
		} else {
			still = 0
		}
		last = st
		return still > 300
	})
	return last
}

func TestConservationUnderChaos(t *testing.T) {
	seeds := []uint64{1, rand.Uint64(), rand.Uint64()}
	for i, workers := range []int{1, 2, 8} {
		x := &chaos{s: sysOf(t, actor.WithWorkers(workers)), seed: seeds[i]}
		r := x.rand(0)
		for range 10 {
			x.add(x.s.Spawn(x.actor(r), x.options(r)...))
		}
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() { x.drive(x.rand(uint64(g)+1), 300) })
		}
		wg.Wait()
		x.idle(t)
		for pid := range x.s.Processes() {
			if err := x.s.Resume(pid); err != nil && !errors.Is(err, actor.NoProc) {
				t.Error(err)
			}
		}
		x.idle(t)
		st := conserved(t, x.s)
		t.Logf("seed %d, %d workers: %+v", x.seed, workers, st)
		shutDown(t, x.s)
		if st = conserved(t, x.s); st.Processes != 0 || st.Queued != 0 || st.Spawned != st.Exited {
			t.Fatalf("seed %d: after Shutdown: %+v", x.seed, st)
		}
	}
}

// Messages alone, without anything that is counted in another way, so that the test's count is exact.
func TestSentIsWhatWasSent(t *testing.T) {
	s := sysOf(t)
	seed := rand.Uint64()
	t.Log("seed", seed)
	var sent, handled, letters atomic.Uint64
	s.Subscribe(func(e actor.Event) {
		if _, ok := e.(actor.DeadLetter); ok {
			letters.Add(1)
		}
	})
	var pids []actor.PID
	var mu sync.RWMutex
	handler := func(c *actor.Context, msg any) error {
		handled.Add(1)
		n := msg.(int)
		mu.RLock()
		defer mu.RUnlock()
		for i := range n % 3 {
			sent.Add(1)
			c.Send(pids[(n+i)%len(pids)], n/3)
		}
		if n == 7 {
			panic("seven")
		}
		return nil
	}
	for i := range 16 {
		var opts []actor.SpawnOption
		if i%4 == 1 {
			opts = append(opts, actor.WithMailbox(mailbox.Spec{Capacity: 3, Overflow: mailbox.DropOldest}))
		}
		var a actor.Actor = actor.Func(handler)
		if i%4 == 2 {
			a = actor.Typed(actor.TypedFunc[int](func(c *actor.Context, n int) error { return handler(c, n) }))
		}
		pids = append(pids, spawnActor(t, s, a, opts...))
	}
	var wg sync.WaitGroup
	for g := range 4 {
		r := rand.New(rand.NewPCG(seed, uint64(g)))
		wg.Go(func() {
			for range 2000 {
				sent.Add(1)
				s.Send(pids[r.IntN(len(pids))], r.IntN(1000))
				if r.IntN(50) == 0 {
					i := r.IntN(len(pids))
					old := pids[i]
					s.Exit(old, actor.Kill)
				}
			}
		})
	}
	wg.Wait()
	until(t, "all is handled or dead", func() bool {
		st := s.Stats()
		return st.Sent == sent.Load() && st.Handled == handled.Load() && st.Dead == letters.Load() && st.Handled+st.Dead == st.Sent
	})
	st := conserved(t, s)
	if st.Queued != 0 {
		t.Fatalf("%+v", st)
	}
}

func TestStatsOfEveryReason(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	far, _ := s.ParsePID("<far/1.1>")
	s.Send(far, 1)
	s.Send(actor.PID{}, 1)
	full := spawnFn(t, s, func(*actor.Context, any) error { g.pass(); return nil },
		actor.WithMailbox(mailbox.Spec{Capacity: 1, Overflow: mailbox.Fail}))
	s.Send(full, 1)
	recv(t, g.arrived, "the handler")
	s.Send(full, 2)
	s.Send(full, 3)
	st := s.Stats()
	want := map[string]uint64{"noconnection": 1, "noproc": 1, "mailbox full": 1}
	for k, n := range want {
		if st.DeadBy[k] != n {
			t.Errorf("%s: %d, want %d", k, st.DeadBy[k], n)
		}
	}
	if st.Queued != 1 || st.Processes != 1 || st.Spawned != 1 {
		t.Errorf("%+v", st)
	}
	g.unlock()
	books(t, s, 5, 2, 3)
	s.Exit(full, actor.Shutdown)
	untilGone(t, s, full)
	until(t, "its end is counted", func() bool { return s.Stats().Exited == 1 })
	if all := slices.Collect(s.Processes()); len(all) != 0 {
		t.Fatal(all)
	}
}
