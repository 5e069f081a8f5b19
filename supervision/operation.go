package supervision

import "time"

type opKind uint8

const (
	opInit     opKind = iota // the first start of all children
	opRollback               // of which one failed: those that started are stopped again
	opStartCmd
	opRestartCmd
	opTerminateCmd
	opRestart
	opEnd // of the supervisor
)

// op is an operation under way: first stops, one after the other or (parallel) all at once, then starts in order.
type op[P comparable] struct {
	kind     opKind
	parallel bool
	began    bool
	token    uint64    // who asked for it
	cause    *entry[P] // a restart: the child that ended
	stops    []*entry[P]
	starts   []*entry[P]
	delay    time.Duration // after the stops; what follows is a retry then
	pending  []pending[P]  // what arrived meanwhile
	end      ending
	failed   *entry[P]
	err      error
	one      [1]*entry[P] // what starts is, mostly
}

// startOnly makes e all that o starts.
func (o *op[P]) startOnly(e *entry[P]) {
	o.one[0] = e
	o.starts = o.one[:]
}

// pending is an event that waits for the end of an operation.
type pending[P comparable] struct {
	exit    bool
	pid     P
	retry   *entry[P]
	command *command[P]
}

// busy is the operation that e, or everything, is under.
func (m *machine[P]) busy(e *entry[P]) *op[P] {
	if m.main != nil || e == nil {
		return m.main
	}
	return e.op
}

// launch begins an operation on e, or on all children unless the strategy is OneForOne.
func (m *machine[P]) launch(now time.Duration, e *entry[P], o *op[P]) {
	if m.conf.strategy == OneForOne {
		e.op = o
	} else {
		m.main = o
	}
	m.advance(now, o)
}

// advance carries an operation on as far as it goes without waiting.
func (m *machine[P]) advance(now time.Duration, o *op[P]) {
	if o.parallel && !o.began {
		o.began = true
		m.stopAll(now, o)
	}
	for len(o.stops) > 0 {
		e := o.stops[0]
		if o.parallel {
			e = o.stops[len(o.stops)-1]
		}
		switch {
		case e.state == stateStopping && e.live && !e.gone:
			return
		case e.state == stateStarting && !e.live: // spawned follows
			return
		case e.live && !e.gone:
			m.stop(now, e)
			return
		}
		m.settle(e)
		if o.parallel {
			o.stops = o.stops[:len(o.stops)-1]
		} else {
			o.stops = o.stops[1:]
		}
	}
	if o.delay == 0 && len(o.starts) > 0 {
		e := o.starts[0]
		m.setState(e, stateStarting)
		e.again = o.kind == opRestart
		m.emit(action[P]{kind: actStart, e: e})
		return
	}
	m.finish(now, o)
}

// settle makes a child that an operation has stopped idle; a temporary one is dropped.
func (m *machine[P]) settle(e *entry[P]) {
	if e.state == stateIdle && !e.live || e.removed {
		return
	}
	m.retire(e)
}

// stop tells a living child to exit.
func (m *machine[P]) stop(now time.Duration, e *entry[P]) {
	m.cancel(e)
	m.setState(e, stateStopping)
	if e.child.patience() == BrutalKill {
		m.emit(action[P]{kind: actKill, pid: e.pid, e: e})
		return
	}
	m.emit(action[P]{kind: actExit, pid: e.pid, e: e})
	if e.child.patience() != Infinity && (m.main == nil || !m.main.parallel) {
		m.setTimer(e, e.child.patience())
	}
}

// stopAll tells all children of a parallel stop to exit, with one timer for all that have the same shutdown time.
func (m *machine[P]) stopAll(now time.Duration, o *op[P]) {
	times := make(map[time.Duration]bool)
	for _, e := range o.stops {
		if e.live && !e.gone && e.state != stateStopping {
			m.stop(now, e)
			times[e.child.patience()] = true
		}
	}
	for d := range times {
		if d != BrutalKill && d != Infinity {
			m.setGroupTimer(d)
		}
	}
}

// stopped reports that a child that was told to exit has ended.
func (m *machine[P]) stopped(now time.Duration, e *entry[P]) {
	if e.class == exitAbnormal && !(e.child.patience() == BrutalKill) {
		m.emit(action[P]{kind: actReport, report: reportStopped, e: e, err: e.last})
	}
	if o := m.busy(e); o != nil {
		m.advance(now, o)
	}
}

// spawned answers a start: err is nil when there is a process pid; ignored when the child chose not to run.
func (m *machine[P]) spawned(now time.Duration, e *entry[P], pid P, ignored bool, err error) {
	o := m.busy(e)
	switch {
	case err != nil:
		m.startFailed(now, e, err)
		return
	case ignored:
		m.setState(e, stateIdle)
		e.since = now
		m.table.release(e)
		if e.child.Restart == Temporary || m.conf.dynamic {
			m.table.remove(e)
		}
		if m.phase == phaseStopping {
			m.advance(now, o)
			return
		}
	default:
		m.table.own(e, pid)
		if m.phase == phaseStopping { // ordered to end while the start was on its way
			m.setState(e, stateRunning)
			if o.parallel {
				m.stop(now, e)
				if e.child.patience() > 0 && e.child.patience() != Infinity {
					m.setTimer(e, e.child.patience())
				}
			} else {
				m.advance(now, o)
			}
			return
		}
		if e.child.async() {
			if r := e.child.Ready; r > 0 && r != Infinity {
				m.setTimer(e, r)
			}
			return
		}
	}
	m.startDone(now, e, o)
}

// ready reports that a child whose start takes time is up.
func (m *machine[P]) ready(now time.Duration, pid P) {
	e := m.table.byPID[pid]
	if e == nil || !e.live || e.gone || e.late || e.state != stateStarting {
		return // late: it was killed for that
	}
	m.cancel(e)
	m.startDone(now, e, m.busy(e))
}

func (m *machine[P]) startDone(now time.Duration, e *entry[P], o *op[P]) {
	if e.live {
		m.setState(e, stateRunning)
		e.since = now
		m.emit(action[P]{kind: actReport, report: reportStarted, e: e})
	}
	e.hidden = false
	if o == nil || len(o.starts) == 0 {
		return
	}
	if o.kind == opRestart {
		e.restarts++
	}
	o.starts = o.starts[1:]
	m.advance(now, o)
}

// startFailed decides what follows when e could not be started.
func (m *machine[P]) startFailed(now time.Duration, e *entry[P], err error) {
	o := m.busy(e)
	if e.late {
		e.late, err = false, ErrNotReady
	}
	e.last = err
	m.cancel(e)
	if o.kind == opRestart {
		e.live, e.gone = false, false // but keeps its last pid as its key
	} else {
		m.table.release(e)
	}
	m.emit(action[P]{kind: actReport, report: reportStart, e: e, err: err})
	m.setState(e, stateIdle)
	if m.phase == phaseStopping {
		m.advance(now, o)
		return
	}
	switch o.kind {
	case opInit:
		started := o.starts[0]
		o.kind, o.failed, o.err, o.starts = opRollback, e, err, nil
		for s := started.prev; s != nil; s = s.prev {
			o.stops = append(o.stops, s)
		}
	case opRestart:
		if o.cause != e && o.cause.state == stateRestarting { // was not reached: it starts with e
			m.table.release(o.cause)
			m.setState(o.cause, stateIdle)
		}
		m.setState(e, stateRestarting)
		e.paid = false
		m.setTimer(e, m.nextDelay(e))
		o.starts = nil
	case opStartCmd:
		m.table.remove(e)
		o.err, o.failed, o.starts = err, e, nil
	default:
		o.err, o.failed, o.starts = err, e, nil
	}
	m.advance(now, o)
}

// finish ends an operation and takes up what had to wait for it.
func (m *machine[P]) finish(now time.Duration, o *op[P]) {
	switch o.kind {
	case opInit:
		m.phase = phaseRunning
		m.emit(action[P]{kind: actReady})
	case opRollback:
		m.phase = phaseEnded
		m.emit(action[P]{kind: actEnd, end: endStart, e: o.failed, err: o.err})
		return
	case opEnd:
		m.phase = phaseEnded
		m.emit(action[P]{kind: actEnd, end: o.end, e: o.failed, err: o.err})
		return
	case opRestart:
		if o.delay > 0 && o.cause.state == stateRestarting {
			o.cause.paid = true
			m.setTimer(o.cause, o.delay)
		}
	default:
		m.answer(o)
	}
	if m.main == o {
		m.main = nil
	}
	if o.cause != nil && o.cause.op == o {
		o.cause.op = nil
	}
	for _, p := range o.pending {
		m.resume(now, p)
	}
}

// resume takes up an event that had to wait. It may have to wait again.
func (m *machine[P]) resume(now time.Duration, p pending[P]) {
	if m.phase != phaseRunning {
		return
	}
	switch {
	case p.command != nil:
		m.command(now, p.command)
	case p.retry != nil:
		m.retryWhenFree(now, p.retry)
	default:
		e := m.table.byPID[p.pid]
		if e == nil || !e.live || !e.gone || e.state != stateRunning {
			return // an operation stopped it before its end was acted upon
		}
		if o := m.busy(e); o != nil {
			o.pending = append(o.pending, p)
			return
		}
		m.ended(now, e)
	}
}

func (m *machine[P]) retryWhenFree(now time.Duration, e *entry[P]) {
	if e.state != stateRestarting || e.removed || e.timer != 0 {
		return
	}
	if o := m.busy(e); o != nil {
		o.pending = append(o.pending, pending[P]{retry: e})
		return
	}
	m.retry(now, e)
}
