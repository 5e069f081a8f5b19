package actor

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// scheduler runs processes on a fixed number of workers.
//
// Invariants: at most limit workers are active, that is, neither parked nor blocked in user code; work that was made ready
// while fewer are active and none is searching wakes one. The monitor repeats that check, so a worker stuck in user code
// holds nothing back for longer than two of its ticks.
type scheduler struct {
	sys   *System
	limit int

	injected  atomic.Int64 // length of the injector
	searching atomic.Int32 // workers that look for work, or were woken to do so
	room      atomic.Int32 // limit - active
	all       atomic.Pointer[[]*worker]
	wakes     atomic.Uint64 // for the monitor: something happened
	asleep    atomic.Bool   // the monitor is parked
	kick      chan struct{} // wakes the monitor

	mu       sync.Mutex // protects the fields below
	injector runQueue
	idle     []*worker
	active   int
	stopped  bool
	watching bool // the monitor runs
	wg       sync.WaitGroup
}

func (s *scheduler) init(sys *System, limit int) {
	s.sys, s.limit = sys, limit
	s.room.Store(int32(limit))
	s.kick = make(chan struct{}, 1)
	none := []*worker{}
	s.all.Store(&none)
}

// ready makes p run soon. On a worker of p's System it runs there next: the message is in that core's cache. A sender of another
// System brings its own worker, whose Context is not for p.
func (s *scheduler) ready(p *process, w *worker) {
	if w == nil || w.sched != s || w.blocked.Load() {
		s.inject(p)
		return
	}
	if old := w.next.Swap(p); old != nil {
		w.push(old)
		s.wakeIfRoom()
	}
}

// later puts p behind whatever else is ready.
func (s *scheduler) later(p *process, w *worker) {
	if w == nil || w.sched != s || w.blocked.Load() {
		s.inject(p)
		return
	}
	w.push(p)
	s.wakeIfRoom()
}

func (s *scheduler) inject(p *process) {
	s.mu.Lock()
	if n := len(s.idle); n > 0 && s.injector.n == 0 && s.active < s.limit {
		// A parked worker gets it directly.
		w := s.rouseLocked(n-1, false)
		w.next.Store(p)
		s.mu.Unlock()
		w.park <- struct{}{}
		if s.asleep.Load() {
			s.rouse()
		}
		return
	}
	s.injector.push(p)
	s.injected.Add(1)
	s.mu.Unlock()
	s.wakeIfRoom()
}

// take moves a fair share of the injector to w's ring, but for the first, which it returns.
func (s *scheduler) take(w *worker) *process {
	if s.injected.Load() == 0 {
		return nil
	}
	var batch [takeMax]*process
	s.mu.Lock()
	n := min(s.injector.n/s.limit+1, takeMax, s.injector.n)
	for i := range n {
		batch[i] = s.injector.pop()
	}
	s.injected.Add(int64(-n))
	s.mu.Unlock()
	if n == 0 {
		return nil
	}
	if n > 1 {
		w.mu.Lock()
		for _, p := range batch[1:n] {
			p.sig.Load() // looked at together, processes that are in nobody's cache come at once, not one after the other
			w.ring.push(p)
		}
		w.count.Store(int32(w.ring.n))
		w.mu.Unlock()
	}
	return batch[0]
}

const takeMax = 64

// wakeIfRoom wakes or starts a worker if fewer than limit are active and none is searching.
func (s *scheduler) wakeIfRoom() {
	if s.room.Load() > 0 && s.searching.Load() == 0 {
		s.wakeOne()
	}
}

func (s *scheduler) wakeOne() {
	s.mu.Lock()
	if s.active >= s.limit || s.stopped || !s.searching.CompareAndSwap(0, 1) {
		s.mu.Unlock()
		return
	}
	if n := len(s.idle); n > 0 {
		w := s.rouseLocked(n-1, true)
		s.mu.Unlock()
		w.park <- struct{}{}
	} else {
		s.active++
		s.room.Add(-1)
		s.wakes.Add(1)
		w := s.hireLocked()
		s.mu.Unlock()
		s.wg.Go(w.run)
	}
	if s.asleep.Load() {
		s.rouse()
	}
}

// rouseLocked takes the last parked worker, which the caller then wakes. search says whether it is one of those counted as searching.
func (s *scheduler) rouseLocked(i int, search bool) *worker {
	w := s.idle[i]
	s.idle[i] = nil
	s.idle = s.idle[:i]
	w.parked, w.woken = false, search
	s.active++
	s.room.Add(-1)
	s.wakes.Add(1)
	return w
}

func (s *scheduler) rouse() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// hireLocked makes a worker, and the monitor beside the first.
func (s *scheduler) hireLocked() *worker {
	w := &worker{sched: s, sys: s.sys, park: make(chan struct{}, 1), searching: true}
	w.ctx = newContext(s.sys, w, &w.tally)
	all := append(append([]*worker{}, *s.all.Load()...), w)
	s.all.Store(&all)
	if !s.watching {
		s.watching = true
		s.wg.Go(s.watch)
	}
	return w
}

// dismissLocked forgets a worker whose goroutine ends.
func (s *scheduler) dismissLocked(w *worker) {
	var all []*worker
	for _, o := range *s.all.Load() {
		if o != w {
			all = append(all, o)
		}
	}
	s.all.Store(&all)
	w.parked = true
	w.tally.flush()
	s.sys.handled.Add(w.tally.allHandled.Load())
	s.sys.taken.Add(w.tally.allTaken.Load())
}

// anyWork reports whether some queue that others may take from is not empty.
func (s *scheduler) anyWork() bool {
	if s.injected.Load() > 0 {
		return true
	}
	for _, w := range *s.all.Load() {
		if w.count.Load() > 0 {
			return true
		}
	}
	return false
}

// block notes that w is about to wait, or waits, in user code: others take its queue and its place.
func (s *scheduler) block(w *worker) {
	s.mu.Lock()
	if w.blocked.Load() || w.parked {
		s.mu.Unlock()
		return
	}
	w.blocked.Store(true)
	s.active--
	s.room.Add(1)
	s.mu.Unlock()
	s.evict(w)
}

// evict moves w's queue to the injector.
func (s *scheduler) evict(w *worker) {
	if p := w.next.Swap(nil); p != nil {
		s.inject(p)
	}
	for p := w.pop(); p != nil; p = w.pop() {
		s.inject(p)
	}
	if s.anyWork() {
		s.wakeIfRoom()
	}
}

// unblock makes w active again if there is room; else it stays blocked and retires when its turn is over.
func (s *scheduler) unblock(w *worker) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !w.blocked.Load() {
		return true
	}
	if s.active >= s.limit {
		return false
	}
	s.active++
	s.room.Add(-1)
	w.blocked.Store(false)
	s.wakes.Add(1) // it may block again
	if s.asleep.Load() {
		s.rouse()
	}
	return true
}

// maxIdle workers beyond limit are kept parked for the next time somebody blocks; the rest end.
const maxIdle = 8

// rest parks w until somebody wakes it. It is false if w must end. w is not active any more when it is called with blocked
// set, else it gives up its place here.
func (s *scheduler) rest(w *worker) bool {
	w.cur.Store(0)
	w.ctx.env = envelope{} // its message is not kept alive by an idle worker
	w.tally.flush()
	s.mu.Lock()
	if w.blocked.Load() {
		w.blocked.Store(false)
	} else {
		s.active--
		s.room.Add(1)
	}
	if s.stopped || len(s.idle) >= s.limit+maxIdle {
		s.dismissLocked(w)
		s.mu.Unlock()
		s.evict(w)
		s.rouse() // the monitor ends with the last worker
		return false
	}
	s.idle = append(s.idle, w)
	w.parked = true
	s.mu.Unlock()
	// Work made ready before we left was seen by nobody if its maker counted on us.
	if w.next.Load() != nil {
		s.evict(w)
	}
	if s.anyWork() {
		s.wakeIfRoom()
	}
	<-w.park
	return !w.ended
}

func (s *scheduler) stop() {
	s.mu.Lock()
	s.stopped = true
	idle := s.idle
	s.idle = nil
	for _, w := range idle {
		w.ended = true
		s.dismissLocked(w)
	}
	s.mu.Unlock()
	for _, w := range idle {
		w.park <- struct{}{}
	}
	s.rouse()
}

func defaultWorkers() int { return runtime.GOMAXPROCS(0) }

// running reports whether p's turn is going on now, or was a moment ago.
func (s *scheduler) running(p *process) bool {
	for _, w := range *s.all.Load() {
		if w.cur.Load() == p.id {
			return true
		}
	}
	return false
}
