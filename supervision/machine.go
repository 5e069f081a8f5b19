package supervision

import (
	"math"
	"time"
)

// machine decides everything a supervisor does and does none of it: events come in as calls, with the time passed in,
// and actions go out in order through next. It starts no process, sends nothing and knows no clock, so that all
// decisions can be tested as values. P identifies a process.
//
// One operation at a time concerns a child: a start, a stop, a restart of a group. What arrives meanwhile for a child
// under an operation waits, in order, until it is finished. With OneForOne every child has operations of its own, so a
// child that takes long to stop delays no other; with the other strategies, and while the first children start, there
// is one operation for all. An order to end preempts everything.
type machine[P comparable] struct {
	conf     config
	table    table[P]
	win      window
	phase    phase
	main     *op[P] // set while an operation concerns all children
	out      []action[P]
	done     int                      // how many of out were handed out
	waits    map[uint64]*entry[P]     // timers of entries, by number
	together map[uint64]time.Duration // timers of a parallel stop: those with this shutdown time are killed
	seq      uint64
	rand     func() float64
}

// config is what a machine needs to know of its specification, with all defaults filled in.
type config struct {
	strategy  Strategy
	dynamic   bool // children have no id, are forgotten when they are not restarted, and are stopped in parallel
	max       int  // of children of a dynamic one; 0: no limit
	auto      AutoShutdown
	intensity int
	period    time.Duration
	backoff   Backoff
}

type phase uint8

const (
	phaseNew phase = iota
	phaseStarting
	phaseRunning
	phaseStopping
	phaseEnded
)

// exitClass is what a restart decision needs to know of an exit reason.
type exitClass uint8

const (
	exitNormal exitClass = iota
	exitShutdown
	exitAbnormal
)

func newMachine[P comparable](c config, rand func() float64) *machine[P] {
	m := &machine[P]{conf: c, rand: rand}
	m.win = window{intensity: c.intensity, period: c.period}
	m.table.dynamic = c.dynamic
	return m
}

// add puts a child in the table before begin.
func (m *machine[P]) add(c *Child) *entry[P] { return m.table.insert(c) }

// begin starts the children that were added, in order.
func (m *machine[P]) begin(now time.Duration) {
	m.phase = phaseStarting
	o := &op[P]{kind: opInit}
	for e := range m.table.all() {
		o.starts = append(o.starts, e)
	}
	m.main = o
	m.advance(now, o)
}

// next hands out the next action; each must be carried out, in order, before the next event is reported, but for
// spawned, which answers a start at once.
func (m *machine[P]) next() (action[P], bool) {
	if m.done == len(m.out) {
		m.out, m.done = m.out[:0], 0
		if cap(m.out) > keptActions {
			m.out = nil
		}
		return action[P]{}, false
	}
	a := m.out[m.done]
	m.out[m.done] = action[P]{}
	m.done++
	return a, true
}

const keptActions = 64 // room for these is kept when there are none

func (m *machine[P]) emit(a action[P]) {
	if m.done >= keptActions/2 && 2*m.done >= len(m.out) { // a long start never comes to an end of the list
		n := copy(m.out, m.out[m.done:])
		clear(m.out[n:])
		m.out, m.done = m.out[:n], 0
	}
	m.out = append(m.out, a)
}

// shouldRestart is the restart decision of OTP's supervisor.
func shouldRestart(r Restart, c exitClass) bool {
	switch r {
	case Permanent:
		return true
	case Transient:
		return c == exitAbnormal
	default:
		return false
	}
}

// exited reports that process pid ended.
func (m *machine[P]) exited(now time.Duration, pid P, c exitClass, reason error) {
	e := m.table.byPID[pid]
	if e == nil || !e.live || e.gone || m.phase == phaseEnded {
		return
	}
	e.gone, e.class, e.last = true, c, reason
	m.cancel(e)
	switch e.state {
	case stateStopping:
		m.stopped(now, e)
	case stateStarting:
		m.startFailed(now, e, reason)
	default:
		if o := m.busy(e); o != nil {
			o.pending = append(o.pending, pending[P]{exit: true, pid: pid})
			return
		}
		m.ended(now, e)
	}
}

// ended decides what follows when a running child has ended by itself and nothing else is under way for it.
func (m *machine[P]) ended(now time.Duration, e *entry[P]) {
	if shouldRestart(e.child.Restart, e.class) {
		m.emit(action[P]{kind: actReport, report: reportCrashed, e: e, err: e.last})
		m.crashed(now, e)
		return
	}
	if e.class == exitAbnormal {
		m.emit(action[P]{kind: actReport, report: reportCrashed, e: e, err: e.last})
	}
	significant := e.child.Significant
	m.retire(e)
	if significant && (m.conf.auto == AnySignificant || m.conf.auto == AllSignificant && m.table.significant == 0) {
		m.end(now, endAuto, e, nil)
	}
}

// crashed restarts a child that ended, and what its strategy takes along, now or after the backoff.
func (m *machine[P]) crashed(now time.Duration, e *entry[P]) {
	if !m.allowed(now, e) {
		return
	}
	if m.conf.backoff.Min > 0 && now-e.since >= m.conf.backoff.Reset {
		e.attempts = 0
	}
	d := m.nextDelay(e)
	e.live, e.gone = false, false // but keeps its pid as its key
	m.setState(e, stateRestarting)
	o := &op[P]{kind: opRestart, cause: e, delay: d}
	m.group(o, d > 0)
	m.launch(now, e, o)
}

// retry starts again a child whose last start failed or whose backoff is over.
func (m *machine[P]) retry(now time.Duration, e *entry[P]) {
	if !e.paid && !m.allowed(now, e) {
		return
	}
	e.paid = false
	o := &op[P]{kind: opRestart, cause: e}
	m.group(o, false)
	m.launch(now, e, o)
}

// allowed counts a restart of e; if it was one too many the supervisor ends.
func (m *machine[P]) allowed(now time.Duration, e *entry[P]) bool {
	if m.win.add(now) {
		return true
	}
	m.emit(action[P]{kind: actReport, report: reportIntensity, e: e, err: e.last})
	last := e.last
	m.retire(e)
	m.end(now, endIntensity, e, last)
	return false
}

func (m *machine[P]) nextDelay(e *entry[P]) time.Duration {
	if m.conf.backoff.Min <= 0 {
		return 0
	}
	d := m.conf.backoff.delay(int(e.attempts), m.rand())
	e.attempts = min(e.attempts, math.MaxUint16-1) + 1
	return d
}

// group lists what a restart stops, in the order in which that happens, and what it starts: with OneForAll all children,
// with RestForOne those from its cause on. Temporary siblings are not started again: they are dropped when they are
// stopped. stopOnly leaves the starts for later.
func (m *machine[P]) group(o *op[P], stopOnly bool) {
	first := o.cause
	switch m.conf.strategy {
	case OneForOne:
		if !stopOnly {
			o.startOnly(first)
		}
		return
	case OneForAll:
		first = m.table.head
	}
	for s := m.table.tail; s != nil; s = s.prev {
		if s != o.cause {
			o.stops = append(o.stops, s)
		}
		if s == first {
			break
		}
	}
	for s := first; s != nil && !stopOnly; s = s.next {
		if s.child.Restart != Temporary {
			o.starts = append(o.starts, s)
		}
	}
}

// retire makes e idle, or drops it if its specification is not kept.
func (m *machine[P]) retire(e *entry[P]) {
	m.cancel(e)
	m.table.release(e)
	m.setState(e, stateIdle)
	if e.child.Restart == Temporary || m.conf.dynamic {
		m.table.remove(e)
	}
}

// setState keeps the count of significant children that are not idle.
func (m *machine[P]) setState(e *entry[P], s state) {
	if e.child.Significant && (e.state == stateIdle) != (s == stateIdle) {
		if s == stateIdle {
			m.table.significant--
		} else {
			m.table.significant++
		}
	}
	e.state = s
}
