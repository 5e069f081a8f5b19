package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

// processorCounts returns 1, 2, 4 … and GOMAXPROCS itself.
func processorCounts() []int {
	top := runtime.GOMAXPROCS(0)
	var counts []int
	for p := 1; p < top; p *= 2 {
		counts = append(counts, p)
	}
	return append(counts, top)
}

// scaling returns a contestant for each number of processors. The work is that of the 1000 pairs, figures are messages
// per second.
func scaling() []contestant {
	var by []contestant
	for i, p := range processorCounts() {
		what := fmt.Sprintf("1000 pairs, GOMAXPROCS %d", p)
		by = append(by, contestant{who: foundation, what: what, start: atScale(p), times: i})
	}
	return by
}

// atScale starts the 1000 pairs with that many processors, and measures them so.
func atScale(procs int) func(*env) (probe, error) {
	return func(e *env) (probe, error) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		l, err := foundRings(pairCount, 2)(e)
		if err != nil {
			return nil, err
		}
		return &scaled{timed{load: l}, procs}, nil
	}
}

// scaled is a timed probe that runs with its own number of processors.
type scaled struct {
	timed
	procs int
}

func (s *scaled) sample(ctx context.Context, slice time.Duration) ([]report.Figure, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(s.procs))
	figures, err := s.timed.sample(ctx, slice)
	if err != nil {
		return nil, err
	}
	return withRate(figures), nil
}
