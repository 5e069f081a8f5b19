package main

import (
	"context"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

// skynetLeaves and skynetFan are the size of the tree: a million leaves, ten children each, so 1,111,111 processes.
const (
	skynetLeaves = million
	skynetFan    = 10
)

// skynet times f, which builds the tree and returns the sum of its leaves' numbers.
func skynet(f func(ctx context.Context, e *env) (int, error)) func(context.Context, *env) ([]report.Figure, error) {
	return func(ctx context.Context, e *env) ([]report.Figure, error) {
		start := time.Now()
		sum, err := f(ctx, e)
		if err != nil {
			return nil, err
		}
		took := time.Since(start)
		if want := skynetLeaves * (skynetLeaves - 1) / 2; sum != want {
			return nil, fmt.Errorf("the leaves add up to %d, want %d", sum, want)
		}
		return skynetFigures(float64(took.Nanoseconds()) / skynetLeaves), nil
	}
}

// skynetFigures are the time per leaf and for the whole tree.
func skynetFigures(perLeaf float64) []report.Figure {
	return []report.Figure{
		{Name: report.Time, Unit: report.Nanoseconds, Values: report.Series{perLeaf}},
		{Name: "whole tree", Unit: report.Milliseconds, Values: report.Series{perLeaf * skynetLeaves / 1e6}},
	}
}

// goroutineSkynet is the tree of goroutines and channels.
func goroutineSkynet(context.Context, *env) (int, error) {
	c := make(chan int)
	go goroutineNode(c, 0, skynetLeaves)
	return <-c, nil
}

func goroutineNode(parent chan<- int, num, size int) {
	if size == 1 {
		parent <- num
		return
	}
	c, part, sum := make(chan int), size/skynetFan, 0
	for i := range skynetFan {
		go goroutineNode(c, num+i*part, part)
	}
	for range skynetFan {
		sum += <-c
	}
	parent <- sum
}

// erlangSkynet is the tree of Erlang processes, which check the sum themselves.
func erlangSkynet(ctx context.Context, e *env) ([]report.Figure, error) {
	if e.erl == nil {
		return nil, errNoErlang
	}
	perLeaf, err := e.erl.call(ctx, "skynet", skynetLeaves)
	if err != nil {
		return nil, err
	}
	return skynetFigures(perLeaf), nil
}
