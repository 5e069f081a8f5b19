package distributed

import (
	"cmp"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/handoff"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/registry/crdt"
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

// departures moves what does not belong here, as far as there is room: all of it if this node goes, else what Rebalance or active
// redistribution allow.
func (c *core) departures(now time.Time) {
	if !c.leaving {
		return
	}
	alone := true
	for _, p := range c.peers {
		alone = alone && !(p.live && p.met)
	}
	var left []*child
	for _, ch := range c.children {
		if ch.phase == phaseRunning {
			left = append(left, ch)
		}
	}
	slices.SortFunc(left, func(a, b *child) int { return cmp.Compare(a.id, b.id) })
	for _, ch := range left {
		switch {
		case alone, ch.spec == nil || !ch.movable || !ch.spec.strategy.once() || c.owner(ch.id, ch.spec) == "", now.Sub(c.leftAt) > giveUpAfter:
			c.end(ch, &Moved{})
		case !now.Before(ch.retryAt):
			c.depart(ch, now)
		}
	}
}

// giveUpAfter is how long a node that goes waits until its children can be moved: until the members are the same for a while.
const giveUpAfter = 30 * time.Second
