package actor_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// A crash in the continuation of an AskAsync ends the process and fails the request it belongs to.
func TestExit_CrashInThen(t *testing.T) {
	for _, crash := range crashes {
		t.Run(crash.name, func(t *testing.T) {
			for _, k := range kinds {
				if !k.terminates() {
					continue // no AskAsync
				}
				t.Run(k.name, func(t *testing.T) {
					r := newRig(t)
					x, y := r.start(k), r.start(plain)
					answer := x.ask(func(p proc) error {
						actor.AskAsync(p.(*actor.Context), y.pid, note{do: func(p proc) error {
							actor.Reply(p, note{}, 1)
							return nil
						}}, func(*actor.Context, int, error) error { crash.f(); return nil })
						return nil
					})
					var exit *actor.ExitError
					var e *actor.PanicError
					if err := take(t, answer, "the answer"); !errors.As(err, &exit) || exit.PID != x.pid || !errors.As(err, &e) || !crash.ok(e) {
						t.Fatal(err)
					}
					if got := r.exited(x.pid); !errors.As(got.Reason, &e) {
						t.Fatal(got)
					}
					r.start(k).call(func(proc) {})
				})
			}
		})
	}
}

// A handler that its asker runs crashes alone: the asker goes on with an error.
func TestExit_PanicInAnInlineHandler(t *testing.T) {
	for _, crash := range crashes[:3] {
		for _, k := range []kind{plain, blocking} {
			t.Run(crash.name+"/"+k.name, func(t *testing.T) {
				r := newRig(t, actor.WithWorkers(1))
				inline := kinds[3]
				ask := func(ctx context.Context) {
					x := r.start(inline)
					_, err := actor.Ask(ctx, x.pid, note{do: func(proc) error { crash.f(); return nil }})
					var exit *actor.ExitError
					var e *actor.PanicError
					if !errors.As(err, &exit) || exit.PID != x.pid || !errors.As(err, &e) || !crash.ok(e) {
						t.Error(err)
					}
				}
				ask(context.Background())
				y := r.start(k)
				y.call(func(p proc) { ask(p) })
				y.call(func(p proc) { ask(p) })
			})
		}
	}
}

// Goexit in a handler that its asker runs ends the goroutine, which is the asker's: of a process that asks, both end.
func TestExit_GoexitInAnInlineHandler(t *testing.T) {
	crash := crashes[3]
	for _, k := range []kind{plain, blocking} {
		t.Run(k.name, func(t *testing.T) {
			r := newRig(t, actor.WithWorkers(1))
			x, y := r.start(kinds[3]), r.start(k)
			do := note{do: func(proc) error { crash.f(); return nil }}
			y.tell(func(p proc) error {
				_, err := actor.Ask(p, x.pid, do)
				t.Error("came back with", err)
				return nil
			})
			var e *actor.PanicError
			for _, z := range []*puppet{x, y} {
				if exit := r.exited(z.pid); !errors.As(exit.Reason, &e) {
					t.Error(exit)
				}
			}
			x = r.start(kinds[3])
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = actor.Ask(context.Background(), x.pid, do)
			}()
			r.wait(done, "the goroutine to end")
			r.exited(x.pid)
			r.start(plain).call(func(proc) {})
		})
	}
}

// Kill of a process that its asker runs: it is dead at once, and everybody is told when the handler returns.
func TestKill_WhileRunByItsAsker(t *testing.T) {
	r := newRig(t)
	x := r.start(kinds[3], actor.WithName("it"))
	gone := r.witness(x.pid)
	in, out := make(chan struct{}), make(chan struct{})
	answer := x.ask(func(p proc) error { close(in); <-out; actor.Reply(p, note{}, 1); return nil })
	r.wait(in, "the handler")
	x.send("queued")
	r.sys.Exit(x.pid, actor.Kill)
	if _, ok := r.sys.Whereis("it"); ok || r.sys.Alive(x.pid) {
		t.Fatal("still there")
	}
	r.start(kinds[3], actor.WithName("it"))
	close(out)
	if reason := gone(); reason != actor.Killed {
		t.Fatal(reason)
	}
	<-answer // either way: it was given while the killed handler ran
	r.deadLetter("queued")
}

// Kill of a process that has messages but no worker to notice, because all are stuck.
func TestKill_OfAWaitingProcess(t *testing.T) {
	eachKind(t, func(t *testing.T, _ *rig, k kind) {
		r := newRig(t, actor.WithWorkers(1))
		x := r.start(k)
		gone := r.witness(x.pid)
		r.start(plain).blockIn(nil)
		if err := r.sys.Suspend(x.pid); err != nil {
			t.Fatal(err)
		}
		x.send("queued")
		answer := x.ask(func(proc) error { return nil })
		for info, _ := r.sys.Info(x.pid); info.Queued < 2; info, _ = r.sys.Info(x.pid) {
		}
		r.sys.Exit(x.pid, actor.Kill)
		if reason := gone(); reason != actor.Killed {
			t.Fatal(reason)
		}
		var exit *actor.ExitError
		if err := take(t, answer, "the answer"); !errors.As(err, &exit) {
			t.Fatal(err)
		}
	})
}

// Kill while the process ends by itself: everybody is told once, every asker has an answer, and no message is lost; the rig
// checks that Sent = Handled + Dead.
func TestKill_WhileItEnds(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		for i := range 60 {
			x, y := r.start(k), r.trapper(plain)
			y.call(func(p proc) { p.Link(x.pid); p.Monitor(x.pid) })
			var answers []<-chan error
			var wg sync.WaitGroup
			for range 3 {
				answers = append(answers, x.ask(func(p proc) error { actor.Reply(p, note{}, 1); return nil }))
				x.send(i)
			}
			x.tell(func(proc) error { return errBoom })
			for range 3 {
				answers = append(answers, x.ask(func(p proc) error { return nil }))
				x.send(i)
			}
			for range 2 {
				wg.Go(func() { r.sys.Exit(x.pid, actor.Kill) })
			}
			wg.Wait()
			for _, a := range answers {
				take(t, a, "an answer")
			}
			e, d := next[actor.ExitSignal](y), next[actor.Down](y)
			if e.Reason != d.Reason || e.Reason != errBoom && e.Reason != actor.Killed {
				t.Fatal(e, d)
			}
			y.expectNothing()
			if n := count(r, func(e actor.Exited) bool { return e.PID == x.pid }); n != 1 {
				t.Fatalf("%d Exited", n)
			}
		}
	})
}

// Everything at once: links, monitors, exits, kills, crashes, asks, spawns, between processes of every kind. Every monitor has
// exactly one Down, and the rig checks that no message is lost.
func TestChaos(t *testing.T) {
	r := newRig(t)
	rng := random(t)
	until := time.After(500 * time.Millisecond)
	var mu sync.Mutex
	due := map[actor.MonitorRef]bool{}
	watchers := make([]*puppet, 4)
	for i := range watchers {
		watchers[i] = r.trapper(kinds[i])
	}
	all := make([]*puppet, 16)
	var answers []<-chan error
	for i := range all {
		all[i] = r.start(kinds[i%len(kinds)])
	}
	rounds := 0
	for over := false; !over; rounds++ {
		select {
		case <-until:
			over = true
		default:
		}
		x, y, w := all[rng.IntN(len(all))], all[rng.IntN(len(all))], watchers[rng.IntN(len(watchers))]
		switch rng.IntN(12) {
		case 0:
			x.tell(func(p proc) error { p.Link(y.pid); return nil })
		case 1:
			x.tell(func(p proc) error { p.Unlink(y.pid); return nil })
		case 2, 3:
			w.tell(func(p proc) error {
				ref := p.Monitor(x.pid)
				mu.Lock()
				due[ref] = true
				mu.Unlock()
				return nil
			})
		case 4:
			x.tell(func(p proc) error { p.Exit(y.pid, errBoom); return nil })
		case 5:
			r.sys.Exit(x.pid, actor.Kill)
		case 6:
			x.tell(func(proc) error { panic("chaos") })
		case 7:
			answers = append(answers, x.ask(func(p proc) error { actor.Reply(p, note{}, 1); return nil }))
		case 8:
			x.tell(func(p proc) error { p.TrapExit(true); p.Send(y.pid, note{v: 1}); return nil })
		case 9:
			w.tell(func(p proc) error { p.Link(x.pid); return nil })
		case 10:
			x.tell(func(proc) error { return errOther })
		}
		for i, z := range all {
			for len(z.got) > 100 {
				<-z.got
			}
			if !r.sys.Alive(z.pid) {
				all[i] = r.start(kinds[rng.IntN(len(kinds))])
			}
		}
		for _, z := range watchers {
			z.settleDowns(t, &mu, due)
		}
	}
	for _, z := range all {
		r.sys.Exit(z.pid, actor.Kill)
	}
	for _, a := range answers {
		take(t, a, "an answer")
	}
	late := time.After(patience)
	for {
		for _, z := range watchers {
			z.call(func(proc) {})
			z.settleDowns(t, &mu, due)
		}
		mu.Lock()
		left := len(due)
		mu.Unlock()
		if left == 0 {
			break
		}
		select {
		case <-late:
			t.Fatalf("%d monitors without a Down after %d rounds", left, rounds)
		default:
		}
	}
	t.Logf("%d rounds, %d processes", rounds, r.sys.Stats().Spawned)
}

func (x *puppet) settleDowns(t *testing.T, mu *sync.Mutex, due map[actor.MonitorRef]bool) {
	for len(x.got) > 0 {
		if d, ok := (<-x.got).(actor.Down); ok {
			mu.Lock()
			if !due[d.Ref] {
				t.Errorf("a second Down: %+v", d)
			}
			delete(due, d.Ref)
			mu.Unlock()
		}
	}
}
