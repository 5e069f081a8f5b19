package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/supervision"
)

// phase is the half of the life of a family that a workload times.
type phase int

const (
	starting phase = iota // from the first request for a child until the last of them is started
	stopping              // from telling their supervisor to stop until it and they are gone
)

// foundFamily starts children of a dynamic supervisor, one by one, and stops them with it, all at once. More than fit
// into one family of the size of the goals live one family after the other.
func foundFamily(of phase) func(*env) (load, error) {
	return func(*env) (load, error) {
		sys, err := newSystem()
		return started(sys, err, load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
			var took [2]time.Duration
			for left := n; left > 0; left -= min(left, children) {
				up, down, err := raise(ctx, sys, min(left, children))
				if err != nil {
					return 0, 0, err
				}
				took[starting] += up
				took[stopping] += down
			}
			return n, took[of], nil
		}})
	}
}

// raise starts and stops one family, and returns how long either took.
func raise(ctx context.Context, sys *actor.System, n int) (up, down time.Duration, err error) {
	idle := actor.Func(func(*actor.Context, any) error { return nil })
	template := supervision.Child{Start: func() actor.Actor { return idle }}
	d, err := supervision.StartDynamic(sys, supervision.DynamicSpec{Template: template})
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	for i := range n {
		if _, err := d.StartChild(ctx, supervision.Child{}); err != nil {
			return 0, 0, fmt.Errorf("child %d: %w", i, err)
		}
	}
	up = time.Since(begin)
	if c := d.Count(); c.Active != n || sys.Stats().Processes != n+1 {
		return 0, 0, fmt.Errorf("%d children of %d run, in %d processes", c.Active, n, sys.Stats().Processes)
	}
	begin = time.Now()
	if err := d.Stop(ctx); err != nil {
		return 0, 0, err
	}
	down = time.Since(begin)
	if err := pollUntil(ctx, func() bool { return sys.Stats().Processes == 0 }); err != nil {
		return 0, 0, fmt.Errorf("%d processes outlived their supervisor: %w", sys.Stats().Processes, err)
	}
	return up, down, nil
}

// upbringing starts a supervisor with n named children that are made by start.
type upbringing func(ctx context.Context, sys *actor.System, n int, start func() actor.Actor) error

// foundSupervised starts named processes below a supervisor that have handled one message and wait for the next.
func foundSupervised(by upbringing) populate {
	return func(ctx context.Context, n int) (func() error, error) {
		sys, err := newSystem()
		if err != nil {
			return nil, err
		}
		var seen atomic.Int64
		idle := actor.Func(func(*actor.Context, any) error {
			seen.Add(1)
			return nil
		})
		err = by(ctx, sys, n, func() actor.Actor { return idle })
		if err == nil {
			err = greet(ctx, sys, n, &seen)
		}
		if err != nil {
			return nil, errors.Join(err, closeSystem(sys)())
		}
		return closeSystem(sys), nil
	}
}

// greet sends each of n children a note by its name, and waits until all are handled.
func greet(ctx context.Context, sys *actor.System, n int, seen *atomic.Int64) error {
	m := &note{}
	for i := range n {
		pid, ok := sys.Whereis(childName(i))
		if !ok {
			return fmt.Errorf("nobody is called %s", childName(i))
		}
		sys.Send(pid, m)
	}
	if err := pollUntil(ctx, func() bool { return seen.Load() == int64(n) }); err != nil {
		return fmt.Errorf("%d of %d messages arrived: %w", seen.Load(), n, err)
	}
	if got := sys.Stats().Processes; got != n+1 {
		return fmt.Errorf("%d processes are alive, want %d and their supervisor", got, n)
	}
	return nil
}

// underSupervisor has the children in the specification of their supervisor.
func underSupervisor(_ context.Context, sys *actor.System, n int, start func() actor.Actor) error {
	spec := supervision.Spec{Children: make([]supervision.Child, n)}
	for i := range spec.Children {
		name := childName(i)
		spec.Children[i] = supervision.Child{ID: name, Start: start, Options: []actor.SpawnOption{actor.WithName(name)}}
	}
	_, err := supervision.Start(sys, spec)
	return err
}

// underDynamic has the children started one by one.
func underDynamic(ctx context.Context, sys *actor.System, n int, start func() actor.Actor) error {
	d, err := supervision.StartDynamic(sys, supervision.DynamicSpec{Template: supervision.Child{Start: start}})
	if err != nil {
		return err
	}
	for i := range n {
		c := supervision.Child{Options: []actor.SpawnOption{actor.WithName(childName(i))}}
		if _, err := d.StartChild(ctx, c); err != nil {
			return err
		}
	}
	return nil
}
