package mailbox

import (
	"context"
	"runtime"
	"testing"
	"unsafe"
)

func TestAllocs(t *testing.T) {
	level := func(v cell) int { return v.level }
	for name, tt := range map[string]struct {
		q     Queue[cell]
		burst int
		max   float64 // for one burst of pushes and pops
	}{
		"Unbounded/1":         {new(Unbounded[cell]), 1, 0},
		"Unbounded/8":         {new(Unbounded[cell]), 8, 0},
		"Unbounded/1000":      {new(Unbounded[cell]), 1000, 0},
		"Bounded/1":           {new(Bounded[cell]), 1, 0},
		"Bounded/8":           {new(Bounded[cell]), keptCells, 0},
		"Bounded/1000":        {new(Bounded[cell]), 1000, 10},
		"Bounded/full":        {NewBounded[cell](4, Fail), keptCells, 0},
		"Bounded/DropOldest":  {NewBounded[cell](4, DropOldest), keptCells, 0},
		"Priority/1":          {NewPriority(64, level, 0, Block), 1, 0},
		"Priority/8":          {NewPriority(3, level, 0, Block), keptCells, 0},
		"Priority/1000":       {NewPriority(1, level, 0, Block), 1000, 10},
		"Priority/DropOldest": {NewPriority(3, level, 4, DropOldest), keptCells, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if _, ok := tt.q.(*Unbounded[cell]); ok && raceEnabled {
				t.Skip("segments come from a sync.Pool")
			}
			i := 0
			allocs := testing.AllocsPerRun(200, func() {
				for range tt.burst {
					i++
					tt.q.Push(cell{id: i, level: i % 3})
				}
				for {
					if _, ok := tt.q.Pop(); !ok {
						break
					}
				}
			})
			if allocs > tt.max {
				t.Errorf("%v allocations for %d values, want %v", allocs, tt.burst, tt.max)
			}
		})
	}
}

// TestAllocsForced checks the steady state of forced values.
func TestAllocsForced(t *testing.T) {
	b := NewBounded[cell](1, Fail)
	allocs := testing.AllocsPerRun(200, func() {
		for range keptCells {
			if err := b.PushForced(cell{id: 1}); err != nil {
				t.Error(err)
			}
		}
		popAllCells(b)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func popAllCells(q Queue[cell]) {
	for {
		if _, ok := q.Pop(); !ok {
			return
		}
	}
}

// TestAllocsWait checks that waiting for room allocates nothing in the steady
// state. The producer is always one value ahead of the consumer.
func TestAllocsWait(t *testing.T) {
	b := NewBounded[cell](1, Block)
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for b.PushWait(ctx, cell{id: 1}) == nil {
		}
	}()
	allocs := testing.AllocsPerRun(200, func() {
		for {
			b.core.mu.Lock()
			waits := b.core.hasWaiting != 0
			b.core.mu.Unlock()
			if waits {
				break
			}
			runtime.Gosched()
		}
		b.Pop()
	})
	cancel()
	<-stopped
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// TestIdleSize keeps an eye on what an idle queue costs.
func TestIdleSize(t *testing.T) {
	for name, tt := range map[string]struct{ size, max uintptr }{
		"Unbounded": {unsafe.Sizeof(Unbounded[*int]{}), 256},
		"Bounded":   {unsafe.Sizeof(Bounded[*int]{}), 256},
		"Priority":  {unsafe.Sizeof(Priority[*int]{}), 256},
	} {
		t.Logf("%s: %d bytes", name, tt.size)
		if tt.size > tt.max {
			t.Errorf("%s has %d bytes, want at most %d", name, tt.size, tt.max)
		}
	}
	b := NewBounded[cell](1000, Block)
	for i := range 1000 {
		pushAll(t, b, cell{id: i + 1})
	}
	popAllCells(b)
	if n := len(b.core.first.plain.cells); n > keptCells {
		t.Errorf("an idle Bounded has %d cells", n)
	}
}
