package actor

import "time"

// watchTick is how often the monitor looks. A worker that is found in the same message at two looks in a row is taken for
// blocked.
const watchTick = time.Millisecond

// quietTicks without anything to watch park the monitor.
const quietTicks = 10

// stuck is what the monitor remembers of a worker.
type stuck struct {
	process uint64
	since   time.Time
	warned  bool
}

// watch is the monitor: it hands the queues of stuck workers over, makes the end of killed processes happen whose worker does
// not return, and warns of long turns and long queues.
func (s *scheduler) watch() {
	tick := time.NewTimer(watchTick)
	defer tick.Stop()
	quiet, wakes := 0, uint64(0)
	for {
		select {
		case <-tick.C:
		case <-s.kick:
		}
		if s.over() {
			return
		}
		busy := s.inspect(time.Now())
		if now := s.wakes.Load(); busy || now != wakes {
			quiet, wakes = 0, now
		} else {
			quiet++
		}
		if quiet > quietTicks {
			s.asleep.Store(true)
			if s.wakes.Load() == wakes && !s.sys.graves.waiting() {
				<-s.kick
			}
			s.asleep.Store(false)
			quiet = 0
			if s.over() {
				return
			}
		}
		tick.Reset(watchTick)
	}
}

// over reports whether the scheduler was stopped and every turn is done.
func (s *scheduler) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped && len(*s.all.Load()) == 0
}

// inspect looks at every worker once. It reports whether there is anything to look at again soon.
func (s *scheduler) inspect(now time.Time) (busy bool) {
	for _, w := range *s.all.Load() {
		id := w.cur.Load()
		if id == 0 {
			w.stuck = stuck{}
			continue
		}
		if w.blocked.Load() {
			// A process made ready just before the worker was found stuck may still be there.
			if w.next.Load() != nil || w.count.Load() > 0 {
				s.evict(w)
			}
		}
		p := s.sys.table.lookup(id)
		if p != nil {
			s.sys.checkHighWater(p)
		}
		if w.preempt.Load() == 0 {
			w.preempt.Store(1)
			w.stuck = stuck{process: id, since: now}
			busy = true
			continue
		}
		if !w.blocked.Load() {
			busy = true
			s.block(w)
		}
		if p == nil {
			continue
		}
		if w.stuck.process == id && !w.stuck.warned {
			busy = true
			if lasts := now.Sub(w.stuck.since); lasts >= s.sys.cfg.longTurn {
				w.stuck.warned = true
				s.sys.warn(Warning{PID: p.pid(), Kind: LongTurn, Lasts: lasts})
			}
		}
	}
	if s.anyWork() {
		busy = true
		s.wakeIfRoom()
	}
	return s.sys.graves.sweep() || busy
}
