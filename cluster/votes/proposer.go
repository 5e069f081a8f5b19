package votes

import (
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

type phase uint8

const (
	phaseNone phase = iota
	phasePrepare
	phaseAccept
)

// proposer is an attempt to agree on the next set.
type proposer struct {
	phase    phase
	ballot   Ballot
	seen     uint64 // the greatest N that went before
	got      []nodeid.ID
	holds    [][]nodeid.ID // of those in got
	best     Ballot        // the latest that somebody accepted before
	value    Set
	deadline time.Duration // no other attempt before
	failed   int           // attempts for this set that came to nothing
}

// propose begins an attempt if there is something to agree on, and it is this node's turn. All may be wrong about whose
// turn it is: then they disturb each other, and that is all.
func (s *State) propose() {
	if s.now < s.prop.deadline {
		return
	}
	if s.prop.phase == phasePrepare {
		s.stuck()
	}
	s.prop.phase = phaseNone
	_, changed := s.wanted()
	if !changed {
		s.unbridge()
	}
	complete := (s.pending() || !s.acc.at.IsZero()) && s.stable()
	if !changed && !complete || !s.turn() {
		return
	}
	n := max(s.prop.ballot.N, s.prop.seen, s.acc.promised.N) + 1
	s.prop = proposer{phase: phasePrepare, ballot: Ballot{n, s.self}, seen: n, failed: s.prop.failed + 1}
	s.prop.deadline = s.now + s.patience()
	for _, id := range s.acceptors() {
		m := Prepare{Know{s.cur}, s.prop.ballot}
		if p := s.peer(id); p != nil {
			m.Know = s.know(p)
		}
		s.send(id, m)
	}
}

// patience is how long an attempt may take: it grows, as nobody knows how slow the network is, and varies, as others try too.
func (s *State) patience() time.Duration {
	d := min(s.t.Heartbeat<<min(s.prop.failed, 8), max(2*s.t.Stable, 8*s.t.Heartbeat))
	return d + time.Duration(s.rnd.Int64N(int64(d)/2+1))
}

func (s *State) stable() bool { return s.now-s.reachAt >= s.t.Stable }

// acceptors are who decides about the next set.
func (s *State) acceptors() []nodeid.ID {
	if s.cur.K > 0 {
		return s.cur.Members
	}
	return append([]nodeid.ID{s.self}, s.reach...)
}

// turn reports whether this node should propose: it is the oldest that is reachable, and those are a quorum. The first set
// is proposed by the least.
func (s *State) turn() bool {
	if s.cur.K == 0 {
		return len(s.reach) == 0 || s.self.Compare(s.reach[0]) < 0
	}
	for _, id := range s.cur.Members {
		if id == s.self {
			return s.decide(func(id nodeid.ID) bool { return id == s.self || s.reachable(id) })
		}
		if s.reachable(id) && !s.leaves(id) {
			return false
		}
	}
	return false
}

func (s *State) reachable(id nodeid.ID) bool {
	_, ok := slices.BinarySearchFunc(s.reach, id, nodeid.ID.Compare)
	return ok
}

func (s *State) leaves(id nodeid.ID) bool {
	if id == s.self {
		return s.leaving
	}
	p := s.peer(id)
	return p != nil && p.leaving
}

// decide reports whether those that has holds for can decide what follows the set.
func (s *State) decide(has func(nodeid.ID) bool) bool {
	if s.cur.K > 0 {
		return s.quorum(s.cur, has)
	}
	names := map[string]bool{}
	for _, id := range s.acceptors() {
		if has(id) {
			names[id.Name] = true
		}
	}
	return 2*len(names) > s.cfg.Expected
}

// wanted is what the next set should be, as far as this node sees, and whether that is a change. Who is proved dead or
// leaves is left out at once, who is silent when that was stable; then others join, too.
func (s *State) wanted() (Set, bool) {
	if s.cur.K == 0 {
		return s.first()
	}
	next := Set{SetID: SetID{s.cur.Lineage, s.cur.K + 1}}
	stable := s.stable()
	for _, id := range s.cur.Members {
		gone := s.isDead(id) || s.leaves(id)
		if !gone && (id == s.self || !stable || s.reachable(id)) {
			next.Members = append(next.Members, id)
		}
	}
	out := len(next.Members) < len(s.cur.Members)
	in := 0
	if stable {
		joiners := s.joiners(func(p *peer) bool { return !p.voter })
		joiners = joiners[:min(len(joiners), max(0, s.cfg.Policy.Max()-len(next.Members)))]
		next.Members = append(next.Members, joiners...)
		in = len(joiners)
	}
	return next, (out || in > 0) && len(next.Members) > 0
}

// joiners are who is reachable and could become a member, by age.
func (s *State) joiners(also func(*peer) bool) (ids []nodeid.ID) {
	for _, id := range s.reach {
		if p := s.peer(id); p.ready && !p.leaving && also(p) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, byAge)
	return ids
}

// first is the set of a new lineage, if this node may form one: it sees enough nodes, and none of a lineage.
func (s *State) first() (Set, bool) {
	if !s.ready || s.leaving || !s.stable() || s.now < s.t.Stable {
		return Set{}, false
	}
	for _, p := range s.peers {
		if s.hears(p) && !p.set.IsZero() {
			return Set{}, false // it will take us in
		}
	}
	ids := append(s.joiners(func(*peer) bool { return true }), s.self)
	slices.SortFunc(ids, byAge)
	ids = ids[:min(len(ids), s.cfg.Policy.Max())]
	if !s.decide(func(id nodeid.ID) bool { return slices.Contains(ids, id) }) {
		return Set{}, false
	}
	return Set{SetID{s.newLineage(1), 1}, ids}, true
}

func (s *State) newLineage(generation uint32) Lineage {
	born := s.start.Add(s.now).UnixMilli()
	return Lineage{generation, uint64(max(born, 1)), s.rnd.Uint64()}
}

func (s *State) promised(from nodeid.ID, m Promise) {
	p := &s.prop
	if p.phase != phasePrepare || m.Set != s.cur.SetID || m.Ballot != p.ballot || slices.Contains(p.got, from) {
		return
	}
	p.got, p.holds = append(p.got, from), append(p.holds, m.Holds)
	if m.Accepted.Compare(p.best) > 0 && s.follows(m.Value) {
		p.best, p.value = m.Accepted, m.Value
	}
	if !s.decide(p.has) {
		return
	}
	if p.best.IsZero() {
		value, changed := s.wanted()
		if changed && s.bridge.links != nil && !s.decide(s.frees(value)) {
			value, changed = s.keeping(value)
		}
		if !changed || !s.decide(s.frees(value)) {
			if len(p.got) == len(s.acceptors()) {
				p.deadline = min(p.deadline, s.now+s.t.Heartbeat/2) // a proof of death may be on its way
			}
			return // more promises may come until the deadline
		}
		p.value = value
	}
	p.phase, p.got, p.holds, p.deadline = phaseAccept, nil, nil, s.now+s.patience()
	for _, id := range s.acceptors() {
		s.send(id, Accept{s.cur.SetID, p.ballot, p.value, !p.best.IsZero()})
	}
}

func (p *proposer) has(id nodeid.ID) bool { return slices.Contains(p.got, id) }

// frees finds the acceptors with which nobody has a lease whom value excludes. If they are no quorum, nothing is proposed:
// a member that many others hear stays.
func (s *State) frees(value Set) func(nodeid.ID) bool {
	free := map[nodeid.ID]bool{}
	for i, id := range s.prop.got {
		free[id] = !slices.ContainsFunc(s.prop.holds[i], func(held nodeid.ID) bool { return !value.Has(held) })
	}
	return func(id nodeid.ID) bool { return free[id] }
}

// keeping is value with those members left in that too many hold a lease of, and whether that is still a change.
func (s *State) keeping(value Set) (Set, bool) {
	next := Set{SetID: value.SetID}
	for _, id := range s.cur.Members {
		without := Set{Members: slices.DeleteFunc(slices.Clone(s.cur.Members), func(m nodeid.ID) bool { return m == id })}
		if value.Has(id) || !s.decide(s.frees(without)) {
			next.Members = append(next.Members, id)
		}
	}
	kept := len(next.Members)
	for _, id := range value.Members {
		if !s.cur.Has(id) && len(next.Members) < s.cfg.Policy.Max() {
			next.Members = append(next.Members, id)
		}
	}
	return next, kept < len(s.cur.Members) || kept < len(next.Members)
}

func (s *State) acceptedBy(from nodeid.ID, m Accepted) {
	p := &s.prop
	if p.phase != phaseAccept || m.Set != s.cur.SetID || m.Ballot != p.ballot || slices.Contains(p.got, from) {
		return
	}
	p.got = append(p.got, from)
	if !s.decide(p.has) {
		return
	}
	s.unbridge()
	if s.cur.K == 0 {
		s.adopt(p.value)
	} else {
		s.learn(p.value)
	}
	for _, q := range s.peers {
		s.send(q.id, Learn{Know{s.cur}})
	}
}

func (s *State) refused(m Refused) {
	p := &s.prop
	if m.Set != s.cur.SetID || m.Ballot != p.ballot || p.phase == phaseNone {
		return
	}
	p.seen = max(p.seen, m.Promised.N)
	if m.Wait > 0 {
		p.deadline = max(p.deadline, s.now+min(m.Wait, s.t.Lease+s.t.Margin))
	}
}
