package view

import (
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// cause is why somebody is down. Those who went by their own will are no loss that P2 has to be careful about.
type cause uint8

const (
	byDecision cause = iota
	byRefusal
	byItself // goodbye, or a newer incarnation
)

func (v *View) swimAlive(in SwimAlive) {
	if in.ID == v.self.ID {
		return
	}
	if m := v.peer(in.ID); m != nil {
		m.swim, m.left = swimAlive, false
		if !m.greeted && in.Info != nil {
			v.inform(m, in.Addr, *in.Info)
		}
		v.assess(m)
		return
	}
	if m := v.admit(in.ID, in.Addr, in.Info, true); m != nil {
		m.swim = swimAlive
		v.connect(m)
	}
}

func (v *View) swimDead(id nodeid.ID) {
	if old := v.live(id.Name); old != nil && old.claim != nil && old.claim.id == id {
		old.claim = nil
	}
	m := v.find(id)
	if m == nil || m == v.self {
		return
	}
	m.swim = swimDead
	v.assess(m)
}

// swimLeft is a goodbye that may have overtaken what was sent on the session before it, so that one has to end first.
func (v *View) swimLeft(id nodeid.ID) {
	m := v.peer(id)
	if m == nil {
		v.swimDead(id)
		return
	}
	m.swim, m.left = swimDead, true
	v.says(m, Leaving)
	v.assess(m)
}

func (v *View) sessionUp(in SessionUp) {
	m := v.peer(in.ID)
	if m == nil {
		if m = v.admit(in.ID, in.Addr, &in.Info, false); m == nil {
			v.emit(EndSession{in.ID, "it is not admitted"})
			return
		}
	}
	m.session = sessionUp
	v.inform(m, in.Addr, in.Info)
	m.greeted = true
	v.heard(m, v.at)
	v.stopProbe(m)
	v.pardon(m.ID)
}

func (v *View) sessionClosed(id nodeid.ID, s session) {
	m := v.peer(id)
	if m == nil {
		return
	}
	was := m.session
	m.session = s
	if s == sessionNone && was != sessionNone {
		v.connect(m) // an attempt that failed is repeated by retry, so that a refusal is no busy loop
	}
	v.assess(m)
	switch {
	case !m.live() || m.probe.running || v.t.NoProof && m.claim == nil:
	case m.probe.refused >= refusals && v.at-m.probe.refusedAt < v.t.Silent:
		v.prove(m) // somebody asked before our connection closed
	default:
		v.startProbe(m)
	}
}

// heard notes that bytes came from m, or that it answered a dial.
func (v *View) heard(m *member, at time.Duration) {
	if m == nil {
		return
	}
	m.heard = max(m.heard, at)
	if m.probe.refused > 0 && at > m.probe.firstAt {
		m.probe.forget()
	}
	if m.claim != nil && at > m.claim.made {
		v.duplicate(m)
	}
	v.assess(m)
}

func (v *View) status(in Status) {
	m := v.peer(in.ID)
	if m == nil {
		return
	}
	v.heard(m, v.at)
	m.Load = in.Load
	if in.ViewID != m.PeerView {
		m.PeerView, m.viewAt = in.ViewID, v.at
	}
	m.deaf = slices.Clone(in.Broken[:min(len(in.Broken), MaxBroken)])
	v.says(m, in.State)
}

// says notes what a member says of itself; that only goes on, so a late heartbeat changes nothing.
func (v *View) says(m *member, s State) {
	order := [...]State{Joining, Up, Leaving}
	if !m.live() || slices.Index(order[:], s) <= slices.Index(order[:], m.Says) {
		return
	}
	m.Says = s
	v.changed = true
	if m.State != Suspect && m.State != Unreachable {
		m.State, m.Since = s, v.now
	}
	if s == Leaving {
		v.unstable(m.ID)
		v.event(EventLeaving, m)
	} else {
		v.event(EventUp, m)
	}
}

// assess compares what is known of a live member with the rules of evidence.
func (v *View) assess(m *member) {
	if !m.live() {
		return
	}
	silence := v.at - m.heard
	if m.left && (m.session != sessionUp || silence >= v.t.Silent) {
		v.down(m, byItself, "it left")
		return
	}
	// A member that SWIM never saw, as it vanished just after its hello, would otherwise stay for ever.
	dead := m.swim == swimDead || m.swim == swimUnknown && silence >= v.t.LinkBroken
	switch {
	case dead && silence >= v.t.Silent:
		v.health(m, Unreachable)
	case dead || silence >= v.t.Silent/2:
		v.health(m, Suspect)
	default:
		v.health(m, m.Says)
	}
	broken := m.swim == swimAlive && silence >= v.t.LinkBroken
	if broken && !m.broken {
		v.event(AlarmBrokenLink, m)
	}
	m.broken = broken
}

// health makes m Suspect, Unreachable, or what it says it is.
func (v *View) health(m *member, s State) {
	if m.State == s {
		return
	}
	was := m.State
	m.State, m.Since = s, v.now
	v.changed = true
	if was == Unreachable || s == Unreachable {
		v.reachedAt = v.at
	}
	switch {
	case s == Unreachable:
		m.unreachableAt = v.at
		v.burst = v.burst || m.Says == Up
		v.event(EventUnreachable, m)
	case was == Unreachable && s == Suspect:
		v.event(EventReachable, m)
		v.event(EventSuspect, m)
	case s == Suspect:
		v.event(EventSuspect, m)
	default:
		v.event(EventReachable, m)
	}
}

// down ends m. Who wanted its name has it now.
func (v *View) down(m *member, c cause, why string) {
	if !m.live() {
		return
	}
	if m.State == Unreachable {
		v.reachedAt = v.at
	}
	if c == byItself {
		m.swim = swimUnknown // what it said before is late, and nobody is there to be told
		v.unstable(m.ID)
	} else if m.Says == Up {
		v.burst = true
	}
	m.State, m.Since, m.Proved, m.Why = Down, v.now, c != byDecision, why
	m.downAt, m.told = v.at, v.at
	m.session = sessionNone
	v.changed = true
	v.event(EventDown, m)
	v.emit(EndSession{m.ID, why})
	v.answer(m, m.Proved)
	next := m.claim
	m.claim, m.probe, m.deaf = nil, probe{}, nil
	v.boundDown()
	v.pardon(m.ID)
	if next != nil && next.swim {
		if n := v.admit(next.id, next.addr, next.info, true); n != nil {
			n.swim = swimAlive
			v.connect(n)
		}
	}
}

// inform takes over what m said of itself.
func (v *View) inform(m *member, addr string, info Info) {
	info.Weight = max(info.Weight, 1)
	if addr != "" {
		m.Addr = addr
	}
	m.Info = info
	v.changed = true
}

// refresh follows a change of who is up.
func (v *View) refresh() {
	v.changed = false
	if id := v.hash(); id != v.viewID {
		v.viewID = id
		v.viewAt, v.reachedAt = v.at, v.at
	}
	if !v.burst {
		v.stable = v.upIDs() // it only grew
	}
}

func (v *View) upIDs() []nodeid.ID {
	var ids []nodeid.ID
	for _, m := range v.members {
		if m.up() {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// unstable takes out of the stable set who goes by its own will.
func (v *View) unstable(id nodeid.ID) {
	if i, ok := slices.BinarySearchFunc(v.stable, id, nodeid.ID.Compare); ok {
		v.stable = slices.Delete(v.stable, i, i+1)
	}
}

// alarmPartition tells of links that are broken while others hear both ends.
func (v *View) alarmPartition() {
	var links []Link
	for _, m := range v.members {
		if m == v.self || !m.live() {
			continue
		}
		if m.broken {
			links = append(links, Link{v.self.ID, m.ID})
			continue
		}
		for _, id := range m.deaf {
			if to := v.find(id); to != nil && to.live() && id != m.ID {
				links = append(links, Link{m.ID, id})
			}
		}
	}
	slices.SortFunc(links, func(a, b Link) int {
		if d := a.From.Compare(b.From); d != 0 {
			return d
		}
		return a.To.Compare(b.To)
	})
	if slices.Equal(links, v.links) {
		return
	}
	v.links = links
	if len(links) > 0 {
		v.emit(Event{Kind: AlarmPartialPartition, Member: v.self.Member, Links: slices.Clone(links)})
	}
}
