package supervision

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// StreamOptions say how a [Stream] runs. The zero value: GOMAXPROCS tasks at a time, results in the order of the items,
// no limit of time.
type StreamOptions struct {
	MaxConcurrency int           // tasks at a time; 0: GOMAXPROCS
	Unordered      bool          // results as they come
	Timeout        time.Duration // of every item; its task is killed then and its Err is ErrTimeout; 0: none
}

// Result is what came of one item of a [Stream].
type Result[T, R any] struct {
	Index int // of the item, from 0
	Item  T
	Value R
	Err   error // what the function returned, an [actor.ExitError], ErrTimeout, or why the stream ends
}

// Stream runs f for every item as a task of its own under d and yields the results.
//
// At most MaxConcurrency tasks run at a time; items are taken as they are needed, and at most four times as many are
// under way or wait for their turn to be yielded. A task that fails concerns its own item alone. If ctx ends, or a task
// cannot be started (ErrMaxChildren), one more result tells so and the stream ends. When the stream ends, or the loop
// over it is left, tasks that still run are stopped and waited for, at most the Shutdown time of d's Template: nothing
// is left behind. The stream may be ranged over more than once; each time begins anew.
//
// Source: Elixir Task.Supervisor.async_stream_nolink.
func Stream[T, R any](ctx context.Context, d *Dynamic, items iter.Seq[T], f func(p *actor.Process, item T) (R, error), o StreamOptions) iter.Seq[Result[T, R]] {
	return func(yield func(Result[T, R]) bool) {
		if err := o.check(items == nil, f == nil); err != nil {
			yield(Result[T, R]{Err: err})
			return
		}
		if o.MaxConcurrency == 0 {
			o.MaxConcurrency = runtime.GOMAXPROCS(0)
		}
		s := &stream[T, R]{ctx: ctx, d: d, f: f, o: o, running: map[int]*Task[R]{}}
		s.done = make(chan int, 4*o.MaxConcurrency)
		next, stop := iter.Pull(items)
		defer stop()
		defer s.cleanUp()
		s.run(next, yield)
	}
}

func (o StreamOptions) check(noItems, noFunc bool) error {
	var c checker
	if noItems {
		c.report("", "items", "is nil; give a sequence, for instance slices.Values(list)")
	}
	if noFunc {
		c.report("", "f", "is nil; give the function to run for every item")
	}
	if o.MaxConcurrency < 0 {
		c.report("", "MaxConcurrency", fmt.Sprintf("is %d; use a positive number, or 0 for GOMAXPROCS", o.MaxConcurrency))
	}
	if o.Timeout < 0 {
		c.report("", "Timeout", fmt.Sprintf("is %v; use a positive duration, or 0 for none", o.Timeout))
	}
	return c.err()
}

type stream[T, R any] struct {
	ctx     context.Context
	d       *Dynamic
	f       func(p *actor.Process, item T) (R, error)
	o       StreamOptions
	running map[int]*Task[R]
	done    chan int // indexes of finished tasks; never full
	open    []*streamItem[T, R]
	taken   int
}

type streamItem[T, R any] struct {
	res      Result[T, R]
	finished bool
	limit    *time.Timer
}

func (s *stream[T, R]) run(next func() (T, bool), yield func(Result[T, R]) bool) {
	more := true
	for {
		for more && len(s.running) < s.o.MaxConcurrency && len(s.open) < cap(s.done) {
			item, ok := next()
			if !ok {
				more = false
				break
			}
			if err := s.start(item); err != nil {
				yield(Result[T, R]{Index: s.taken, Item: item, Err: err})
				return
			}
		}
		if len(s.open) == 0 {
			return
		}
		if res, ok := s.take(); ok {
			if !yield(res) {
				return
			}
			continue
		}
		if err := s.wait(); err != nil {
			yield(Result[T, R]{Index: s.open[0].res.Index, Item: s.open[0].res.Item, Err: err})
			return
		}
	}
}

// start runs the task of one item.
func (s *stream[T, R]) start(item T) error {
	i := s.taken
	f := func(p *actor.Process) (R, error) { return s.f(p, item) }
	t, err := startTask(s.ctx, s.d, f, func(*actor.Process) {}, func() { s.done <- i })
	if err != nil {
		return err
	}
	s.taken++
	s.running[i] = t
	s.open = append(s.open, &streamItem[T, R]{res: Result[T, R]{Index: i, Item: item}})
	if s.o.Timeout > 0 {
		s.open[len(s.open)-1].limit = time.AfterFunc(s.o.Timeout, func() {
			var none R
			t.complete(none, ErrTimeout)
			s.d.v.sys.Exit(t.pid, actor.Kill)
		})
	}
	return nil
}

// take removes a result that may be yielded now.
func (s *stream[T, R]) take() (res Result[T, R], ok bool) {
	for i, it := range s.open {
		if it.finished {
			s.open = append(s.open[:i], s.open[i+1:]...)
			return it.res, true
		}
		if !s.o.Unordered {
			break
		}
	}
	return res, false
}

// wait waits until one more task is finished.
func (s *stream[T, R]) wait() (err error) {
	blocking(s.ctx, func() {
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		for {
			select {
			case i := <-s.done:
				s.finished(i)
				return
			case <-s.ctx.Done():
				err = context.Cause(s.ctx)
				return
			case <-look.C:
				for _, t := range s.running {
					t.look()
				}
			}
		}
	})
	return err
}

func (s *stream[T, R]) finished(i int) {
	t := s.running[i]
	delete(s.running, i)
	for _, it := range s.open {
		if it.res.Index != i {
			continue
		}
		if it.limit != nil {
			it.limit.Stop()
		}
		it.finished, it.res.Value, it.res.Err = true, t.value, t.err
	}
}

// cleanUp stops the tasks that still run: all are told first, then waited for.
func (s *stream[T, R]) cleanUp() {
	for _, it := range s.open {
		if it.limit != nil {
			it.limit.Stop()
		}
	}
	for _, t := range s.running {
		s.d.v.sys.Exit(t.pid, actor.Shutdown)
	}
	ctx := context.WithoutCancel(s.ctx)
	for _, t := range s.running {
		s.d.TerminateChild(ctx, t.pid) // gone already is fine
	}
}
