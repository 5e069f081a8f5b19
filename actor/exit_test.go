package actor_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// OTP process_SUITE: t_exit_1.
func TestExit_ReasonOfAReturnReachesTheLink(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		y := r.trapper(k)
		for _, reason := range []error{errBoom, actor.Normal, actor.Shutdown, actor.Killed, fmt.Errorf("detail: %w", errBoom)} {
			x := r.start(k)
			y.call(func(p proc) { p.Link(x.pid) })
			x.tell(func(proc) error { return reason })
			if e := next[actor.ExitSignal](y); e.From != x.pid || e.Reason != reason {
				t.Fatalf("%+v, want %v", e, reason)
			}
			if e := r.exited(x.pid); e.Reason != reason {
				t.Fatal(e)
			}
		}
	})
}

// OTP process_SUITE: t_exit_2_other.
func TestExit_OfAnother(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, y := r.start(k), r.trapper(k)
		y.call(func(p proc) { p.Link(x.pid); p.Exit(x.pid, errBoom) })
		y.expectExit(x.pid, errBoom)
	})
}

// OTP process_SUITE: t_exit_2_other_normal. Normal to another is ignored, unless it traps exits.
func TestExit_OfAnotherNormally(t *testing.T) {
	for _, normal := range []error{nil, actor.Normal, fmt.Errorf("done: %w", actor.Normal)} {
		t.Run(fmt.Sprint(normal), func(t *testing.T) {
			eachKind(t, func(t *testing.T, r *rig, k kind) {
				x, y := r.start(k), r.trapper(k)
				y.call(func(p proc) { p.Link(x.pid); p.Exit(x.pid, normal) })
				r.sys.Exit(x.pid, normal)
				x.call(func(p proc) {
					if p.Err() != nil {
						t.Error("told to exit by Normal")
					}
				})
				y.expectNothing()
				x.call(func(p proc) { p.TrapExit(true) })
				y.call(func(p proc) { p.Exit(x.pid, normal) })
				x.expectExit(y.pid, actor.Normal)
				r.sys.Exit(x.pid, normal)
				x.expectExit(actor.PID{}, actor.Normal)
				r.sys.Exit(x.pid, actor.Kill)
				y.expectExit(x.pid, actor.Killed)
			})
		})
	}
}

// OTP process_SUITE: self_exit.
func TestExit_OfItselfTrapped(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.trapper(k)
		for _, reason := range []error{errBoom, actor.Normal, actor.Shutdown} {
			x.call(func(p proc) { p.Exit(p.Self(), reason) })
			x.expectExit(x.pid, reason)
		}
	})
}

// OTP process_SUITE: normal_suicide_exit.
func TestExit_OfItselfNormally(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.start(k)
		gone := r.witness(x.pid)
		x.tell(func(p proc) error { p.Exit(p.Self(), actor.Normal); return nil })
		if reason := gone(); reason != actor.Normal {
			t.Fatal(reason)
		}
	})
}

// OTP process_SUITE: abnormal_suicide_exit.
func TestExit_OfItselfAbnormally(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.start(k)
		gone := r.witness(x.pid)
		x.tell(func(p proc) error { p.Exit(p.Self(), errBoom); return nil })
		if reason := gone(); reason != errBoom {
			t.Fatal(reason)
		}
	})
}

// OTP process_SUITE: t_exit_2_catch. An exit of oneself is not something a handler recovers from.
func TestExit_OfItselfCannotBeCaught(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.start(k)
		gone := r.witness(x.pid)
		x.tell(func(p proc) error {
			func() {
				defer func() { _ = recover() }()
				p.Exit(p.Self(), errBoom)
			}()
			p.TrapExit(true)
			p.Exit(p.Self(), actor.Normal)
			return nil
		})
		if reason := gone(); reason != errBoom {
			t.Fatal(reason)
		}
	})
}

// OTP process_SUITE: exit_and_timeout. An exit that comes together with a timeout is not lost.
func TestExit_AndTimeout(t *testing.T) {
	r := newRig(t)
	for range 50 {
		ready := make(chan context.CancelFunc)
		pid, err := r.sys.Go(func(p *actor.Process) error {
			ctx, cancel := context.WithCancel(context.Background())
			ready <- cancel
			if _, err := p.Receive(ctx); !errors.Is(err, errBoom) && !errors.Is(err, context.Canceled) {
				return fmt.Errorf("first: %w", err)
			}
			_, err := p.Receive(context.Background())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		cancel := <-ready
		go cancel()
		r.sys.Exit(pid, errBoom)
		if e := r.exited(pid); e.Reason != errBoom {
			t.Fatal(e.Reason)
		}
	}
}

// OTP process_SUITE: exit_twice. The second exit is ignored, and that of Shutdown behind it.
func TestExit_Twice(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, y := r.start(k), r.trapper(plain)
		y.call(func(p proc) { p.Link(x.pid) })
		release := x.blockIn(nil)
		y.call(func(p proc) { p.Exit(x.pid, errBoom); p.Exit(x.pid, errOther) })
		stopped := make(chan error, 1)
		go func() { stopped <- r.sys.Shutdown(context.Background()) }()
		release()
		if err := take(t, stopped, "Shutdown"); err != nil {
			t.Fatal(err)
		}
		if e := r.exited(x.pid); e.Reason != errBoom {
			t.Fatal(e)
		}
		if n := count(r, func(e actor.Exited) bool { return e.PID == x.pid }); n != 1 {
			t.Fatalf("%d Exited", n)
		}
	})
}

// After an exit that waits for the handler, Kill still ends the process at once, and everybody is told once.
func TestExit_ThenKill(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, y := r.start(k), r.trapper(plain)
		y.call(func(p proc) { p.Link(x.pid) })
		release := x.blockIn(nil)
		r.sys.Exit(x.pid, errBoom)
		r.sys.Exit(x.pid, actor.Kill)
		r.sys.Exit(x.pid, actor.Kill)
		y.expectExit(x.pid, actor.Killed)
		release()
		y.expectNothing()
	})
}

// OTP: kill by exit/2 cannot be trapped; wrapped it is the same.
func TestExit_KillCannotBeTrapped(t *testing.T) {
	for _, kill := range []error{actor.Kill, fmt.Errorf("enough: %w", actor.Kill)} {
		eachKind(t, func(t *testing.T, r *rig, k kind) {
			x := r.trapper(k)
			gone := r.witness(x.pid)
			r.sys.Exit(x.pid, kill)
			if reason := gone(); reason != actor.Killed {
				t.Fatal(reason)
			}
			if k.terminates() && len(x.end) > 0 {
				t.Fatal("Terminate after Kill")
			}
		})
	}
}

// An untrapped exit with any reason but Normal ends the process with that reason, before what is queued.
func TestExit_UntrappedActsBeforeQueuedMessages(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.start(k)
		release := x.blockIn(nil)
		for i := range 5 {
			x.send(i)
		}
		r.sys.Exit(x.pid, actor.Shutdown)
		release()
		if e := r.exited(x.pid); e.Reason != actor.Shutdown {
			t.Fatal(e.Reason)
		}
		for i := range 5 {
			if d := r.deadLetter(i); d.Reason != actor.ErrExited || d.To != x.pid {
				t.Fatalf("%+v", d)
			}
		}
		if len(x.got) > 0 {
			t.Fatal("a message was handled")
		}
		if k.terminates() {
			if reason := take(t, x.end, "Terminate"); reason != actor.Shutdown {
				t.Fatal(reason)
			}
		}
	})
}

// What code does beside returning: the way it ends and the reason that comes of it.
var crashes = []struct {
	name string
	f    func()
	ok   func(*actor.PanicError) bool
}{
	{"panic", func() { panic("ouch") }, func(e *actor.PanicError) bool { return e.Value == "ouch" }},
	{"panic with Normal", func() { panic(actor.Normal) }, func(e *actor.PanicError) bool { return errors.Is(e, actor.Normal) }},
	{"panic nil", func() { panic(nil) }, func(e *actor.PanicError) bool { return e.Value != nil }},
	{"Goexit", runtime.Goexit, func(e *actor.PanicError) bool { return strings.Contains(fmt.Sprint(e.Value), "Goexit") }},
}

// A panic or Goexit is a PanicError, always abnormal; the rest of the System goes on, with as many workers.
func TestExit_PanicInReceive(t *testing.T) {
	for _, crash := range crashes {
		t.Run(crash.name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, r *rig, k kind) {
				x, y, z := r.start(k), r.trapper(k), r.start(k)
				y.call(func(p proc) { p.Link(x.pid) })
				z.call(func(p proc) { p.Link(x.pid) })
				gone := r.witness(z.pid)
				x.tell(func(proc) error { crash.f(); return nil })
				var e *actor.PanicError
				if s := next[actor.ExitSignal](y); !errors.As(s.Reason, &e) || !crash.ok(e) || len(e.Stack) == 0 {
					t.Fatalf("%+v", s)
				}
				if reason := gone(); !errors.As(reason, &e) {
					t.Fatalf("the link of a crashed process ended with %v", reason)
				}
				if k.terminates() {
					if reason := take(t, x.end, "Terminate"); !errors.As(reason, &e) {
						t.Fatal(reason)
					}
				}
			})
		})
	}
}

// Goexit takes the worker's goroutine with it; another takes over, and waking workers still works.
func TestExit_GoexitLosesNoWorker(t *testing.T) {
	for workers := 1; workers <= 3; workers++ {
		r := newRig(t, actor.WithWorkers(workers))
		for range 20 {
			x := r.start(plain)
			x.tell(func(proc) error { runtime.Goexit(); return nil })
			r.exited(x.pid)
		}
		// All workers at once, and each woken from idleness.
		for range 20 {
			meet := make(chan struct{}, workers)
			all := make(chan struct{})
			for range workers {
				x := r.start(plain)
				x.tell(func(p proc) error { meet <- struct{}{}; <-all; return nil })
			}
			for range workers {
				take(t, meet, "all workers to run")
			}
			close(all)
		}
	}
}

// Kill in the middle of a handler: at once.
func TestKill_InAHandler(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		if k.name == "inline" {
			return // it promised not to wait; see TestKill_WhileRunByItsAsker
		}
		x := r.start(k, actor.WithName("it"))
		watcher, linked, other := r.start(plain), r.trapper(plain), r.start(plain)
		var ref actor.MonitorRef
		watcher.call(func(p proc) { ref = p.Monitor(x.pid) })
		linked.call(func(p proc) { p.Link(x.pid) })

		in, dropped := make(chan actor.Scope, 1), make(chan error, 1)
		out := make(chan struct{})
		answer := x.ask(func(p proc) error {
			detached, with := p.Detach(), p.(interface {
				With(context.Context) actor.Scope
			}).With(context.Background())
			in <- detached
			<-p.Done()
			<-out
			p.Send(other.pid, note{v: "ghost"})
			with.Send(other.pid, note{v: "ghost"})
			actor.RefOf[note](other.pid).Send(p, note{v: "ghost"})
			actor.Reply(p, note{}, 1)
			p.Exit(other.pid, errBoom)
			p.Link(other.pid)
			p.Monitor(other.pid)
			if _, err := p.Spawn(actor.Func(func(*actor.Context, any) error { return nil })); err == nil {
				t.Error("a killed process spawned one")
			}
			dropped <- p.TrySend(other.pid, note{v: "ghost"})
			return nil
		})
		detached := take(t, in, "the handler")
		x.send("queued")
		begin := time.Now()
		r.sys.Exit(x.pid, actor.Kill)
		if r.sys.Alive(x.pid) {
			t.Fatal("alive after Kill")
		}
		if _, ok := r.sys.Whereis("it"); ok {
			t.Fatal("the name is not free")
		}
		next := r.start(k, actor.WithName("it"))
		next.call(func(proc) {}) // while the old handler still runs
		watcher.expectDown(ref, x.pid, actor.Killed)
		linked.expectExit(x.pid, actor.Killed)
		var exit *actor.ExitError
		if err := take(t, answer, "the asker"); !errors.As(err, &exit) || exit.PID != x.pid || exit.Reason != actor.Killed {
			t.Fatal(err)
		}
		t.Logf("told after %v", time.Since(begin))
		if d := r.deadLetter("queued"); d.Reason != actor.ErrExited {
			t.Fatal(d.Reason)
		}
		r.wait(detached.Done(), "the Done of Detach")
		before := r.sys.Stats()
		close(out)
		if err := take(t, dropped, "TrySend"); !errors.Is(err, actor.ErrSenderDead) {
			t.Fatal(err)
		}
		other.expectNothing()
		detached.Send(other.pid, note{v: "ghost"})
		other.expectNothing()
		after := r.sys.Stats()
		if n := after.DeadBy[actor.ErrSenderDead.Error()] - before.DeadBy[actor.ErrSenderDead.Error()]; n != 5 {
			t.Errorf("%d of 5 sends counted", n)
		}
		if n := after.LateReplies - before.LateReplies; n != 1 {
			t.Errorf("%d late replies", n)
		}
		if info, _ := r.sys.Info(other.pid); len(info.Links)+len(info.MonitoredBy) > 0 {
			t.Errorf("related to a dead process: %+v", info)
		}
	})
}

// Killing oneself acts at once, too.
func TestKill_OfItself(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, other := r.start(k), r.start(plain)
		gone := r.witness(x.pid)
		told := make(chan bool, 1)
		x.tell(func(p proc) error {
			p.Exit(p.Self(), actor.Kill)
			p.Send(other.pid, note{v: "ghost"})
			told <- r.sys.Alive(p.Self())
			return errBoom
		})
		if reason := gone(); reason != actor.Killed {
			t.Fatal(reason)
		}
		if take(t, told, "the handler") {
			t.Fatal("alive after it killed itself")
		}
		other.expectNothing()
	})
}
