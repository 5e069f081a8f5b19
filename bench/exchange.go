package main

import (
	"context"
	"fmt"
	"time"
)

// ringSize is how many processes the ring has.
const ringSize = 10_000

// pairCount is how many pairs play ping-pong at the same time.
const pairCount = 1000

// runBalls serves one ball to each ring and waits until each has made its hops, n of them in all. The last holder of a
// ball calls count.take; a ball that is lost ends the run with an error, and so does one that comes twice.
func runBalls(ctx context.Context, count *tally, rings, n int, serve func(ring int, b *ball)) (int, time.Duration, error) {
	hops := max((n+rings-1)/rings, 1)
	balls := make([]ball, rings)
	for r := range balls {
		balls[r].left = hops
	}
	count.refill()
	count.want.Store(int64(rings))
	count.seen.Store(0)
	start := time.Now()
	for r := range rings {
		serve(r, &balls[r])
	}
	if err := count.await(ctx, count.done, rings); err != nil {
		return 0, 0, fmt.Errorf("balls: %w", err)
	}
	took := time.Since(start)
	for r := range balls {
		if balls[r].left != 0 {
			return 0, 0, fmt.Errorf("ball %d came back with %d of %d hops left", r, balls[r].left, hops)
		}
	}
	return hops * rings, took, nil
}
