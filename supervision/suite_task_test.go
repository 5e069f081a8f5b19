package supervision

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Cases of Elixir's task/supervisor_test.exs. Each test names its cases.

// tasks starts a supervisor for tasks.
func (l *lab) tasks(change ...func(*DynamicSpec)) *Dynamic {
	l.Helper()
	s := DynamicSpec{}
	for _, f := range change {
		f(&s)
	}
	return l.dynamic(s)
}

// script runs f as a process and waits for it.
func (l *lab) script(f func(p *actor.Process) error) actor.PID {
	l.Helper()
	pid, err := l.sys.Go(f)
	if err != nil {
		l.Fatal(err)
	}
	for l.sys.Alive(pid) { // f may settle, and only one may at a time
		<-time.After(time.Second)
	}
	l.settle()
	return pid
}

// forever is a task that ends when it is told to.
func forever(p *actor.Process) (int, error) {
	<-p.Done()
	return 0, p.Err()
}

func linked(l *lab, a, b actor.PID) bool {
	info, _ := l.sys.Info(a)
	return slices.Contains(info.Links, b)
}

// task_supervisor_test: "can be supervised directly", "counts and returns children"
func TestTasksSupervised(t *testing.T) {
	inLab(t, func(l *lab) {
		l.start(spec(Child{ID: "tasks", Supervisor: DynamicSpec{}, Options: []actor.SpawnOption{actor.WithName("tasks")}}))
		pid, _ := l.sys.Whereis("tasks")
		d := AttachDynamic(l.sys, pid)
		l.counts(d, 0, 0, 0, 0)
		task, err := AsyncNoLink(l.ctx, d, func(*actor.Process) (string, error) { return "done", nil })
		if err != nil {
			t.Fatal(err)
		}
		if r, err := task.Await(l.ctx); r != "done" || err != nil {
			t.Errorf("%q, %v", r, err)
		}
	})
}

// task_supervisor_test: async/1 "spawns tasks under the supervisor"
func TestTaskAsync(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		l.script(func(p *actor.Process) error {
			task, err := Async(p, d, func(q *actor.Process) (string, error) {
				_, err := q.Receive(q)
				return "done", err
			})
			if err != nil {
				return err
			}
			l.settle()
			if k := d.Children(); len(k) != 1 || k[0].PID != task.PID() || k[0].Restart != Temporary {
				t.Errorf("children %+v", k)
			}
			if !linked(l, p.Self(), task.PID()) {
				t.Error("not linked to its caller")
			}
			p.Send(task.PID(), true)
			if r, err := task.Await(p); r != "done" || err != nil {
				t.Errorf("%q, %v", r, err)
			}
			return nil
		})
		l.counts(d, 0, 0, 0, 0)
	})
}

// A task that crashes takes its caller along, and the other way round; an error that it returns does not.
func TestTaskLink(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		caller := l.script(func(p *actor.Process) error {
			if _, err := Async(p, d, func(*actor.Process) (int, error) { panic("oops") }); err != nil {
				return err
			}
			_, err := p.Receive(p)
			return err
		})
		if e, ok := errors.AsType[*actor.PanicError](l.why(caller)); !ok || e.Value != "oops" {
			t.Errorf("the caller ended with %v", l.why(caller))
		}
		var task *Task[int]
		l.script(func(p *actor.Process) (err error) {
			if task, err = Async(p, d, forever); err != nil {
				return err
			}
			l.settle() // the task has linked itself
			return errDied
		})
		l.ended(task.PID())
		_, err := task.Await(l.ctx)
		l.wantErr(err, errDied)
		caller = l.script(func(p *actor.Process) error {
			failing, err := Async(p, d, func(*actor.Process) (int, error) { return 7, errBoom })
			if err != nil {
				return err
			}
			if r, err := failing.Await(p); r != 7 || err != errBoom {
				t.Errorf("%d, %v", r, err)
			}
			return nil
		})
		l.wantWhy(caller, actor.Normal)
	})
}

// task_supervisor_test: async/1 and async_nolink/1 "with custom shutdown", start_child/1 "with custom shutdown"
func TestTaskCustomShutdown(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks(func(s *DynamicSpec) { s.Template.Shutdown = BrutalKill })
		task, err := AsyncNoLink(l.ctx, d, forever)
		l.wantErr(err, nil)
		child := l.addDyn(d, Child{Start: plain})
		l.stop(d.PID())
		l.wantWhy(task.PID(), actor.Killed)
		l.wantWhy(child, actor.Killed)
		_, err = task.Await(l.ctx)
		l.wantErr(err, actor.Killed)
	})
}

// task_supervisor_test: async/1 and async_nolink/1 "raises when :max_children is reached"
func TestTaskMaxChildren(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks(func(s *DynamicSpec) { s.MaxChildren = 1 })
		_, err := AsyncNoLink(l.ctx, d, forever)
		l.wantErr(err, nil)
		_, err = AsyncNoLink(l.ctx, d, forever)
		l.wantErr(err, ErrMaxChildren)
		l.script(func(p *actor.Process) error {
			_, err := Async(p, d, forever)
			l.wantErr(err, ErrMaxChildren)
			return nil
		})
		_, err = AsyncNoLink[int](l.ctx, d, nil)
		if _, ok := errors.AsType[*SpecError](err); !ok {
			t.Errorf("nil function: %v", err)
		}
	})
}

func caller(ctx context.Context) string {
	for k, v := range actor.Baggage(ctx) {
		if k == "caller" {
			return v
		}
	}
	return ""
}

// task_supervisor_test: async/1, start_child/1 and async_stream "with $callers" (what goes along here is baggage)
func TestTaskCallers(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		ctx := actor.WithBaggage(l.ctx, "caller", "grandparent")
		outer, err := AsyncNoLink(ctx, d, func(p *actor.Process) (string, error) {
			inner, err := AsyncNoLink(p, d, func(q *actor.Process) (string, error) { return caller(q), nil })
			if err != nil {
				return "", err
			}
			return inner.Await(p)
		})
		l.wantErr(err, nil)
		if got, err := outer.Await(l.ctx); got != "grandparent" || err != nil {
			t.Errorf("task: %q, %v", got, err)
		}
		var got string
		_, err = d.StartChild(ctx, kid("", initially(func(c *actor.Context) error { got = caller(c); return nil })))
		if l.wantErr(err, nil); got != "grandparent" {
			t.Errorf("child: %q", got)
		}
		f := func(p *actor.Process, _ int) (string, error) { return caller(p), nil }
		for r := range Stream(ctx, d, slices.Values([]int{1}), f, StreamOptions{}) {
			if r.Value != "grandparent" || r.Err != nil {
				t.Errorf("stream: %+v", r)
			}
		}
	})
}

// task_supervisor_test: async_nolink/1 "spawns a task under the supervisor without linking to the caller"
func TestTaskAsyncNoLink(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		l.script(func(p *actor.Process) error {
			task, err := AsyncNoLink(p, d, func(q *actor.Process) (int, error) {
				if _, err := q.Receive(q); err != nil {
					return 0, err
				}
				panic("oops")
			})
			if err != nil {
				return err
			}
			l.settle()
			if linked(l, p.Self(), task.PID()) {
				t.Error("linked to its caller")
			}
			p.Send(task.PID(), true)
			_, err = task.Await(p)
			if e, ok := errors.AsType[*actor.ExitError](err); !ok || e.PID != task.PID() {
				t.Errorf("got %v, want an ExitError", err)
			}
			if e, ok := errors.AsType[*actor.PanicError](err); !ok || e.Value != "oops" {
				t.Errorf("got %v, want the panic", err)
			}
			return nil
		})
	})
}

// task_supervisor_test: "start_child/1", "start_child/1 with custom restart", "terminate_child/2"
func TestTaskStartChild(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		runs := make(chan actor.PID, 4)
		f := func(p *actor.Process) error {
			runs <- p.Self()
			_, err := p.Receive(p)
			return err
		}
		start := func() actor.Actor { return actor.Blocking(f) }
		pid := l.addDyn(d, Child{Start: start, Restart: Permanent})
		if got := <-runs; got != pid {
			t.Errorf("%v runs, want %v", got, pid)
		}
		l.kill(pid, actor.Shutdown)
		if again := <-runs; again == pid {
			t.Error("not restarted")
		}
		once := l.addDyn(d, Child{Start: start, Restart: Temporary})
		l.wantErr(d.TerminateChild(l.ctx, once), nil)
		l.ended(once)
		l.wantErr(d.TerminateChild(l.ctx, once), ErrNotFound)
		l.counts(d, 1, 1, 0, 1)
	})
}

// task_supervisor_test: await/1 "demonitors and unalias on timeout"
func TestTaskAwaitTimeout(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		caller := l.script(func(p *actor.Process) error {
			task, err := AsyncNoLink(p, d, func(q *actor.Process) (string, error) {
				_, err := q.Receive(q)
				return "done", err
			})
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(p, time.Second)
			defer cancel()
			_, err = task.Await(ctx)
			l.wantErr(err, context.DeadlineExceeded)
			p.Send(task.PID(), "go")
			l.settle()
			if info, _ := l.sys.Info(p.Self()); info.Queued != 0 || len(info.Monitors) != 0 {
				t.Errorf("left over: %+v", info)
			}
			if r, err := task.Await(p); r != "done" || err != nil { // unlike Elixir's, it can be awaited again
				t.Errorf("%q, %v", r, err)
			}
			return nil
		})
		l.wantWhy(caller, actor.Normal)
	})
}

// task_supervisor_test: await/1 "exits on task throw", "exits on task error", "exits on task exit" (errors, not exits)
func TestTaskAwaitFailures(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		for _, f := range []func(*actor.Process) (int, error){
			func(*actor.Process) (int, error) { panic(errBoom) },
			func(*actor.Process) (int, error) { return 0, errBoom },
			func(p *actor.Process) (int, error) { l.sys.Exit(p.Self(), errBoom); <-p.Done(); return 1, nil },
		} {
			task, err := AsyncNoLink(l.ctx, d, f)
			l.wantErr(err, nil)
			_, err = task.Await(l.ctx)
			l.wantErr(err, errBoom)
		}
		killed, _ := AsyncNoLink(l.ctx, d, func(*actor.Process) (int, error) { <-time.After(time.Minute); return 1, nil })
		l.settle()
		l.sys.Exit(killed.PID(), actor.Kill)
		_, err := killed.Await(l.ctx)
		l.wantErr(err, actor.Killed)
		orphan, _ := AsyncNoLink(l.ctx, d, func(*actor.Process) (int, error) { <-time.After(time.Minute); return 1, nil })
		l.settle()
		l.sys.Exit(d.PID(), actor.Kill)
		_, err = orphan.Await(l.ctx)
		l.wantErr(err, actor.Killed)
	})
}

// task_test: shutdown/2, await_many/2 (some of their cases)
func TestTaskStopAndAwaitAll(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		value := func(d time.Duration, v int, err error) func(*actor.Process) (int, error) {
			return func(*actor.Process) (int, error) { <-time.After(d); return v, err }
		}
		a, _ := AsyncNoLink(l.ctx, d, value(3*time.Second, 1, nil))
		b, _ := AsyncNoLink(l.ctx, d, value(time.Second, 2, nil))
		if r, err := AwaitAll(l.ctx, a, b); !slices.Equal(r, []int{1, 2}) || err != nil {
			t.Errorf("%v, %v", r, err)
		}
		if r, err := AwaitAll[int](l.ctx); len(r) != 0 || err != nil {
			t.Errorf("%v, %v", r, err)
		}
		c, _ := AsyncNoLink(l.ctx, d, value(0, 0, errBoom))
		_, err := AwaitAll(l.ctx, a, c, b)
		l.wantErr(err, errBoom)
		if r, err := a.Stop(l.ctx); r != 1 || err != nil {
			t.Errorf("Stop of a finished task: %v, %v", r, err)
		}
		e, _ := AsyncNoLink(l.ctx, d, forever)
		_, err = e.Stop(l.ctx)
		l.wantErr(err, actor.Shutdown)
		g, _ := AsyncNoLink(l.ctx, d, value(time.Hour, 1, nil))
		l.settle()
		_, err = g.Stop(l.ctx)
		l.wantErr(err, actor.Killed)
		l.counts(d, 0, 0, 0, 0)
	})
}
