package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/bench/internal/report"
)

// pings is how many pings are measured, each with all workers blocked anew.
const pings = 400

// pingPatience is when a ping counts as never answered.
const pingPatience = 5 * time.Second

// blockade blocks every worker of a system in user code.
type blockade struct {
	sys      *actor.System
	pids     []actor.PID
	pong     actor.PID
	answers  chan time.Time
	entered  atomic.Int64
	finished chan struct{}
}

// hold makes the process that gets it wait until release is closed. If late is true, the last one to enter sends the
// ping itself before it waits, so that the ping lies in the queue of a blocked worker.
type hold struct {
	release chan struct{}
	inside  chan struct{} // closed when all have entered
	late    bool
	sent    time.Time
}

// newBlockade spawns a process per worker that can be blocked, and one that answers pings.
func newBlockade(sys *actor.System) (*blockade, error) {
	b := &blockade{sys: sys, answers: make(chan time.Time, 1), finished: make(chan struct{}, 1024)}
	var err error
	b.pong, err = sys.Spawn(actor.Func(func(*actor.Context, any) error {
		b.answers <- time.Now()
		return nil
	}))
	if err != nil {
		return nil, err
	}
	for range runtime.GOMAXPROCS(0) {
		pid, err := sys.Spawn(actor.Func(b.block))
		if err != nil {
			return nil, err
		}
		b.pids = append(b.pids, pid)
	}
	return b, nil
}

// block waits in the handler, without telling the scheduler.
func (b *blockade) block(ctx *actor.Context, msg any) error {
	h, ok := msg.(*hold)
	if !ok {
		return errUnexpected(msg)
	}
	if b.entered.Add(1) == int64(len(b.pids)) {
		if h.late {
			h.sent = time.Now()
			ctx.Send(b.pong, &note{})
		}
		close(h.inside)
	}
	<-h.release
	b.finished <- struct{}{}
	return nil
}

// ping blocks all workers, has pong pinged, and returns how long the ping took. With late, a blocked handler sends it
// just before it blocks, else a goroutine does when all are blocked.
func (b *blockade) ping(ctx context.Context, late bool) (time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, pingPatience, fmt.Errorf("a ping was not answered within %v", pingPatience))
	defer cancel()
	h := &hold{release: make(chan struct{}), inside: make(chan struct{}), late: late}
	b.entered.Store(0)
	for _, pid := range b.pids {
		b.sys.Send(pid, h)
	}
	took, err := b.held(ctx, h)
	return took, errors.Join(err, b.lift(h))
}

// held waits until all are blocked, and for the answer to the ping.
func (b *blockade) held(ctx context.Context, h *hold) (time.Duration, error) {
	select {
	case <-h.inside:
	case <-ctx.Done():
		return 0, fmt.Errorf("%d of %d handlers began: %w", b.entered.Load(), len(b.pids), context.Cause(ctx))
	}
	if !h.late {
		h.sent = time.Now()
		b.sys.Send(b.pong, &note{})
	}
	select {
	case answered := <-b.answers:
		return answered.Sub(h.sent), nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// lift ends the blocking and waits until the handlers are about to return.
func (b *blockade) lift(h *hold) error {
	close(h.release)
	patience := time.NewTimer(pingPatience)
	defer patience.Stop()
	for range b.pids {
		select {
		case <-b.finished:
		case <-patience.C:
			return errors.New("a handler that was to block never began")
		}
	}
	return nil
}

// foundBlocked measures pings while every worker is blocked in user code.
func foundBlocked(late bool) func(context.Context, *env) ([]report.Figure, error) {
	return func(ctx context.Context, _ *env) ([]report.Figure, error) {
		sys, err := newSystem()
		if err != nil {
			return nil, err
		}
		took, err := measurePings(ctx, sys, late)
		if err := errors.Join(err, closeSystem(sys)()); err != nil {
			return nil, err
		}
		return latencies(took), nil
	}
}

// measurePings returns how many milliseconds each ping took.
func measurePings(ctx context.Context, sys *actor.System, late bool) (report.Series, error) {
	b, err := newBlockade(sys)
	if err != nil {
		return nil, err
	}
	took := make(report.Series, pings)
	for i := range took {
		d, err := b.ping(ctx, late)
		if err != nil {
			return nil, fmt.Errorf("ping %d: %w", i, err)
		}
		took[i] = float64(d) / float64(time.Millisecond)
	}
	return took, nil
}
