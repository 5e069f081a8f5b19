package main

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/bench/internal/report"
)

// rates makes the start function of a contestant whose figure is operations per second, with the time of each behind it.
func rates(start func(*env) (load, error)) func(*env) (probe, error) {
	return func(e *env) (probe, error) {
		l, err := start(e)
		if err != nil {
			return nil, err
		}
		return &rated{timed{load: l}}, nil
	}
}

// rated is a timed probe that leads with the rate.
type rated struct{ timed }

func (r *rated) sample(ctx context.Context, slice time.Duration) ([]report.Figure, error) {
	figures, err := r.timed.sample(ctx, slice)
	if err != nil {
		return nil, err
	}
	return withRate(figures), nil
}

// withRate puts millions per second before figures that begin with nanoseconds for one.
func withRate(figures []report.Figure) []report.Figure {
	rate := make(report.Series, len(figures[0].Values))
	for i, v := range figures[0].Values {
		rate[i] = 1000 / v
	}
	return append([]report.Figure{{Name: report.Rate, Unit: report.Million, Values: rate}}, figures...)
}

// farItems sends small structs from goroutines to one process at the other node. Nothing but the bound on what may wait for
// a node holds the senders back.
func farItems(producers int) func(*env) (load, error) {
	return between("sink", func(p *pair, to actor.PID) (load, error) {
		return oneWay(to, producers, func(n int) {
			for i := range n {
				p.sys.Send(to, item{ID: int64(i), Kind: 7, Name: "a name"})
			}
		}), nil
	})
}

// farFanIn is farItems with a producer per core.
func farFanIn(e *env) (load, error) { return farItems(runtime.GOMAXPROCS(0))(e) }

// farQuotes sends structs through a Ref to a typed process.
func farQuotes(e *env) (load, error) {
	return between("quotes", func(p *pair, to actor.PID) (load, error) {
		counter, err := p.named("counter")
		ref := actor.RefOf[quote](to)
		return oneWay(counter, 1, func(n int) {
			q := quote{Bid: 1, Ask: 2, Size: 3}
			for i := range n {
				if q.ID = uint64(i); i == n-1 {
					q.Size = farLastQuote
				}
				ref.Send(p.sys, q)
			}
		}), err
	})(e)
}

// oneWay times sends, each of n messages, until collector tells that they have been handled.
func oneWay(collector actor.PID, producers int, send func(n int)) load {
	return load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
		n = (n + producers - 1) / producers
		start := time.Now()
		var wg sync.WaitGroup
		for range producers - 1 {
			wg.Go(func() { send(n) })
		}
		send(n)
		wg.Wait()
		got, err := actor.Ask(ctx, collector, collect{})
		took := time.Since(start)
		if err == nil {
			err = checkArrived(got, n, producers)
		}
		return n * producers, took, errors.Join(err, context.Cause(ctx))
	}}
}
