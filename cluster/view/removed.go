package view

import (
	"fmt"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Situation is what a decision about unreachable members is made from.
type Situation struct {
	Now         time.Time
	Self        Member
	Up          []Member // as [View.Up]
	Unreachable []Unheard
	Stable      time.Duration // since when neither Up nor Unreachable changed
	Timing      Timing
}

// Unheard is a member that is unreachable, and for how long.
type Unheard struct {
	Member
	For time.Duration
}

// KeepAll takes who is unreachable for Timing.DownAfter for down, whatever is left: every side of a partition goes on. It
// is the policy of development.
func KeepAll(s Situation) (down []nodeid.ID) {
	for _, m := range s.Unreachable {
		if m.For >= s.Timing.DownAfter {
			down = append(down, m.ID)
		}
	}
	return down
}

// decide asks the policy, if somebody is unreachable.
func (v *View) decide() {
	var s Situation
	for _, m := range v.members {
		if m.State == Unreachable {
			s.Unreachable = append(s.Unreachable, Unheard{m.Member, v.at - m.unreachableAt})
		}
	}
	if s.Unreachable == nil {
		return
	}
	s.Now, s.Self, s.Up, s.Stable, s.Timing = v.now, v.self.Member, v.Up(), v.at-v.reachedAt, v.t
	policy := v.Decide
	if policy == nil {
		policy = KeepAll
	}
	for _, id := range policy(s) {
		if m := v.find(id); m != nil && m.State == Unreachable {
			v.down(m, byDecision, fmt.Sprintf("silent for %v, dead for SWIM, and unreachable for %v", v.at-m.heard, v.at-m.unreachableAt))
		}
	}
}

// retire tells a member that is down but alive for SWIM, and forgets it in the end. Not before it was told: SWIM may not
// say again that it is alive, and two that forgot each other would never meet.
func (v *View) retire(m *member) {
	haunts := m.swim == swimAlive
	if n := v.live(m.ID.Name); n != nil && n.Addr == m.Addr {
		haunts = false // it is certainly gone, and gossip is late
	}
	switch {
	case haunts && v.at-m.told >= v.t.Silent:
		v.tell(m)
	case !haunts && v.at-m.downAt >= v.t.ForgetAfter:
		v.forget(m)
	}
}

func (v *View) tell(m *member) {
	m.told = v.at
	v.emit(Tell{m.ID, m.Addr, v.Floor(m.ID.Name), v.Rank()})
}

// forget removes m and keeps its incarnation as the floor of its name.
func (v *View) forget(m *member) {
	i, ok := slices.BinarySearchFunc(v.members, m.ID, compareID)
	if !ok {
		return
	}
	v.members = slices.Delete(v.members, i, i+1)
	floor := max(v.floors[m.ID.Name], m.ID.Incarnation)
	v.floors[m.ID.Name] = floor
	if len(v.floors) > MaxFloors {
		v.mergeFloor()
	}
	m.State, m.Since = Forgotten, v.now
	v.event(EventForgotten, m)
}

// mergeFloor remembers the least floor in common with those merged before: an unknown name with an incarnation as old as
// that is refused too, and has to start anew, which is safe.
func (v *View) mergeFloor() {
	var least nodeid.ID
	for name, inc := range v.floors {
		if id := (nodeid.ID{Name: name, Incarnation: inc}); least.IsZero() || older(id, least) < 0 {
			least = id
		}
	}
	delete(v.floors, least.Name)
	v.forgotten = max(v.forgotten, least.Incarnation)
}

// boundDown forgets early who is down longest.
func (v *View) boundDown() {
	var longest *member
	n := 0
	for _, m := range v.members {
		if m.live() {
			continue
		}
		n++
		if longest == nil || m.downAt < longest.downAt {
			longest = m
		}
	}
	if n > MaxDown {
		v.forget(longest)
	}
}

// haunted: SWIM holds an incarnation alive that is not admitted any more. It is told, again and again, until SWIM says
// that it is gone or there is a newer one that lives.
func (v *View) haunted(id nodeid.ID, addr string) {
	m := v.find(id)
	if m == nil {
		m = &member{Member: Member{ID: id, Addr: addr, State: Down, Since: v.now}, ghost: true, downAt: v.at}
		v.insert(m)
		v.boundDown()
		v.tell(m)
	}
	m.swim = swimAlive
	if addr != "" {
		m.Addr = addr
	}
}

// remover is a member that removed us, but has to go itself, as far as we can see.
type remover struct {
	by   nodeid.ID
	addr string
	rank Rank
	due  time.Duration
	told int
}

// Rank is what is compared with the rank of a member that removed this one, or was removed by it.
func (v *View) Rank() Rank {
	r := Rank{Self: v.self.ID}
	for _, m := range v.members {
		heard := m == v.self || m.session == sessionUp && m.State == Up && !slices.ContainsFunc(v.removers,
			func(r remover) bool { return r.by == m.ID })
		if m.Says != Up || !heard {
			continue
		}
		r.Up++
		if r.Oldest == 0 || m.ID.Incarnation < r.Oldest {
			r.Oldest = m.ID.Incarnation
		}
	}
	return r
}

// removedBy compares ranks. The greater one waits before it insists: if we are who is cut off, the others will say the
// same within Settle, and our rank falls.
func (v *View) removedBy(in Removed) {
	if in.ID != v.self.ID || in.By == v.self.ID {
		return
	}
	v.floor = max(v.floor, in.Floor)
	if v.self.Says == Joining || v.Rank().Less(in.Rank) {
		v.selfRemoved(in.By)
		return
	}
	for i := range v.removers {
		if r := &v.removers[i]; r.by == in.By {
			r.addr, r.rank = in.Addr, in.Rank
			return
		}
	}
	if len(v.removers) == maxRemovers {
		v.removers = slices.Delete(v.removers, 0, 1)
	}
	v.removers = append(v.removers, remover{by: in.By, addr: in.Addr, rank: in.Rank, due: v.at + v.t.Settle})
}

func (v *View) recheckRemovers() {
	const tells = 16
	for i := range v.removers {
		r := &v.removers[i]
		if v.at < r.due {
			continue
		}
		if v.Rank().Less(r.rank) {
			v.selfRemoved(r.by)
			return
		}
		r.due = v.at + v.t.Silent
		r.told++
		v.emit(Tell{r.by, r.addr, v.Floor(r.by.Name), v.Rank()})
	}
	v.removers = slices.DeleteFunc(v.removers, func(r remover) bool { return r.told >= tells })
}

// pardon: somebody who removed us has a session with us after all.
func (v *View) pardon(id nodeid.ID) {
	v.removers = slices.DeleteFunc(v.removers, func(r remover) bool { return r.by == id })
}

func (v *View) selfRemoved(by nodeid.ID) {
	v.removed = true
	v.emit(SelfRemoved{By: by, Floor: max(v.floor, v.Floor(v.self.ID.Name))})
}
