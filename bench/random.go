package main

import (
	"context"
	"time"
)

// randomTargets calls send for n targets out of size, in an order no cache can foresee, the same in every run. It is
// the generator of the Erlang program.
type randomTargets struct{ seed uint32 }

// next returns a number below size.
func (r *randomTargets) next(size int) int {
	r.seed = r.seed*1664525 + 1013904223
	return int(r.seed>>4) % size
}

// randomSends is a load that sends messages to random members of a population; each calls count.take.
func randomSends(count *tally, size int, send func(i int), end func() error) load {
	targets := randomTargets{0x9E3779B9}
	return load{
		run: func(ctx context.Context, n int) (int, time.Duration, error) {
			return count.run(ctx, n, func(k int) {
				for range k {
					send(targets.next(size))
				}
			})
		},
		close: end,
	}
}

// erlangRandom sends to random members of a population of Erlang processes.
func erlangRandom(processes int) func(e *env) (load, error) {
	return func(e *env) (load, error) {
		l, err := erlang("random")(e)
		if err != nil {
			return load{}, err
		}
		population := func(n int) error {
			ctx, cancel := context.WithTimeoutCause(context.Background(), onceLimit, errTooSlow)
			defer cancel()
			_, err := e.erl.call(ctx, "population", n)
			return err
		}
		if err := population(processes); err != nil {
			return load{}, err
		}
		l.close = func() error { return population(1) }
		return l, nil
	}
}
