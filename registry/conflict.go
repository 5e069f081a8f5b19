package registry

import (
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// Holder is one of the processes that hold a name.
type Holder struct {
	PID        actor.PID
	Meta       string
	Registered time.Time // by the clock of its node
	Epoch      uint64
}

// Conflict is a name with several holders: they were registered before their nodes had heard of each other.
type Conflict struct {
	Name    string
	Holders []Holder  // the one that stays by default first
	Seen    time.Time // when it was decided, or is to be

	key     crdt.Key
	records []*crdt.Record
}

// contest is a conflict that is visible here.
type contest struct {
	since  time.Time
	base   uint64    // greatest epoch when it began: one above is a resolver's verdict
	asked  bool      // the resolver
	hinted time.Time // the owners, last
	fresh  bool      // it has to be looked at
}

const (
	// verdictIn is how long the worse side waits for a resolver.
	verdictIn = 5 * time.Second
	// hintAfter is how long two others may hold a name before they are told of each other.
	hintAfter = time.Second
	// silentAfter is when a session that says nothing, not even a digest, is not relied on any more.
	silentAfter = 4 * tickEvery
	maxLogged   = 1000
)

// decide looks at a name with several holders. The owner of a worse entry removes it; nobody else does, and the best one has
// nobody to yield to: exactly one is left, whatever was lost on the way.
func (c *core) decide(k crdt.Key, x *contest, now time.Time) {
	winner, lost := c.store.Lost(k)
	if winner == nil {
		return
	}
	ours := winner.Origin == c.store.Self()
	if !ours && !c.trusted(winner.Origin, now) {
		return // it may have been taken back; the digest will tell
	}
	switch {
	case len(lost) > 0 && (!c.resolves || winner.Epoch > x.base || c.moved(k, winner, lost) || now.Sub(x.since) >= verdictIn):
		c.yield(k, winner, lost, now)
	case ours && c.resolves && !x.asked && winner.Epoch <= x.base:
		x.asked = true
		c.out.resolves = append(c.out.resolves, c.conflict(k, now))
	case !ours && len(lost) == 0 && now.Sub(x.since) >= hintAfter && now.Sub(x.hinted) >= hintAfter:
		x.hinted = now
		c.hint(k, winner)
	}
}

// moved reports whether ours is the entry of a process that is moving, and the winner where it moved to.
func (c *core) moved(k crdt.Key, winner *crdt.Record, lost []*crdt.Record) bool {
	return len(lost) == 1 && c.yields[k] == lost[0].Seq && winner.Epoch > lost[0].Epoch
}

// trusted reports whether what is held of o is what its owner holds, as far as it is known.
func (c *core) trusted(o crdt.Origin, now time.Time) bool {
	src := c.sources[o]
	if src == nil {
		return false
	}
	p := c.peers[src.of]
	return p != nil && p.met && p.synced && now.Sub(p.heard) <= silentAfter
}

// yield removes our worse records and ends their processes.
func (c *core) yield(k crdt.Key, winner *crdt.Record, lost []*crdt.Record, now time.Time) {
	reason := &NameConflict{Name: k.Name, Winner: c.pidOf(winner)}
	x, before := c.conflict(k, now), c.counts.lost
	for _, r := range lost {
		id := processOf(r.PID)
		if c.yields[k] == r.Seq && winner.Epoch > r.Epoch {
			c.drop(id, k, r.Seq, now) // it has moved
			continue
		}
		c.drop(id, k, r.Seq, now)
		c.counts.lost++
		if winner.Origin != c.store.Self() || processOf(winner.PID) != id {
			c.out.exits = append(c.out.exits, exit{id, reason})
		}
	}
	if c.counts.lost > before {
		c.out.logged = append(c.out.logged, x)
	}
}

func (c *core) conflict(k crdt.Key, now time.Time) Conflict {
	x := Conflict{Name: k.Name, Seen: now, key: k}
	for r := range c.store.Holders(k) {
		x.Holders = append(x.Holders, Holder{PID: c.pidOf(r), Meta: r.Meta, Registered: r.Stamp.Time(), Epoch: r.Epoch})
		x.records = append(x.records, r)
	}
	return x
}

// hint tells the owners of worse entries that there is a better one: they may be cut off from it.
func (c *core) hint(k crdt.Key, winner *crdt.Record) {
	for r := range c.store.Holders(k) {
		if src := c.sources[r.Origin]; r != winner && src != nil && !src.local {
			if p := c.peers[src.of]; p != nil && p.met {
				c.counts.hints++
				c.post(p.id, &message{kind: recordHint, name: k.Name})
			}
		}
	}
}

// doubt is a question to a member that says it sees a better holder.
type doubt struct {
	number uint64
	of     member
	at     time.Time
}

// hinted is such news. It may be old, and the better holder gone: it is asked for, and only an answer that comes soon counts.
func (c *core) hinted(p *peer, name string, now time.Time) {
	if r := c.holder(name); r == nil || r.Origin != c.store.Self() {
		return
	}
	c.lastID++
	c.doubts[name] = doubt{c.lastID, p.id, now}
	c.post(p.id, &message{kind: recordDoubt, number: c.lastID, name: name})
}

// doubted answers with the best holder, if it is known well.
func (c *core) doubted(p *peer, m *message, now time.Time) {
	r := c.holder(m.name)
	if r == nil || r.Origin == p.shard || r.Origin != c.store.Self() && !c.trusted(r.Origin, now) {
		return
	}
	c.post(p.id, &message{kind: recordBetter, number: m.number, owner: c.sources[r.Origin].of, page: crdt.Page{
		Origin: r.Origin, Base: r.Seq, First: r.Seq + 1, After: r.Seq - 1, Cursor: r.Seq,
		Items: []crdt.Item{{Seq: r.Seq, Entry: r.Entry}}, Done: true,
	}})
}

// outdone is the answer. Where we see the holder's node ourselves we know better.
func (c *core) outdone(p *peer, m *message, now time.Time) {
	it := &m.page.Items[0]
	d, ok := c.doubts[it.Name]
	if !ok || d.number != m.number || d.of != p.id {
		return
	}
	delete(c.doubts, it.Name)
	if now.Sub(d.at) > silentAfter || m.owner.Name == c.self.Name || c.newest[m.owner.Name] > m.owner.Incarnation ||
		c.trusted(m.page.Origin, now) {
		return
	}
	better := &crdt.Record{Origin: m.page.Origin, Seq: it.Seq, Entry: it.Entry}
	mine := c.holder(it.Name)
	if mine == nil || mine.Origin != c.store.Self() || crdt.Compare(better, mine) <= 0 {
		return
	}
	id := processOf(mine.PID)
	x := c.conflict(it.Key, now)
	winner := Holder{PID: c.pid(m.owner, processOf(it.PID)), Meta: it.Meta, Registered: it.Stamp.Time(), Epoch: it.Epoch}
	x.Holders = append([]Holder{winner}, x.Holders...)
	c.counts.lost++
	c.out.logged = append(c.out.logged, x)
	c.drop(id, it.Key, mine.Seq, now)
	c.out.exits = append(c.out.exits, exit{id, &NameConflict{Name: it.Name, Winner: winner.PID}})
}

// resolved is the verdict of the resolver, at the owner of the default winner: choice is the place of the one that is to stay.
// It takes effect by promotion: that one's owner raises its epoch, and the order does the rest.
func (c *core) resolved(x Conflict, choice int, now time.Time) {
	if choice < 0 || choice >= len(x.records) {
		choice = 0
	}
	r := x.records[choice]
	if r.Origin == c.store.Self() {
		c.promoted(r.Name, r.Seq, now)
	} else if src := c.sources[r.Origin]; src != nil && c.trusted(r.Origin, now) {
		c.post(src.of, &message{kind: recordPromote, number: r.Seq, name: r.Name})
	}
	c.settle(now)
}

// promoted makes one of our records the best of its name, if we still hold it.
func (c *core) promoted(name string, seq uint64, now time.Time) {
	for r := range c.store.Holders(crdt.Key{Kind: crdt.Name, Name: name}) {
		if r.Origin != c.store.Self() || r.Seq != seq {
			continue
		}
		e := r.Entry
		e.Epoch = max(c.store.NextEpoch(r.Key), 1)
		if err := c.replace(r, e, now); err != nil {
			c.warn("registry: a promotion failed", "name", r.Name, "error", err)
		}
		return
	}
}
