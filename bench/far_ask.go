package main

import (
	"context"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// farAsk asks a process of the other node from a goroutine, one request after the other, with one context for all.
func farAsk(name string) func(*env) (load, error) {
	return between(name, func(_ *pair, to actor.PID) (load, error) {
		return load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
			start := time.Now()
			for i := range n {
				got, err := actor.Ask(ctx, to, increment{N: i})
				if err != nil {
					return 0, 0, err
				}
				if got != i+1 {
					return 0, 0, checkAnswer(i, got)
				}
			}
			return n, time.Since(start), nil
		}}, nil
	})
}

// pipelineDepth is how many requests are under way at a time.
const pipelineDepth = 64

// pipeliner is a process that keeps requests under way.
type pipeliner struct {
	target        actor.PID
	sent, answers int
	n             int
	done          chan error
}

func (p *pipeliner) Receive(ctx *actor.Context, msg any) error {
	s, ok := msg.(start)
	if !ok {
		return ctx.Unhandled()
	}
	p.n, p.sent, p.answers = s.n, 0, 0
	for range min(pipelineDepth, p.n) {
		p.ask(ctx)
	}
	return nil
}

func (p *pipeliner) ask(ctx *actor.Context) {
	actor.AskAsync(ctx, p.target, increment{N: p.sent}, p.next)
	p.sent++
}

// next handles an answer; they come in the order of the requests.
func (p *pipeliner) next(ctx *actor.Context, got int, err error) error {
	if err == nil && got != p.answers+1 {
		err = checkAnswer(p.answers, got)
	}
	p.answers++
	switch {
	case err != nil || p.answers == p.n:
		p.tell(err)
	case p.sent < p.n:
		p.ask(ctx)
	}
	return nil
}

// tell ends the run. After the first failure nobody listens.
func (p *pipeliner) tell(err error) {
	select {
	case p.done <- err:
	default:
	}
}

// farPipeline asks a process of the other node from a process here, many requests at a time.
func farPipeline(e *env) (load, error) {
	return between("echo", func(p *pair, to actor.PID) (load, error) {
		asker := &pipeliner{target: to, done: make(chan error, 1)}
		pid, err := p.sys.Spawn(asker)
		return load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
			return tillDone(ctx, n, asker.done, func() { p.sys.Send(pid, start{n}) })
		}}, err
	})(e)
}

// tillDone times n operations from begin until a process says that they are done.
func tillDone(ctx context.Context, n int, done <-chan error, begin func()) (int, time.Duration, error) {
	at := time.Now()
	begin()
	select {
	case err := <-done:
		return n, time.Since(at), err
	case <-ctx.Done():
		return 0, 0, context.Cause(ctx)
	}
}
