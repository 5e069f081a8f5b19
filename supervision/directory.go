package supervision

import (
	"runtime"
	"sync"
	"weak"

	"github.com/foundation-runtime/foundation/actor"
)

// directory knows the supervisors of one System, for Attach and Tree. It keeps nothing in memory: neither the System,
// nor what belongs to supervisors that were killed.
type directory struct {
	mu    sync.Mutex
	views map[string]weak.Pointer[view] // by the text of the PID; a PID itself would hold on to its System
	sweep int                           // look for killed supervisors when there are more than this
}

const minSweep = 64

// directories holds the directory of every System.
var directories sync.Map // weak.Pointer[actor.System] to *directory

func directoryOf(sys *actor.System) *directory {
	key := weak.Make(sys)
	if d, ok := directories.Load(key); ok {
		return d.(*directory)
	}
	fresh := &directory{views: make(map[string]weak.Pointer[view]), sweep: minSweep}
	d, old := directories.LoadOrStore(key, fresh)
	if !old {
		runtime.AddCleanup(sys, func(key weak.Pointer[actor.System]) { directories.Delete(key) }, key)
	}
	return d.(*directory)
}

func (d *directory) add(v *view) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.views[v.pid.String()] = weak.Make(v)
	if len(d.views) <= d.sweep {
		return
	}
	for pid, old := range d.views {
		if o := old.Value(); o == nil || o != v && !o.live() {
			delete(d.views, pid)
		}
	}
	d.sweep = max(minSweep, 2*len(d.views))
}

func (d *directory) remove(v *view) {
	d.mu.Lock()
	defer d.mu.Unlock()
	pid := v.pid.String()
	if d.views[pid].Value() == v {
		delete(d.views, pid)
	}
}

func (d *directory) find(pid actor.PID) *view {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.views[pid.String()].Value()
}

// all lists the living supervisors, in no order.
func (d *directory) all() []*view {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*view, 0, len(d.views))
	for _, w := range d.views {
		if v := w.Value(); v != nil && v.live() {
			list = append(list, v)
		}
	}
	return list
}
