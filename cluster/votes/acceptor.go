package votes

import (
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// paxos handles what is said in an instance, by others or by this node itself.
func (s *State) paxos(from nodeid.ID, m Msg) {
	switch m := m.(type) {
	case Prepare:
		s.prepare(from, m)
	case Accept:
		s.accept(from, m)
	case Promise:
		s.promised(from, m)
	case Accepted:
		s.acceptedBy(from, m)
	case Refused:
		s.refused(m)
	}
}

// votes reports whether this node is an acceptor of what follows set. Who asks about an older set is told the newer.
func (s *State) votes(from nodeid.ID, set SetID) bool {
	if set != s.cur.SetID {
		if s.cur.K > 0 && from != s.self {
			s.send(from, Learn{Know{s.cur}})
		}
		return false
	}
	return s.voter || s.cur.K == 0
}

func (s *State) prepare(from nodeid.ID, m Prepare) {
	if !s.votes(from, m.Set.SetID) {
		return
	}
	if m.Ballot.Compare(s.acc.promised) <= 0 {
		s.send(from, Refused{Set: s.cur.SetID, Ballot: m.Ballot, Promised: s.acc.promised})
		return
	}
	s.acc.promised = m.Ballot
	p := Promise{Set: s.cur.SetID, Ballot: m.Ballot, Accepted: s.acc.at, Value: s.acc.value}
	for _, id := range s.cur.Members {
		if id != s.self && s.holds(id) > 0 {
			p.Holds = append(p.Holds, id)
		}
	}
	s.send(from, p)
}

// holds is for how long a lease of this node may still let id run. A member that is new to its set does not know what
// others granted before, and waits as if that had been when it learned of the set.
func (s *State) holds(id nodeid.ID) time.Duration {
	last := s.learnedAt
	if p := s.peer(id); p != nil {
		if p.dead || p.leaving {
			return 0
		}
		last = max(last, p.granted)
	}
	return max(0, last+s.t.Lease+s.t.Margin-s.now+1)
}

func (s *State) accept(from nodeid.ID, m Accept) {
	if !s.votes(from, m.Set) || !s.follows(m.Value) {
		return
	}
	if m.Ballot.Compare(s.acc.promised) < 0 {
		s.send(from, Refused{Set: m.Set, Ballot: m.Ballot, Promised: s.acc.promised})
		return
	}
	var wait time.Duration
	for _, id := range s.cur.Members {
		switch {
		case m.Value.Has(id):
		case id == s.self:
			if m.Must {
				s.bar(id) // it is to be completed, so this node does not run any more
			}
			if !m.Must && !s.leaving {
				wait = s.t.Lease
			}
		default:
			if m.Must {
				s.bar(id) // the retry will find its lease lapsed
			}
			wait = max(wait, s.holds(id))
		}
	}
	if wait > 0 {
		s.send(from, Refused{Set: m.Set, Ballot: m.Ballot, Wait: wait})
		return
	}
	s.acc = acceptor{promised: m.Ballot, at: m.Ballot, value: m.Value}
	s.barAccepted()
	s.lease.shrunk = true
	s.send(from, Accepted{Set: m.Set, Ballot: m.Ballot})
}

// follows reports whether v can come after the set that this node knows.
func (s *State) follows(v Set) bool {
	if !valid(v) || len(v.Members) > s.cfg.Policy.Max() {
		return false
	}
	if s.cur.K == 0 {
		return v.K == 1
	}
	return v.Lineage == s.cur.Lineage && v.K == s.cur.K+1
}

// valid reports whether v is a set at all.
func valid(v Set) bool {
	if v.Lineage.IsZero() || v.K == 0 || len(v.Members) == 0 || len(v.Members) > MaxMembers {
		return false
	}
	sorted := slices.SortedFunc(slices.Values(v.Members), nodeid.ID.Compare)
	return !sorted[0].IsZero() && len(slices.Compact(sorted)) == len(v.Members)
}

// barAccepted grants nothing any more to whom the accepted value excludes.
func (s *State) barAccepted() {
	if s.acc.at.IsZero() {
		return
	}
	for _, id := range s.cur.Members {
		if !s.acc.value.Has(id) {
			s.bar(id)
		}
	}
}

func (s *State) bar(id nodeid.ID) {
	if id == s.self {
		s.barred, s.lease.shrunk = true, true
	} else if p := s.peer(id); p != nil {
		p.barred = true
	}
}

// withhold grants nothing to one member for as long as its exclusion takes. One at a time: two proposers that do not hear
// each other would name each other.
func (s *State) withhold(m Withhold) {
	if m.Set == s.cur.SetID && s.voter && m.ID != s.self && s.now >= s.withTill {
		s.withheld = m.ID
		s.withTill = s.now + s.t.Lease + s.t.Margin + 8*s.t.Stable
	}
}
