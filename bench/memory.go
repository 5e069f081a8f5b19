package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

const million = 1_000_000

// settleRounds bounds the collections it takes until memory no longer shrinks.
const settleRounds = 20

// liveMemory returns the bytes of live heap and of goroutine stacks, after collecting what is garbage. One collection
// is not enough: pools give their contents up over two, and the stacks of goroutines that ended are returned later.
func liveMemory() float64 {
	last := math.Inf(1)
	for range settleRounds {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		now := float64(m.HeapAlloc) + float64(m.StackInuse)
		if now >= last {
			return now
		}
		last = now
	}
	return last
}

// populate starts n processes, lets each handle a message, checks that all are there, and returns what ends them.
type populate func(ctx context.Context, n int) (end func() error, err error)

// perProcess measures the memory of one of n idle processes.
func perProcess(n int, start populate) func(context.Context, *env) ([]report.Figure, error) {
	return func(ctx context.Context, _ *env) ([]report.Figure, error) {
		before := liveMemory()
		end, err := start(ctx, n)
		if err != nil {
			return nil, err
		}
		used := liveMemory() - before
		if err := end(); err != nil {
			return nil, err
		}
		return memoryFigures(n, used/float64(n))
	}
}

// memoryFigures are the bytes of each of n processes and of all together.
func memoryFigures(n int, each float64) ([]report.Figure, error) {
	if each <= 0 {
		return nil, fmt.Errorf("%d processes took %.0f bytes each", n, each)
	}
	return []report.Figure{
		{Name: report.Memory, Unit: report.Bytes, Values: report.Series{each}},
		{Name: fmt.Sprintf("all %d", n), Unit: report.Bytes, Values: report.Series{each * float64(n)}},
	}, nil
}

// idleGoroutines starts goroutines that have received one message and wait for the next.
func idleGoroutines(_ context.Context, n int) (func() error, error) {
	first, second := make(chan *note), make(chan *note)
	var handled, ended sync.WaitGroup
	handled.Add(n)
	for range n {
		ended.Go(func() {
			<-first
			handled.Done()
			<-second
		})
	}
	for range n {
		first <- &note{}
	}
	handled.Wait()
	return func() error {
		close(second)
		ended.Wait()
		return nil
	}, nil
}

// erlangBytes asks Erlang for the bytes of one of n idle processes, as the command of that name starts them.
func erlangBytes(name string, n int) func(context.Context, *env) ([]report.Figure, error) {
	return func(ctx context.Context, e *env) ([]report.Figure, error) {
		if e.erl == nil {
			return nil, errNoErlang
		}
		each, err := e.erl.call(ctx, name, n)
		if err != nil {
			return nil, err
		}
		return memoryFigures(n, each)
	}
}

// emptySystems is how many systems are started to learn what one costs: what else the Go runtime does meanwhile is
// divided by as many.
const emptySystems = 64

// perSystem measures the memory and the goroutines of a system without processes of the user's, after one has lived
// and ended there: what a system sets up when it is first used counts.
func perSystem(start func(context.Context) (end func() error, err error)) func(context.Context, *env) ([]report.Figure, error) {
	return func(ctx context.Context, _ *env) ([]report.Figure, error) {
		memory, goroutines := liveMemory(), runtime.NumGoroutine()
		ends := make([]func() error, 0, emptySystems)
		for range emptySystems {
			end, err := start(ctx)
			if err != nil {
				return nil, err
			}
			ends = append(ends, end)
		}
		used := (liveMemory() - memory) / emptySystems
		more := float64(runtime.NumGoroutine()-goroutines) / emptySystems
		var errs []error
		for _, end := range ends {
			errs = append(errs, end())
		}
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
		if used <= 0 {
			return nil, fmt.Errorf("%d systems took %.0f bytes each", emptySystems, used)
		}
		return []report.Figure{
			{Name: report.Memory, Unit: report.Bytes, Values: report.Series{used}},
			{Name: report.Goroutines, Unit: report.Count, Values: report.Series{more}},
		}, nil
	}
}
