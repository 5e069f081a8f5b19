package votes

import (
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// rival is a better lineage that was met.
type rival struct {
	lineage     Lineage
	since, last time.Duration
}

// told takes what p knows of the set.
func (s *State) told(p *peer, k Know) {
	p.set = k.Set.SetID
	set := k.Set
	if set.Members == nil || !valid(set) {
		return
	}
	switch {
	case set.Lineage == s.cur.Lineage:
		if set.K > s.cur.K {
			s.learn(set)
		}
	case s.cur.K == 0:
		s.adopt(set)
	case !set.better(s.cur):
	case !s.voter || set.Generation > s.cur.Generation:
		s.dissolve(set)
	default:
		s.meets(set)
	}
}

// meets leaves the lineage for a better one that was heard of for a while.
func (s *State) meets(set Set) {
	if s.rival.lineage != set.Lineage || s.now-s.rival.last > s.t.Silent {
		s.rival = rival{set.Lineage, s.now, s.now}
	}
	s.rival.last = s.now
	if s.now-s.rival.since >= s.t.Stable {
		s.dissolve(set)
	}
}

// dissolve leaves the lineage. What was promised in it is kept: this node may come back to it.
func (s *State) dissolve(set Set) {
	if s.voter {
		if len(s.kept) >= maxKept {
			return
		}
		s.kept[s.cur.Lineage] = kept{s.cur, s.acc}
	}
	from := s.cur.SetID
	s.adopt(set)
	s.emit(Dissolved{from, s.cur.SetID})
}

// adopt takes part in the lineage of set, where this node may have been before.
func (s *State) adopt(set Set) {
	if k, ok := s.kept[set.Lineage]; ok {
		delete(s.kept, set.Lineage)
		if k.set.K >= set.K {
			s.learn(k.set)
			s.acc = k.acc
			s.barAccepted()
			return
		}
	}
	s.learn(set)
}

// learn makes set the one that this node knows.
func (s *State) learn(set Set) {
	old := s.cur
	s.cur, s.acc, s.barred = set, acceptor{}, false
	s.voter = set.Has(s.self)
	s.learnedAt, s.pendAt, s.rival = s.now, long, rival{}
	s.withheld, s.withTill = nodeid.ID{}, long
	s.prop = proposer{seen: s.prop.seen, deadline: s.now}
	for _, p := range s.peers {
		p.voter, p.barred = set.Has(p.id), false
		if old.Lineage != set.Lineage {
			p.lease, p.pending = long, Set{} // of another lineage
		}
	}
	s.drop()
	s.lease.shrunk = true
	ch := Changed{Set: set}
	if old.Lineage == set.Lineage {
		ch.In, ch.Out = without(set.Members, old.Members), without(old.Members, set.Members)
	}
	s.emit(ch)
}

func without(a, b []nodeid.ID) (rest []nodeid.ID) {
	for _, id := range a {
		if !slices.Contains(b, id) {
			rest = append(rest, id)
		}
	}
	return rest
}

// force begins a new lineage with all that can be reached.
func (s *State) force() {
	generation := s.cur.Generation
	ids := []nodeid.ID{s.self}
	for _, p := range s.peers {
		generation = max(generation, p.set.Generation)
		if s.hears(p) && p.hears && p.ready && !p.leaving && !p.dead {
			ids = append(ids, p.id)
		}
	}
	slices.SortFunc(ids, byAge)
	slices.SortStableFunc(ids, func(a, b nodeid.ID) int { return s.age(a) - s.age(b) })
	ids = ids[:min(len(ids), s.cfg.Policy.Max())]
	if generation == ^uint32(0) || s.leaving || !slices.Contains(ids, s.self) {
		return
	}
	set := Set{SetID{s.newLineage(generation + 1), 1}, ids}
	if s.cur.K == 0 {
		s.adopt(set)
	} else {
		s.dissolve(set)
	}
	for _, p := range s.peers {
		s.send(p.id, Learn{Know{s.cur}})
	}
}

// age is the place of id in the set; who is not in it comes last.
func (s *State) age(id nodeid.ID) int {
	if i := slices.Index(s.cur.Members, id); i >= 0 {
		return i
	}
	return len(s.cur.Members)
}
