package main

import (
	"context"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// player sends every ball on to its next.
type player struct {
	next  actor.PID
	count *tally
}

func (p *player) Receive(ctx *actor.Context, msg any) error {
	b, ok := msg.(*ball)
	if !ok {
		p.count.fail(errUnexpected(msg))
		return nil
	}
	b.left--
	if b.left <= 0 {
		p.count.take()
		return nil
	}
	ctx.Send(p.next, b)
	return nil
}

// foundRings spawns rings of that many players each. A ring of two is a pair.
func foundRings(rings, size int) func(*env) (load, error) {
	return func(*env) (load, error) {
		sys, err := newSystem()
		if err != nil {
			return load{}, err
		}
		count := newTally(1)
		first, err := spawnRings(sys, rings, size, count)
		return started(sys, err, load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
			return runBalls(ctx, count, rings, n, func(r int, b *ball) { sys.Send(first[r], b) })
		}})
	}
}

// spawnRings spawns the players and returns the first of each ring.
func spawnRings(sys *actor.System, rings, size int, count *tally) ([]actor.PID, error) {
	first := make([]actor.PID, rings)
	for r := range rings {
		players := make([]player, size)
		pids := make([]actor.PID, size)
		for i := range players {
			players[i].count = count
			pid, err := sys.Spawn(&players[i])
			if err != nil {
				return nil, err
			}
			pids[i] = pid
		}
		for i := range players {
			players[i].next = pids[(i+1)%size]
		}
		first[r] = pids[0]
	}
	return first, nil
}
