package view

import (
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// probe looks whether dials to a member are refused: P2, and T2's question whether the old owner of a name is alive.
type probe struct {
	running   bool
	attempt   int // of the dial under way: reports of others are late
	step      int
	refused   int           // in a row
	firstAt   time.Duration // the first of them
	refusedAt time.Duration // the last of them
	started   time.Duration
	asked     bool        // the others, this time
	yes       []nodeid.ID // who found the same
	askers    []nodeid.ID // who waits for our finding
}

// forget drops what speaks for death.
func (p *probe) forget() { p.refused, p.asked, p.yes = 0, false, nil }

func (v *View) startProbe(m *member) {
	if m.Addr == "" {
		return
	}
	m.probe.forget()
	m.probe.running, m.probe.step, m.probe.started = true, 0, v.at
	v.dial(m)
}

func (v *View) dial(m *member) {
	m.probe.attempt++
	v.emit(Dial{m.ID, m.Addr, m.probe.attempt, v.t.ProbeSteps[m.probe.step]})
}

// stopProbe ends a probe that did not find refusals, and says so to who asked.
func (v *View) stopProbe(m *member) {
	m.probe.running = false
	m.probe.forget()
	v.answer(m, false)
}

func (v *View) answer(m *member, refused bool) {
	for _, to := range m.probe.askers {
		v.emit(Answer{to, m.ID, refused})
	}
	m.probe.askers = nil
}

func (v *View) dialled(in Dialled) {
	m := v.peer(in.ID)
	if m == nil {
		return
	}
	current := m.probe.running && in.Attempt == m.probe.attempt
	switch who := in.Answered; {
	case who == m.ID:
		v.heard(m, v.at)
		if current {
			v.stopProbe(m)
		}
		return
	case who.Name == m.ID.Name && who.Incarnation > m.ID.Incarnation:
		if n := v.admit(who, m.Addr, nil, true); n != nil {
			v.connect(n)
		}
		return
	case !who.IsZero() && who.Name != m.ID.Name:
		in.Result = Refused // a port is bound once: m does not listen there
	}
	if !current {
		return
	}
	if in.Result == Refused && !v.t.NoProof {
		if m.probe.refused++; m.probe.refused == 1 {
			m.probe.firstAt = v.at
		}
		m.probe.refusedAt = v.at
	} else {
		m.probe.forget()
	}
	m.probe.step++
	switch {
	case m.probe.refused >= refusals:
		m.probe.running = false
		v.answer(m, true)
		v.prove(m)
	case m.probe.step < len(v.t.ProbeSteps):
		v.dial(m)
	default:
		v.stopProbe(m)
	}
}

// asked wants the finding of a dial of our own. That a connection of ours is still open is no answer: the news of its end
// may be on the way, and bytes that come after the refusals take them back.
func (v *View) asked(in Asked) {
	m := v.find(in.ID)
	switch {
	case m == nil || m == v.self || v.t.NoProof || in.From == v.self.ID:
		v.emit(Answer{in.From, in.ID, false})
	case !m.live():
		v.emit(Answer{in.From, in.ID, m.Proved})
	case m.probe.refused >= refusals && v.at-m.probe.refusedAt < v.t.Silent:
		v.emit(Answer{in.From, in.ID, true})
	case m.Addr == "" || len(m.probe.askers) >= MaxMembers:
		v.emit(Answer{in.From, in.ID, false})
	default:
		if !slices.Contains(m.probe.askers, in.From) {
			m.probe.askers = append(m.probe.askers, in.From)
		}
		if !m.probe.running {
			v.startProbe(m)
		}
	}
}

func (v *View) confirmed(in Confirmed) {
	m := v.peer(in.ID)
	if m == nil || !in.Refused || !m.probe.asked || slices.Contains(m.probe.yes, in.From) {
		return
	}
	if v.peer(in.From) == nil {
		return // prove counts those that are up
	}
	m.probe.yes = append(m.probe.yes, in.From)
	v.prove(m)
}

// prove declares m dead if everything that P2, or T2, asks for is there; if only the word of the others is missing, it asks.
func (v *View) prove(m *member) {
	p := &m.probe
	if v.t.NoProof || m.session == sessionUp || p.refused < refusals {
		return
	}
	if m.claim != nil {
		v.down(m, byItself, "its address refuses connections, and a newer incarnation is at "+m.claim.addr)
		return
	}
	if !m.greeted {
		return // what never was open did not close; so a node behind a firewall that refuses is not removed again and again
	}
	others, yes := 0, 0
	for _, o := range v.members {
		if o == v.self || o == m || !o.up() {
			continue
		}
		others++
		if slices.Contains(p.yes, o.ID) {
			yes++
		}
		if !p.asked {
			v.emit(Ask{o.ID, m.ID})
		}
	}
	p.asked = true
	if (others == 0 || 2*yes > others) && v.spare(m) {
		v.down(m, byRefusal, "its address refuses connections")
	}
}

// spare reports whether enough of the last stable up set is left without m: more than half, or half with the oldest. With
// two there is nobody to ask and no majority but both, so the bound would only forbid what it cannot make safer.
func (v *View) spare(m *member) bool {
	counts := slices.ContainsFunc(v.stable, func(id nodeid.ID) bool { return id.Name == m.ID.Name })
	if !counts || len(v.stable) <= 2 {
		return true
	}
	rest, withOldest := 0, false
	oldest := slices.MinFunc(v.stable, older)
	for _, id := range v.stable {
		// Whoever was started anew stands for its earlier life: nodes that are restarted one after the other are no partition.
		if slices.ContainsFunc(v.lives(id.Name), func(o *member) bool { return o != m && o.up() }) {
			rest++
			withOldest = withOldest || id == oldest
		}
	}
	return 2*rest > len(v.stable) || 2*rest == len(v.stable) && withOldest
}
