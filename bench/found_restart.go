package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/supervision"
)

// phoenix is a supervised, named process that ends with an error at every poison and is started again. All its
// incarnations share one value: what one writes, its successor reads, and the run between two poisons.
type phoenix struct {
	sys  *actor.System
	sup  *supervision.Supervisor
	born int       // incarnations so far
	fell time.Time // when the last one returned its error
	up   chan rebirth
	now  rebirth // the incarnation the next poison is for
}

// rebirth is what an incarnation tells when it is initialised.
type rebirth struct {
	pid  actor.PID
	born int
	took time.Duration // since its predecessor returned its error
}

// poison ends a phoenix.
type poison struct{}

// census is a request for the number of the incarnation that answers.
type census struct{ actor.Replies[int] }

// errPoisoned is what a phoenix ends with.
var errPoisoned = errors.New("poisoned")

const (
	phoenixName = "phoenix"
	// oftenEnough is more restarts than anybody manages within a nanosecond: the supervisor never gives up.
	oftenEnough = 1000
)

// Init notes how long the restart took. It never blocks, also when there are more incarnations than poisons.
func (p *phoenix) Init(ctx *actor.Context) error {
	took := time.Since(p.fell)
	p.born++
	select {
	case p.up <- rebirth{ctx.Self(), p.born, took}:
		return nil
	default:
		return fmt.Errorf("incarnation %d, which nobody asked for", p.born)
	}
}

func (p *phoenix) Receive(ctx *actor.Context, msg any) error {
	switch msg := msg.(type) {
	case poison:
		p.fell = time.Now()
		return errPoisoned
	case census:
		actor.Reply(ctx, msg, p.born)
		return nil
	}
	return ctx.Unhandled()
}

// startPhoenix starts the supervisor and its child.
func startPhoenix(sys *actor.System, intensity int) (*phoenix, error) {
	p := &phoenix{sys: sys, fell: time.Now(), up: make(chan rebirth, 1)}
	var err error
	p.sup, err = supervision.Start(sys, supervision.Spec{
		Intensity: intensity,
		Period:    time.Nanosecond,
		Children: []supervision.Child{{
			ID:      phoenixName,
			Start:   func() actor.Actor { return p },
			Options: []actor.SpawnOption{actor.WithName(phoenixName)},
		}},
	})
	if err != nil {
		return nil, err
	}
	p.now = <-p.up // Start returned, so it is there
	return p, nil
}

// foundRestart poisons a supervised process over and over. An operation is timed from the return of the handler to the
// Init of the next incarnation, or, from outside, from the sending of the poison to the answer of the successor.
func foundRestart(outside bool) func(*env) (load, error) {
	return func(*env) (load, error) {
		sys, err := newSystem()
		if err != nil {
			return load{}, err
		}
		p, err := startPhoenix(sys, oftenEnough)
		return started(sys, err, load{
			run:   func(ctx context.Context, n int) (int, time.Duration, error) { return p.burn(ctx, n, outside) },
			close: func() error { return errors.Join(p.counted(), closeSystem(sys)()) },
		})
	}
}

// burn poisons n incarnations, one after the other.
func (p *phoenix) burn(ctx context.Context, n int, outside bool) (int, time.Duration, error) {
	// A request without a deadline ends with its target: that is what bounds this loop.
	defer context.AfterFunc(ctx, func() { p.sys.Exit(p.sup.PID(), actor.Kill) })()
	var inner, outer time.Duration
	for range n {
		begin := time.Now()
		p.sys.Send(p.now.pid, poison{})
		next, err := p.successor(ctx)
		if err != nil {
			return 0, 0, err
		}
		inner += next.took
		if outside {
			born, err := actor.Ask(context.Background(), next.pid, census{})
			if err != nil {
				return 0, 0, fmt.Errorf("incarnation %d does not answer: %w", next.born, err)
			}
			outer += time.Since(begin)
			if born != next.born {
				return 0, 0, fmt.Errorf("incarnation %d answers for incarnation %d", born, next.born)
			}
		}
		p.now = next
	}
	if outside {
		return n, outer, nil
	}
	return n, inner, nil
}

// successor waits for the next incarnation, and checks that it is one, under the name of the last.
func (p *phoenix) successor(ctx context.Context) (rebirth, error) {
	var next rebirth
	select {
	case next = <-p.up:
	case <-ctx.Done():
		return next, fmt.Errorf("incarnation %d has no successor: %w", p.now.born, context.Cause(ctx))
	}
	named, _ := p.sys.Whereis(phoenixName)
	switch {
	case next.born != p.now.born+1 || next.pid == p.now.pid:
		return next, fmt.Errorf("incarnation %d, %v, follows incarnation %d, %v", next.born, next.pid, p.now.born, p.now.pid)
	case named != next.pid:
		return next, fmt.Errorf("the name belongs to %v, not to incarnation %d, %v", named, next.born, next.pid)
	case next.took <= 0:
		return next, fmt.Errorf("incarnation %d came %v after its predecessor", next.born, next.took)
	}
	return next, nil
}

// counted checks that the supervisor restarted its child as often as the child was poisoned.
func (p *phoenix) counted() error {
	c, ok := p.sup.Child(phoenixName)
	if want := p.now.born - 1; !ok || c.Restarts != want {
		return fmt.Errorf("the supervisor counts %d restarts, want %d", c.Restarts, want)
	}
	return nil
}
