package main

import (
	"context"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// increment is the request of our ask workloads: the answer is N+1.
type increment struct {
	actor.Replies[int]
	N int
}

// incrementer answers increments.
func incrementer(ctx *actor.Context, msg any) error {
	req, ok := msg.(increment)
	if !ok {
		return ctx.Unhandled()
	}
	actor.Reply(ctx, req, req.N+1)
	return nil
}

// foundAsk asks from a goroutine, with the deadline of a context that all requests share.
func foundAsk(*env) (load, error) { return foundAsks(askTimeout) }

// foundAskInline asks from a goroutine without a deadline; the target is idle and lets the asker run it.
func foundAskInline(*env) (load, error) { return foundAsks(0, actor.WithInline()) }

func foundAsks(timeout time.Duration, opts ...actor.SpawnOption) (load, error) {
	sys, err := newSystem()
	if err != nil {
		return load{}, err
	}
	pid, err := sys.Spawn(actor.Func(incrementer), opts...)
	return started(sys, err, load{run: func(run context.Context, n int) (int, time.Duration, error) {
		ctx := context.Background()
		if timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout)
			defer cancel()
		}
		// A request without a deadline ends with its target: that is what bounds this loop.
		defer context.AfterFunc(run, func() { sys.Exit(pid, actor.Kill) })()
		start := time.Now()
		for i := range n {
			got, err := actor.Ask(ctx, pid, increment{N: i})
			if err != nil {
				return 0, 0, err
			}
			if got != i+1 {
				return 0, 0, checkAnswer(i, got)
			}
		}
		return n, time.Since(start), context.Cause(run)
	}})
}

// asker is a process that asks again when it has its answer.
type asker struct {
	target actor.PID
	i, n   int
	done   chan error
	then   func(ctx *actor.Context, got int, err error) error
}

// start makes the asker ask n times.
type start struct{ n int }

func (a *asker) Receive(ctx *actor.Context, msg any) error {
	s, ok := msg.(start)
	if !ok {
		return ctx.Unhandled()
	}
	a.i, a.n = 0, s.n
	actor.AskAsync(ctx, a.target, increment{N: 0}, a.then)
	return nil
}

// next handles an answer.
func (a *asker) next(ctx *actor.Context, got int, err error) error {
	if err == nil && got != a.i+1 {
		err = checkAnswer(a.i, got)
	}
	a.i++
	if err != nil || a.i == a.n {
		a.done <- err
		return nil
	}
	actor.AskAsync(ctx, a.target, increment{N: a.i}, a.then)
	return nil
}

// foundAskAsync asks from one process another, one request after the other.
func foundAskAsync(*env) (load, error) {
	sys, err := newSystem()
	if err != nil {
		return load{}, err
	}
	target, err := sys.Spawn(actor.Func(incrementer))
	if err != nil {
		return started(sys, err, load{})
	}
	a := &asker{target: target, done: make(chan error, 1)}
	a.then = a.next
	pid, err := sys.Spawn(a)
	return started(sys, err, load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
		begin := time.Now()
		sys.Send(pid, start{n})
		select {
		case err := <-a.done:
			return n, time.Since(begin), err
		case <-ctx.Done():
			return 0, 0, context.Cause(ctx)
		}
	}})
}
