package votes

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

const (
	long  = time.Duration(math.MinInt64 / 4) // ago: never happened
	never = long                             // of until: may not run
	ever  = time.Duration(math.MaxInt64 / 4)

	maxKept = 64 // lineages that were left, of which what was promised is kept
)

// peer is what is known of another node. Times are since State was made.
type peer struct {
	id        nodeid.ID
	connected bool
	dead      bool
	voter     bool // it is in the set that this node knows
	barred    bool // what was accepted here excludes it: it is granted nothing

	// from its heartbeats
	heard   time.Duration
	set     SetID
	hears   bool // it hears this node
	member  bool // it is in the set that it knows
	ready   bool
	leaving bool
	broken  []nodeid.ID

	granted time.Duration // when it got the last lease of this node
	lease   time.Duration // when this node sent the heartbeat that its last lease answers
	pending Set           // of that lease
}

// acceptor is what this node promised and accepted about what follows the set it knows.
type acceptor struct {
	promised, at Ballot
	value        Set // accepted at at
}

// kept is what a member of a lineage has to remember when it left it for another.
type kept struct {
	set Set
	acc acceptor
}

// State is the vote of one node: proposer, acceptor, and who grants and holds leases. Make it with [New].
type State struct {
	cfg    Config
	t      Timing
	self   nodeid.ID
	rnd    *rand.Rand
	start  time.Time
	now    time.Duration
	always bool // KeepAll

	ready, leaving bool

	cur       Set
	voter     bool // this node is in cur
	learnedAt time.Duration
	acc       acceptor
	barred    bool          // what is to be completed excludes this node
	pendAt    time.Duration // somebody spoke of something accepted, and not known to be chosen
	kept      map[Lineage]kept
	rival     rival

	peers   []*peer // by ID
	reach   []nodeid.ID
	reachAt time.Duration // reach changed
	beatAt  time.Duration // next heartbeats

	prop     proposer
	bridge   bridge
	withheld nodeid.ID // granted nothing until
	withTill time.Duration

	lease lease

	out  []Output
	loop []Msg // to this node itself
}

// New returns the vote of node self, which knows nobody; cfg is valid.
func New(self nodeid.ID, cfg Config, now time.Time) *State {
	s := &State{
		cfg: cfg, t: cfg.Timing, self: self, start: now, kept: map[Lineage]kept{},
		rnd:       rand.New(rand.NewPCG(cfg.Seed, uint64(self.Incarnation))),
		learnedAt: long, pendAt: long, always: cfg.Policy == KeepAll,
	}
	s.lease = lease{until: never, lapsedAt: long, stopped: true}
	if s.always {
		s.lease.until = ever
	}
	return s
}

// Step tells s what happened, and returns what is to be done about it. A time before the last one counts as the last one.
func (s *State) Step(now time.Time, in Input) []Output {
	s.now = max(s.now, now.Sub(s.start))
	s.out = nil
	s.judge(false)
	if s.always {
		return s.out
	}
	s.apply(in)
	for len(s.loop) > 0 {
		m := s.loop[0]
		s.loop = s.loop[1:]
		s.paxos(s.self, m)
	}
	_, tick := in.(Tick)
	s.judge(tick)
	return s.out
}

func (s *State) apply(in Input) {
	switch in := in.(type) {
	case Met:
		s.met(in.ID)
	case Lost:
		if p := s.peer(in.ID); p != nil {
			p.connected, p.heard = false, long
			s.drop()
		}
	case Dead:
		s.proved(in.ID)
	case Received:
		if p := s.peer(in.From); p != nil && p.connected {
			s.received(p, in.Msg)
		}
	case Ready:
		s.ready = true
	case Leave:
		s.leaving = true
		s.lease.shrunk = true
		s.beatAt = s.now
		s.beat()
	case Force:
		s.force()
	case Tick:
		s.tick()
	}
}

func (s *State) tick() {
	s.observe()
	s.beat()
	s.propose()
}

func (s *State) met(id nodeid.ID) {
	if id == s.self || id.IsZero() {
		return
	}
	p := s.peer(id)
	if p == nil {
		if len(s.peers) >= 2*MaxMembers {
			return
		}
		p = &peer{id: id, heard: long, granted: long, lease: long, voter: s.cur.Has(id)}
		i, _ := slices.BinarySearchFunc(s.peers, id, comparePeer)
		s.peers = slices.Insert(s.peers, i, p)
		s.barAccepted()
	}
	p.connected, p.set = true, SetID{}
}

// drop forgets who can neither be reached nor votes.
func (s *State) drop() {
	s.peers = slices.DeleteFunc(s.peers, func(p *peer) bool { return !p.connected && !p.voter })
	s.observe()
}

// proved notes a proof of death; members that are not known as peers count as well.
func (s *State) proved(id nodeid.ID) {
	if s.peer(id) == nil {
		if !s.cur.Has(id) {
			return
		}
		s.met(id)
	}
	if p := s.peer(id); p != nil {
		p.dead, p.connected, p.heard = true, false, long
		s.drop()
		s.propose()
	}
}

// beat sends heartbeats if they are due.
func (s *State) beat() {
	if s.now < s.beatAt {
		return
	}
	s.beatAt = s.now + s.t.Heartbeat
	var broken []nodeid.ID
	for _, p := range s.peers {
		if p.voter && !p.dead && !s.hears(p) && len(broken) < MaxBroken {
			broken = append(broken, p.id)
		}
	}
	pending := !s.acc.at.IsZero() || s.pending()
	for _, p := range s.peers {
		if p.connected {
			s.send(p.id, Heartbeat{Know: s.know(p), Sent: s.now, Member: s.voter, Hears: s.hears(p), Ready: s.ready,
				Leaving: s.leaving, Pending: pending, Broken: broken})
		}
	}
}

// know is what to tell p of the set, in full if p may not know it.
func (s *State) know(p *peer) Know {
	if p != nil && p.set == s.cur.SetID {
		return Know{Set{SetID: s.cur.SetID}}
	}
	return Know{s.cur}
}

func (s *State) hears(p *peer) bool { return p.connected && s.now-p.heard <= s.t.Silent }

// pending reports whether something has to be completed, as others said lately.
func (s *State) pending() bool { return s.now-s.pendAt < 3*s.t.Heartbeat }

// observe looks who is reachable: heard, hearing, and of the same lineage.
func (s *State) observe() {
	same := true
	n := 0
	for _, p := range s.peers {
		if !s.reaches(p) {
			continue
		}
		if same = same && n < len(s.reach) && s.reach[n] == p.id; !same {
			s.reach = append(s.reach[:n], p.id)
		}
		n++
	}
	if !same || n != len(s.reach) {
		s.reach = s.reach[:n]
		s.reachAt = s.now
	}
}

func (s *State) reaches(p *peer) bool {
	return s.hears(p) && p.hears && !p.dead && (p.set.Lineage == s.cur.Lineage || p.set.IsZero())
}

func (s *State) received(p *peer, m Msg) {
	switch m := m.(type) {
	case Heartbeat:
		s.heartbeat(p, m)
	case Grant:
		s.granted(p, m)
	case Learn:
		s.told(p, m.Know)
	case Prepare:
		s.told(p, m.Know)
		s.paxos(p.id, m)
	case Withhold:
		s.withhold(m)
	default:
		s.paxos(p.id, m)
	}
}

func (s *State) heartbeat(p *peer, m Heartbeat) {
	p.heard, p.hears, p.member, p.ready, p.broken = s.now, m.Hears, m.Member, m.Ready, m.Broken
	p.leaving = p.leaving || m.Leaving
	s.told(p, m.Know)
	if m.Set.Lineage != s.cur.Lineage {
		return // it does not vote here
	}
	if m.Pending && m.Set.SetID == s.cur.SetID {
		s.pendAt = s.now
	}
	if s.grants(p) {
		p.granted = s.now
		s.send(p.id, Grant{Know: s.know(p), Echo: m.Sent, Pending: s.acc.value})
	}
}

// grants reports whether p may have a lease of this node.
func (s *State) grants(p *peer) bool {
	return p.voter && !p.barred && !p.dead && !p.leaving && !(p.id == s.withheld && s.now < s.withTill)
}

// Set is the vote set that this node knows.
func (s *State) Set() Set { return s.cur }

// Member reports whether this node is in the set that it knows.
func (s *State) Member() bool { return s.voter }

// Reachable is who hears this node and is heard, of those that take part in the same lineage or in none; without itself.
func (s *State) Reachable() []nodeid.ID { return slices.Clone(s.reach) }

// NextTick is when the next [Tick] is due.
func (s *State) NextTick() time.Time {
	if s.always {
		return s.start.Add(s.now + time.Hour)
	}
	next := s.beatAt
	for _, at := range []time.Duration{s.prop.deadline, s.lease.until, s.lease.lapsedAt + s.t.Patience} {
		if at > s.now {
			next = min(next, at)
		}
	}
	return s.start.Add(next)
}

func comparePeer(p *peer, id nodeid.ID) int { return p.id.Compare(id) }

func (s *State) peer(id nodeid.ID) *peer {
	if i, ok := slices.BinarySearchFunc(s.peers, id, comparePeer); ok {
		return s.peers[i]
	}
	return nil
}

func (s *State) emit(o Output) { s.out = append(s.out, o) }

func (s *State) send(to nodeid.ID, m Msg) {
	if to == s.self {
		s.loop = append(s.loop, m)
		return
	}
	if p := s.peer(to); p != nil && p.connected {
		s.emit(Send{to, m})
	}
}

func (s *State) isDead(id nodeid.ID) bool {
	p := s.peer(id)
	return p != nil && p.dead
}

// quorum asks the policy about set v.
func (s *State) quorum(v Set, has func(nodeid.ID) bool) bool {
	return s.cfg.Policy.Quorum(v, has, s.isDead)
}
