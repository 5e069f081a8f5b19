package supervision

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Cases of Elixir's task/supervisor_test.exs, async_stream and async_stream_nolink: there is one Stream here, which is
// not linked. Each test names its cases.

// sleeping takes as long as its item and returns it.
func sleeping(p *actor.Process, d time.Duration) (time.Duration, error) {
	select {
	case <-time.After(d):
		return d, nil
	case <-p.Done():
		return 0, p.Err()
	}
}

func seconds(n ...int) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for _, i := range n {
			if !yield(time.Duration(i) * time.Second) {
				return
			}
		}
	}
}

func collect[T, R any](s iter.Seq[Result[T, R]]) (values []R, errs []error) {
	for r := range s {
		values = append(values, r.Value)
		errs = append(errs, r.Err)
	}
	return values, errs
}

// task_supervisor_test: "streams an enumerable with fun", "… without leaking tasks", "… with slowest first" (twice each)
func TestStream(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		for _, in := range []iter.Seq[time.Duration]{seconds(1, 2, 3, 4), seconds(4, 3, 2, 1), seconds()} {
			for _, n := range []int{0, 1, 2, 4, 100} {
				got, errs := collect(Stream(l.ctx, d, in, sleeping, StreamOptions{MaxConcurrency: n}))
				if want := slices.Collect(in); !slices.Equal(got, want) || errors.Join(errs...) != nil {
					t.Errorf("%d at a time: %v, want %v, errors %v", n, got, want, errs)
				}
				l.settle()
				l.counts(d, 0, 0, 0, 0)
			}
		}
	})
}

// task_test: async_stream "streams an enumerable with ordered: false", with max concurrency
func TestStreamUnordered(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		got, _ := collect(Stream(l.ctx, d, seconds(4, 3, 2, 1), sleeping, StreamOptions{MaxConcurrency: 4, Unordered: true}))
		if want := slices.Collect(seconds(1, 2, 3, 4)); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		for _, n := range []int{1, 2, 3} {
			var g gauge
			f := func(p *actor.Process, d time.Duration) (time.Duration, error) {
				g.add(1)
				defer g.add(-1)
				return sleeping(p, d)
			}
			collect(Stream(l.ctx, d, seconds(2, 1, 3, 1, 2, 1, 1, 4), f, StreamOptions{MaxConcurrency: n}))
			if g.most != n {
				t.Errorf("%d tasks at a time, want %d", g.most, n)
			}
		}
	})
}

// gauge knows the highest value it ever had.
type gauge struct {
	mu        sync.Mutex // protects the fields below
	now, most int
}

func (g *gauge) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now += n
	g.most = max(g.most, g.now)
}

// task_supervisor_test: "streams an enumerable with exits" (twice)
func TestStreamExits(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		f := func(p *actor.Process, d time.Duration) (int, error) {
			switch d {
			case time.Second:
				panic(errBoom)
			case 2 * time.Second:
				return 0, errDied
			case 3 * time.Second:
				l.sys.Exit(p.Self(), errBoom)
				<-p.Done()
			}
			return 1, nil
		}
		_, errs := collect(Stream(l.ctx, d, seconds(1, 2, 3, 4), f, StreamOptions{}))
		for i, want := range []error{errBoom, errDied, errBoom, nil} {
			l.wantErr(errs[i], want)
		}
		l.alive(d.PID())
	})
}

// task_supervisor_test: "shuts down unused tasks", "… without leaking messages" (twice each), "with outer halt on failure
// and :zip_input_on_exit"
func TestStreamHalted(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		caller := l.script(func(p *actor.Process) error {
			for r := range Stream(p, d, seconds(0, 1e6, 1e6, 1e6), sleeping, StreamOptions{MaxConcurrency: 4}) {
				if r.Index != 0 || r.Err != nil {
					t.Errorf("%+v", r)
				}
				break
			}
			l.settle()
			l.counts(d, 0, 0, 0, 0)
			if info, _ := l.sys.Info(p.Self()); info.Queued != 0 || len(info.Links) != 0 || len(info.Monitors) != 0 {
				t.Errorf("left over: %+v", info)
			}
			n := 0
			fail := func(*actor.Process, time.Duration) (int, error) { return 0, errBoom }
			for r := range Stream(p, d, seconds(0, 1, 2, 3, 4, 5, 6, 7), fail, StreamOptions{}) {
				if r.Err != errBoom || r.Item != time.Duration(n)*time.Second || r.Index != n {
					t.Errorf("%+v", r)
				}
				if n++; n == 4 {
					break
				}
			}
			return nil
		})
		l.wantWhy(caller, actor.Normal)
		l.settle()
		l.counts(d, 0, 0, 0, 0)
	})
}

// task_supervisor_test: "raises an error if :max_children is reached with clean stream shutdown" (twice)
func TestStreamMaxChildren(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks(func(s *DynamicSpec) { s.MaxChildren = 1 })
		_, errs := collect(Stream(l.ctx, d, seconds(1e6, 1e6, 1e6), sleeping, StreamOptions{MaxConcurrency: 2}))
		if len(errs) != 1 || !errors.Is(errs[0], ErrMaxChildren) {
			t.Errorf("errors %v", errs)
		}
		l.settle()
		l.counts(d, 0, 0, 0, 0)
	})
}

// task_supervisor_test: "consuming from another process"
func TestStreamConsumedElsewhere(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		stream := Stream(l.ctx, d, seconds(1, 2, 3), sleeping, StreamOptions{})
		for range 2 {
			l.script(func(*actor.Process) error {
				if got, _ := collect(stream); !slices.Equal(got, slices.Collect(seconds(1, 2, 3))) {
					t.Errorf("%v", got)
				}
				return nil
			})
		}
		pid, _ := l.sys.Spawn(plain())
		done := make(chan []time.Duration, 1)
		l.sys.Send(pid, run{func(c *actor.Context) {
			got, _ := collect(Stream(c, d, seconds(1, 2, 3), sleeping, StreamOptions{}))
			done <- got
		}})
		if got := <-done; !slices.Equal(got, slices.Collect(seconds(1, 2, 3))) {
			t.Errorf("in a handler: %v", got)
		}
	})
}

// task_supervisor_test: "with timeout and :zip_input_on_exit set to true"; task_test: async_stream "timeout"
func TestStreamTimeout(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		stuck := func(_ *actor.Process, d time.Duration) (time.Duration, error) { <-time.After(d); return d, nil }
		o := StreamOptions{MaxConcurrency: 1, Timeout: 50 * time.Second}
		var got []Result[time.Duration, time.Duration]
		for r := range Stream(l.ctx, d, seconds(1, 100, 2), stuck, o) {
			got = append(got, r)
		}
		if len(got) != 3 || got[0].Err != nil || got[1].Err != ErrTimeout || got[1].Item != 100*time.Second || got[2].Value != 2*time.Second {
			t.Errorf("%+v", got)
		}
		l.settle()
		l.counts(d, 0, 0, 0, 0)
	})
}

// The end of the context ends the stream, with a result that says so.
func TestStreamContext(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		ctx, cancel := context.WithTimeout(l.ctx, 10*time.Second)
		defer cancel()
		_, errs := collect(Stream(ctx, d, seconds(1, 1e6, 1, 1, 1), sleeping, StreamOptions{MaxConcurrency: 2}))
		if len(errs) != 2 || !errors.Is(errs[1], context.DeadlineExceeded) {
			t.Errorf("errors %v", errs)
		}
		l.settle()
		l.counts(d, 0, 0, 0, 0)
		orphan := l.tasks()
		time.AfterFunc(time.Second, func() { l.sys.Exit(orphan.PID(), actor.Kill) })
		stuck := func(*actor.Process, time.Duration) (int, error) { <-time.After(time.Hour); return 0, nil }
		_, errs = collect(Stream(l.ctx, orphan, seconds(1, 1), stuck, StreamOptions{MaxConcurrency: 2}))
		if len(errs) != 2 || !errors.Is(errs[0], actor.Killed) {
			t.Errorf("after a kill of the supervisor: %v", errs)
		}
	})
}

// task_supervisor_test: "does not allow streaming with invalid :shutdown"; task_test: "… with max_concurrency = 0",
// "… with invalid :timeout"
func TestStreamFaults(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.tasks()
		for _, s := range []iter.Seq[Result[time.Duration, time.Duration]]{
			Stream(l.ctx, d, seconds(1), sleeping, StreamOptions{MaxConcurrency: -1}),
			Stream(l.ctx, d, seconds(1), sleeping, StreamOptions{Timeout: -1}),
			Stream(l.ctx, d, nil, sleeping, StreamOptions{}),
			Stream[time.Duration, time.Duration](l.ctx, d, seconds(1), nil, StreamOptions{}),
		} {
			_, errs := collect(s)
			if len(errs) != 1 {
				t.Errorf("errors %v", errs)
			} else if _, ok := errors.AsType[*SpecError](errs[0]); !ok {
				t.Errorf("got %v", errs[0])
			}
		}
	})
}
