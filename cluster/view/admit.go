package view

import (
	"cmp"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// claim is a newer incarnation, at another address, of a member that is alive.
type claim struct {
	id       nodeid.ID
	addr     string
	info     *Info
	swim     bool          // SWIM told of it, so it need not come back when the name is free
	made, at time.Duration // it was made, and last heard of
	answered bool          // the old one was alive after it was made; whether it still is, its last bytes say
}

// older orders incarnations by age, the oldest first.
func older(a, b nodeid.ID) int {
	return cmp.Or(cmp.Compare(a.Incarnation, b.Incarnation), a.Compare(b))
}

// Floor is the greatest incarnation of a name that is known, or was before it was forgotten.
func (v *View) Floor(name string) nodeid.Incarnation {
	floor := v.floors[name]
	if lives := v.lives(name); len(lives) > 0 {
		floor = max(floor, lives[len(lives)-1].ID.Incarnation)
	}
	return floor
}

// live returns the live member of a name, or nil.
func (v *View) live(name string) *member {
	for _, m := range v.lives(name) {
		if m.live() {
			return m
		}
	}
	return nil
}

// Admit says whether a node that says hello may have a session: nil, or an [*AdmitError]. It changes nothing; what a hello
// sets off is done by the input [Hello].
func (v *View) Admit(id nodeid.ID, addr string) error {
	if _, err := v.classify(id, addr); err != nil {
		return err
	}
	return nil
}

// classify is Admit. Where a newer incarnation is admitted by P1, it returns the one that is dead by it.
func (v *View) classify(id nodeid.ID, addr string) (old *member, err error) {
	fault := func(sentinel error, other *member) (*member, error) {
		e := &AdmitError{ID: id, Err: sentinel, Floor: v.Floor(id.Name), Rank: v.Rank()}
		if other != nil {
			e.Other, e.Addr = other.ID, other.Addr
		}
		return other, e
	}
	if m := v.find(id); m != nil {
		switch {
		case m == v.self:
			return fault(ErrDuplicateName, m)
		case m.ghost:
			return fault(ErrForgotten, nil)
		case !m.live():
			return fault(ErrRemoved, nil)
		}
		return nil, nil
	}
	floor, known := v.Floor(id.Name), len(v.lives(id.Name)) > 0
	if floor == 0 && id.Incarnation <= v.forgotten {
		return fault(ErrForgotten, nil)
	}
	if id.Incarnation.Counter() <= floor.Counter() {
		if known {
			return fault(ErrOldIncarnation, nil)
		}
		return fault(ErrForgotten, nil)
	}
	old = v.live(id.Name)
	switch {
	case old == nil:
		if v.count() >= MaxMembers {
			return fault(ErrFull, nil)
		}
		return nil, nil
	case old == v.self:
		return fault(ErrDuplicateName, old)
	case addr != "" && old.Addr == addr:
		return old, nil
	case old.claim != nil && old.claim.answered && v.at-old.heard < v.t.Silent:
		return fault(ErrDuplicateName, old)
	}
	return fault(ErrProbing, old)
}

// count is how many members are live.
func (v *View) count() (n int) {
	for _, m := range v.members {
		if m.live() {
			n++
		}
	}
	return n
}

// admit makes a member of an incarnation that is not live yet, or says why not and looks into it. Swim says whether it is
// known from others, and not by its own hello.
func (v *View) admit(id nodeid.ID, addr string, info *Info, swim bool) *member {
	old, err := v.classify(id, addr)
	if err != nil {
		v.refuse(id, addr, info, swim, old, err)
		return nil
	}
	if old != nil {
		v.down(old, byItself, "a newer incarnation is at its address")
	}
	m := &member{Member: Member{ID: id, Addr: addr, State: Joining, Says: Joining, Since: v.now}, heard: v.at}
	m.Weight = 1
	if info != nil {
		v.inform(m, addr, *info)
	}
	v.insert(m)
	v.event(EventJoining, m)
	return m
}

func (v *View) refuse(id nodeid.ID, addr string, info *Info, swim bool, old *member, err error) {
	switch e, _ := err.(*AdmitError); e.Err {
	case ErrProbing:
		v.claimed(old, id, addr, info, swim)
	case ErrDuplicateName:
		if old.claim != nil {
			old.claim.at = v.at
		}
		if old == v.self && id != old.ID && (old.claim == nil || old.claim.id != id) {
			old.claim = &claim{id: id, answered: true} // so that there is one alarm
			v.emit(Event{Kind: AlarmDuplicateName, Member: old.Member, Other: id})
		}
		v.emit(Refuse{id, err})
	case ErrFull:
		v.emit(Refuse{id, err})
	default:
		if swim {
			v.haunted(id, addr)
		} else {
			v.emit(Refuse{id, err})
		}
	}
}

// hello is the first word of a node on a connection. What it proves about older lives holds before it is answered.
func (v *View) hello(in Hello) {
	if m := v.peer(in.ID); m != nil {
		v.heard(m, v.at)
		return
	}
	old, err := v.classify(in.ID, in.Addr)
	switch {
	case err != nil:
		v.refuse(in.ID, in.Addr, &in.Info, false, old, err)
	case old != nil:
		v.down(old, byItself, "a newer incarnation is at its address")
	}
}

// claimed notes that id wants the name of old, and probes whether that is alive.
func (v *View) claimed(old *member, id nodeid.ID, addr string, info *Info, swim bool) {
	switch c := old.claim; {
	case c != nil && c.id == id:
		c.at = v.at
		c.swim = c.swim || swim
	case c == nil || c.id.Incarnation < id.Incarnation:
		old.claim = &claim{id: id, addr: addr, info: info, swim: swim, at: v.at, made: v.at}
		v.startProbe(old) // and again by retry
	}
}

// duplicate notes that the member whose name is wanted is alive.
func (v *View) duplicate(m *member) {
	c := m.claim
	if c.answered {
		return
	}
	c.answered = true
	v.emit(Event{Kind: AlarmDuplicateName, Member: m.Member, Other: c.id})
	v.emit(Refuse{c.id, &AdmitError{ID: c.id, Err: ErrDuplicateName, Floor: v.Floor(c.id.Name), Other: m.ID, Addr: m.Addr, Rank: v.Rank()}})
}
