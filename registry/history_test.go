package registry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// TestHistories runs cores over a simulated network: sessions that break, partitions, nodes that are declared down and begin anew,
// crash or open their registry again, claims, resolvers, and ends of processes that are told late. After each history all faults
// end, and then every node has to show the same, and that has to be what the processes that live have registered.
//
// REGISTRY_RUNS=10000 runs as many, REGISTRY_SEED=n that one alone.
func TestHistories(t *testing.T) {
	runHistories(t, 600, func(s *sim) error { return s.chaos() })
}

// TestClaimHistories has nodes claim names at the same time, without faults: never two may win.
func TestClaimHistories(t *testing.T) {
	runHistories(t, 400, func(s *sim) error { return s.claims() })
}

func runHistories(t *testing.T, count int, f func(*sim) error) {
	sys, err := actor.NewSystem("sim")
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Shutdown(context.Background())
	if testing.Short() {
		count /= 10
	}
	first := number(t, "REGISTRY_SEED", 0)
	if first != 0 {
		count = 1
	} else {
		first, count = int(time.Now().UnixNano()), number(t, "REGISTRY_RUNS", count)
	}
	for i := range count {
		s := newSim(sys, rand.New(rand.NewPCG(uint64(first+i), 7)))
		if err := f(s); err != nil {
			t.Fatalf("REGISTRY_SEED=%d: %v", first+i, err)
		}
	}
	t.Logf("%d histories from REGISTRY_SEED=%d", count, first)
}

func number(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s=%q is not a number", name, text)
	}
	return n
}

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
	trace    []string
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

// chaos is a history with faults.
func (s *sim) chaos() error {
	s.rounds()
	s.calm()
	if err := s.check(nil); err != nil {
		return fmt.Errorf("%d nodes: %w", len(s.nodes), err)
	}
	s.keep = true
	s.rounds()
	if err := s.check(s.calm()); err != nil {
		return fmt.Errorf("%d nodes, nobody ended: %w", len(s.nodes), err)
	}
	return nil
}

func (s *sim) rounds() {
	for range 10 + s.r.IntN(100) {
		for range 1 + s.r.IntN(3) {
			s.act(s.nodes[s.r.IntN(len(s.nodes))])
		}
		if s.r.IntN(3) == 0 {
			s.fault()
		}
		if s.r.IntN(2) == 0 {
			s.flush()
		}
		s.deliver(s.r.IntN(30))
		if s.r.IntN(4) == 0 {
			s.pass(time.Duration(s.r.IntN(1500)) * time.Millisecond)
		}
	}
}

// calm ends all faults and waits. It returns the names that had a living holder when nobody did anything any more.
func (s *sim) calm() map[string]bool {
	for _, n := range s.nodes {
		for _, c := range n.calls {
			n.core.abandon(c.cl, errors.New("given up"), s.now)
		}
		n.answers()
		for _, id := range n.told {
			n.core.exited(id, s.now)
		}
		n.told = nil
		n.drain()
	}
	before := s.holders()
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for range 40 {
		for i, a := range s.nodes {
			for _, b := range s.nodes[:i] {
				ss := s.link(a, b)
				if ss == nil {
					s.connect(a, b)
				} else {
					ss.cut = false
				}
			}
			for _, b := range s.nodes {
				a.sees[b] = a != b
			}
			a.tellMembers()
			a.drain()
			for _, id := range a.told {
				a.core.exited(id, s.now)
			}
			a.told = nil
			a.drain()
		}
		s.flush()
		s.deliver(40 * len(s.sessions) * len(s.nodes))
		s.pass(400 * time.Millisecond)
	}
	s.flush()
	s.deliver(100 * len(s.sessions) * len(s.nodes))
	return names
}

// holders are the processes that live and hold names.
func (s *sim) holders() map[string][]string {
	all := map[string][]string{}
	for _, n := range s.nodes {
		for id, p := range n.procs {
			if !p.alive {
				continue
			}
			for name := range p.names {
				all[name] = append(all[name], fmt.Sprintf("n%d/%d", n.i, id))
			}
		}
	}
	return all
}

func (s *sim) check(before map[string]bool) error {
	truth := s.holders()
	for name := range before {
		if len(truth[name]) != 1 {
			return fmt.Errorf("%s is held by %v", name, truth[name])
		}
	}
	groups := map[string]int{}
	total := len(truth)
	for _, n := range s.nodes {
		for id, p := range n.procs {
			for g, times := range p.groups {
				if total += times; times > 0 {
					groups[fmt.Sprintf("%s n%d/%d", g, n.i, id)] += times
				}
			}
		}
	}
	for _, n := range s.nodes {
		c := n.core
		shown := map[string][]string{}
		for e := range c.table.all() {
			shown[e.name] = []string{fmt.Sprintf("%s/%d", e.rec.Origin.Node, processOf(e.rec.PID))}
			if n.view[e.name] != e.pid.String() {
				return fmt.Errorf("n%d: changes add up to %s for %s, which is %v", n.i, n.view[e.name], e.name, e.pid)
			}
			if e.src.gone.Load() || e.src.of != c.sources[e.rec.Origin].of {
				return fmt.Errorf("n%d: %s comes from nowhere", n.i, e.name)
			}
		}
		if !maps.EqualFunc(shown, truth, slices.Equal) {
			return fmt.Errorf("n%d shows %v, and there is %v", n.i, shown, truth)
		}
		if len(n.view) != len(shown) {
			return fmt.Errorf("n%d: changes add up to %v", n.i, n.view)
		}
		members := map[string]int{}
		for g := range c.groups {
			for r := range c.store.Holders(crdt.Key{Kind: crdt.Group, Name: g}) {
				members[fmt.Sprintf("%s %s/%d", g, r.Origin.Node, processOf(r.PID))]++
			}
		}
		if !maps.Equal(members, groups) {
			return fmt.Errorf("n%d has the groups %v, and there is %v", n.i, members, groups)
		}
		sum := 0
		for _, k := range n.groups {
			sum += k
		}
		if want := total - len(truth); sum != want {
			return fmt.Errorf("n%d: changes of groups add up to %v", n.i, n.groups)
		}
		if c.store.Len() != total || !c.complete() || len(c.contests)+len(c.promises)+len(c.claims) != 0 || c.counts.diverged != 0 {
			return fmt.Errorf("n%d is left with %d records of %d, complete %v, contests %v, promises %v, claims %v", n.i, c.store.Len(), total,
				c.complete(), c.contests, c.promises, c.claims)
		}
	}
	return nil
}

// claims is a history without faults.
func (s *sim) claims() error {
	s.choose = nil
	s.calm()
	for range 60 {
		for range s.r.IntN(4) {
			n := s.nodes[s.r.IntN(len(s.nodes))]
			n.claim(fmt.Sprint("c", s.r.IntN(4)), n.spawn())
			n.drain()
			n.answers()
		}
		if s.r.IntN(2) == 0 {
			s.flush()
		}
		s.deliver(s.r.IntN(40))
		for _, n := range s.nodes {
			n.answers()
		}
		if s.r.IntN(10) == 0 {
			s.pass(time.Duration(s.r.IntN(800)) * time.Millisecond)
		}
	}
	before := s.calm()
	won := map[string]int{}
	for _, n := range s.nodes {
		for name, k := range n.won {
			won[name] += k
		}
		if n.core.counts.lost != 0 {
			return fmt.Errorf("a winner lost its name: %v", strings.Join(s.trace, "\n"))
		}
	}
	for name, k := range won {
		if k != 1 {
			return fmt.Errorf("%s was won %d times", name, k)
		}
	}
	if len(won) == 0 {
		return errors.New("nobody won anything")
	}
	return s.check(before)
}

// newFuzzed is one node that holds "mine" and has a session with node a.
func newFuzzed(t *testing.T) *sim {
	sys, err := actor.NewSystem("sim")
	if err != nil {
		t.Fatal(err)
	}
	s := &sim{sys: sys, r: rand.New(rand.NewPCG(1, 1)), now: time.Unix(1_800_000_000, 0), lastInc: 1000}
	n := &simNode{s: s}
	s.nodes = append(s.nodes, n)
	s.boot(n)
	if err := n.core.register("mine", n.spawn(), options{}, 0, s.now); err != nil {
		t.Fatal(err)
	}
	n.core.met(member{"a", 3}, s.now)
	n.drain()
	return s
}

// Three that claim one name meet in all orders, and the resolver chooses each of them: one survives.
func TestThreeClaimantsInAllOrders(t *testing.T) {
	sys, err := actor.NewSystem("sim")
	if err != nil {
		t.Fatal(err)
	}
	pairs := [][2]int{{0, 1}, {0, 2}, {1, 2}}
	orders := [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	for place := -1; place < 4; place++ {
		for _, stamps := range orders {
			for _, order := range orders {
				s := &sim{sys: sys, r: rand.New(rand.NewPCG(3, 3)), now: time.Unix(1_800_000_000, 0), lastInc: 1000}
				if place >= 0 {
					s.choose = func(Conflict) int { return place }
				}
				for i := range 3 {
					n := &simNode{s: s, i: i}
					s.nodes = append(s.nodes, n)
					s.boot(n)
				}
				for _, i := range stamps {
					n := s.nodes[i]
					id := n.spawn()
					if err := n.core.register("x", id, options{}, 0, s.now); err != nil {
						t.Fatal(err)
					}
					n.procs[id].names["x"] = true
					n.drain()
					s.now = s.now.Add(time.Millisecond)
				}
				for _, k := range order {
					a, b := s.nodes[pairs[k][0]], s.nodes[pairs[k][1]]
					s.connect(a, b)
					a.sees[b], b.sees[a] = true, true
					for _, n := range []*simNode{a, b} {
						n.tellMembers()
						n.drain()
					}
					s.deliver(200)
					s.pass(tickEvery)
					s.deliver(200)
				}
				if err := s.check(s.calm()); err != nil {
					t.Fatalf("resolver %d, registered in the order %v, met in the order %v: %v", place, stamps, order, err)
				}
				if first := fmt.Sprintf("n%d", stamps[0]); place < 0 && s.nodes[0].core.holder("x").Origin.Node != first {
					t.Fatalf("the first one did not stay: %v", s.holders())
				}
			}
		}
	}
}

// Two claims at once, ten thousand times: never two winners, and one of them in the end.
func TestTwoClaimsNeverBothWin(t *testing.T) {
	sys, err := actor.NewSystem("sim")
	if err != nil {
		t.Fatal(err)
	}
	s := newSim(sys, rand.New(rand.NewPCG(5, 5)))
	s.choose = nil
	s.calm()
	won := 0
	for i := range 10_000 {
		name := fmt.Sprint("c", i)
		a, b := s.nodes[s.r.IntN(len(s.nodes))], s.nodes[s.r.IntN(len(s.nodes))]
		for _, n := range []*simNode{a, b} {
			n.claim(name, n.spawn())
			n.drain()
			s.deliver(s.r.IntN(6))
		}
		for a.calls = a.calls[:len(a.calls):len(a.calls)]; len(a.calls)+len(b.calls) > 0; {
			s.flush()
			s.deliver(5)
			a.answers()
			b.answers()
		}
		wins := a.won[name]
		if a != b {
			wins += b.won[name]
		}
		if won += wins; wins > 1 {
			t.Fatal(name, "was won twice")
		}
		for _, n := range s.nodes {
			for id := range n.procs {
				n.end(id)
			}
			for _, id := range n.told {
				n.core.exited(id, s.now)
			}
			n.told, n.procs = nil, map[uint64]*simProc{}
			n.drain()
		}
	}
	if won < 5_000 {
		t.Error("only", won, "were won")
	}
}

// What is known of a thousand lives of a node is as much as of one, and after the last is forgotten it is nothing.
func TestLivesLeaveNothingBehind(t *testing.T) {
	s := newFuzzed(t)
	n := s.nodes[0]
	for life := range 1000 {
		a := member{"a", uint64(10 + life)}
		n.core.met(a, s.now)
		o := crdt.Origin{Node: "a", Incarnation: crdt.Incarnation(10 + life)}
		d := crdt.Delta{Origin: o, First: 1}
		for i := range 500 {
			d.Ops = append(d.Ops, crdt.Op{Add: true, Entry: crdt.Entry{Key: crdt.Key{Kind: crdt.Name, Name: fmt.Sprint(i)}, PID: wirePID(1)}},
				crdt.Op{Drop: uint64(2*i + 1)})
		}
		m := message{kind: recordDelta, delta: d}
		if err := n.core.received(a, m.append(nil), s.now); err != nil {
			t.Fatal(err)
		}
		n.core.gone(a, s.now)
		n.drain()
	}
	c := n.core
	if len(c.peers) > 2 || len(c.newest) != 1 || len(c.sources) != 2 || c.store.Len() != 1 {
		t.Fatal(len(c.peers), c.newest, len(c.sources), c.store.Len())
	}
	c.forgotten(member{"a", 1009}, s.now)
	if len(c.newest) != 0 || len(c.sources) != 1 || len(slices.Collect(c.store.Nodes())) != 0 {
		t.Fatal(c.newest, len(c.sources))
	}
}
