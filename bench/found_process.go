package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// mortal is the behaviour of processes that end with their first message. All share one value: what is measured is the
// process.
type mortal struct{ ended *tally }

func (m *mortal) Receive(*actor.Context, any) error { return actor.Normal }

func (m *mortal) Terminate(*actor.Context, error) { m.ended.take() }

// foundSpawn spawns processes from a goroutine and tells each to end.
func foundSpawn(*env) (load, error) {
	sys, err := newSystem()
	if err != nil {
		return load{}, err
	}
	m := &mortal{newTally(spawnChunk)}
	return started(sys, nil, load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
		return ranToTheEnd(ctx, sys, m, n, 0, func(k int) { spawnMortals(sys, m, k) })
	}})
}

// spawner is what spawns in the two forms of the workload.
type spawner interface {
	actor.Spawner
	actor.Sender
}

// spawnMortals spawns k processes and tells each to end.
func spawnMortals(by spawner, m *mortal, k int) {
	var end any = &note{}
	for range k {
		pid, err := by.Spawn(m)
		if err != nil {
			m.ended.fail(err)
			return
		}
		by.Send(pid, end)
	}
}

// foundSpawnWithin spawns processes from a process.
func foundSpawnWithin(*env) (load, error) {
	sys, err := newSystem()
	if err != nil {
		return load{}, err
	}
	m := &mortal{newTally(spawnChunk)}
	parent, err := sys.Spawn(actor.Func(func(ctx *actor.Context, msg any) error {
		spawnMortals(ctx, m, msg.(start).n)
		return nil
	}))
	return started(sys, err, load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
		return ranToTheEnd(ctx, sys, m, n, 1, func(k int) { sys.Send(parent, start{k}) })
	}})
}

// ranToTheEnd times n processes, and checks afterwards that only rest are left.
func ranToTheEnd(ctx context.Context, sys *actor.System, m *mortal, n, rest int, burst func(k int)) (int, time.Duration, error) {
	ops, took, err := m.ended.run(ctx, n, burst)
	if err != nil {
		return 0, 0, err
	}
	if err := pollUntil(ctx, func() bool { return sys.Stats().Processes == rest }); err != nil {
		return 0, 0, fmt.Errorf("%d processes are left, want %d: %w", sys.Stats().Processes, rest, err)
	}
	return ops, took, nil
}

// spawnPopulation spawns n processes of one behaviour, sends each a note, and waits until all are handled. The
// behaviour calls seen.Add for each.
func spawnPopulation(ctx context.Context, sys *actor.System, n int, a actor.Actor, seen *atomic.Int64) ([]actor.PID, error) {
	pids := make([]actor.PID, n)
	m := &note{}
	for i := range pids {
		pid, err := sys.Spawn(a)
		if err != nil {
			return nil, err
		}
		sys.Send(pid, m)
		pids[i] = pid
	}
	if err := pollUntil(ctx, func() bool { return seen.Load() == int64(n) }); err != nil {
		return nil, fmt.Errorf("%d of %d messages arrived: %w", seen.Load(), n, err)
	}
	if got := sys.Stats().Processes; got != n {
		return nil, fmt.Errorf("%d processes are alive, want %d", got, n)
	}
	return pids, nil
}

// foundIdle starts n processes that have handled one message and wait for the next.
func foundIdle(ctx context.Context, n int) (func() error, error) {
	sys, err := newSystem()
	if err != nil {
		return nil, err
	}
	var seen atomic.Int64
	_, err = spawnPopulation(ctx, sys, n, actor.Func(func(*actor.Context, any) error {
		seen.Add(1)
		return nil
	}), &seen)
	if err != nil {
		return nil, errors.Join(err, closeSystem(sys)())
	}
	return closeSystem(sys), nil
}

// foundEmpty starts a system in which a process has lived and ended.
func foundEmpty(ctx context.Context) (func() error, error) {
	sys, err := newSystem()
	if err != nil {
		return nil, err
	}
	m := &mortal{newTally(1)}
	if _, _, err := ranToTheEnd(ctx, sys, m, 1, 0, func(k int) { spawnMortals(sys, m, k) }); err != nil {
		return nil, errors.Join(err, closeSystem(sys)())
	}
	return closeSystem(sys), nil
}

// foundRandom sends to random members of a large population.
func foundRandom(processes int) func(*env) (load, error) {
	return func(*env) (load, error) {
		sys, err := newSystem()
		if err != nil {
			return load{}, err
		}
		ctx, cancel := context.WithTimeoutCause(context.Background(), onceLimit, errTooSlow)
		defer cancel()
		var seen atomic.Int64
		count := newTally(chunk)
		pids, err := spawnPopulation(ctx, sys, processes, actor.Func(func(_ *actor.Context, msg any) error {
			if _, first := msg.(*note); first {
				seen.Add(1)
				return nil
			}
			count.take()
			return nil
		}), &seen)
		var m any = &ball{}
		return started(sys, err, randomSends(count, processes, func(i int) { sys.Send(pids[i], m) }, closeSystem(sys)))
	}
}
