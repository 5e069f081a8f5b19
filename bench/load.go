package main

import (
	"context"
	"runtime"
	"time"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

// load is a workload ready to run: whatever it needs is started, nothing is timed yet.
type load struct {
	// run performs n operations, or a few more if they come in fixed groups, checks that all of them took place, and
	// returns how many there were and how long they took. It ends with an error when ctx does.
	run func(ctx context.Context, n int) (ops int, took time.Duration, err error)
	// close ends what was started and reports what went wrong unnoticed, such as dead letters. It may be nil.
	close func() error
	// external says that the work is done in another OS process, whose allocations cannot be counted.
	external bool
	// far tells what the process that does the other half of the work has allocated so far. It may be nil.
	far func(ctx context.Context) (farState, error)
}

// probe measures one implementation of one piece of work, once per round.
type probe interface {
	sample(ctx context.Context, slice time.Duration) ([]report.Figure, error)
	close() error
}

// runLimit bounds a single run, far above the time slice it was sized for.
func runLimit(slice time.Duration) time.Duration { return 10*time.Second + 20*slice }

// maxOps bounds a run that turns out to cost nothing.
const maxOps = 1 << 28

// timed is the probe of a load: it finds out how many operations fill the time slice, and times those.
type timed struct {
	load
	n int
}

// self is the probe itself, also where it is part of another.
func (t *timed) self() *timed { return t }

func (t *timed) close() error {
	if t.load.close == nil {
		return nil
	}
	return t.load.close()
}

// sample runs the load for about slice. The first sample sizes the run, later ones adjust it.
func (t *timed) sample(ctx context.Context, slice time.Duration) ([]report.Figure, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runLimit(slice), errTooSlow)
	defer cancel()
	if t.n == 0 {
		if err := t.calibrate(ctx, slice); err != nil {
			return nil, err
		}
	}
	there, err := t.allocated(ctx)
	if err != nil {
		return nil, err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ops, took, err := t.run(ctx, t.n)
	if err != nil {
		return nil, err
	}
	runtime.ReadMemStats(&after)
	t.n = resize(ops, took, slice)

	perOp := func(v float64) report.Series { return report.Series{v / float64(ops)} }
	figures := []report.Figure{{Name: report.Time, Unit: report.Nanoseconds, Values: perOp(float64(took.Nanoseconds()))}}
	if !t.external {
		figures = append(figures,
			report.Figure{Name: report.AllocsOp, Unit: report.Allocs, Values: perOp(float64(after.Mallocs - before.Mallocs))},
			report.Figure{Name: report.BytesOp, Unit: report.Bytes, Values: perOp(float64(after.TotalAlloc - before.TotalAlloc))})
	}
	if t.far != nil {
		now, err := t.allocated(ctx)
		if err != nil {
			return nil, err
		}
		figures = append(figures, report.Figure{Name: report.AllocsFar, Unit: report.Allocs, Values: perOp(float64(now.Mallocs - there.Mallocs))})
	}
	return figures, nil
}

// allocated is the state of the other process, if there is one.
func (t *timed) allocated(ctx context.Context) (farState, error) {
	if t.far == nil {
		return farState{}, nil
	}
	return t.far(ctx)
}

// calibrate runs ever more operations until they take a third of the slice. It warms caches and pools up as well.
func (t *timed) calibrate(ctx context.Context, slice time.Duration) error {
	for n := 64; ; {
		ops, took, err := t.run(ctx, n)
		if err != nil {
			return err
		}
		t.n = resize(ops, took, slice)
		if took >= slice/3 || n >= maxOps {
			return nil
		}
		n = min(t.n, 20*n, maxOps)
	}
}

// resize returns how many operations fill the slice if ops of them took that long.
func resize(ops int, took, slice time.Duration) int {
	n := float64(ops) * float64(slice) / float64(max(took, 1))
	return int(min(max(n, 1), maxOps))
}

// once is a probe that does its own measuring: memory, latencies, work of a fixed size.
type once func(ctx context.Context) ([]report.Figure, error)

// onceLimit bounds one call of such a probe.
const onceLimit = 60 * time.Second

func (f once) close() error { return nil }

func (f once) sample(ctx context.Context, _ time.Duration) ([]report.Figure, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, onceLimit, errTooSlow)
	defer cancel()
	return f(ctx)
}
