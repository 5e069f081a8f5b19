package distributed

import (
	"time"

	"github.com/foundation-runtime/foundation/cluster/handoff"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// loss is a member that is down, and may have run something: nobody starts that before all have said that nothing more of the
// member can come up at them. Without it a child that had just been started by, or handed over to, somebody else would be
// started twice.
type loss struct {
	shard   crdt.Origin
	told    bool // we have said so
	waiting map[member]bool
}

// lost is a member that is down from now on.
func (c *core) lost(p *peer, now time.Time) {
	delete(c.losses, p.id)
	if p.shown {
		p.shown = false
		c.apply(c.store.Hide(p.shard))
	}
	p.synced = false
	c.freed(p.id)
	for other, l := range c.losses {
		if l.waiting[p.id] {
			delete(l.waiting, p.id)
			c.recovered(other, l)
		}
	}
	if p.shard.Node == "" || p.closed {
		return
	}
	l := &loss{shard: p.shard, waiting: map[member]bool{}}
	c.losses[p.id] = l
	for _, q := range c.peers {
		if q.live && q.open && q != p {
			l.waiting[q.id] = true
		}
	}
	c.tellDone(p.id, l, now)
}

// tellDone says that nothing more of a member that is down will come up here: its session is over, and all of it has been heard.
func (c *core) tellDone(m member, l *loss, now time.Time) {
	if p := c.peers[m]; l.told || p != nil && p.met {
		return
	}
	l.told = true
	c.flush(now)
	for _, q := range c.ordered() {
		if q.met && q.open {
			c.post(q, &message{kind: recordDone, down: m, number: c.store.Digest().Upto}, now)
		}
	}
	c.moves(handoff.PeerDown{ID: m.node()}, now)
	c.recovered(m, l)
}

// recovered looks whether a loss is settled, and then at what the member ran.
func (c *core) recovered(m member, l *loss) {
	if !l.told || len(l.waiting) > 0 {
		return
	}
	for id := range c.pending {
		if ch := c.children[id]; ch != nil && ch.last.origin == l.shard {
			c.touch(id)
		}
	}
}

// barrier looks who has answered.
func (c *core) barrier() {
	for m, l := range c.losses {
		was := len(l.waiting)
		for id := range l.waiting {
			q := c.peers[id]
			if q == nil || !q.live || q.closed {
				delete(l.waiting, id)
				continue
			}
			if upto, ok := q.done[m]; ok && q.synced && c.store.Upto(q.shard) >= upto {
				delete(l.waiting, id)
			}
		}
		if was > 0 {
			c.recovered(m, l)
		}
	}
}

// held reports whether what ran at o must wait.
func (c *core) held(o crdt.Origin) bool {
	for _, l := range c.losses {
		if l.shard == o {
			return !l.told || len(l.waiting) > 0
		}
	}
	return false
}

// settle is the end of every step.
func (c *core) settle(now time.Time) {
	if c.store == nil {
		return
	}
	c.barrier()
	c.becomeReady(now)
	if c.calm() {
		for id := range c.pending {
			c.touch(id)
		}
	}
	for len(c.dirty) > 0 {
		ids := c.dirty
		c.dirty = map[string]struct{}{}
		for id := range ids {
			c.reconcile(id, now)
		}
	}
}

// calm reports whether this node knows what all others run that it can hear.
func (c *core) calm() bool {
	if !c.ready {
		return false
	}
	for _, p := range c.peers {
		if p.live && p.met && p.open && (!p.synced || !p.specsIn) {
			return false
		}
	}
	return true
}

// becomeReady is the barrier of those who join: a node starts nothing before it holds a copy of what everybody else wants and
// runs. Who has said nothing for a while has no supervisor.
func (c *core) becomeReady(now time.Time) {
	if c.ready || !c.selfUp {
		return
	}
	for _, p := range c.peers {
		if !p.live || !p.up || !p.reachable || p.closed {
			continue
		}
		silent := p.met && !p.open && now.Sub(p.metAt) > helloWait
		if !silent && (!p.open || !p.synced || !p.specsIn) {
			return
		}
	}
	c.ready = true
	c.arrange()
	c.allDirty()
	for _, p := range c.ordered() {
		if p.met && p.open {
			c.greet(p, recordDigest, now)
		}
	}
	for _, w := range c.readyAt {
		close(w)
	}
	c.readyAt = nil
}
