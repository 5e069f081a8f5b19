package votes

import (
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// lease is what this node holds, and what was said about it.
type lease struct {
	until  time.Duration // as of the last look
	dirty  bool          // a grant came since then
	shrunk bool          // something happened since then that may end it

	said     bool // Resume was the last word
	saidSet  SetID
	lapsedAt time.Duration
	stopped  bool // Stop was said after that
}

// granted takes a lease that p gives. One from somebody who knows a newer set counts only if this node knows that too.
func (s *State) granted(p *peer, m Grant) {
	s.told(p, m.Know)
	if m.Set.Lineage != s.cur.Lineage || m.Set.K > s.cur.K || m.Echo > s.now || m.Echo <= p.lease {
		return
	}
	p.lease, p.pending = m.Echo, Set{}
	if m.Pending.Lineage == s.cur.Lineage && m.Pending.K == s.cur.K+1 {
		p.pending = m.Pending
		s.lease.shrunk = true
	}
	s.lease.dirty = true
}

// MayRun reports whether this node may run what only one may. It is asked before each turn, see also [State.Until].
func (s *State) MayRun(now time.Time) bool { return s.look() > max(s.now, now.Sub(s.start)) }

// Until is when MayRun becomes false if nothing else happens; the zero time if it is false.
func (s *State) Until() time.Time {
	if u := s.look(); u > s.now {
		return s.start.Add(u)
	}
	return time.Time{}
}

func (s *State) look() time.Duration {
	if s.lease.dirty || s.lease.shrunk {
		s.lease.until, s.lease.dirty, s.lease.shrunk = s.measure(), false, false
	}
	return s.lease.until
}

// measure finds until when there are leases of a quorum of the set that this node knows, and of everything that it or who
// gave one of these leases accepted as the next: it may be chosen already, and what follows that is decided among others.
func (s *State) measure() time.Duration {
	switch {
	case s.always:
		return ever
	case !s.voter || s.leaving || s.barred:
		return never
	}
	var ends []time.Duration
	for _, p := range s.peers {
		if end := p.lease + s.t.Lease; end > s.now {
			ends = append(ends, end)
		}
	}
	slices.Sort(ends)
	until := s.covered(s.cur, ends)
	var seen []Set
	also := func(next Set) {
		same := func(o Set) bool { return o.SetID == next.SetID && slices.Equal(o.Members, next.Members) }
		if next.K == 0 || slices.ContainsFunc(seen, same) {
			return
		}
		seen = append(seen, next)
		until = min(until, s.covered(next, ends))
	}
	also(s.acc.value)
	for _, p := range s.peers {
		if p.lease+s.t.Lease > s.now && p.pending.K == s.cur.K+1 {
			also(p.pending)
		}
	}
	return until
}

// covered is until when the leases are of a quorum of v; ends are the times at which they end.
func (s *State) covered(v Set, ends []time.Duration) time.Duration {
	if !v.Has(s.self) {
		return never
	}
	at := func(t time.Duration) bool {
		return s.quorum(v, func(id nodeid.ID) bool {
			if id == s.self {
				return true
			}
			p := s.peer(id)
			return p != nil && p.lease+s.t.Lease >= t
		})
	}
	if at(ever) {
		return ever
	}
	lo, hi := 0, len(ends) // a quorum lasts until ends[lo-1], and none until ends[hi]
	for lo < hi {
		if mid := (lo + hi) / 2; at(ends[mid]) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return never
	}
	return ends[lo-1]
}

// judge says what became of the right to run.
func (s *State) judge(tick bool) {
	l := &s.lease
	if !tick && !l.shrunk && (l.said == (l.until > s.now)) && (l.said || !l.dirty) {
		return
	}
	if tick {
		l.dirty = true // what was pending may not be any more
	}
	may := s.look() > s.now
	why := "too few leases"
	switch {
	case s.leaving:
		why = "this node leaves"
	case s.barred || !s.voter:
		why = "this node is not in the vote set"
	}
	if l.said && !may {
		l.said, l.lapsedAt = false, s.now
		s.emit(Suspend{why})
	}
	other := l.saidSet != s.cur.SetID
	if !l.said && !l.stopped && (other || s.leaving || s.now-l.lapsedAt >= s.t.Patience) {
		l.stopped = true
		s.emit(Stop{why})
	}
	if may && !l.said {
		l.said, l.stopped = true, false
		s.emit(Resume{})
	}
	if may {
		l.saidSet = s.cur.SetID
	}
}
