package main

import (
	"context"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

// children is how many children the workloads of a fixed size have.
const children = 100_000

// childName is the registered name of a child.
func childName(i int) string { return fmt.Sprintf("child-%d", i) }

// wholeFamily is the name of the figure for all children together.
func wholeFamily(n int) string { return fmt.Sprintf("all %d", n) }

// family times one run of a load with exactly n children.
func family(n int, start func(*env) (load, error)) func(context.Context, *env) ([]report.Figure, error) {
	return func(ctx context.Context, e *env) (figures []report.Figure, err error) {
		l, err := start(e)
		if err != nil {
			return nil, err
		}
		t := &timed{load: l}
		ops, took, err := t.run(ctx, n)
		if stray := t.close(); err == nil {
			err = stray
		}
		switch {
		case err != nil:
			return nil, err
		case ops != n:
			return nil, fmt.Errorf("%d children took part, want %d", ops, n)
		}
		return familyFigures(n, took), nil
	}
}

// familyFigures are the time per child and for all of them.
func familyFigures(n int, took time.Duration) []report.Figure {
	return []report.Figure{
		{Name: report.Time, Unit: report.Nanoseconds, Values: report.Series{float64(took.Nanoseconds()) / float64(n)}},
		{Name: wholeFamily(n), Unit: report.Milliseconds, Values: report.Series{float64(took) / float64(time.Millisecond)}},
	}
}
