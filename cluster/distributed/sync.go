package distributed

import (
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/handoff"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// peer is another member.
type peer struct {
	id member
	place
	met       bool // there is a session
	metAt     time.Time
	open      bool // it has said that it has a supervisor, in this session
	closed    bool // it has said that it has none any more
	live      bool // membership does not hold it down
	up        bool
	reachable bool
	ready     bool // as it says
	leaving   bool

	shard  crdt.Origin // what it writes; zero until it said so
	target uint64      // the greatest number of its operations that this session told of
	told   bool        // it sent a digest in this session
	synced bool        // the copy had all that was told of
	shown  bool
	asked  time.Time // when operations or a page were asked for; zero if there is nothing to wait for

	specSum   uint64          // of its specs, as it said last
	specMine  uint64          // of ours at that time
	specsIn   bool            // its specs have come in this session
	specsSent bool            // ours went there
	types     map[uint64]bool // tables that went there
	done      map[member]uint64
	refused   bool   // its clock is ahead
	root      uint64 // its process that is told
	pieces    []byte // of a state
}

const (
	// askAgain is when a request without an answer is repeated.
	askAgain = time.Second
	// helloWait is how long a member with whom there is a session is waited for, to say that it has a supervisor.
	helloWait = 2 * time.Second
	// maxDone bounds what one peer may say of members that are down.
	maxDone = 4096
	// maxTables bounds how many tables of types are kept: one for each version of the program.
	maxTables = 256
)

// ordered are the peers in an order that does not depend on a map.
func (c *core) ordered() []*peer {
	all := make([]*peer, 0, len(c.peers))
	for _, p := range c.peers {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *peer) int { return a.id.compare(b.id) })
	return all
}

// met is the begin of a session.
func (c *core) met(m member, now time.Time) {
	p := c.peers[m]
	if p == nil {
		p = &peer{id: m}
		c.peers[m] = p
	}
	open, ready, leaving := p.open, p.ready, p.leaving
	p.met, p.metAt = true, now
	c.session(p)
	p.open, p.ready, p.leaving = open, ready, leaving // until it says otherwise
	c.greet(p, recordHello, now)
	c.moves(handoff.Linked{ID: m.node()}, now)
	c.settle(now)
}

// session forgets what belongs to one session.
func (c *core) session(p *peer) {
	p.open, p.closed, p.ready, p.leaving, p.told, p.synced, p.target, p.asked = false, false, false, false, false, false, 0, time.Time{}
	p.specsIn, p.specsSent, p.types, p.refused, p.pieces = false, false, nil, false, nil
}

// gone is the end of a session.
func (c *core) gone(m member, now time.Time) {
	p := c.peers[m]
	if p == nil {
		return
	}
	open, ready, leaving, closed := p.open, p.ready, p.leaving, p.closed
	p.met = false
	c.session(p)
	p.open, p.ready, p.leaving, p.closed = open, ready, leaving, closed // what belongs to it stays until it is down
	c.moves(handoff.Unlinked{ID: m.node()}, now)
	if l := c.losses[m]; l != nil {
		c.tellDone(m, l, now)
	}
	if !p.live && p.shard.Node == "" {
		delete(c.peers, m)
	}
	c.arrange()
	c.settle(now)
}

// received takes a record of a member. The error says that no supervisor would send it.
func (c *core) received(from member, rec []byte, now time.Time) error {
	p := c.peers[from]
	if p == nil || !p.met || c.newest[from.Name] > from.Incarnation {
		return nil
	}
	m, err := parse(rec)
	if err != nil {
		return err
	}
	clock, err := c.clock.Merge(m.stamp, now)
	if err != nil {
		if !p.refused {
			p.refused, p.synced = true, false
			c.warn("cluster/distributed: a node is not listened to until its clock is set right", "node", p.id.Name, "error", err)
		}
		return nil
	}
	c.clock = clock
	if p.refused {
		p.refused = false
		c.greet(p, recordHello, now)
	}
	c.handle(p, &m, now)
	c.settle(now)
	return nil
}

func (c *core) handle(p *peer, m *message, now time.Time) {
	switch m.kind {
	case recordHello, recordDigest:
		c.greeted(p, m, now)
	case recordDelta:
		if c.adopt(p, m.delta.Origin) {
			p.target = max(p.target, m.delta.Last())
			changes, v := c.store.Apply(m.delta)
			c.apply(changes)
			c.progress(p, v, now)
		}
	case recordPage:
		if c.adopt(p, m.page.Origin) {
			next, changes, v := c.store.ApplyPage(m.page)
			c.apply(changes)
			if next != nil {
				p.asked = now
				c.post(p, &message{kind: recordFetch, request: *next}, now)
				return
			}
			c.progress(p, v, now)
		}
	case recordSince:
		c.flush(now)
		if d, ok := c.store.Since(m.request.Upto, chunkBytes); ok && m.request.Origin == c.store.Self() {
			c.post(p, &message{kind: recordDelta, delta: d}, now)
			return
		}
		c.post(p, &message{kind: recordPage, page: c.store.Page(crdt.PageRequest{Origin: c.store.Self()}, chunkBytes)}, now)
	case recordFetch:
		c.flush(now)
		c.post(p, &message{kind: recordPage, page: c.store.Page(m.request, chunkBytes)}, now)
	case recordTypes:
		if len(c.tables) < maxTables {
			c.tables[hashNames(m.names)] = m.names
		}
	case recordSpecs:
		c.specsCame(p, m, now)
	case recordPast:
		for _, x := range m.past {
			if ch := c.child(x.id); x.epoch > ch.last.epoch {
				ch.last = seen{epoch: x.epoch, note: x.note}
				c.touch(x.id)
			}
		}
	case recordDone:
		if p.done == nil {
			p.done = map[member]uint64{}
		}
		if len(p.done) < maxDone {
			p.done[m.down] = m.number
		}
	case recordBye:
		c.closed(p)
		c.moves(handoff.PeerDown{ID: p.id.node()}, now) // all that it ran or held has ended
	case recordMove:
		c.said(p, m.move, now)
	case recordAsk:
		c.asked(p, m.names)
	case recordPiece:
		c.pieceCame(p, m, now)
	}
}

// closed is the end of p's supervisor, while the node goes on. What it ran it has stopped.
func (c *core) closed(p *peer) {
	p.closed, p.open, p.ready = true, false, false
	c.freed(p.id)
	if p.shown {
		p.shown = false
		c.apply(c.store.Hide(p.shard))
	}
	c.arrange()
}

// greeted is a hello or a digest.
func (c *core) greeted(p *peer, m *message, now time.Time) {
	if m.kind == recordHello {
		p.specsSent, p.specsIn, p.types = false, false, nil // it may have been opened again within a session
	}
	p.open, p.closed = true, false
	ready, leaving := m.flags&flagReady != 0, m.flags&flagLeaving != 0
	changed := ready != p.ready || leaving != p.leaving || m.kind == recordHello
	p.ready, p.leaving, p.root = ready, leaving, m.root
	mine := c.specs.Digest()
	settled := p.specSum == m.specSum && p.specMine == mine // nothing was under way since the last time
	p.specSum, p.specMine = m.specSum, mine
	switch {
	case m.specSum == mine:
		p.specsIn = true
	case !p.specsSent || settled:
		c.sendSpecs(p, c.specs.Split(specsPerRecord), true, now)
	}
	p.specsSent = true
	if m.kind == recordHello {
		c.tellPast(p, now)
		for down, l := range c.losses {
			if l.told {
				c.post(p, &message{kind: recordDone, down: down, number: c.store.Digest().Upto}, now)
			}
		}
		c.greet(p, recordDigest, now)
	}
	if c.adopt(p, m.digest.Origin) {
		p.told = true
		p.target = max(p.target, m.digest.Upto)
		changes, v := c.store.Check(m.digest)
		c.apply(changes)
		c.progress(p, v, now)
	}
	if changed {
		c.arrange()
	}
}

// adopt makes o what p writes. It is false for what was replaced, or is not p's.
func (c *core) adopt(p *peer, o crdt.Origin) bool {
	if o.Node != p.id.Name || o.Node == c.self.Name {
		return false
	}
	if o == p.shard {
		return true
	}
	if p.id.Incarnation == c.newest[o.Node] && o.Incarnation < p.shard.Incarnation {
		return false
	}
	c.apply(c.store.Forget(o.Node)) // of an earlier supervisor, or life: gone for good
	if p.id.Incarnation > c.newest[o.Node] {
		c.newest[o.Node] = p.id.Incarnation
		for id, other := range c.peers {
			if id.Name == o.Node && id != p.id {
				delete(c.sources, other.shard)
				if !other.met && !other.live {
					delete(c.peers, id)
				}
			}
		}
	}
	delete(c.sources, p.shard)
	p.shard = o
	p.told, p.synced, p.shown, p.target, p.asked = false, false, false, 0, time.Time{}
	c.sources[o] = p.id
	return true
}

// progress follows whatever came of p's shard.
func (c *core) progress(p *peer, v crdt.Verdict, now time.Time) {
	switch v {
	case crdt.Diverged:
		p.synced = false
		c.warn("cluster/distributed: the copy of a node's activations is wrong; it is fetched anew", "node", p.id.Name)
		p.asked = now
		c.post(p, &message{kind: recordFetch, request: crdt.PageRequest{Origin: p.shard}}, now)
		return
	case crdt.Stale, crdt.Ours:
		return
	}
	if c.store.Upto(p.shard) >= p.target {
		p.asked = time.Time{}
		if p.told && !p.synced {
			p.synced = true
			for r := range c.recordsOf(p.shard) {
				c.touch(r.Name) // what was not to be trusted is now
			}
		}
		c.reveal(p, now)
		return
	}
	if v == crdt.InSync {
		p.asked = time.Time{} // something came: what is still missing is asked for at once
	}
	c.catchUp(p, now)
}

// recordsOf are the activations of one origin, hidden ones too.
func (c *core) recordsOf(o crdt.Origin) func(yield func(*crdt.Record) bool) {
	return func(yield func(*crdt.Record) bool) {
		for _, r := range c.store.Snapshot(nil) {
			if r.Origin == o && !yield(r) {
				return
			}
		}
	}
}

// catchUp asks for what is missing, unless that is under way.
func (c *core) catchUp(p *peer, now time.Time) {
	have := c.store.Upto(p.shard)
	if p.shard.Node == "" || have >= p.target || !p.asked.IsZero() && now.Sub(p.asked) < askAgain {
		return
	}
	again := !p.asked.IsZero()
	p.asked = now
	if q := c.store.PageRequest(p.shard); again && q.Base != 0 {
		c.post(p, &message{kind: recordFetch, request: q}, now)
		return
	}
	c.post(p, &message{kind: recordSince, request: crdt.PageRequest{Origin: p.shard, Upto: have}}, now)
}

// reveal shows p's activations when the copy is as the owner has it: what it took back meanwhile must not come up once more.
func (c *core) reveal(p *peer, now time.Time) {
	if p.live && !p.closed && !p.shown && p.synced {
		p.shown = true
		c.apply(c.store.Show(p.shard))
	}
}

// greet sends our digests, behind all that they cover.
func (c *core) greet(p *peer, kind recordKind, now time.Time) {
	c.flush(now)
	var flags byte
	if c.ready {
		flags |= flagReady
	}
	if c.leaving {
		flags |= flagLeaving
	}
	c.post(p, &message{kind: kind, flags: flags, root: c.root, specSum: c.specs.Digest(), digest: c.store.Digest()}, now)
}

// post queues a record.
func (c *core) post(to *peer, m *message, now time.Time) {
	m.stamp = crdt.StampOf(now)
	c.out.sends = append(c.out.sends, send{to.id, m.append(make([]byte, 0, 64))})
}

// flush queues what we wrote since the last time, for everybody.
func (c *core) flush(now time.Time) {
	for upto := c.store.Digest().Upto; c.pushed < upto; {
		d, ok := c.store.Since(c.pushed, chunkBytes)
		if !ok { // more than the ring keeps: the next digest makes the others ask for pages
			c.pushed = upto
			return
		}
		c.pushed = d.Last()
		m := message{kind: recordDelta, delta: d, stamp: crdt.StampOf(now)}
		var rec []byte
		for _, p := range c.ordered() {
			if p.met && p.open {
				if rec == nil {
					rec = m.append(nil)
				}
				c.out.sends = append(c.out.sends, send{p.id, rec})
			}
		}
	}
}

// unsent reports whether there are operations that were not sent.
func (c *core) unsent() bool { return c.store != nil && c.pushed < c.store.Digest().Upto }
