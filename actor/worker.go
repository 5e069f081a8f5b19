package actor

import (
	"sync"
	"sync/atomic"
	"time"
)

// worker is a goroutine that runs processes. next is the process it runs after the current one: the one that was made ready
// last, whose message is in the cache. Others may take it only when the worker is stuck. The ring behind it is open to
// thieves.
type worker struct {
	sched     *scheduler
	sys       *System
	ctx       *Context
	park      chan struct{}
	ended     bool // set before the last token in park
	parked    bool // not running, or gone; under sched.mu
	woken     bool // it was woken to search; set under sched.mu
	searching bool // counted in sched.searching

	next    atomic.Pointer[process]
	cur     atomic.Uint64 // id of the process whose turn it is, or was; for the monitor and for Kill
	preempt atomic.Uint32 // set by the monitor; cleared when a turn begins
	blocked atomic.Bool   // not counted as active; changed under sched.mu
	stuck   stuck         // the monitor's notes

	tally tally

	lifo  int    // turns taken from next in a row
	turns uint   // for fairness
	quick bool   // somebody outside was answered: let its goroutine have this core
	seed  uint32 // where to start stealing

	count atomic.Int32 // length of the ring
	mu    sync.Mutex   // protects the field below
	ring  runQueue

	_ [128]byte // two workers write to their own cache lines
}

const (
	lifoTurns = 64 // then next goes to the end of the ring, so that two processes cannot starve the others
	fairness  = 61 // every so many turns the injector comes first
)

// push appends p to the ring.
func (w *worker) push(p *process) {
	w.mu.Lock()
	w.ring.push(p)
	w.count.Store(int32(w.ring.n))
	w.mu.Unlock()
}

func (w *worker) pop() *process {
	if w.count.Load() == 0 {
		return nil
	}
	w.mu.Lock()
	p := w.ring.pop()
	w.count.Store(int32(w.ring.n))
	w.mu.Unlock()
	return p
}

// steal takes half of o's ring, up to a bound, and returns one of it.
func (w *worker) steal(o *worker) *process {
	if o.count.Load() == 0 {
		return nil
	}
	var loot [takeMax]*process
	o.mu.Lock()
	n := min((o.ring.n+1)/2, takeMax)
	for i := range n {
		loot[i] = o.ring.pop()
	}
	o.count.Store(int32(o.ring.n))
	o.mu.Unlock()
	for i := 1; i < n; i++ {
		w.push(loot[i])
	}
	return loot[0]
}

func (w *worker) hasWork() bool {
	return w.next.Load() != nil || w.count.Load() > 0 || w.sched.injected.Load() > 0
}

// run is the worker's goroutine. If user code calls runtime.Goexit, a new goroutine takes the worker over.
func (w *worker) run() {
	ended := false
	defer func() {
		if !ended {
			w.sched.wg.Go(w.run)
		}
	}()
	for !ended {
		ended = w.turnsOn()
	}
}

// turnsOn runs processes until the worker must end, or until user code panicked: one recover serves all turns until then.
func (w *worker) turnsOn() (ended bool) {
	defer w.guard()
	for {
		var p *process
		if w.next.Load() != nil && w.lifo < lifoTurns {
			w.lifo++
			p = w.next.Swap(nil)
		}
		if p == nil {
			if p = w.find(); p == nil {
				return true
			}
		}
		if w.preempt.Load() != 0 {
			w.preempt.Store(0)
		}
		w.cur.Store(p.id)
		p.ops.turn(w)
		if w.blocked.Load() && !w.sched.unblock(w) {
			if !w.retire() {
				return true
			}
			w.searching = w.woken
		}
	}
}

// retire parks a worker that others replaced.
func (w *worker) retire() bool {
	w.sched.evict(w)
	return w.sched.rest(w)
}

// find returns the next process to run when next is not due, parking as long as there is none; nil ends the worker.
func (w *worker) find() *process {
	w.lifo = 0
	w.tally.flush()
	for {
		p := w.local()
		if p == nil {
			p = w.search()
		}
		if w.searching {
			w.searching = false
			w.sched.searching.Add(-1)
			if p != nil && w.sched.anyWork() {
				w.sched.wakeIfRoom()
			}
		}
		if p != nil {
			return p
		}
		w.quick = false
		if !w.sched.rest(w) {
			return nil
		}
		w.searching = w.woken
	}
}

// local takes from the worker's own queues. A process that was next too often in a row goes behind the others.
func (w *worker) local() *process {
	if w.turns++; w.turns%fairness == 0 {
		if p := w.sched.take(w); p != nil {
			return p
		}
	}
	if p := w.next.Load(); p != nil {
		if p = w.next.Swap(nil); p != nil {
			if w.count.Load() == 0 {
				return p
			}
			w.push(p)
		}
	}
	return w.pop()
}

// search looks everywhere, for a short while.
func (w *worker) search() *process {
	s := w.sched
	if p := w.grab(); p != nil {
		return p
	}
	if w.quick || s.limit == 1 {
		return nil
	}
	if !w.searching {
		if !s.searching.CompareAndSwap(0, 1) {
			return nil // one is enough
		}
		w.searching = true
	}
	for range searchRounds {
		if p := w.grab(); p != nil {
			return p
		}
		if w.next.Load() != nil {
			return w.next.Swap(nil)
		}
		pause(searchPause)
	}
	return nil
}

// A search lasts some ten microseconds: waking a parked worker costs its waker about as much.
const (
	searchRounds = 60
	searchPause  = 300
)

func (w *worker) grab() *process {
	if p := w.sched.take(w); p != nil {
		return p
	}
	all := *w.sched.all.Load()
	w.seed = w.seed*1664525 + 1013904223
	for i := range all {
		if o := all[(i+int(w.seed>>16))%len(all)]; o != w {
			if p := w.steal(o); p != nil {
				return p
			}
		}
	}
	return nil
}

// begin prepares the worker's Context for a turn of p.
func (w *worker) begin(p *process) *Context {
	c := w.ctx
	c.p = p
	return c
}

// yield ends a turn that leaves work behind: p goes behind whatever else is ready.
func (w *worker) yield(p *process) {
	w.tally.settle(p)
	p.publish()
	w.sched.later(p, w)
}

// stall is yield for a producer that has a cell and does not write it: the operating system took its core away, maybe to give it to
// us. If there is nothing else to do, give it back.
func (w *worker) stall(p *process) {
	w.yield(p)
	if w.count.Load() == 1 && w.next.Load() == nil {
		time.Sleep(stallPause)
	}
}

const stallPause = 20 * time.Microsecond

// guard turns a panic or a Goexit in user code into the end of the process whose turn it is.
func (w *worker) guard() {
	if c := w.ctx; c.stage != stageNone {
		c.crashed(recover())
	}
}

// tally counts messages. The owner counts in plain words and publishes when it has nothing to run next.
type tally struct {
	plain                uint32 // handled in a row; not counted at p at once, because senders on other cores read that cache line
	handled, taken       uint64
	allHandled, allTaken atomic.Uint64
}

// settle counts the plain messages of a turn of p, before the turn ends or does anything but handle them.
func (t *tally) settle(p *process) {
	if n := t.plain; n != 0 {
		t.plain = 0
		t.handled += uint64(n)
		p.adds(n)
	}
}

func (t *tally) flush() {
	if t.handled|t.taken != 0 {
		t.allHandled.Store(t.allHandled.Load() + t.handled)
		t.allTaken.Store(t.allTaken.Load() + t.taken)
		t.handled, t.taken = 0, 0
	}
}
