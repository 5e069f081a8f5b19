package supervision

import "time"

type actionKind uint8

const (
	actStart   actionKind = iota // spawn e and answer with spawned
	actExit                      // tell pid to exit with Shutdown
	actKill                      // kill pid
	actTimer                     // call fired with timer after delay; a zero delay: after what is queued already
	actNoTimer                   // timer is not wanted any more
	actReply                     // answer the command with this token: err, or e and pid
	actReady                     // the first children are up
	actEnd                       // end the supervisor; all its children are gone
	actReport                    // tell the log
)

type report uint8

const (
	reportStarted   report = iota
	reportCrashed          // a child ended by itself, and it should not have
	reportStopped          // a child that was told to exit ended with another reason
	reportStart            // a child could not be started
	reportIntensity        // too many restarts
)

// ending says why a supervisor ends.
type ending uint8

const (
	endTold      ending = iota // with the reason it was told
	endStart                   // a first child could not be started
	endAuto                    // auto shutdown
	endIntensity               // too many restarts
)

type action[P comparable] struct {
	kind   actionKind
	report report
	end    ending
	e      *entry[P]
	pid    P
	timer  uint64
	token  uint64
	delay  time.Duration
	err    error
}

// end orders the supervisor to end: what is under way is given up and all children are stopped, in reverse start order,
// or all at once if it is a dynamic one.
func (m *machine[P]) end(now time.Duration, why ending, cause *entry[P], reason error) {
	if m.phase == phaseStopping || m.phase == phaseEnded {
		return
	}
	if m.main != nil && m.main.kind == opRollback {
		return // ends anyway, when its children are gone
	}
	m.phase = phaseStopping
	o := &op[P]{kind: opEnd, end: why, failed: cause, err: reason, parallel: m.conf.dynamic}
	for e := m.table.tail; e != nil; e = e.prev {
		e.op = nil
		if e.state == stateRestarting {
			m.cancel(e)
		}
		if e.state != stateIdle {
			o.stops = append(o.stops, e)
		}
	}
	m.main = o
	m.advance(now, o)
}

// told is end with the reason the supervisor was given from outside.
func (m *machine[P]) told(now time.Duration, reason error) { m.end(now, endTold, nil, reason) }

func (m *machine[P]) setTimer(e *entry[P], d time.Duration) {
	m.cancel(e)
	if m.waits == nil {
		m.waits = make(map[uint64]*entry[P])
	}
	m.seq++
	e.timer = m.seq
	m.waits[m.seq] = e
	m.emit(action[P]{kind: actTimer, timer: m.seq, delay: d})
}

func (m *machine[P]) setGroupTimer(d time.Duration) {
	if m.together == nil {
		m.together = make(map[uint64]time.Duration)
	}
	m.seq++
	m.together[m.seq] = d
	m.emit(action[P]{kind: actTimer, timer: m.seq, delay: d})
}

func (m *machine[P]) cancel(e *entry[P]) {
	if e.timer == 0 {
		return
	}
	delete(m.waits, e.timer)
	m.emit(action[P]{kind: actNoTimer, timer: e.timer})
	e.timer = 0
}

// fired reports that a timer has run out. Timers that are not wanted any more are ignored.
func (m *machine[P]) fired(now time.Duration, timer uint64) {
	if d, ok := m.together[timer]; ok {
		delete(m.together, timer)
		for e := m.table.head; e != nil; e = e.next {
			if e.state == stateStopping && e.live && !e.gone && e.child.patience() == d {
				m.emit(action[P]{kind: actKill, pid: e.pid, e: e})
			}
		}
		return
	}
	e := m.waits[timer]
	if e == nil {
		return
	}
	delete(m.waits, timer)
	e.timer = 0
	switch e.state {
	case stateStopping, stateStarting: // shutdown time is over; not ready in time
		if e.live && !e.gone {
			e.late = e.state == stateStarting
			m.emit(action[P]{kind: actKill, pid: e.pid, e: e})
		}
	case stateRestarting:
		m.retryWhenFree(now, e)
	}
}
