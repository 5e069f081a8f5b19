package distributed

import (
	"cmp"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/handoff"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/registry/crdt"
	"github.com/foundation-runtime/foundation/supervision"
)

// flushed notes that a member sends nothing more to the old processes of children. It is believed behind what it has sent: the
// processes themselves say when they have sent that on.
func (c *core) flushed(by member, ids []string, mark flushMark) {
	for _, id := range ids {
		if ch := c.children[id]; ch != nil && ch.old != nil {
			c.out.acts = append(c.out.acts, act{activation: activation{id, ch.guard}, verb: actFlush, by: by, flushMark: mark})
		} else if !mark.via.IsZero() {
			c.out.marks = append(c.out.marks, mark) // nothing is left here
		}
	}
}

// forwarded is the process's word that all is sent on that was there when by flushed.
func (c *core) forwarded(at activation, by member, now time.Time) {
	ch := c.children[at.id]
	switch {
	case ch == nil || ch.guard != at.guard || ch.old == nil:
	case by == c.self:
		var members []nodeid.ID
		for _, p := range c.ordered() {
			if p.live && p.open {
				members = append(members, p.id.node())
			}
		}
		c.stepOld(ch, handoff.Await{Members: members}, now)
	default:
		c.stepOld(ch, handoff.Got{From: by.node(), Msg: handoff.Flush{From: by.node(), IDs: []string{at.id}}}, now)
	}
	c.settle(now)
}

// learn sees where a child went from: who may have sent something there says that nothing more follows.
func (c *core) learn(ch *child, x crdt.Change) {
	switch {
	case x.New == nil && x.Old != nil && x.Old.Origin != c.store.Self() && processOf(x.Old.PID) != 0:
		ch.left = left{c.sources[x.Old.Origin], x.Old.Epoch}
	case x.New == nil || x.Old != nil:
		return
	}
	if r := c.store.Lookup(key(ch.id)); r != nil && ch.left.epoch != 0 && r.Epoch == ch.left.epoch+1 {
		if p := c.peers[ch.left.from]; p != nil && p.live && p.met && c.fronts[ch.id] == nil {
			c.out.flushes = append(c.out.flushes, flush{ch.left.from, ch.id})
		}
		ch.left = left{}
	}
}

// left is an activation that was taken back.
type left struct {
	from  member
	epoch uint64
}

// flush is word to a member that nothing more comes for the old process of a child.
type flush struct {
	to member
	id string
}

// askFlushes asks for word that was lost with a session.
func (c *core) askFlushes(now time.Time) {
	if now.Sub(c.askedAt) < 2*time.Second {
		return
	}
	c.askedAt = now
	var ids []string
	for id := range c.moving {
		if ch := c.children[id]; ch != nil && ch.old != nil && ch.old.Phase() == handoff.Forwarding && len(ids) < 1000 {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	for _, p := range c.ordered() {
		if p.met && p.open {
			c.post(p, &message{kind: recordAsk, names: ids}, now)
		}
	}
}

// asked gives that word, for what is known to be elsewhere.
func (c *core) asked(p *peer, ids []string) {
	for _, id := range ids {
		if r := c.store.Lookup(key(id)); r != nil && r.Origin != p.shard {
			c.out.flushes = append(c.out.flushes, flush{p.id, id})
		}
	}
}

// departures moves what does not belong here, as far as there is room: all of it if this node goes, else what is asked for, at the rate
// that is permitted.
func (c *core) departures(now time.Time) {
	active := c.always && now.Sub(c.viewSince) >= c.settleFor
	if !c.leaving && !c.once && !active || c.store == nil {
		return
	}
	alone := true
	for _, p := range c.peers {
		alone = alone && !(p.live && p.met)
	}
	c.moved = max(0, c.moved-now.Sub(c.movedAt).Seconds()*float64(c.rate))
	c.movedAt = now
	due, under := c.misplaced()
	for _, ch := range due {
		switch {
		case !c.leaving && c.moved >= float64(max(c.rate/2, 1)):
			return // as many as may be moved in the time of a tick
		case c.leaving && (alone || ch.spec == nil || !ch.movable || !ch.spec.strategy.once() || c.owner(ch.id, ch.spec) == "" || now.Sub(c.leftAt) > giveUpAfter):
			c.end(ch, &Moved{})
		case now.Before(ch.retryAt):
		case ch.movable:
			if c.depart(ch, now) {
				c.moved++
			}
		case !c.leaving && c.target(ch) != nil:
			c.end(ch, &Moved{To: c.owner(ch.id, ch.spec)})
			c.moved++
		}
	}
	if len(due) == 0 && !under && c.once {
		c.once = false
		for _, w := range c.balanced {
			close(w)
		}
		c.balanced = nil
	}
}

// misplaced are the children that run here and are to go, by id; and whether some are on their way.
func (c *core) misplaced() (due []*child, under bool) {
	for _, ch := range c.children {
		under = under || ch.phase == phaseMoving || ch.phase == phaseStopping
		if ch.phase != phaseRunning {
			continue
		}
		if !c.leaving {
			if ch.spec == nil || !ch.spec.strategy.once() || !ch.movable && ch.spec.restart == supervision.Temporary || ch.tries >= maxTries {
				continue
			}
			if at := c.owner(ch.id, ch.spec); at == c.self.Name || at == "" {
				continue
			}
		}
		due = append(due, ch)
	}
	slices.SortFunc(due, func(a, b *child) int { return cmp.Compare(a.id, b.id) })
	return due, under
}

// giveUpAfter is how long a node that goes waits until its children can be moved: until the members are the same for a while.
const giveUpAfter = 30 * time.Second
