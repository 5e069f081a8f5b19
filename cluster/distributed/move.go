package distributed

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/handoff"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Moves: both ends are machines of package handoff. Here they are fed, and what they want is put into records or given to the
// processes.

// act is something to be done in the process of an activation, or with it.
type act struct {
	activation
	verb    actVerb
	to      member // of actForward
	process uint64
	by      member // of actFlush: who has flushed
	flushMark
}

// flushMark is where word of a flush goes, behind what is sent on.
type flushMark struct {
	via, back actor.PID
	token     uint64
}

type actVerb uint8

const (
	actDrain   actVerb = iota // hold mail, and give the state
	actResume                 // handle mail again
	actForward                // send mail on
	actFlush                  // say so when all mail until now was sent on
	actRelease                // a copy runs from now on
)

// settleFor is for how long nobody may have come or gone before something is moved.
const settleFor = time.Second

func (m member) node() nodeid.ID {
	return nodeid.ID{Name: m.Name, Incarnation: nodeid.Incarnation(m.Incarnation)}
}

func memberOfNode(id nodeid.ID) member { return member{id.Name, uint64(id.Incarnation)} }

// newView notes who is there.
func (c *core) newView(now time.Time) {
	all := []member{c.self}
	calm := true
	for _, p := range c.peers {
		if p.live {
			all = append(all, p.id)
			calm = calm && p.reachable && (p.met || p.closed)
		}
	}
	slices.SortFunc(all, member.compare)
	h := fnv.New64a()
	for _, m := range all {
		fmt.Fprintf(h, "%s %d ", m.Name, m.Incarnation)
	}
	if id := h.Sum64(); id != c.viewID || !calm {
		c.viewID, c.viewSince = id, now
		for id := range c.moving {
			if ch := c.children[id]; ch != nil && ch.old != nil {
				c.stepOld(ch, handoff.Unsettled{Why: "members come or go"}, now)
			}
		}
	}
}

// target is the member where a child belongs, if it is another one and can take it.
func (c *core) target(ch *child) *peer {
	name := c.owner(ch.id, ch.spec)
	for _, p := range c.peers {
		if p.id.Name == name && p.live && p.met && p.open && p.ready && !p.leaving && name != c.self.Name {
			return p
		}
	}
	return nil
}

// depart moves a child with its state to where it belongs. It is false if that is not possible now.
func (c *core) depart(ch *child, now time.Time) bool {
	p := c.target(ch)
	if ch.phase != phaseRunning || !ch.movable || ch.old != nil || ch.copy != nil || p == nil || !c.calm() ||
		now.Sub(c.viewSince) < settleFor {
		return false
	}
	w := c.window(p.id)
	if !w.Begin() {
		return false
	}
	ch.old = handoff.NewOld(c.self.node(), ch.id, ch.epoch, handoff.DefaultTiming())
	ch.phase = phaseMoving
	c.moving[ch.id] = true
	c.stepOld(ch, handoff.Move{To: p.id.node(), ViewID: c.viewID}, now)
	return true
}

func (c *core) window(m member) *handoff.Window {
	if c.windows[m] == nil {
		c.windows[m] = &handoff.Window{}
	}
	return c.windows[m]
}

// stepOld feeds the move of a child away from here.
func (c *core) stepOld(ch *child, in handoff.Input, now time.Time) {
	o := ch.old
	before := o.Phase()
	for _, out := range o.Step(now, in) {
		c.oldWants(ch, out, now)
	}
	after := o.Phase()
	to := memberOfNode(o.To())
	if before < handoff.Committed && after >= handoff.Committed || before > handoff.Running && before < handoff.Committed && after == handoff.Running {
		c.more = true
		for _, id := range c.window(to).End(ch.id) {
			if x := c.children[id]; x != nil && x.parked != nil {
				st := *x.parked
				x.parked = nil
				c.sendState(to, st, now)
			}
		}
	}
	if ch.old == nil || o.Phase() != handoff.Running {
		return
	}
	// It came to nothing.
	ch.old, ch.parked = nil, nil
	delete(c.moving, ch.id)
	if ch.lost != nil { // it ended meanwhile
		why := ch.lost
		ch.lost = nil
		ch.phase = phaseRunning
		c.endedNow(ch, why, now)
		return
	}
	ch.phase = phaseRunning
	c.more = true
	if ch.tries++; c.leaving && ch.tries >= maxTries {
		c.warn("cluster/distributed: a child could not be moved, and is started anew", "id", ch.id)
		c.end(ch, &Moved{})
	}
	ch.retryAt = now.Add(min(time.Second<<min(ch.tries, 6), time.Minute))
	c.touch(ch.id)
}

// maxTries is how often a node that goes tries to move a child with its state.
const maxTries = 3

func (c *core) oldWants(ch *child, out handoff.Output, now time.Time) {
	at := activation{ch.id, ch.guard}
	switch out := out.(type) {
	case handoff.Send:
		if st, ok := out.Msg.(handoff.State); ok {
			if c.window(memberOfNode(out.To)).State(ch.id, len(st.Bytes)) {
				c.sendState(memberOfNode(out.To), st, now)
			} else {
				ch.parked = &st
			}
			return
		}
		c.say(memberOfNode(out.To), out.Msg, now)
	case handoff.Drain:
		c.out.acts = append(c.out.acts, act{activation: at, verb: actDrain})
		c.stepOld(ch, handoff.Drained{}, now)
	case handoff.Resume:
		ch.epoch = out.Epoch
		if ch.lost == nil {
			c.tell(ch, now)
			c.out.acts = append(c.out.acts, act{activation: at, verb: actResume})
		}
	case handoff.GaveUp:
		c.event(Event{Kind: Stayed, ID: ch.id, Node: out.Attempt.String(), Epoch: ch.epoch, Reason: fmt.Errorf("cluster/distributed: %s", out.Why)})
	case handoff.Forward:
		to := memberOfNode(out.To)
		c.event(Event{Kind: MovedAway, ID: ch.id, Node: to.Name, Epoch: ch.epoch})
		c.erase(ch)
		if ch.lost != nil { // what it held is lost with it
			ch.old, ch.lost = nil, nil
			delete(c.moving, ch.id)
			c.over(ch)
			return
		}
		c.out.acts = append(c.out.acts, act{activation: at, verb: actForward, to: to, process: out.PID})
		c.flushed(c.self, []string{ch.id}, flushMark{}) // when all that was held is sent on, the others are waited for
	case handoff.Gone:
		to := ch.old.To().Name
		ch.old = nil
		delete(c.moving, ch.id)
		ch.phase = phaseStopping
		c.out.stops = append(c.out.stops, stop{ch.id, ch.guard, &Moved{To: to}})
	}
}

// snapshotted is the state of a process.
func (c *core) snapshotted(id string, guard uint64, version uint32, state []byte, err error, now time.Time) {
	if ch := c.children[id]; ch != nil && ch.guard == guard && ch.old != nil {
		c.stepOld(ch, handoff.Snapshotted{Version: version, State: state, Err: err}, now)
	}
	c.settle(now)
}

// stepNew feeds the move of a child here.
func (c *core) stepNew(ch *child, in handoff.Input, now time.Time) {
	for _, out := range ch.copy.Step(now, in) {
		switch out := out.(type) {
		case handoff.Send:
			if _, ok := out.Msg.(handoff.Active); ok {
				c.flush(now) // our activation goes before
			}
			c.say(memberOfNode(out.To), out.Msg, now)
		case handoff.Restore:
			c.guards++
			ch.copyGuard, ch.copyProcess, ch.copyLost = c.guards, 0, nil
			if ch.spec == nil {
				ch.copyGuard = 0
				c.stepNew(ch, handoff.Restored{Attempt: out.Attempt, Err: ErrNotFound}, now)
				return
			}
			c.out.starts = append(c.out.starts, start{id: ch.id, guard: c.guards, spec: ch.spec,
				restore: &restore{attempt: out.Attempt, version: out.Version, state: out.State}})
		case handoff.Drop:
			c.out.stops = append(c.out.stops, stop{ch.id, ch.copyGuard, errDropped})
			ch.copyGuard = 0
		case handoff.Run:
			n := ch.last.note
			n.status = running
			ch.job = job{phase: phaseRunning, epoch: out.Epoch, guard: ch.copyGuard, process: ch.copyProcess, movable: true, note: n, seq: ch.seq}
			c.tell(ch, now)
			c.out.acts = append(c.out.acts, act{activation: activation{ch.id, ch.guard}, verb: actRelease})
			c.event(Event{Kind: Started, ID: ch.id, Node: c.self.Name, Epoch: ch.epoch})
			if why := ch.copyLost; why != nil {
				ch.copyLost = nil
				c.endedNow(ch, why, now)
			}
			ch.copyGuard = 0
		}
	}
	if ch.copy.Stage() == handoff.Live && ch.copy.NextTick().IsZero() {
		ch.copy.Step(now, handoff.Exited{}) // the old node has done its part: it is a child as any other
	}
	if ch.copy.Settled() {
		ch.copy = nil
	}
	if ch.copy == nil && ch.old == nil {
		delete(c.moving, ch.id)
	}
	c.touch(ch.id)
}

// said is a message about a move.
func (c *core) said(p *peer, m handoff.Msg, now time.Time) {
	id := moveID(m)
	ch := c.children[id]
	if o, ok := m.(handoff.Offer); ok {
		busy := ""
		if ch == nil || ch.spec == nil || ch.spec.stopped || !c.ready || c.leaving || c.halted || ch.phase != idle || ch.old != nil {
			busy = "it is not for this node now"
		}
		if busy != "" && (ch == nil || ch.copy == nil) {
			c.say(p.id, handoff.Refuse{ID: id, Attempt: o.Attempt, Why: busy}, now)
			return
		}
		if ch.copy == nil {
			ch.copy = handoff.NewNew(id, handoff.DefaultTiming())
		}
		c.moving[id] = true
		c.stepNew(ch, handoff.Asked{From: p.id.node(), Offer: o, ViewID: c.viewID, Busy: busy}, now)
		return
	}
	in := handoff.Got{From: p.id.node(), Msg: m}
	switch m.(type) {
	case handoff.Abort, handoff.Activate, handoff.State:
		if ch != nil && ch.copy != nil {
			c.stepNew(ch, in, now)
			return
		}
	default:
		if ch != nil && ch.old != nil {
			c.stepOld(ch, in, now)
			return
		}
	}
	if f, ok := m.(handoff.Flush); ok && ch != nil && ch.copy != nil && f.From == p.id.node() {
		c.stepNew(ch, in, now)
		return
	}
	for _, out := range handoff.Unknown(c.self.node(), p.id.node(), m) {
		if s, ok := out.(handoff.Send); ok {
			c.say(memberOfNode(s.To), s.Msg, now)
		}
	}
}

func moveID(m handoff.Msg) string {
	switch m := m.(type) {
	case handoff.Offer:
		return m.ID
	case handoff.Accept:
		return m.ID
	case handoff.Refuse:
		return m.ID
	case handoff.State:
		return m.ID
	case handoff.Ready:
		return m.ID
	case handoff.Failed:
		return m.ID
	case handoff.Activate:
		return m.ID
	case handoff.Abort:
		return m.ID
	case handoff.Active:
		return m.ID
	case handoff.Flush:
		if len(m.IDs) == 1 {
			return m.IDs[0]
		}
	}
	return ""
}

// say sends a message about a move.
func (c *core) say(to member, m handoff.Msg, now time.Time) {
	if p := c.peers[to]; p != nil && p.met {
		c.post(p, &message{kind: recordMove, rest: handoff.Append(nil, m)}, now)
	}
}

// sendState sends a state in pieces.
func (c *core) sendState(to member, st handoff.State, now time.Time) {
	p := c.peers[to]
	if p == nil || !p.met {
		return
	}
	c.sendTypes(p, c.hash, now)
	b := handoff.Append(nil, st)
	for len(b) > chunkBytes {
		c.post(p, &message{kind: recordPiece, rest: b[:chunkBytes]}, now)
		b = b[chunkBytes:]
	}
	c.post(p, &message{kind: recordPiece, final: true, rest: b}, now)
}

// pieceCame puts a state together: those of one peer do not mix.
func (c *core) pieceCame(p *peer, m *message, now time.Time) {
	if len(p.pieces)+len(m.rest) > handoff.MaxState+chunkBytes {
		p.pieces = nil
		return
	}
	p.pieces = append(p.pieces, m.rest...)
	if !m.final {
		return
	}
	b := p.pieces
	p.pieces = nil
	if x, rest, err := handoff.Decode(b); err == nil && len(rest) == 0 {
		if _, ok := x.(handoff.State); ok {
			c.said(p, x, now)
		}
	}
}

// moves feeds what time and sessions bring to all moves.
func (c *core) moves(in handoff.Input, now time.Time) {
	for _, id := range slices.Sorted(func(yield func(string) bool) {
		for id := range c.moving {
			if !yield(id) {
				return
			}
		}
	}) {
		ch := c.children[id]
		if ch == nil {
			delete(c.moving, id)
			continue
		}
		if ch.old != nil {
			c.stepOld(ch, in, now)
		}
		if ch.copy != nil {
			if down, ok := in.(handoff.PeerDown); ok && down.ID == ch.copy.From() && ch.copy.Stage() == handoff.Prepared {
				c.stepNew(ch, handoff.Got{From: down.ID, Msg: handoff.Abort{ID: id, Attempt: ch.copy.Attempt()}}, now)
			}
			if ch.copy != nil {
				c.stepNew(ch, in, now)
			}
		}
	}
}
