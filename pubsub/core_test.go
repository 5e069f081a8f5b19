package pubsub

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// Two to four cores with control lanes of any delay between them, sessions that end, and PubSubs that are closed and opened: what
// was acknowledged to a subscriber is routed by, or all is sent.

type simNode struct {
	name  string
	core  *core
	born  uint64
	want  map[string]map[string]bool // what this node's routes say: node, topic
	flood map[string]bool
	held  map[string]uint64 // topics with a subscriber whose wait is over
	waits map[string]*wait
}

func (n *simNode) wantOf(name, topic string, yes bool) {
	if n.want[name] == nil {
		n.want[name] = map[string]bool{}
	}
	if yes {
		n.want[name][topic] = true
	} else {
		delete(n.want[name], topic)
	}
}

type simRoutes struct{ n *simNode }

func (r simRoutes) want(node, topic string, yes bool) { r.n.wantOf(node, topic, yes) }
func (r simRoutes) flood(node string, yes bool)       { r.n.flood[node] = yes }

// cargo is a record under way. It takes less time than a Subscribe waits for a sign of life.
type cargo struct {
	rec  []byte
	sent time.Time
}

type sim struct {
	t     *testing.T
	rnd   *rand.Rand
	now   time.Time
	nodes []*simNode
	up    map[[2]int]bool    // sessions
	lanes map[[2]int][]cargo // of a session, from the first to the second
	begun uint64
}

func (s *sim) open(i int) {
	n := s.nodes[i]
	s.begun++
	*n = simNode{
		name: n.name, born: s.begun, want: map[string]map[string]bool{}, flood: map[string]bool{}, held: map[string]uint64{}, waits: map[string]*wait{},
	}
	c, err := newCore(crdt.Origin{Node: n.name, Incarnation: crdt.Incarnation(s.begun)}, s.begun, []string{"x"}, simRoutes{n},
		func(string, bool) uint64 { return 0 })
	if err != nil {
		s.t.Fatal(err)
	}
	n.core = c
	for k := range s.nodes {
		if k != i && s.up[pairOf(i, k)] {
			c.met(member{s.nodes[k].name, 1}, s.now)
		}
	}
}

func pairOf(a, b int) [2]int { return [2]int{min(a, b), max(a, b)} }

// collect puts what the cores want sent on the lanes.
func (s *sim) collect() {
	for i, n := range s.nodes {
		if n.core == nil {
			continue
		}
		if s.rnd.IntN(2) == 0 {
			n.core.flush()
		}
		for _, out := range n.core.out {
			k := slices.IndexFunc(s.nodes, func(x *simNode) bool { return x.name == out.to.Name })
			if s.up[pairOf(i, k)] {
				s.lanes[[2]int{i, k}] = append(s.lanes[[2]int{i, k}], cargo{out.rec, s.now})
			}
		}
		n.core.out = nil
	}
}

// arrive delivers the first record of a lane.
func (s *sim) arrive(from, to int) {
	at := [2]int{from, to}
	if len(s.lanes[at]) == 0 {
		return
	}
	rec := s.lanes[at][0].rec
	s.lanes[at] = s.lanes[at][1:]
	if c := s.nodes[to].core; c != nil {
		m, err := parse(rec)
		if err != nil {
			s.t.Fatal(err)
		}
		c.received(member{s.nodes[from].name, 1}, &m, s.now)
	}
}

func (s *sim) session(a, b int, yes bool) {
	p := pairOf(a, b)
	if s.up[p] == yes {
		return
	}
	s.up[p] = yes
	delete(s.lanes, [2]int{a, b})
	delete(s.lanes, [2]int{b, a})
	for _, x := range [][2]int{{a, b}, {b, a}} {
		c, other := s.nodes[x[0]].core, member{s.nodes[x[1]].name, 1}
		switch {
		case c == nil:
		case yes:
			c.met(other, s.now)
		default:
			c.gone(other, s.now)
		}
	}
}

// check is the promise: whoever publishes now, and is connected, reaches all nodes with a subscriber whose Subscribe returned.
func (s *sim) check() {
	for i, sub := range s.nodes {
		for k, pub := range s.nodes {
			if i == k || sub.core == nil || pub.core == nil || !s.up[pairOf(i, k)] {
				continue
			}
			for topic := range sub.held {
				if !pub.want[sub.name][topic] && !pub.flood[sub.name] {
					s.t.Fatalf("%s publishes %q and does not send it to %s, which was promised it", pub.name, topic, sub.name)
				}
			}
		}
	}
}

func (s *sim) returned() {
	for _, n := range s.nodes {
		for topic, w := range n.waits {
			select {
			case <-w.done:
				delete(n.waits, topic)
				n.held[topic] = w.seq
			default:
			}
		}
	}
}

func (s *sim) step() {
	i := s.rnd.IntN(len(s.nodes))
	k := (i + 1 + s.rnd.IntN(len(s.nodes)-1)) % len(s.nodes)
	n := s.nodes[i]
	topic := fmt.Sprint("t", s.rnd.IntN(4))
	switch r := s.rnd.IntN(100); {
	case r < 60:
		s.arrive(i, k)
	case r < 70:
		s.now = s.now.Add(time.Duration(s.rnd.IntN(300)) * time.Millisecond)
		for at := range s.lanes {
			for len(s.lanes[at]) > 0 && s.now.Sub(s.lanes[at][0].sent) > time.Second {
				s.arrive(at[0], at[1])
			}
		}
		if n.core != nil {
			n.core.tick(s.now)
		}
	case r < 82 && n.core != nil:
		seq, err := n.core.add(topic)
		if err != nil {
			s.t.Fatal(err)
		}
		if w := n.core.wait(seq, s.now); w != nil {
			n.waits[topic] = w
		} else {
			n.held[topic] = seq
		}
	case r < 92 && n.core != nil:
		if w := n.waits[topic]; w != nil {
			delete(n.core.waits, w)
			delete(n.waits, topic)
		}
		delete(n.held, topic)
		n.core.release(topic, s.now)
	case r < 96:
		s.session(i, k, !s.up[pairOf(i, k)])
	case r == 96 && n.core == nil:
		s.open(i)
	case r == 97 && n.core != nil:
		n.core.tellAll(&message{kind: recordBye})
		s.collect()
		*n = simNode{name: n.name}
	}
	s.collect()
	s.returned()
	s.check()
}

// drain delivers all, with all sessions up, until nothing is under way.
func (s *sim) drain() {
	for i := range s.nodes {
		if s.nodes[i].core == nil {
			s.open(i)
		}
		for k := range i {
			s.session(i, k, true)
		}
	}
	for range 200 {
		s.now = s.now.Add(300 * time.Millisecond)
		for i := range s.nodes {
			s.nodes[i].core.tick(s.now)
			s.collect()
			for k := range s.nodes {
				for len(s.lanes[[2]int{i, k}]) > 0 {
					s.arrive(i, k)
				}
			}
		}
		s.collect()
		s.returned()
		s.check()
	}
}

func TestPromiseInRandomHistories(t *testing.T) {
	const runs = 300
	seed := rand.Uint64()
	t.Log("seed", seed)
	for run := range uint64(runs) {
		s := &sim{t: t, rnd: rand.New(rand.NewPCG(seed, run)), now: time.Unix(1e9, 0), up: map[[2]int]bool{}, lanes: map[[2]int][]cargo{}}
		for i := range 2 + s.rnd.IntN(3) {
			s.nodes = append(s.nodes, &simNode{name: fmt.Sprint("n", i)})
			s.open(i)
		}
		for range 400 {
			s.step()
		}
		s.drain()
		for i, n := range s.nodes {
			if len(n.waits) != 0 {
				t.Fatalf("run %d: %s still waits for %v", run, n.name, n.waits)
			}
			for k, other := range s.nodes {
				if i == k {
					continue
				}
				if n.flood[other.name] {
					t.Fatalf("run %d: %s still sends everything to %s", run, n.name, other.name)
				}
				if len(n.want[other.name]) != len(other.core.own) {
					t.Fatalf("run %d: %s routes to %s by %v, want %v", run, n.name, other.name, n.want[other.name], other.core.own)
				}
			}
		}
	}
}

// Gaps are exact whatever comes first: the first event of a session or what is said of it.
func TestSourceCounts(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		s := &source{fresh: true}
		missed, arrived, sent := uint64(0), uint64(0), uint64(rnd.IntN(3))
		before := sent
		lost := uint64(0)
		note := func(from, to uint64) {
			if from != 0 {
				missed += to - from + 1
			}
		}
		for range 1 + rnd.IntN(4) { // sessions
			begin, told := sent, false
			for range rnd.IntN(6) {
				if !told && rnd.IntN(3) == 0 {
					told = true
					note(s.begun(begin, true))
				}
				sent++
				arrived++
				note(s.count(sent))
			}
			if !told {
				note(s.begun(begin, true))
			}
			n := uint64(rnd.IntN(4)) // at the end of a session
			sent, lost = sent+n, lost+n
		}
		note(s.begun(sent, true))
		if missed != lost || s.last != sent || arrived+lost+before != sent {
			t.Fatalf("missed %d of %d", missed, lost)
		}
	}
}

func FuzzParse(f *testing.F) {
	origin := crdt.Origin{Node: "n", Incarnation: 1}
	entry := crdt.Entry{Key: crdt.Key{Kind: crdt.Topic, Name: "a.*"}}
	for _, m := range []message{
		{kind: recordHello, instance: 1, to: 7, number: 2, digest: crdt.Digest{Origin: origin, Upto: 3}, types: []string{"a", "b"}},
		{kind: recordWelcome, digest: crdt.Digest{Origin: origin}},
		{kind: recordDigest, digest: crdt.Digest{Origin: origin, Upto: 3}},
		{kind: recordDelta, delta: crdt.Delta{Origin: origin, First: 1, Ops: []crdt.Op{{Add: true, Entry: entry}}}},
		{kind: recordSince, request: crdt.PageRequest{Origin: origin}}, {kind: recordFetch, request: crdt.PageRequest{Origin: origin}},
		{kind: recordPage, page: crdt.Page{Origin: origin, Base: 1, First: 2, Cursor: 1, Items: []crdt.Item{{Seq: 1, Entry: entry}}, Done: true}},
		{kind: recordAck, to: 1, number: 7}, {kind: recordCount, number: 1, topic: "a.b"}, {kind: recordCounted, number: 1, count: 3},
		{kind: recordBye},
	} {
		b := m.append(nil)
		if _, err := parse(b); err != nil {
			f.Fatal(m.kind, err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parse(b)
		if err == nil && m.kind <= recordBye && m.kind >= recordHello {
			again := m.append(nil)
			if m2, err := parse(again); err != nil || !bytes.Equal(m2.append(nil), again) {
				t.Fatal(err)
			}
		}
	})
}

func FuzzEvent(f *testing.F) {
	sys, err := actor.NewSystem("n")
	if err != nil {
		f.Fatal(err)
	}
	types, err := codec.New(codec.Config{})
	if err != nil {
		f.Fatal(err)
	}
	table, err := types.Table(types.Names())
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range []wireEvent{
		{instance: 1, seq: 1, topic: "a"},
		{instance: 2, seq: 9, topic: "a.b", exclude: true, from: sys.PIDOf(actor.Address{Node: "n", ID: 1 << 32})},
		{instance: 3, seq: 9, topic: "a.b", from: sys.PIDOf(actor.Address{Node: "other", Incarnation: 5, Name: "x"})},
	} {
		b, err := types.Append(appendEvent(nil, &e), []any{1, "x", e.from}, refs{sys})
		if err != nil {
			f.Fatal(err)
		}
		if x, err := parseEvent(b, sys); err != nil || x.from != e.from || x.seq != e.seq || x.topic != e.topic || x.exclude != e.exclude {
			f.Fatal(x, err)
		}
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		if e, err := parseEvent(b, sys); err == nil {
			_, _ = table.Decode(e.body, refs{sys})
		}
	})
}

func FuzzTopic(f *testing.F) {
	for _, s := range []string{"", "a.b", "a.*.>", "a..b", "ä b", "\xff"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, pattern, topic string) {
		if CheckTopic(topic) == nil && CheckPattern(topic) != nil {
			t.Fatal("a topic that is no pattern")
		}
		if CheckPattern(pattern) != nil || CheckTopic(topic) != nil {
			return
		}
		wild, _ := check(pattern, true)
		x := newTable()
		e := x.get(pattern, wild, true)
		e.local.add(&subscription{entry: e}, 1)
		entries, _ := x.match(topic, nil, nil)
		if found := len(entries) == 1; found != Match(pattern, topic) {
			t.Fatal(pattern, topic, found)
		}
	})
}
