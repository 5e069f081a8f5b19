package registry

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// sim is a cluster of cores.
type sim struct {
	sys      *actor.System
	r        *rand.Rand
	now      time.Time
	nodes    []*simNode
	sessions []*session
	choose   func(Conflict) int
	keep     bool
	nextProc uint64
	lastInc  uint64
}

type simNode struct {
	s      *sim
	i      int
	core   *core
	of     member
	shard  uint64
	off    time.Duration
	procs  map[uint64]*simProc
	told   []uint64 // ends that the core does not know of yet
	sees   map[*simNode]bool
	view   map[string]string
	groups map[string]int
	calls  []*call
	won    map[string]int
}

// simProc is what the model knows of a process: what it holds.
type simProc struct {
	alive  bool
	names  map[string]bool
	groups map[string]int
}

type call struct {
	cl   *claim
	done <-chan outcome
	id   uint64
}

// session is a connection of two lives: a queue in each direction.
type session struct {
	ends  [2]*simNode
	lives [2]member
	met   [2]bool
	gone  [2]bool
	dead  bool
	cut   bool
	queue [2][][]byte // from 0 to 1, and back
}

func newSim(sys *actor.System, r *rand.Rand) *sim {
	s := &sim{sys: sys, r: r, now: time.Unix(1_800_000_000, 0), lastInc: 1000}
	if r.IntN(3) == 0 {
		s.choose = func(x Conflict) int { return r.IntN(len(x.Holders)+2) - 1 }
	}
	for i := range 2 + r.IntN(4) {
		n := &simNode{s: s, i: i, off: time.Duration(r.IntN(400)-200) * time.Millisecond}
		s.nodes = append(s.nodes, n)
		s.boot(n)
	}
	return s
}

// boot starts a node, empty.
func (s *sim) boot(n *simNode) {
	n.procs, n.told, n.calls, n.won = map[uint64]*simProc{}, nil, nil, map[string]int{}
	n.view, n.groups = map[string]string{}, map[string]int{}
	n.core = newCore(world{
		pid: func(m member, id uint64) actor.PID {
			if m.Name == n.of.Name {
				m.Incarnation = 0 // one's own processes are the same in every life
			}
			return s.sys.PIDOf(actor.Address{Node: m.Name, Incarnation: m.Incarnation, ID: id})
		},
		alive: func(id uint64) bool { p := n.procs[id]; return p != nil && p.alive },
		wall:  func() time.Time { return s.now.Add(n.off) },
		warn:  func(string, ...any) {},
		skew:  func(*SkewError) {},
	}, s.choose != nil)
	s.renew(n)
}

func (s *sim) renew(n *simNode) {
	s.lastInc++
	n.of = member{fmt.Sprint("n", n.i), s.lastInc}
	n.sees = map[*simNode]bool{}
	n.shard++
	if err := n.core.renewed(n.of, crdt.Incarnation(n.shard), s.now); err != nil {
		panic(err)
	}
	n.tellMembers()
	n.drain()
}

func (n *simNode) tellMembers() {
	list := []presence{{n.of, true, true}}
	for _, other := range n.s.nodes {
		if n.sees[other] {
			list = append(list, presence{other.of, true, true})
		}
	}
	n.core.members(list, n.s.now)
}

// drain does what the core wants done.
func (n *simNode) drain() {
	for range 100 {
		out := n.core.out
		n.core.out = outbox{}
		if out.empty() {
			return
		}
		for _, x := range out.sends {
			for _, ss := range n.s.sessions {
				for end := range 2 {
					if ss.ends[end] == n && ss.lives[end] == n.of && ss.lives[1-end] == x.to && !ss.dead && ss.met[end] && !ss.gone[end] {
						ss.queue[end] = append(ss.queue[end], x.rec)
					}
				}
			}
		}
		for _, x := range out.exits {
			n.end(x.id)
		}
		for _, x := range out.changes {
			n.changed(x)
		}
		for _, x := range out.resolves {
			n.core.resolved(x, n.s.choose(x), n.s.now)
		}
	}
	panic("the core does not come to rest")
}

func (n *simNode) changed(x Change) {
	switch {
	case !x.Group && x.New.IsZero():
		delete(n.view, x.Name)
	case !x.Group:
		n.view[x.Name] = x.New.String()
	default:
		if !x.Old.IsZero() {
			n.count(x.Name+x.Old.String(), -1)
		}
		if !x.New.IsZero() {
			n.count(x.Name+x.New.String(), 1)
		}
	}
}

func (n *simNode) count(what string, d int) {
	if n.groups[what] += d; n.groups[what] == 0 {
		delete(n.groups, what)
	}
}

// end is the end of a process; the core is told some time later.
func (n *simNode) end(id uint64) {
	if p := n.procs[id]; p != nil && p.alive {
		*p = simProc{}
		n.told = append(n.told, id)
	}
}

func (n *simNode) spawn() uint64 {
	n.s.nextProc++
	n.procs[n.s.nextProc] = &simProc{alive: true, names: map[string]bool{}, groups: map[string]int{}}
	return n.s.nextProc
}

// live is one of the processes that live, or a new one.
func (n *simNode) live() uint64 {
	if n.s.r.IntN(3) > 0 {
		for _, id := range slices.Sorted(maps.Keys(n.procs)) {
			if n.procs[id].alive && n.s.r.IntN(3) == 0 {
				return id
			}
		}
	}
	return n.spawn()
}

// holderOf is a process that may be registered as name: one that has no other, because who loses one name loses all.
func (n *simNode) holderOf(name string) uint64 {
	id := n.live()
	for other := range n.procs[id].names {
		if other != name {
			return n.spawn()
		}
	}
	for _, c := range n.calls {
		if c.id == id {
			return n.spawn()
		}
	}
	return id
}

func (s *sim) link(a, b *simNode) *session {
	for _, ss := range s.sessions {
		if (ss.ends == [2]*simNode{a, b} || ss.ends == [2]*simNode{b, a}) && !(ss.gone[0] && ss.gone[1]) {
			return ss
		}
	}
	return nil
}

// connect makes the sessions that are missing between nodes that are not cut off from each other.
func (s *sim) connect(a, b *simNode) {
	if s.link(a, b) == nil {
		s.sessions = append(s.sessions, &session{ends: [2]*simNode{a, b}, lives: [2]member{a.of, b.of}})
	}
}

// progress lets one thing happen on a session.
func (s *sim) progress(ss *session, end int) {
	n := ss.ends[end]
	switch {
	case ss.gone[end]:
		return
	case n.of != ss.lives[end]:
		ss.dead, ss.gone[end] = true, true // that life is over
		return
	case !ss.met[end]:
		if ss.dead {
			ss.met[end], ss.gone[end] = true, true // never met
			return
		}
		ss.met[end] = true
		n.core.met(ss.lives[1-end], s.now)
	case len(ss.queue[1-end]) > 0 && !ss.cut && (!ss.dead || s.r.IntN(3) > 0):
		rec := ss.queue[1-end][0]
		ss.queue[1-end] = ss.queue[1-end][1:]
		if err := n.core.received(ss.lives[1-end], rec, s.now); err != nil {
			panic(err)
		}
	case ss.dead:
		ss.gone[end] = true
		n.core.gone(ss.lives[1-end], s.now)
	}
	n.drain()
}

func (s *sim) deliver(most int) {
	for range most {
		if len(s.sessions) == 0 {
			return
		}
		s.progress(s.sessions[s.r.IntN(len(s.sessions))], s.r.IntN(2))
	}
	s.sessions = slices.DeleteFunc(s.sessions, func(ss *session) bool { return ss.gone[0] && ss.gone[1] })
}

// act is one random thing that a user does on n. In the second half nobody ends or takes back anything.
func (s *sim) act(n *simNode) {
	name := fmt.Sprint("x", s.r.IntN(5))
	what := s.r.IntN(12)
	if s.keep && (what == 4 || what == 7 || what == 8) {
		what = 0
	}
	switch what {
	case 0, 1, 2, 3:
		id := n.holderOf(name)
		if err := n.core.register(name, id, options{}, 0, s.now); err == nil {
			n.procs[id].names[name] = true
		}
	case 4:
		holder := n.core.holder(name)
		if err := n.core.unregister(name, s.now); err == nil && holder != nil {
			for _, p := range n.procs {
				delete(p.names, name)
			}
		}
	case 5, 6:
		id := n.live()
		if err := n.core.join(name, id, options{}, s.now); err == nil {
			n.procs[id].groups[name]++
		}
	case 7:
		id := n.live()
		if err := n.core.leave(name, id, s.now); err == nil {
			n.procs[id].groups[name]--
		}
	case 8:
		n.end(n.live())
	case 9:
		n.claim(name, n.holderOf(name))
	case 10:
		id := n.holderOf(name)
		if err := n.core.register(name, id, options{epoch: uint64(s.r.IntN(3)), meta: "m", hasMeta: true}, 0, s.now); err == nil {
			n.procs[id].names[name] = true
		}
	case 11:
		if len(n.told) > 0 {
			id := n.told[0]
			n.told = n.told[1:]
			n.core.exited(id, s.now)
		}
	}
	n.drain()
	n.answers()
}

func (n *simNode) claim(name string, id uint64) {
	cl, done := n.core.claim(name, id, options{}, n.s.r.IntN(2) == 0, n.s.now)
	n.calls = append(n.calls, &call{cl, done, id})
}

// answers collects the outcomes of claims.
func (n *simNode) answers() {
	n.calls = slices.DeleteFunc(n.calls, func(c *call) bool {
		select {
		case o := <-c.done:
			if o.err == nil && !o.again {
				n.won[c.cl.name]++
				if p := n.procs[c.id]; p.alive {
					p.names[c.cl.name] = true
				}
			}
			return true
		default:
			return false
		}
	})
}

// fault is one random thing that happens to the network or a node.
func (s *sim) fault() {
	a, b := s.nodes[s.r.IntN(len(s.nodes))], s.nodes[s.r.IntN(len(s.nodes))]
	ss := s.link(a, b)
	switch s.r.IntN(8) {
	case 0, 1: // a cut, or its end
		if ss != nil {
			ss.cut = !ss.cut
		}
	case 2: // the session is lost
		if ss != nil {
			ss.dead = true
		}
	case 3: // one does not see the other, or does again
		if a != b {
			a.sees[b] = !a.sees[b]
			a.tellMembers()
			a.drain()
		}
	case 4: // a node is declared down and begins anew
		s.lose(a)
		s.renew(a)
	case 5: // a node crashes and starts again
		s.lose(a)
		s.boot(a)
	case 6: // a session is made anew
		if a != b && ss == nil {
			s.connect(a, b)
		}
	case 7: // a partition
		for _, other := range s.nodes {
			if ss := s.link(a, other); ss != nil && s.r.IntN(2) == 0 {
				ss.cut = true
				ss.dead = ss.dead || s.r.IntN(2) == 0
			}
		}
	}
}

// lose ends what others have with this life of a.
func (s *sim) lose(a *simNode) {
	for _, ss := range s.sessions {
		for end := range 2 {
			if ss.ends[end] == a && ss.lives[end] == a.of && !ss.gone[end] {
				ss.dead, ss.gone[end] = true, true
				if ss.met[end] {
					a.core.gone(ss.lives[1-end], s.now)
					a.drain()
				}
			}
		}
	}
	for _, n := range s.nodes {
		n.sees[a] = false
		n.tellMembers()
		n.drain()
	}
}

func (s *sim) flush() {
	for _, n := range s.nodes {
		n.core.flush(s.now)
		n.drain()
	}
}

func (s *sim) pass(d time.Duration) {
	s.now = s.now.Add(d)
	for _, n := range s.nodes {
		n.core.tick(s.now)
		n.drain()
		n.answers()
	}
}
