package supervision

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// view is what a supervisor's process shares with those who hold a handle of it: its machine, of which they read the
// table. The lock is held for single steps of the machine, never while something is started or sent.
type view struct {
	mu         sync.RWMutex
	m          *machine[actor.PID]
	failed     error // why the first start failed
	sys        *actor.System
	pid        actor.PID
	kind       kind
	template   Child
	epoch      time.Time
	partitions atomic.Int64 // in use
	over       atomic.Bool  // ended, and not by a kill
	home       *directory
}

func (v *view) born(sys *actor.System, pid actor.PID) {
	v.sys, v.pid = sys, pid
	v.home = directoryOf(sys)
	v.home.add(v)
}

// forget takes a supervisor that ended in order out of the directory.
func (v *view) forget() {
	v.over.Store(true)
	if v.home != nil {
		v.home.remove(v)
	}
}

// ChildInfo describes a child as its supervisor sees it.
type ChildInfo struct {
	ID         string
	PID        actor.PID // zero: not running (ended, ignored, terminated, or restarting)
	Supervisor bool
	Restart    Restart
	Restarting bool      // waits to be started again
	Restarts   int       // so far
	LastExit   error     // of the incarnation before, or why the last start failed; nil: none yet
	Since      time.Time // start of this incarnation; zero if PID is
}

// Counts counts the children of a supervisor. Source: OTP supervisor:count_children/1.
type Counts struct {
	Specs       int // children known, running or not
	Active      int // that run
	Supervisors int // that are supervisors, running or not
	Workers     int // that are not
}

// live reports whether the supervisor still exists. If not, its table may be what it last was: nobody cleans up after a
// kill.
func (v *view) live() bool { return v.sys != nil && v.sys.Alive(v.pid) }

func (v *view) info(e *entry[actor.PID], live bool) ChildInfo {
	c := e.child
	i := ChildInfo{ID: c.ID, Supervisor: c.Supervisor != nil, Restart: c.Restart, Restarts: int(e.restarts), LastExit: e.last}
	if !live {
		return i
	}
	i.PID, i.Restarting = e.shown(), e.restarting()
	if !i.PID.IsZero() {
		i.Since = v.epoch.Add(e.since)
	}
	return i
}

func (v *view) children() []ChildInfo {
	live := v.live()
	v.mu.RLock()
	defer v.mu.RUnlock()
	list := make([]ChildInfo, 0, v.m.table.n)
	for e := range v.m.table.all() {
		if !e.hidden {
			list = append(list, v.info(e, live))
		}
	}
	return list
}

func (v *view) child(find func(*table[actor.PID]) *entry[actor.PID]) (ChildInfo, bool) {
	live := v.live()
	v.mu.RLock()
	defer v.mu.RUnlock()
	e := find(&v.m.table)
	if e == nil || e.hidden {
		return ChildInfo{}, false
	}
	return v.info(e, live), true
}

func (v *view) count() (c Counts) {
	live := v.live()
	v.mu.RLock()
	defer v.mu.RUnlock()
	for e := range v.m.table.all() {
		if e.hidden {
			continue
		}
		c.Specs++
		if e.child.Supervisor != nil {
			c.Supervisors++
		} else {
			c.Workers++
		}
		if live && !e.shown().IsZero() {
			c.Active++
		}
	}
	return c
}
