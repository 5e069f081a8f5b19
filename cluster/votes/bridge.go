package votes

import (
	"cmp"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// bridge is a partition in which others still hear whom this proposer wants to exclude.
type bridge struct {
	attempts int // in a row that failed for it
	since    time.Duration
	links    []Link
}

// stuck looks why an attempt got no further than promises.
func (s *State) stuck() {
	p := &s.prop
	value, changed := s.wanted()
	if !changed || s.cur.K == 0 || !p.best.IsZero() || !s.decide(p.has) || s.decide(s.frees(value)) {
		return
	}
	if s.bridge.attempts == 0 {
		s.bridge.since = s.now
	}
	if s.bridge.attempts++; s.bridge.attempts < 2 {
		return // leases may just not have lapsed
	}
	links := s.brokenLinks()
	if !slices.Equal(links, s.bridge.links) {
		s.bridge.links = links
		s.emit(PartialPartition{links})
	}
	if s.now-s.bridge.since >= s.t.Bridge {
		s.bridge.since = s.now
		s.resolve(links)
	}
}

func (s *State) unbridge() {
	if s.bridge.links != nil {
		s.emit(PartialPartition{})
	}
	s.bridge = bridge{}
}

// brokenLinks are the pairs of members of which one says that it does not hear the other, sorted.
func (s *State) brokenLinks() []Link {
	links := []Link{}
	for _, p := range s.peers {
		if !p.voter || p.dead {
			continue
		}
		if !s.hears(p) {
			links = append(links, Link{s.self, p.id})
			continue
		}
		if !p.hears {
			links = append(links, Link{p.id, s.self})
		}
		for _, id := range p.broken {
			if id != s.self && s.cur.Has(id) && !s.isDead(id) {
				links = append(links, Link{p.id, id})
			}
		}
	}
	slices.SortFunc(links, func(a, b Link) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	return links
}

// resolve gives up one member so that the rest is whole: of those that this node does not reach the one with the most broken
// links, and of these the youngest.
func (s *State) resolve(links []Link) {
	broken := map[nodeid.ID]map[nodeid.ID]bool{}
	note := func(a, b nodeid.ID) {
		if broken[a] == nil {
			broken[a] = map[nodeid.ID]bool{}
		}
		broken[a][b] = true
	}
	for _, l := range links {
		note(l.From, l.To)
		note(l.To, l.From)
	}
	var victim nodeid.ID
	most := 0
	for _, id := range s.cur.Members {
		if id != s.self && !s.reachable(id) && len(broken[id]) >= max(most, 1) {
			victim, most = id, len(broken[id])
		}
	}
	if most == 0 || !s.decide(func(id nodeid.ID) bool { return id == s.self || s.reachable(id) }) {
		return
	}
	m := Withhold{s.cur.SetID, victim}
	s.withhold(m)
	for _, id := range s.cur.Members {
		if id != s.self {
			s.send(id, m)
		}
	}
}
