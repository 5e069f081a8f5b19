package view_test

import "github.com/foundation-runtime/foundation/cluster/view"

// track is how far the events of a member have come at one observer.
type track struct {
	phase  view.Kind // the last of Joining, Up, Leaving, Down, Forgotten
	health view.Kind // Suspect or Unreachable, or zero
}

// rank of the phases; a later event is of a greater one.
var phases = map[view.Kind]int{0: 0, view.EventJoining: 1, view.EventUp: 2, view.EventLeaving: 3, view.EventDown: 4, view.EventForgotten: 5}

// next is the table of what may follow.
func (t *track) next(k view.Kind) bool {
	alive := t.phase != 0 && phases[t.phase] < phases[view.EventDown]
	switch k {
	case view.EventJoining:
		if t.phase != 0 {
			return false
		}
		t.phase = k
	case view.EventUp, view.EventLeaving, view.EventDown:
		if !alive || phases[k] <= phases[t.phase] {
			return false
		}
		t.phase = k
	case view.EventForgotten:
		if t.phase != view.EventDown {
			return false
		}
		t.phase = k
	case view.EventSuspect:
		if !alive || t.health != 0 {
			return false
		}
		t.health = k
	case view.EventUnreachable:
		if !alive || t.health == k {
			return false
		}
		t.health = k
	case view.EventReachable:
		if !alive || t.health == 0 {
			return false
		}
		t.health = 0
	}
	return true
}

// judge compares an event with what is true.
func (w *world) judge(p *proc, e view.Event) {
	if e.Kind > view.EventForgotten {
		w.alarms = append(w.alarms, e)
		return
	}
	id := e.Member.ID
	if id == p.id {
		return
	}
	o := p.peer(id, hostOf(e.Member.Addr))
	if was := o.track; !o.track.next(e.Kind) {
		w.fault("%v: %v is announced %v after %v %v", p.id, id, e.Kind, was.phase, was.health)
	}
	evidence := w.now-o.heard >= w.timing.Silent && o.swim == 2
	switch e.Kind {
	case view.EventSuspect:
		o.suspected = true
	case view.EventUnreachable:
		if !evidence && w.now-o.heard < w.timing.LinkBroken {
			w.fault("%v: %v is unreachable, heard %v ago, SWIM %d", p.id, id, w.now-o.heard, o.swim)
		}
	case view.EventDown:
		w.downs = append(w.downs, death{p.id, id, w.now, e.Member.Proved, e.Member.Why})
		alive := w.hosts[o.host].proc != nil && w.hosts[o.host].proc.id == id
		switch {
		case e.Member.Proved && alive && !w.refused:
			w.fault("%v: %v is proved dead (%s) and alive", p.id, id, e.Member.Why)
		case !e.Member.Proved && !evidence && w.now-o.heard < w.timing.LinkBroken:
			w.fault("%v: %v is down by decision, heard %v ago, SWIM %d", p.id, id, w.now-o.heard, o.swim)
		}
	}
}
