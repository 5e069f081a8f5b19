package pubsub

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// member is one life of a node, as membership knows it.
type member struct {
	Name        string
	Incarnation uint64
}

const (
	// lingers is how long interest stays after the last subscriber of a topic is gone.
	lingers = time.Second
	// askAgain is when a request without an answer is repeated, and how often digests are sent.
	askAgain = time.Second
	// greetWithin is how long a Subscribe waits for a node with a new session to say that it has a PubSub.
	greetWithin = 2 * time.Second
	// silentAfter is when a node that did not say so is taken to have none. It is longer than a session can be silent.
	silentAfter = 15 * time.Second
)

// routes is what the core tells of who is to be sent what.
type routes interface {
	want(node, topic string, yes bool)
	flood(node string, yes bool)
}

// core says which topics and patterns this node wants, and knows what the others want. It is a state machine: it is told what
// happens and at what time, and leaves in out what has to be sent. It is not safe for concurrent use.
//
// Invariant: a node that has a session with this one is flooded, unless it has no PubSub as far as is known, or p.complete: then this
// node has all of its interest that it may have promised to a subscriber on account of our acks.
type core struct {
	instance uint64
	types    []string
	store    *crdt.Store
	routes   routes
	base     func(node string, begin bool) uint64 // number of the last event sent to a node: before this session, or up to now
	peers    map[string]*peer
	own      map[string]*wanted
	pushed   uint64 // number of our last operation that was sent to everybody
	waits    map[*wait]struct{}
	digested time.Time
	counts   coreCounts
	out      []send
}

type coreCounts struct{ pages, diverged uint64 }

// wanted is a topic or pattern that this node wants.
type wanted struct {
	seq   uint64 // its record
	until time.Time
	used  bool
}

// peer is another node.
type peer struct {
	name     string
	of       member // whose session it is
	met      bool
	metAt    time.Time
	heard    bool   // it sent something in this session, so it has a PubSub
	greeted  bool   // it said which
	welcomed bool   // it answered our hello
	instance uint64 // of its PubSub; kept beyond the session
	shard    crdt.Origin
	target   uint64    // the greatest number of its operations that this session told of
	complete bool      // we route by what it wants
	flooded  bool      // it is sent everything
	asked    time.Time // when operations or a page were asked for; zero if there is nothing to wait for
	told     uint64    // one more than the number of its operations that we told it to route by
	acked    uint64    // one more than the number of our operations by which it routes
}

type send struct {
	to  member
	rec []byte
}

// wait is a Subscribe that waits until all route by operation seq.
type wait struct {
	seq  uint64
	done chan struct{}
}

func newCore(self crdt.Origin, instance uint64, types []string, r routes, base func(string, bool) uint64) (*core, error) {
	store, err := crdt.NewStore(self)
	if err != nil {
		return nil, err
	}
	return &core{
		instance: instance, types: types, store: store, routes: r, base: base, peers: map[string]*peer{},
		own: map[string]*wanted{}, waits: map[*wait]struct{}{},
	}, nil
}

// add makes this node want a topic or pattern, and returns the number of the operation that says so. flush sends it, with those
// that were written meanwhile.
func (c *core) add(topic string) (uint64, error) {
	if w := c.own[topic]; w != nil {
		w.used = true
		return w.seq, nil
	}
	r, err := c.store.Add(crdt.Entry{Key: crdt.Key{Kind: crdt.Topic, Name: topic}})
	if err != nil {
		return 0, err
	}
	c.own[topic] = &wanted{seq: r.Seq, used: true}
	return r.Seq, nil
}

// release is the end of the last subscription to a topic or pattern.
func (c *core) release(topic string, now time.Time) {
	if w := c.own[topic]; w != nil && w.used {
		w.used, w.until = false, now.Add(lingers)
	}
}

// wait gives what is closed when all who are connected route by operation seq; nil if they do.
func (c *core) wait(seq uint64, now time.Time) *wait {
	if c.routed(seq, now) {
		return nil
	}
	w := &wait{seq: seq, done: make(chan struct{})}
	c.waits[w] = struct{}{}
	return w
}

// routed reports whether all who are connected route by operation seq.
func (c *core) routed(seq uint64, now time.Time) bool {
	for _, p := range c.peers {
		if p.met && p.acked <= seq && (p.heard || now.Sub(p.metAt) < greetWithin) {
			return false
		}
	}
	return true
}

// late are the nodes with a PubSub that do not route by operation seq.
func (c *core) late(seq uint64) (nodes []string) {
	for _, p := range c.peers {
		if p.met && p.heard && p.acked <= seq {
			nodes = append(nodes, p.name)
		}
	}
	slices.Sort(nodes)
	return nodes
}

func (c *core) settle(now time.Time) {
	for w := range c.waits {
		if c.routed(w.seq, now) {
			close(w.done)
			delete(c.waits, w)
		}
	}
}

// met is the begin of a session.
func (c *core) met(m member, now time.Time) {
	p := c.peers[m.Name]
	if p == nil {
		p = &peer{name: m.Name}
		c.peers[m.Name] = p
	}
	if p.met && p.of.Incarnation > m.Incarnation {
		return
	}
	*p = peer{name: p.name, of: m, met: true, metAt: now, instance: p.instance, shard: p.shard, flooded: p.flooded}
	c.reroute(p)
	c.greet(p, recordHello)
	c.settle(now)
}

// gone is the end of a session.
func (c *core) gone(m member, now time.Time) {
	p := c.peers[m.Name]
	if p == nil || !p.met || p.of != m {
		return
	}
	p.met = false
	c.reset(p)
	if p.shard.Node == "" {
		delete(c.peers, p.name)
	}
	c.settle(now)
}

// reset forgets what p said in this session.
func (c *core) reset(p *peer) {
	p.heard, p.greeted, p.welcomed, p.complete, p.target, p.asked, p.told, p.acked = false, false, false, false, 0, time.Time{}, 0, 0
	c.reroute(p)
}

// reroute makes it true that p is flooded if it has to be.
func (c *core) reroute(p *peer) {
	flood := p.met && !p.complete
	if flood != p.flooded {
		p.flooded = flood
		c.routes.flood(p.name, flood)
	}
}

// forgotten drops all that is known of a node.
func (c *core) forgotten(m member, now time.Time) {
	p := c.peers[m.Name]
	if p == nil || p.met || p.of.Incarnation > m.Incarnation {
		return
	}
	c.drop(p)
	delete(c.peers, m.Name)
	c.settle(now)
}

// drop forgets what p wants.
func (c *core) drop(p *peer) {
	c.apply(c.store.Forget(p.name))
	p.shard = crdt.Origin{}
}

// received takes a record of a member. Its error says that no PubSub would send it.
func (c *core) received(from member, m *message, now time.Time) {
	p := c.peers[from.Name]
	if p == nil || !p.met || p.of != from {
		return
	}
	p.heard = true
	switch m.kind {
	case recordHello, recordWelcome:
		c.greeted(p, m)
	case recordBye:
		c.drop(p)
		c.reset(p)
		p.metAt = now.Add(-silentAfter)
		p.complete = true
		c.reroute(p)
	case recordAck:
		if m.to == c.instance && p.greeted {
			p.acked = max(p.acked, min(m.number, c.store.Digest().Upto)+1)
		}
	case recordSince:
		c.flush()
		if d, ok := c.store.Since(m.request.Upto, chunkBytes); ok && m.request.Origin == c.store.Self() {
			c.post(p, &message{kind: recordDelta, delta: d})
			break
		}
		c.post(p, &message{kind: recordPage, page: c.store.Page(crdt.PageRequest{Origin: c.store.Self()}, chunkBytes)})
	case recordFetch:
		c.post(p, &message{kind: recordPage, page: c.store.Page(m.request, chunkBytes)})
	case recordDigest, recordDelta, recordPage:
		c.interest(p, m, now)
	}
	c.settle(now)
}

// greeted takes a hello or welcome.
func (c *core) greeted(p *peer, m *message) {
	if m.digest.Origin.Node != p.name || m.kind == recordWelcome && m.to != c.instance {
		return // a welcome to who was here before says nothing of what was sent to nobody meanwhile
	}
	if m.instance != p.instance || !p.greeted && m.digest.Origin != p.shard {
		p.complete, p.welcomed, p.target, p.told, p.asked = false, false, 0, 0, time.Time{}
		c.reroute(p)
	}
	p.instance, p.greeted = m.instance, true
	if m.digest.Origin != p.shard {
		c.drop(p)
		p.shard = m.digest.Origin
		c.apply(c.store.Show(p.shard))
	}
	p.target = max(p.target, m.digest.Upto)
	if m.kind == recordHello {
		c.greet(p, recordWelcome)
		if !p.welcomed {
			c.greet(p, recordHello) // it may have had no PubSub when the first was sent
		}
	} else {
		p.welcomed = true
	}
	changes, v := c.store.Check(m.digest)
	c.apply(changes)
	c.progress(p, v)
}

// interest takes a record about what p wants.
func (c *core) interest(p *peer, m *message, now time.Time) {
	origin := m.digest.Origin
	switch m.kind {
	case recordDelta:
		origin = m.delta.Origin
	case recordPage:
		origin = m.page.Origin
	}
	if !p.greeted || origin != p.shard {
		return
	}
	var changes []crdt.Change
	var v crdt.Verdict
	had := c.store.Upto(p.shard)
	switch m.kind {
	case recordDigest:
		p.target = max(p.target, m.digest.Upto)
		changes, v = c.store.Check(m.digest)
	case recordDelta:
		p.target = max(p.target, m.delta.Last())
		changes, v = c.store.Apply(m.delta)
	case recordPage:
		var next *crdt.PageRequest
		next, changes, v = c.store.ApplyPage(m.page)
		c.counts.pages++
		if next != nil {
			c.apply(changes)
			p.asked = now
			c.post(p, &message{kind: recordFetch, request: *next})
			return
		}
	}
	c.apply(changes)
	if c.store.Upto(p.shard) > had && c.store.PageRequest(p.shard).Base == 0 {
		p.asked = time.Time{} // an answer; an exchange of pages that is under way must not be begun anew
	}
	c.progress(p, v)
	c.catchUp(p, now)
}

// progress follows whatever came of p's interest.
func (c *core) progress(p *peer, v crdt.Verdict) {
	if v == crdt.Diverged {
		c.counts.diverged++
		p.complete = false
		c.reroute(p)
		c.post(p, &message{kind: recordFetch, request: crdt.PageRequest{Origin: p.shard}})
		return
	}
	have := c.store.Upto(p.shard)
	if p.welcomed && have >= p.target && v != crdt.Stale && v != crdt.Ours {
		p.complete = true
		c.reroute(p)
	}
	if p.complete && have >= p.told {
		p.told = have + 1
		c.post(p, &message{kind: recordAck, to: p.instance, number: have})
	}
}

// catchUp asks for what is missing, unless that is under way.
func (c *core) catchUp(p *peer, now time.Time) {
	have := c.store.Upto(p.shard)
	if !p.met || p.shard.Node == "" || have >= p.target || !p.asked.IsZero() && now.Sub(p.asked) < askAgain {
		return
	}
	again := !p.asked.IsZero()
	p.asked = now
	if q := c.store.PageRequest(p.shard); again && q.Base != 0 {
		c.post(p, &message{kind: recordFetch, request: q})
		return
	}
	c.post(p, &message{kind: recordSince, request: crdt.PageRequest{Origin: p.shard, Upto: have}})
}

// apply makes changes of what others want visible to who publishes.
func (c *core) apply(changes []crdt.Change) {
	for _, ch := range changes {
		if ch.New != nil && ch.New.Kind == crdt.Topic {
			c.routes.want(ch.New.Origin.Node, ch.New.Name, true)
		}
		if ch.Old != nil && ch.Old.Kind == crdt.Topic && (ch.New == nil || ch.New.Name != ch.Old.Name) {
			c.routes.want(ch.Old.Origin.Node, ch.Old.Name, false)
		}
	}
}

// greet tells p all that is needed to listen to us, behind all that the digest covers.
func (c *core) greet(p *peer, kind recordKind) {
	c.flush()
	c.post(p, &message{
		kind: kind, instance: c.instance, to: p.instance, number: c.base(p.name, kind == recordHello), digest: c.store.Digest(), types: c.types,
	})
}

func (c *core) post(p *peer, m *message) {
	c.out = append(c.out, send{p.of, m.append(make([]byte, 0, 64))})
}

// flush queues what we wrote since the last time, for all who listen.
func (c *core) flush() {
	for upto := c.store.Digest().Upto; c.pushed < upto; {
		d, ok := c.store.Since(c.pushed, chunkBytes)
		m := message{kind: recordDelta, delta: d}
		c.pushed = d.Last()
		if !ok { // more than the ring keeps: a digest makes the others ask for pages
			c.pushed = upto
			m = message{kind: recordDigest, digest: c.store.Digest()}
		}
		c.tellAll(&m)
	}
}

func (c *core) tellAll(m *message) {
	var rec []byte
	for _, p := range c.ordered() {
		if p.met && p.greeted {
			if rec == nil {
				rec = m.append(nil)
			}
			c.out = append(c.out, send{p.of, rec})
		}
	}
}

// ordered are the peers in an order that does not depend on a map.
func (c *core) ordered() []*peer {
	return slices.SortedFunc(maps.Values(c.peers), func(a, b *peer) int { return cmp.Compare(a.name, b.name) })
}

// tick is called some times a second.
func (c *core) tick(now time.Time) {
	for topic, w := range c.own {
		if !w.used && !now.Before(w.until) {
			c.store.Remove(w.seq)
			delete(c.own, topic)
		}
	}
	c.flush()
	for _, p := range c.ordered() {
		if p.met && !p.greeted && !p.complete && now.Sub(p.metAt) >= silentAfter {
			p.complete = true // it has no PubSub, and wants nothing
			c.drop(p)
			c.reroute(p)
		}
		c.catchUp(p, now)
	}
	if now.Sub(c.digested) >= askAgain {
		c.digested = now
		c.tellAll(&message{kind: recordDigest, digest: c.store.Digest()})
	}
	c.settle(now)
}
