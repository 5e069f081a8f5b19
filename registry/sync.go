package registry

import (
	"time"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// peer is another member.
type peer struct {
	id         member
	met        bool // there is a session
	visible    bool // membership says that it runs, as far as this was acted upon
	setVisible bool // and as it says now
	up         bool
	shard      crdt.Origin // what it writes; zero until it said so
	src        *source
	target     uint64 // the greatest number of its operations that this session told of
	nonce      uint64 // of our last hello
	fresh      bool   // it was answered: what is told of is not from before we asked
	synced     bool   // and the copy had all that was told of
	shown      bool
	asked      time.Time // when operations or a page were asked for; zero if there is nothing to wait for
	heard      time.Time // of the last record
	refused    bool      // its clock is ahead
}

// askAgain is when a request without an answer is repeated.
const askAgain = time.Second

// met is the begin of a session.
func (c *core) met(m member, now time.Time) {
	p := c.peers[m]
	if p == nil {
		p = &peer{id: m}
		c.peers[m] = p
	}
	p.met, p.target, p.asked, p.heard = true, 0, time.Time{}, now
	c.hello(p, now)
	c.settle(now)
}

// gone is the end of a session.
func (c *core) gone(m member, now time.Time) {
	p := c.peers[m]
	if p == nil {
		return
	}
	p.met, p.fresh, p.synced = false, false, false
	for name, x := range c.promises {
		if x.by == m {
			delete(c.promises, name)
		}
	}
	for _, cl := range c.pending() {
		c.answered(cl, m, busy, member{}, 0, now)
	}
	if !p.setVisible && p.shard.Node == "" {
		delete(c.peers, m)
	}
	c.settle(now)
}

// received takes a record of a member. The error says that no registry would send it.
func (c *core) received(from member, rec []byte, now time.Time) error {
	p := c.peers[from]
	if p == nil || !p.met || c.newest[from.Name] > from.Incarnation {
		return nil
	}
	m, err := parse(rec)
	if err != nil {
		return err
	}
	if now.Sub(p.heard) > silentAfter {
		c.hello(p, now) // what comes now may have been on its way for long
	}
	p.heard = now
	wall := c.wall()
	clock, err := c.clock.Merge(m.stamp, wall)
	if err != nil {
		c.counts.refused++
		if !p.refused {
			p.refused, p.fresh, p.synced = true, false, false
			c.skew(&SkewError{Node: p.id.Name, Ahead: m.stamp.Time().Sub(wall)})
		}
		return nil
	}
	c.clock = clock
	if p.refused {
		p.refused = false
		c.hello(p, now)
	}
	c.handle(p, &m, now)
	c.settle(now)
	return nil
}

func (c *core) handle(p *peer, m *message, now time.Time) {
	switch m.kind {
	case recordHello, recordDigest:
		echo := uint64(0)
		if m.kind == recordHello {
			c.greet(p, recordDigest, m.number, now)
		} else {
			echo = m.number
		}
		c.digestCame(p, m.digest, echo, now)
	case recordDelta:
		if c.adopt(p, m.delta.Origin, now) {
			p.target = max(p.target, m.delta.Last())
			c.witness(&m.delta)
			changes, v := c.store.Apply(m.delta)
			c.apply(changes, now)
			c.progress(p, v, now)
		}
	case recordPage:
		if c.adopt(p, m.page.Origin, now) {
			next, changes, v := c.store.ApplyPage(m.page)
			c.counts.pages++
			c.apply(changes, now)
			if next != nil {
				p.asked = now
				c.post(p.id, &message{kind: recordFetch, request: *next})
				return
			}
			c.progress(p, v, now)
		}
	case recordSince:
		c.flush(now)
		if d, ok := c.store.Since(m.request.Upto, chunkBytes); ok && m.request.Origin == c.store.Self() {
			c.post(p.id, &message{kind: recordDelta, delta: d})
			return
		}
		c.post(p.id, &message{kind: recordPage, page: c.store.Page(crdt.PageRequest{Origin: c.store.Self()}, chunkBytes)})
	case recordFetch:
		c.flush(now)
		c.post(p.id, &message{kind: recordPage, page: c.store.Page(m.request, chunkBytes)})
	case recordHint:
		c.hinted(p, m.name, now)
	case recordDoubt:
		c.doubted(p, m, now)
	case recordBetter:
		c.outdone(p, m, now)
	case recordPromote:
		c.promoted(m.name, m.number, now)
	case recordClaim:
		c.claimed(p, m, now)
	case recordAnswer:
		if cl := c.claims[m.number]; cl != nil {
			c.answered(cl, p.id, m.verdict, m.owner, m.process, now)
		}
	case recordRelease:
		c.released(p.id, m.number, m.name)
	}
}

// adopt makes o what p writes. It is false for what was replaced, or is not p's.
func (c *core) adopt(p *peer, o crdt.Origin, now time.Time) bool {
	if o.Node != p.id.Name || o.Node == c.self.Name {
		return false
	}
	if o == p.shard {
		return true
	}
	if p.id.Incarnation == c.newest[o.Node] && o.Incarnation < p.shard.Incarnation {
		return false
	}
	if p.id.Incarnation > c.newest[o.Node] {
		// Another life of the node: what the one before wrote is gone for good, whatever its clock said.
		c.newest[o.Node] = p.id.Incarnation
		c.apply(c.store.Forget(o.Node), now)
		for id, other := range c.peers {
			if id.Name == o.Node && id != p.id {
				delete(c.sources, other.shard)
				delete(c.peers, id)
			}
		}
	} else {
		c.apply(c.store.Forget(o.Node), now)
	}
	delete(c.sources, p.shard)
	p.shard, p.src = o, &source{of: p.id}
	p.src.gone.Store(true)
	p.synced, p.shown, p.target, p.asked = false, false, 0, time.Time{}
	c.sources[o] = p.src
	return true
}

func (c *core) digestCame(p *peer, d crdt.Digest, echo uint64, now time.Time) {
	if !c.adopt(p, d.Origin, now) {
		return
	}
	p.fresh = p.fresh || echo != 0 && echo == p.nonce
	p.target = max(p.target, d.Upto)
	changes, v := c.store.Check(d)
	c.apply(changes, now)
	c.progress(p, v, now)
}

// progress follows whatever came of p's shard.
func (c *core) progress(p *peer, v crdt.Verdict, now time.Time) {
	switch v {
	case crdt.Diverged:
		c.counts.diverged++
		p.synced = false
		c.warn("registry: the copy of a node's entries is wrong; it is fetched anew", "node", p.id.Name)
		p.asked = now
		c.post(p.id, &message{kind: recordFetch, request: crdt.PageRequest{Origin: p.shard}})
		return
	case crdt.Stale, crdt.Ours:
		return
	}
	have := c.store.Upto(p.shard)
	if have >= p.target {
		p.asked = time.Time{}
		if p.fresh && !p.synced {
			p.synced = true
			c.recheck(p)
		}
		c.reveal(p, now)
		return
	}
	if v == crdt.InSync {
		p.asked = time.Time{} // something came: what is still missing is asked for at once
	}
	c.catchUp(p, now)
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
		c.post(p.id, &message{kind: recordFetch, request: q})
		return
	}
	c.post(p.id, &message{kind: recordSince, request: crdt.PageRequest{Origin: p.shard, Upto: have}})
}

// reveal shows or hides p's entries as membership says. They are shown again only when the copy is as the owner has it: what it
// took back meanwhile must not come up once more.
func (c *core) reveal(p *peer, now time.Time) {
	was := p.visible
	p.visible = p.setVisible
	switch {
	case !p.visible && p.shown:
		p.shown = false
		p.src.gone.Store(true)
		c.apply(c.store.Hide(p.shard), now)
	case p.visible && !was && p.met:
		c.hello(p, now)
	case p.visible && !p.shown && p.synced:
		p.shown = true
		p.src.gone.Store(false)
		c.apply(c.store.Show(p.shard), now)
	}
	if !p.visible && was {
		p.fresh, p.synced = false, false
	}
}

// hello asks p for its digest. Nothing of p counts as known until the answer is here: a session that was cut delivers what was sent
// before the cut, and an entry of then must not cost one of now its name.
func (c *core) hello(p *peer, now time.Time) {
	c.lastID++
	p.nonce, p.fresh, p.synced = c.lastID, false, false
	c.greet(p, recordHello, p.nonce, now)
}

// greet sends our digest, behind all that it covers.
func (c *core) greet(p *peer, kind recordKind, number uint64, now time.Time) {
	c.flush(now)
	c.post(p.id, &message{kind: kind, digest: c.store.Digest(), number: number})
}

// post queues a record.
func (c *core) post(to member, m *message) {
	m.stamp = crdt.StampOf(c.wall())
	c.out.sends = append(c.out.sends, send{to, m.append(make([]byte, 0, 64))})
}

// stamp is the time of a registration: later than all that was seen here, if the clocks agree that far.
func (c *core) stamp() (s crdt.Stamp) {
	now := c.wall()
	if c.clock.Last().Time().Sub(now) > crdt.MaxSkew {
		c.clock = crdt.Clock{} // our own clock was set back; nobody is to wait until it is where it was
	}
	c.clock, s = c.clock.Tick(now)
	return s
}

// witness makes later stamps of ours greater than those of d. One that is too far ahead is the sender's affair: its wall clock
// has been looked at.
func (c *core) witness(d *crdt.Delta) {
	now := c.wall()
	for i := range d.Ops {
		if d.Ops[i].Add {
			if clock, err := c.clock.Merge(d.Ops[i].Entry.Stamp, now); err == nil {
				c.clock = clock
			}
		}
	}
}

// flush queues what we wrote since the last time, for everybody.
func (c *core) flush(now time.Time) {
	for upto := c.store.Digest().Upto; c.pushed < upto; {
		d, ok := c.store.Since(c.pushed, chunkBytes)
		if !ok { // more than the ring keeps: the next digest makes the others ask for pages
			c.pushed = upto
			for _, p := range c.ordered() {
				if p.met {
					c.post(p.id, &message{kind: recordDigest, digest: c.store.Digest()})
				}
			}
			return
		}
		c.pushed = d.Last()
		m := message{kind: recordDelta, delta: d, stamp: crdt.StampOf(c.wall())}
		var rec []byte
		for _, p := range c.ordered() {
			if p.met {
				if rec == nil {
					rec = m.append(nil)
				}
				c.out.sends = append(c.out.sends, send{p.id, rec})
			}
		}
	}
}

// complete reports whether there is a copy of all that the members that are up have registered.
func (c *core) complete() bool {
	for _, p := range c.peers {
		if p.up && !p.synced {
			return false
		}
	}
	return true
}

// recheck looks again at conflicts that p's entries take part in: they were not decided while p could not be trusted to be
// known.
func (c *core) recheck(p *peer) {
	c.reviewAll(func(k crdt.Key) bool {
		for r := range c.store.Holders(k) {
			if r.Origin == p.shard {
				return true
			}
		}
		return false
	})
}
