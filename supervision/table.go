package supervision

import (
	"iter"
	"time"
)

type state uint8

const (
	stateIdle state = iota // known, no process
	stateStarting
	stateRunning
	stateStopping   // told to exit
	stateRestarting // waits to be started again
)

// entry is a child and its present process, if any.
//
// Invariants: live means that pid was spawned and its end was not yet acted upon; gone, that its end is known. pid stays
// the key of byPID while the child restarts, so that a dynamic child can be named by its last pid.
type entry[P comparable] struct {
	prev, next *entry[P]
	op         *op[P] // under way for this child alone
	child      *Child
	pid        P
	last       error // why the previous process ended, or why it could not be started
	since      time.Duration
	timer      uint64
	restarts   int32
	attempts   uint16 // restarts in a row, for the backoff
	state      state
	class      exitClass
	live, gone bool
	paid       bool // the restart that its timer leads to is counted already
	late       bool // killed because it was not ready in time
	again      bool // its start is a restart
	hidden     bool // its first start is under way: not shown yet
	removed    bool
}

// table holds the children in start order. All operations but all take constant time.
type table[P comparable] struct {
	head, tail  *entry[P]
	byPID       map[P]*entry[P]
	byID        map[string]*entry[P] // nil for a dynamic supervisor
	dynamic     bool
	n           int
	significant int // significant children that are not idle
}

func (t *table[P]) all() iter.Seq[*entry[P]] {
	return func(yield func(*entry[P]) bool) {
		for e := t.head; e != nil; {
			next := e.next // e may be removed by the body
			if !yield(e) {
				return
			}
			e = next
		}
	}
}

func (t *table[P]) insert(c *Child) *entry[P] {
	e := &entry[P]{child: c, prev: t.tail}
	if t.tail == nil {
		t.head = e
	} else {
		t.tail.next = e
	}
	t.tail = e
	t.n++
	if !t.dynamic {
		if t.byID == nil {
			t.byID = make(map[string]*entry[P])
		}
		t.byID[c.ID] = e
	}
	return e
}

func (t *table[P]) remove(e *entry[P]) {
	if e.removed {
		return
	}
	e.removed = true
	if e.prev == nil {
		t.head = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		t.tail = e.prev
	} else {
		e.next.prev = e.prev
	}
	t.n--
	if t.byID != nil {
		delete(t.byID, e.child.ID)
	}
	t.release(e)
}

// own makes pid the process of e.
func (t *table[P]) own(e *entry[P], pid P) {
	t.release(e)
	if t.byPID == nil {
		t.byPID = make(map[P]*entry[P])
	}
	t.byPID[pid] = e
	e.pid, e.live, e.gone = pid, true, false
}

// release forgets the process of e.
func (t *table[P]) release(e *entry[P]) {
	var none P
	if e.pid != none {
		if t.byPID[e.pid] == e {
			delete(t.byPID, e.pid)
		}
		e.pid = none
	}
	e.live, e.gone = false, false
}

// shown is the process to tell others of, or the zero P if there is none at work.
func (e *entry[P]) shown() (pid P) {
	if e.live && !e.gone && (e.state == stateRunning || e.state == stateStopping) {
		pid = e.pid
	}
	return pid
}

// restarting reports whether e waits to be started again, or is just being.
func (e *entry[P]) restarting() bool {
	return e.state == stateRestarting || e.state == stateStarting && e.again
}
