package actor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/mailbox"
)

// Bugs of other runtimes, each as a test that this one has not got it.

// protoactor-go: a future's result was written without a lock before the check whether it is done, so that a late second answer
// overwrote the first.
func TestPeer_ProtoActor_FutureLateReplyOverwrites(t *testing.T) {
	r := newRig(t)
	x := r.start(plain)
	const n, answers = 100, 4
	for i := range n {
		var first atomic.Int64
		var wg sync.WaitGroup
		duties := make(chan actor.ReplyTo[int], 1)
		out := make(chan int, 1)
		go func() {
			v, err := actor.Ask(context.Background(), x.pid, note{do: func(p proc) error {
				duties <- actor.DeferReply(p, note{})
				return nil
			}})
			if err != nil {
				t.Error(err)
			}
			out <- v
		}()
		to := take(t, duties, "the request")
		for a := range answers {
			wg.Go(func() {
				first.CompareAndSwap(0, int64(10*i+a+1))
				to.Reply(10*i + a)
			})
		}
		got := take(t, out, "the answer")
		wg.Wait()
		to.Reply(-1)
		if got/10 != i || got < 0 {
			t.Fatalf("answer %d to request %d", got, i)
		}
	}
	if st := r.sys.Stats(); st.LateReplies != n*answers {
		t.Fatalf("%d late replies, want %d", st.LateReplies, n*answers)
	}
}

// protoactor-go: the receive timeout's handler changed the context from the timer's goroutine.
func TestPeer_ProtoActor_ReceiveTimeoutMutatesFromTimerGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys, err := actor.NewSystem("peer", actor.WithWorkers(2))
		if err != nil {
			t.Fatal(err)
		}
		state, idles := 0, 0 // the race detector watches them
		pid, err := sys.Spawn(actor.Func(func(c *actor.Context, msg any) error {
			state++
			switch msg.(type) {
			case actor.Idle:
				if idles++; idles == 5 {
					c.IdleAfter(0)
				}
			case string:
				c.IdleAfter(time.Microsecond)
			}
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		sys.Send(pid, "begin")
		for range 100 {
			sys.Send(pid, 1)
		}
		time.AfterFunc(time.Second, func() { sys.Exit(pid, actor.Shutdown) })
		for sys.Alive(pid) {
			synctest.Wait()
			<-time.After(100 * time.Millisecond)
		}
		if err := sys.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if state != 101+idles || idles != 5 {
			t.Fatalf("%d calls, %d of them Idle", state, idles)
		}
	})
}

// protoactor-go: a process was in the registry before it could take messages, so that a send by name at that moment hit a nil
// dispatcher; and for a name that was taken the mailbox was made already.
func TestPeer_ProtoActor_SpawnRaceDuplicateName(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			r := newRig(t)
			const n = 8
			for range 20 {
				var wg sync.WaitGroup
				var won, lost atomic.Int32
				winner := make(chan *puppet, n)
				var handledBy sync.Map
				early := note{do: func(p proc) error { handledBy.Store(p.Self(), true); return nil }}
				for range 2 {
					wg.Go(func() {
						for range 300 {
							r.sys.Send(r.sys.Named("it"), early)
						}
					})
				}
				var spawning sync.WaitGroup
				for range n {
					spawning.Go(func() {
						x := r.puppet()
						pid, err := r.sys.Spawn(k.actor(x), append([]actor.SpawnOption{actor.WithName("it")}, k.opts...)...)
						switch {
						case err == nil:
							x.pid = pid
							won.Add(1)
							winner <- x
						case errors.Is(err, actor.ErrNameTaken):
							lost.Add(1)
						default:
							t.Error(err)
						}
					})
				}
				spawning.Wait()
				wg.Wait()
				if won.Load() != 1 || lost.Load() != n-1 {
					t.Fatalf("%d won, %d lost", won.Load(), lost.Load())
				}
				x := <-winner
				if st := r.sys.Stats(); st.Processes != 1 {
					t.Fatalf("%+v", st)
				}
				r.sys.Exit(x.pid, actor.Kill)
				r.exited(x.pid)
				handledBy.Range(func(by, _ any) bool {
					if by != x.pid {
						t.Error("a process that was refused its name handled a message")
					}
					return true
				})
			}
		})
	}
}

// protoactor-go: what was queued when an actor stopped vanished, and a stopping actor still received messages.
func TestPeer_ProtoActor_MessagesQueuedAtStopAreDropped(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.start(k)
		release := x.blockIn(func(proc) error { return errBoom })
		const n = 20
		var answers []<-chan error
		for i := range n {
			x.send(i)
			answers = append(answers, x.ask(func(proc) error { t.Error("handled"); return nil }))
		}
		for info, ok := r.sys.Info(x.pid); info.Queued < 2*n; info, ok = r.sys.Info(x.pid) {
			if !ok {
				t.Fatal("the process ended")
			}
		}
		release()
		for i := range n {
			if d := r.deadLetter(i); d.Reason != actor.ErrExited || d.To != x.pid {
				t.Fatal(d)
			}
			var e *actor.ExitError
			if err := take(t, answers[i], "an answer"); !errors.As(err, &e) || e.Reason != errBoom {
				t.Fatal(err)
			}
		}
		if len(x.got) > 0 {
			t.Fatal("a message was handled after the end")
		}
	})
}

// protoactor-go: an escalation that reached the guardian panicked, and the whole program with it.
func TestPeer_ProtoActor_EscalationToTheTopCrashes(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		top := r.start(k)
		var last actor.PID
		top.call(func(p proc) {
			child := r.puppet()
			pid, err := p.SpawnLink(k.actor(child), k.opts...)
			if err != nil {
				t.Error(err)
			}
			last = pid
		})
		r.sys.Send(last, note{do: func(proc) error { panic("escalate") }})
		var e *actor.PanicError
		if exit := r.exited(top.pid); !errors.As(exit.Reason, &e) {
			t.Fatal(exit)
		}
		r.start(k).call(func(proc) {})
	})
}

// protoactor-go: a second system in one program panicked.
func TestPeer_ProtoActor_SecondSystemPanics(t *testing.T) {
	a, b := newRig(t), newRig(t) // of the same name
	x, y := a.start(plain), b.start(plain)
	a.sys.Send(y.pid, note{v: "across"})
	if v := next[string](y); v != "across" {
		t.Fatal(v)
	}
	a.sys.Exit(x.pid, actor.Kill)
	y.call(func(proc) {})
}

// protoactor-go: Shutdown closed a channel, the second time too, which panicked.
func TestPeer_ProtoActor_ShutdownTwicePanics(t *testing.T) {
	r := newRig(t)
	r.start(plain)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := r.sys.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := r.sys.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := r.sys.Spawn(puppetActor{r.puppet()}); !errors.Is(err, actor.ErrStopped) {
		t.Error(err)
	}
	r.sys.Send(actor.PID{}, note{v: "late"})
	r.deadLetter("late")
}

// protoactor-go: Shutdown ended no actor.
func TestPeer_ProtoActor_ShutdownStopsNoActor(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		var all []*puppet
		for range 10 {
			all = append(all, r.start(k), r.trapper(k))
		}
		if err := r.sys.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, x := range all {
			if e := r.exited(x.pid); e.Reason != actor.Shutdown || r.sys.Alive(x.pid) {
				t.Fatal(e)
			}
			if k.terminates() {
				if reason := take(t, x.end, "Terminate"); reason != actor.Shutdown {
					t.Fatal(reason)
				}
			}
		}
	})
}

// GoAkt: after a panic the actor went on with what was queued until somebody else acted on the panic.
func TestPeer_GoAkt_DrainsQueueAfterPanic(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.start(k)
		release := x.blockIn(func(proc) error { panic("ouch") })
		for i := range 50 {
			x.send(i)
		}
		release()
		r.exited(x.pid)
		for i := range 50 {
			r.deadLetter(i)
		}
		if len(x.got) > 0 {
			t.Fatal("a message was handled after the panic")
		}
	})
}

// GoAkt: reply channels came from a pool while late answers could still go into them, so that another request got the answer.
func TestPeer_GoAkt_PooledReplyChannelABA(t *testing.T) {
	r := newRig(t)
	rng := random(t)
	type late struct {
		to actor.ReplyTo[int]
		n  int
	}
	duties := make(chan late, 1024)
	x := r.start(plain)
	var repliers, askers sync.WaitGroup
	for range 2 {
		repliers.Go(func() {
			for d := range duties {
				d.to.Reply(d.n)
			}
		})
	}
	for a := range 4 {
		seed := rng.Uint64()
		askers.Go(func() {
			for i := range 300 {
				n := a*1000 + i
				ctx, cancel := context.WithCancel(context.Background())
				if (seed>>(i%64))&1 == 0 {
					go cancel() // about when the answer comes
				}
				got, err := actor.Ask(ctx, x.pid, note{do: func(p proc) error {
					duties <- late{actor.DeferReply(p, note{}), n}
					return nil
				}})
				cancel()
				if err == nil && got != n {
					t.Errorf("request %d got the answer %d", n, got)
				} else if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, actor.ErrExpired) {
					t.Error(err)
				}
			}
		})
	}
	askers.Wait()
	x.call(func(proc) {})
	close(duties)
	repliers.Wait()
}

// Hollywood: when an actor crashed too often its cleanup deferred a nil function, which crashed the program.
func TestPeer_Hollywood_CleanupNil(t *testing.T) {
	r := newRig(t)
	for i := range 20 {
		pid, err := r.sys.Spawn(&starter{
			init: func(c *actor.Context) error {
				if i%2 == 0 {
					panic("Init")
				}
				return nil
			},
			receive:   func(*actor.Context, any) error { panic("Receive") },
			terminate: func(*actor.Context, error) { panic("Terminate") },
		})
		var e *actor.PanicError
		if i%2 == 0 {
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			continue
		}
		r.sys.Send(pid, i)
		if exit := r.exited(pid); !errors.As(exit.Reason, &e) || e.Value != "Terminate" {
			t.Fatal(exit)
		}
	}
}

// Hollywood: a message without a sender, behind one that had one, was delivered with that one's sender.
func TestPeer_Hollywood_NilSenderIsTheOneBefore(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, y := r.start(k), r.start(plain)
		senders := make(chan actor.PID, 3)
		report := note{do: func(p proc) error { senders <- p.Sender(); return nil }}
		release := x.blockIn(nil)
		y.call(func(p proc) { p.Send(x.pid, report) })
		r.sys.Send(x.pid, report)
		y.call(func(p proc) { p.Send(x.pid, report) })
		release()
		for _, want := range []actor.PID{y.pid, {}, y.pid} {
			if got := take(t, senders, "a sender"); got != want {
				t.Fatalf("sender %v, want %v", got, want)
			}
		}
	})
}

// Hollywood: the library ended the program on bad input. Here it is an error that says what is wrong, or a counted dead letter.
func TestPeer_Hollywood_BadInputIsFatal(t *testing.T) {
	for _, name := range []string{"", "a b", "<a>"} {
		if _, err := actor.NewSystem(name); err == nil {
			t.Errorf("NewSystem(%q)", name)
		}
	}
	for i, o := range []actor.Option{nil, actor.WithWorkers(0), actor.WithLogger(nil), actor.WithHighWater(-1), actor.WithLongTurn(0)} {
		if _, err := actor.NewSystem("a", o, actor.WithLogger(slog.Default())); err == nil {
			t.Errorf("option %d", i)
		}
	}
	r := newRig(t)
	var nilStarter *starter
	for i, a := range []actor.Actor{nil, actor.Func(nil), actor.Blocking(nil), nilStarter, actor.Typed[int](nil), actor.Typed(actor.TypedFunc[int](nil))} {
		if _, err := r.sys.Spawn(a); err == nil {
			t.Errorf("actor %d", i)
		}
	}
	ok := puppetActor{r.puppet()}
	for i, o := range []actor.SpawnOption{
		nil, actor.WithName(""),
		actor.WithMailbox(mailbox.Spec{Capacity: -1}), actor.WithMailbox(mailbox.Spec{Levels: -1}), actor.WithMailbox(mailbox.Spec{Levels: 2}),
	} {
		if _, err := r.sys.Spawn(ok, o); err == nil {
			t.Errorf("spawn option %d", i)
		}
	}
	if _, err := r.sys.Go(nil); err == nil {
		t.Error("Go(nil)")
	}
	r.sys.Send(actor.PID{}, "to nobody")
	if d := r.deadLetter("to nobody"); d.Reason != actor.NoProc {
		t.Error(d)
	}
	r.sys.Exit(actor.PID{}, errBoom)
	if err := r.sys.Register("x", actor.PID{}); !errors.Is(err, actor.NoProc) {
		t.Error(err)
	}
	if _, err := actor.Ask(context.Background(), actor.PID{}, note{}); !errors.Is(err, actor.NoProc) {
		t.Error(err)
	}
	x := r.start(plain)
	x.call(func(p proc) {
		p.Send(actor.PID{}, nil)
		p.Send(p.Self(), note{v: fmt.Sprint(p.TrySend(actor.PID{}, 1))})
	})
	if v := next[string](x); v != actor.NoProc.Error() {
		t.Error(v)
	}
}
