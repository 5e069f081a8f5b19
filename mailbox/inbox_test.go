package mailbox

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestInboxModel runs random operations of one goroutine, which pushes and owns
// the consumer's right in turn, beside a plain list.
func TestInboxModel(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 2))
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	var pool Pool[cell]
	for range 40 {
		var q Inbox[cell]
		var held []int
		owned := false
		id := 0
		push := func() {
			id++
			wake, ok := q.Push(&pool, &cell{id: id})
			if !ok || wake == owned {
				t.Fatalf("push %d: wake %v, ok %v; owned %v", id, wake, ok, owned)
			}
			held, owned = append(held, id), true
		}
		pop := func() {
			var v cell
			switch res := q.Pop(&pool, &v); {
			case res == Got && len(held) > 0 && v.id == held[0]:
				held = held[1:]
			case res != Empty || len(held) > 0:
				t.Fatalf("pop: %v, %d; held %v", res, v.id, held)
			}
		}
		release := func() {
			if ok := q.Release(&pool); ok != (len(held) == 0) {
				t.Fatalf("release: %v with %d held", ok, len(held))
			}
			owned = len(held) > 0
		}
		for range 300 {
			switch op := rng.IntN(8); {
			case op < 2:
				for range rng.IntN(3 * segmentSize) {
					push()
				}
			case op == 2:
				push()
			case op == 3:
				if wake := q.Poke(); wake == owned {
					t.Fatalf("poke: wake %v, owned %v", wake, owned)
				}
				owned = true
			case op == 4:
				if ok := q.Claim(); ok == owned {
					t.Fatalf("claim: %v, owned %v", ok, owned)
				}
				owned = true
			case owned:
				for range rng.IntN(4 * segmentSize) {
					pop()
				}
				if len(held) == 0 {
					pop()
					release()
				}
			}
			if n := q.Len(q.took); n != len(held) {
				t.Fatalf("Len %d, want %d", n, len(held))
			}
		}
		tickets, idle, first := q.Close()
		if idle == owned || !first || !q.Closed() {
			t.Fatalf("close: idle %v, first %v, closed %v; owned %v", idle, first, q.Closed(), owned)
		}
		q.Drain(tickets, true, func(v *cell) {
			if len(held) == 0 || v.id != held[0] {
				t.Fatalf("drained %d, held %v", v.id, held)
			}
			held = held[1:]
		})
		if len(held) > 0 {
			t.Fatalf("not drained: %v", held)
		}
		if wake, ok := q.Push(&pool, &cell{id: 1}); wake || ok {
			t.Fatalf("push after close: wake %v, ok %v", wake, ok)
		}
	}
}

// inboxRun is one inbox with a consumer that is started by whoever is told to.
type inboxRun struct {
	t        *testing.T
	in       Inbox[cell]
	pool     *Pool[cell]
	running  atomic.Int32 // consumers at work; never more than one
	pending  sync.WaitGroup
	tickets  chan uint64 // what the first Close returned
	last     map[int]int // the consumer's own
	popped   atomic.Int64
	accepted atomic.Int64
}

func newInboxRun(t *testing.T, pool *Pool[cell]) *inboxRun {
	return &inboxRun{t: t, pool: pool, tickets: make(chan uint64, 1), last: map[int]int{}}
}

// schedule starts the consumer; the caller was told to wake it.
func (r *inboxRun) schedule() { r.pending.Go(r.consume) }

// consume has the consumer's right until Release takes it, or, after Close, for
// good: then it drains. Nobody else may, because the right can be on its way to
// a consumer that has not started yet.
func (r *inboxRun) consume() {
	r.enter()
	for !r.in.Closed() {
		var v cell
		switch r.in.Pop(r.pool, &v) {
		case Got:
			r.got(&v)
		case Busy:
			runtime.Gosched()
		case Empty:
			r.running.Add(-1) // the next one may start within Release
			if r.in.Release(r.pool) {
				return
			}
			r.enter()
		}
	}
	r.in.Drain(<-r.tickets, true, r.got)
	r.running.Add(-1)
}

func (r *inboxRun) enter() {
	if r.running.Add(1) != 1 {
		r.t.Error("two own the consumer's right")
	}
}

func (r *inboxRun) got(v *cell) {
	r.popped.Add(1)
	from := v.id / idsPerProducer
	if r.last[from] >= v.id {
		r.t.Errorf("%d came after %d", v.id, r.last[from])
	}
	r.last[from] = v.id
}

// produce pushes n values and now and then takes the consumer's right otherwise.
// pokes must be false if the inbox may be closed meanwhile: Poke cannot tell
// then who owns the right.
func (r *inboxRun) produce(producer, n int, pokes bool) {
	rng := rand.New(rand.NewPCG(uint64(producer), 3))
	for i := 1; i <= n; i++ {
		wake, ok := r.in.Push(r.pool, &cell{id: producer*idsPerProducer + i})
		if !ok {
			return
		}
		r.accepted.Add(1)
		if wake {
			r.schedule()
		}
		switch rng.IntN(50) {
		case 0:
			if pokes && r.in.Poke() {
				r.schedule()
			}
		case 1:
			if r.in.Claim() {
				r.schedule()
			}
		case 2, 3, 4:
			if r.in.Len(false) < 0 {
				r.t.Error("Len below 0")
			}
			runtime.Gosched() // so that it becomes idle now and then
		}
	}
}

// TestInboxConcurrent has several inboxes with one pool, so that segments wander
// between them.
func TestInboxConcurrent(t *testing.T) {
	const inboxes, producers, each = 3, 4, 3000
	var pool Pool[cell]
	var in sync.WaitGroup
	runs := make([]*inboxRun, inboxes)
	for i := range runs {
		runs[i] = newInboxRun(t, &pool)
		for p := range producers {
			in.Go(func() { runs[i].produce(p, each, true) })
		}
	}
	in.Wait()
	for _, r := range runs {
		r.pending.Wait()
		if n := r.popped.Load(); n != producers*each || r.in.Len(false) != 0 {
			t.Errorf("popped %d of %d, Len %d", n, producers*each, r.in.Len(false))
		}
		if !r.in.Claim() {
			t.Error("not idle in the end")
		}
	}
}

// TestInboxClose closes while producers push and the consumer pops; what was
// accepted is either popped or drained, in order.
func TestInboxClose(t *testing.T) {
	var pool Pool[cell]
	for round := range 60 {
		const producers, each = 3, 300
		r := newInboxRun(t, &pool)
		var in sync.WaitGroup
		for p := range producers {
			in.Go(func() { r.produce(p, each, false) })
		}
		in.Go(func() {
			for r.accepted.Load() < int64(round*10) {
				runtime.Gosched()
			}
			tickets, idle, first := r.in.Close()
			if !first {
				t.Error("closed before")
			}
			if _, _, first := r.in.Close(); first {
				t.Error("closed twice")
			}
			r.tickets <- tickets
			if idle {
				r.schedule()
			}
		})
		in.Wait() // from here on nobody schedules
		r.pending.Wait()
		if r.popped.Load() != r.accepted.Load() {
			t.Fatalf("round %d: accepted %d, popped or drained %d", round, r.accepted.Load(), r.popped.Load())
		}
	}
}

// TestInboxDrainBeside drains while the consumer goes on popping, as when a
// handler runs on: each value is seen by exactly one of the two.
func TestInboxDrainBeside(t *testing.T) {
	var pool Pool[cell]
	for round := range 100 {
		var q Inbox[cell]
		const n = 5 * segmentSize
		for i := range n {
			q.Push(&pool, &cell{id: i + 1})
		}
		var v cell
		if q.Pop(&pool, &v) != Got || v.id != 1 { // the inline cell
			t.Fatal("no first value")
		}
		var popped, drained []int
		start := make(chan struct{})
		var both sync.WaitGroup
		both.Go(func() {
			<-start
			for v := (cell{}); ; {
				switch q.Pop(&pool, &v) {
				case Got:
					popped = append(popped, v.id)
				case Busy:
					runtime.Gosched()
				case Empty:
					return
				}
			}
		})
		both.Go(func() {
			<-start
			for range round {
				runtime.Gosched()
			}
			tickets, idle, first := q.Close()
			if idle || !first {
				t.Errorf("close: idle %v, first %v", idle, first)
			}
			q.Drain(tickets, false, func(v *cell) { drained = append(drained, v.id) })
		})
		close(start)
		both.Wait()
		for i, id := range append(popped, drained...) {
			if id != i+2 {
				t.Fatalf("round %d: value %d is %d; %d popped, %d drained", round, i, id, len(popped), len(drained))
			}
		}
		if len(popped)+len(drained) != n-1 {
			t.Fatalf("round %d: %d popped, %d drained of %d", round, len(popped), len(drained), n-1)
		}
	}
}

func TestInboxAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("segments come from a sync.Pool")
	}
	var pool Pool[cell]
	var q Inbox[cell]
	for _, burst := range []int{1, 2, segmentSize, 10 * segmentSize} {
		allocs := testing.AllocsPerRun(100, func() {
			var v cell
			for i := range burst {
				v.id = i
				q.Push(&pool, &v)
			}
			for range burst {
				q.Pop(&pool, &v)
			}
			if !q.Release(&pool) {
				t.Error("not released")
			}
		})
		if allocs != 0 {
			t.Errorf("%v allocations for %d values", allocs, burst)
		}
	}
}
