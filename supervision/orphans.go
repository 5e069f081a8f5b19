package supervision

import (
	"errors"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// orphans are the children of a supervisor that was killed. Their links end them, but not at once: the supervisor
// above takes the killed one for ended only when they are gone, so that its successor finds their names free and never
// runs the same children twice. Those that do not end within their Shutdown are killed.
type orphans struct {
	reason error // of the killed supervisor
	left   map[actor.MonitorRef]orphan
	limit  actor.Timer
}

type orphan struct {
	pid      actor.PID
	shutdown time.Duration
	looked   bool // a second time
}

// orphansLate tells a supervisor that the orphans of a killed child had their time.
type orphansLate struct{ supervisor actor.PID }

// keep remembers what a child that is a supervisor knows.
func (s *shell) keep(pid actor.PID, v *view) {
	if s.subs == nil {
		s.subs = make(map[actor.PID]*view)
	}
	s.subs[pid] = v
}

// adopt looks for the children that a supervisor left behind when it was killed, and waits for them if there are any.
func (s *shell) adopt(ctx *actor.Context, pid actor.PID, reason error) bool {
	v := s.subs[pid]
	if v == nil {
		return false
	}
	delete(s.subs, pid)
	if v.over.Load() {
		return false // it ended in order: its children are gone
	}
	o := &orphans{reason: reason, left: make(map[actor.MonitorRef]orphan)}
	var limit time.Duration
	for _, c := range v.living() {
		if c.shutdown == BrutalKill {
			ctx.Exit(c.pid, actor.Kill)
		} else if c.shutdown != Infinity {
			limit = max(limit, c.shutdown)
		}
		o.left[ctx.Monitor(c.pid)] = c
	}
	v.forget()
	if len(o.left) == 0 {
		return false
	}
	if limit > 0 {
		o.limit = ctx.SendAfter(limit, ctx.Self(), orphansLate{pid})
	}
	if s.orphans == nil {
		s.orphans = make(map[actor.PID]*orphans)
	}
	s.orphans[pid] = o
	return true
}

// living lists the children whose processes did not end as far as their supervisor knew.
func (v *view) living() (list []orphan) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for e := range v.m.table.all() {
		if e.live && !e.gone {
			list = append(list, orphan{pid: e.pid, shutdown: e.child.patience()})
		}
	}
	return list
}

// orphanDown reports whether a Down was that of an orphan.
func (s *shell) orphanDown(ctx *actor.Context, d actor.Down) bool {
	for pid, o := range s.orphans {
		c, ok := o.left[d.Ref]
		if !ok {
			continue
		}
		if errors.Is(d.Reason, actor.NoProc) && !c.looked {
			// It had ended before it was monitored, perhaps just now: give what follows an end, as its name, a moment.
			c.looked = true
			o.left[d.Ref] = c
			ctx.SendAfter(time.Millisecond, ctx.Self(), d)
			return true
		}
		delete(o.left, d.Ref)
		if len(o.left) == 0 {
			delete(s.orphans, pid)
			o.limit.Stop()
			s.gone(ctx, pid, o.reason)
		}
		return true
	}
	return false
}

func (s *shell) orphansLate(ctx *actor.Context, supervisor actor.PID) {
	o := s.orphans[supervisor]
	if o == nil {
		return
	}
	for _, c := range o.left {
		if c.shutdown != Infinity {
			ctx.Exit(c.pid, actor.Kill)
		}
	}
}
