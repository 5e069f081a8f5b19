package supervision

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Task is a function that runs as a process of its own under a dynamic supervisor, and its result.
//
// The result is kept outside any mailbox: no message is left over when nobody waits for it, or not any more. Any number
// of goroutines and processes may wait, any number of times.
type Task[R any] struct {
	pid   actor.PID
	sup   *Dynamic
	once  sync.Once
	done  chan struct{}
	value R
	err   error
	after func() // called once, when done
}

// Linker is a process, as seen by itself: *actor.Context or *actor.Process.
type Linker interface {
	context.Context
	Self() actor.PID
	Link(pid actor.PID)
}

// Async runs f as a task under d, linked to the calling process c: if the task panics or is killed, c gets its reason
// as from any link; if c ends abnormally, so does the task. An error that f returns is a result like any other: the task
// ends normally then. f's process is told to exit like any other; its Context ends then, and f should return.
//
// Errors: ErrMaxChildren, or why d could not be asked. Source: Elixir Task.Supervisor.async.
func Async[R any](c Linker, d *Dynamic, f func(p *actor.Process) (R, error)) (*Task[R], error) {
	caller := c.Self()
	return startTask(c, d, f, func(p *actor.Process) { p.Link(caller) }, nil)
}

// AsyncNoLink is [Async] without the link, for any goroutine: only who awaits the task learns of its end.
// Source: Elixir Task.Supervisor.async_nolink.
func AsyncNoLink[R any](ctx context.Context, d *Dynamic, f func(p *actor.Process) (R, error)) (*Task[R], error) {
	return startTask(ctx, d, f, func(*actor.Process) {}, nil)
}

func startTask[R any](ctx context.Context, d *Dynamic, f func(p *actor.Process) (R, error), begin func(*actor.Process), after func()) (*Task[R], error) {
	if f == nil {
		return nil, &SpecError{Faults: []Fault{{Field: "f", Why: "is nil; give the function to run"}}}
	}
	t := &Task[R]{sup: d, done: make(chan struct{}), after: after}
	c := Child{Restart: Temporary, onEnd: t.ended}
	c.Start = func() actor.Actor {
		return actor.Blocking(func(p *actor.Process) error { begin(p); return t.run(p, f) })
	}
	pid, err := d.StartChild(ctx, c)
	if err != nil {
		return nil, err
	}
	t.pid = pid
	return t, nil
}

// run is the task's process. If it was told to exit, or panics, its supervisor completes the task when it has ended.
func (t *Task[R]) run(p *actor.Process, f func(p *actor.Process) (R, error)) error {
	value, err := f(p)
	if told := p.Err(); told != nil {
		return told // the reason it was told is the one that counts
	}
	t.complete(value, err)
	return nil
}

func (t *Task[R]) complete(value R, err error) {
	t.once.Do(func() {
		t.value, t.err = value, err
		close(t.done)
		if t.after != nil {
			t.after()
		}
	})
}

// ended completes a task whose process ended without a result.
func (t *Task[R]) ended(pid actor.PID, reason error) {
	var none R
	t.complete(none, &actor.ExitError{PID: pid, Reason: reason})
}

// PID is the task's process.
func (t *Task[R]) PID() actor.PID { return t.pid }

// Done is closed when the task has its result.
func (t *Task[R]) Done() <-chan struct{} { return t.done }

// Await waits for the result: what the function returned, or an [actor.ExitError] with the reason if its process ended
// before it returned. If ctx ends first, its cause is the error; the task goes on and can be awaited again.
func (t *Task[R]) Await(ctx context.Context) (R, error) {
	select {
	case <-t.done:
		return t.value, t.err
	default:
	}
	err := error(nil)
	blocking(ctx, func() {
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		for {
			select {
			case <-t.done:
				return
			case <-ctx.Done():
				err = context.Cause(ctx)
				return
			case <-look.C:
				t.look()
			}
		}
	})
	if err != nil {
		var none R
		return none, err
	}
	return t.value, t.err
}

// lookEvery is how often who waits for a task looks whether its supervisor was killed, so that nobody tells of its end.
const lookEvery = time.Second

// look completes a task that ended together with its supervisor.
func (t *Task[R]) look() {
	if sys := t.sup.v.sys; !sys.Alive(t.pid) && !sys.Alive(t.sup.v.pid) {
		t.ended(t.pid, actor.Killed)
	}
}

// blocking runs f, which waits, and tells the scheduler so if ctx is that of a handler.
func blocking(ctx context.Context, f func()) {
	if c, ok := ctx.(*actor.Context); ok {
		c.Blocking(f)
		return
	}
	f()
}

// Stop ends the task, with the Shutdown time of the supervisor's Template, and returns its result when it is gone: the
// one it had already, if it had.
func (t *Task[R]) Stop(ctx context.Context) (R, error) {
	if err := t.sup.TerminateChild(ctx, t.pid); err != nil && ctx.Err() != nil {
		var none R
		return none, err
	}
	return t.Await(ctx)
}

// AwaitAll waits for all tasks and returns their results in order. It returns at the first error of a task, in order of
// the list, or of ctx; the other tasks go on. Source: Elixir Task.await_many.
func AwaitAll[R any](ctx context.Context, tasks ...*Task[R]) ([]R, error) {
	list := make([]R, 0, len(tasks))
	var errs []error
	for _, t := range tasks {
		if t == nil {
			return nil, errors.New("supervision: AwaitAll got a nil task")
		}
		r, err := t.Await(ctx)
		if err != nil {
			errs = append(errs, err)
			break
		}
		list = append(list, r)
	}
	return list, errors.Join(errs...)
}
