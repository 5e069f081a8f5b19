package mailbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// traffic counts what happens to values while producers and consumers run.
type traffic struct {
	t        *testing.T
	q        Queue[cell]
	fates    []atomic.Int32 // by id: how often it was popped, lost or refused
	refused  atomic.Int64
	lost     atomic.Int64
	popped   atomic.Int64
	canceled atomic.Int64
	closed   atomic.Int64
}

const idsPerProducer = 1 << 16

func newTraffic(t *testing.T, q Queue[cell], producers int) *traffic {
	return &traffic{t: t, q: q, fates: make([]atomic.Int32, producers*idsPerProducer)}
}

func (f *traffic) fate(v cell, n *atomic.Int64) {
	n.Add(1)
	if f.fates[v.id].Add(1) != 1 {
		f.t.Errorf("value %d met its fate twice", v.id)
	}
}

// produce pushes n values in turn with Push and, if wait, PushWait, of which
// some get a context that ends soon.
func (f *traffic) produce(producer, n, levels int, wait, cancels bool) {
	rng := rand.New(rand.NewPCG(uint64(producer), 1))
	for i := 1; i <= n; i++ {
		v := cell{id: producer*idsPerProducer + i, level: rng.IntN(levels)}
		var lost cell
		var err error
		switch {
		case !wait || rng.IntN(4) == 0:
			lost, err = f.q.Push(v)
		case cancels && rng.IntN(4) == 0:
			ctx, cancel := context.WithCancel(context.Background())
			go cancel()
			err = f.q.PushWait(ctx, v)
		default:
			err = f.q.PushWait(context.Background(), v)
		}
		if lost.id != 0 {
			f.fate(lost, &f.lost)
		}
		switch {
		case err == nil:
		case errors.Is(err, ErrFull):
			f.fate(v, &f.refused)
		case errors.Is(err, ErrClosed):
			f.fate(v, &f.closed)
		case errors.Is(err, context.Canceled):
			f.fate(v, &f.canceled)
		default:
			f.t.Errorf("push: %v", err)
		}
		if i%64 == 0 {
			runtime.Gosched()
		}
	}
}

// consume pops until done is closed and the queue is empty. It checks that the
// values of one producer and level come in order.
func (f *traffic) consume(done <-chan struct{}, inOrder bool) {
	last := map[[2]int]int{}
	for {
		over := false
		select {
		case <-done:
			over = true
		default:
		}
		for {
			v, ok := f.q.Pop()
			if !ok {
				break
			}
			f.fate(v, &f.popped)
			from := [2]int{v.id / idsPerProducer, v.level}
			if inOrder && last[from] >= v.id {
				f.t.Errorf("%d came after %d", v.id, last[from])
			}
			last[from] = v.id
		}
		if over {
			return
		}
		runtime.Gosched()
	}
}

func (f *traffic) report(total int) {
	f.t.Helper()
	met := 0
	for i := range f.fates {
		met += int(f.fates[i].Load())
	}
	sum := f.popped.Load() + f.lost.Load() + f.refused.Load() + f.closed.Load() + f.canceled.Load()
	if met != total || sum != int64(total) || f.q.Len() != 0 {
		f.t.Errorf("pushed %d, popped %d, lost %d, refused %d, closed %d, canceled %d, left %d", total,
			f.popped.Load(), f.lost.Load(), f.refused.Load(), f.closed.Load(), f.canceled.Load(), f.q.Len())
	}
}

func TestConcurrent(t *testing.T) {
	level := func(v cell) int { return v.level }
	for name, tt := range map[string]struct {
		q         Queue[cell]
		consumers int
		wait      bool
		check     bool // nothing may be refused, lost or canceled
	}{
		"Unbounded":               {new(Unbounded[cell]), 1, false, true},
		"Unbounded/2 consumers":   {new(Unbounded[cell]), 2, true, false},
		"Bounded/Block":           {NewBounded[cell](4, Block), 1, true, false},
		"Bounded/Block/1":         {NewBounded[cell](1, Block), 1, true, false},
		"Bounded/2 consumers":     {NewBounded[cell](4, Block), 2, true, false},
		"Bounded/DropNewest":      {NewBounded[cell](4, DropNewest), 1, true, false},
		"Bounded/DropOldest":      {NewBounded[cell](4, DropOldest), 1, false, false},
		"Bounded/Fail":            {NewBounded[cell](100, Fail), 1, false, false},
		"Priority":                {NewPriority(3, level, 0, Block), 1, true, false},
		"Priority/Block":          {NewPriority(3, level, 4, Block), 1, true, false},
		"Priority/DropOldest":     {NewPriority(3, level, 4, DropOldest), 1, false, false},
		"Priority/2 consumers":    {NewPriority(3, level, 4, Block), 2, true, false},
		"Priority/Fail/unlimited": {NewPriority(1, level, 0, Block), 1, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			const producers, each = 6, 1500
			f := newTraffic(t, tt.q, producers)
			var in, out sync.WaitGroup
			done := make(chan struct{})
			for range tt.consumers {
				out.Go(func() { f.consume(done, tt.consumers == 1) })
			}
			for p := range producers {
				in.Go(func() { f.produce(p, each, 3, tt.wait, !tt.check) })
			}
			in.Wait()
			close(done)
			out.Wait()
			f.report(producers * each)
			if tt.check && f.popped.Load() != producers*each {
				t.Errorf("popped %d of %d", f.popped.Load(), producers*each)
			}
		})
	}
}

// TestConcurrentClose closes while producers push and wait and a consumer pops.
func TestConcurrentClose(t *testing.T) {
	for name, make := range map[string]func() Queue[cell]{
		"Unbounded": func() Queue[cell] { return new(Unbounded[cell]) },
		"Bounded":   func() Queue[cell] { return NewBounded[cell](8, Block) },
		"Priority":  func() Queue[cell] { return NewPriority(2, func(v cell) int { return v.level }, 8, Block) },
	} {
		t.Run(name, func(t *testing.T) {
			for round := range 20 {
				testClose(t, make(), round*20)
			}
		})
	}
}

func testClose(t *testing.T, q Queue[cell], closeAfter int) {
	const producers, each = 4, 200
	f := newTraffic(t, q, producers)
	var in, out sync.WaitGroup
	done := make(chan struct{})
	out.Go(func() { f.consume(done, true) })
	for p := range producers {
		in.Go(func() { f.produce(p, each, 2, true, true) })
	}
	in.Go(func() {
		for f.popped.Load() < int64(closeAfter) && f.popped.Load()+f.refused.Load()+f.canceled.Load() < producers*each/2 {
			runtime.Gosched()
		}
		q.Close()
	})
	in.Wait()
	close(done)
	out.Wait()
	f.report(producers * each)
}

// TestConcurrentForced pushes forced values beside others that evict, and
// checks that no forced value is ever missing.
func TestConcurrentForced(t *testing.T) {
	b := NewBounded[cell](2, DropOldest)
	p := NewPriority(2, func(v cell) int { return v.level }, 2, DropOldest)
	for _, s := range []subject{
		{q: b, forced: func(v cell, _ int) error { return b.PushForced(v) }},
		{q: p, forced: p.PushForced},
	} {
		t.Run(fmt.Sprintf("%T", s.q), func(t *testing.T) {
			const n = 2000
			f := newTraffic(t, s.q, 3)
			var in, out sync.WaitGroup
			done := make(chan struct{})
			out.Go(func() { f.consume(done, true) })
			in.Go(func() { f.produce(0, n, 2, false, false) })
			in.Go(func() { f.produce(1, n, 2, false, false) })
			in.Go(func() {
				for i := 1; i <= n; i++ {
					if err := s.forced(cell{id: 2*idsPerProducer + i}, 1); err != nil {
						t.Error(err)
					}
				}
			})
			in.Wait()
			close(done)
			out.Wait()
			f.report(3 * n)
			if f.refused.Load() != 0 {
				t.Errorf("%d refused", f.refused.Load())
			}
		})
	}
}
