package distributed

import (
	"errors"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/handoff"
	"github.com/foundation-runtime/foundation/registry/crdt"
	"github.com/foundation-runtime/foundation/supervision"
)

// job is what this node does about a child.
type job struct {
	phase   phase
	epoch   uint64
	guard   uint64 // who looks after the process
	process uint64 // its id; 0 until it runs
	movable bool   // it can give its state
	seq     uint64 // of our record; 0 if there is none
	note    note
	cause   error // of a failure, as it was
}

// reconcile does what there is to do about a child.
func (c *core) reconcile(id string, now time.Time) {
	ch := c.children[id]
	if ch == nil {
		return
	}
	delete(c.pending, id)
	if ch.phase == phaseMoving && ch.old != nil && (ch.spec == nil || ch.spec.stopped) {
		c.stepOld(ch, handoff.Unsettled{Why: "it is not wanted any more"}, now)
	}
	best, mine := c.holders(ch)
	switch decide(c.factsOf(ch, best, mine)) {
	case doStart:
		c.begin(ch, now)
	case doWait:
		c.pending[id] = struct{}{}
	case doStop:
		c.end(ch, actor.Shutdown)
	case doYield:
		winner := best
		c.erase(ch)
		c.event(Event{Kind: Conflict, ID: id, Node: winner.Origin.Node, Epoch: winner.Epoch})
		c.endFor(ch, winner)
	case doErase:
		ch.job = job{seq: ch.seq}
		c.erase(ch)
	case doFail:
		c.fail(ch, ch.last.note.first, ch.last.note.err(), now)
	case doForget:
		c.forget(id, now)
	}
	if ch.spec == nil && ch.phase == idle && ch.copy == nil && c.fronts[id] == nil && ch.seq == 0 && len(ch.waiters) == 0 && c.store.Lookup(key(id)) == nil {
		delete(c.children, id)
	}
}

// holders are the best activation of another member, and ours if there is one. An activation that failed gives way to one that
// did not; else the greater token stays.
func (c *core) holders(ch *child) (best, mine *crdt.Record) {
	bestFailed := false
	for r := range c.store.Holders(key(ch.id)) {
		if r.Origin == c.store.Self() {
			mine = r
			continue
		}
		n, err := parseNote(r.Meta)
		if err != nil || n.status == failed && ch.spec != nil && r.Epoch < uint64(ch.spec.born) {
			continue // nobody knows what it is, or somebody has asked for the child since
		}
		if bad := n.status == failed; best == nil || bestFailed && !bad {
			best, bestFailed = r, bad
		}
	}
	return best, mine
}

func (c *core) factsOf(ch *child, best, mine *crdt.Record) facts {
	f := facts{spec: ch.spec, phase: ch.phase, ready: c.calm() && !c.leaving && !c.halted, elsewhere: best != nil}
	if ch.spec == nil {
		return f
	}
	f.here = c.owner(ch.id, ch.spec) == c.self.Name
	f.held = c.held(ch.last.origin)
	if ch.last.epoch >= uint64(ch.spec.born) {
		f.last = ch.last.note
	}
	f.stale = ch.phase == phaseFailed && ch.epoch < uint64(ch.spec.born)
	if best != nil && mine != nil && c.trusted(best.Origin) {
		n, _ := parseNote(best.Meta)
		ours := ch.phase == phaseFailed
		theirs := n.status == failed
		f.worse = ours && !theirs || ours == theirs && crdt.Compare(best, mine) > 0
	}
	return f
}

// trusted reports whether what is held of o is what its owner holds, as far as it is known.
func (c *core) trusted(o crdt.Origin) bool {
	p := c.peers[c.sources[o]]
	return p != nil && p.met && p.synced
}

// begin starts a child here. Its epoch is greater than any before, also of an earlier child of that name.
func (c *core) begin(ch *child, now time.Time) {
	n := note{status: starting}
	if ch.last.epoch >= uint64(ch.spec.born) {
		n.restarts = ch.last.note.restarts
	}
	c.launch(ch, n, now)
}

func (c *core) launch(ch *child, n note, now time.Time) {
	first := ch.last.epoch < uint64(ch.spec.born)
	n.status, n.first = starting, first
	seq := ch.seq
	c.guards++
	ch.job = job{phase: phaseStarting, epoch: max(ch.last.epoch+1, ch.epoch+1, uint64(ch.spec.born)), guard: c.guards, note: n, seq: seq}
	c.tell(ch, now)
	c.out.starts = append(c.out.starts, start{id: ch.id, guard: ch.guard, spec: ch.spec})
}

// tell writes our activation of ch as it is now.
func (c *core) tell(ch *child, now time.Time) {
	e := crdt.Entry{Key: key(ch.id), PID: wirePID(ch.process), Meta: ch.note.text(), Epoch: ch.epoch, Stamp: c.stamp(now)}
	if r := c.own(ch); r != nil && r.Epoch == ch.epoch {
		e.Stamp = r.Stamp
	}
	c.record(ch, e)
}

// end tells the process to end.
func (c *core) end(ch *child, why error) {
	ch.phase = phaseStopping
	c.out.stops = append(c.out.stops, stop{ch.id, ch.guard, why})
}

// endFor ends the process for that of another node.
func (c *core) endFor(ch *child, winner *crdt.Record) {
	ch.phase = phaseStopping
	c.out.stops = append(c.out.stops, stop{ch.id, ch.guard, &conflictWith{c.sources[winner.Origin], processOf(winner.PID)}})
}

// conflictWith is a NameConflict whose PID the shell knows how to make.
type conflictWith struct {
	node    member
	process uint64
}

func (*conflictWith) Error() string { return "name conflict" }

// started is the answer to a start: the process runs, or it did not come up.
func (c *core) started(id string, guard, process uint64, movable bool, err error, now time.Time) {
	ch := c.children[id]
	if ch != nil && ch.copy != nil && guard == ch.copyGuard {
		ch.copyProcess = process
		c.stepNew(ch, handoff.Restored{Attempt: ch.copy.Attempt(), PID: process, Err: err}, now)
		c.settle(now)
		return
	}
	if ch == nil || ch.guard != guard || ch.phase != phaseStarting && ch.phase != phaseStopping {
		return
	}
	switch {
	case err == nil:
		ch.process, ch.movable, ch.note.status = process, movable, running
		if ch.phase == phaseStarting {
			ch.phase = phaseRunning
		}
		if ch.seq != 0 {
			c.tell(ch, now)
		}
		c.event(Event{Kind: Started, ID: id, Node: c.self.Name, Epoch: ch.epoch})
	case ch.phase == phaseStopping || c.leaving || c.halted:
		c.over(ch)
	case errors.Is(err, actor.Ignore):
		c.forget(id, now)
		c.over(ch)
	case ch.note.first:
		c.fail(ch, true, err, now)
	default:
		c.crashed(ch, err, now)
	}
	c.settle(now)
}

// over is the end of what this node did about a child.
func (c *core) over(ch *child) {
	ch.job = job{seq: ch.seq}
	c.erase(ch)
	c.touch(ch.id)
	c.poke(ch)
}

// ended is the end of a process.
func (c *core) ended(id string, guard uint64, reason error, now time.Time) {
	ch := c.children[id]
	switch {
	case ch == nil:
	case guard == ch.copyGuard && guard != 0:
		ch.copyLost = reason
	case ch.guard != guard || ch.phase == idle || ch.phase == phaseFailed:
	case ch.old == nil:
		c.endedNow(ch, reason, now)
	case ch.old.Phase() == handoff.Forwarding: // it goes on elsewhere
		ch.old = nil
		delete(c.moving, id)
		c.over(ch)
	default:
		ch.lost = reason
		c.stepOld(ch, handoff.Unsettled{Why: "the process ended"}, now)
	}
	c.settle(now)
}

func (c *core) endedNow(ch *child, reason error, now time.Time) {
	id := ch.id
	c.event(Event{Kind: Ended, ID: id, Node: c.self.Name, Epoch: ch.epoch, Reason: reason})
	switch {
	case ch.phase == phaseStopping || c.leaving || c.halted || ch.spec == nil || ch.spec.stopped:
		c.over(ch)
	case ch.spec.restart == supervision.Temporary || ch.spec.restart == supervision.Transient && harmless(reason):
		c.forget(id, now)
		c.over(ch)
	default:
		c.crashed(ch, reason, now)
	}
}

// crashed starts a child again, unless that was too often.
func (c *core) crashed(ch *child, why error, now time.Time) {
	if ch.spec == nil || ch.spec.stopped || ch.spec.restart == supervision.Temporary {
		if ch.spec != nil && !ch.spec.stopped {
			c.forget(ch.id, now)
		}
		c.over(ch)
		return
	}
	n := ch.note
	if !n.again(now, ch.spec.intensity, ch.spec.period) {
		c.fail(ch, false, why, now)
		return
	}
	c.launch(ch, n, now)
}

// fail says everywhere that a child is not started any more.
func (c *core) fail(ch *child, first bool, why error, now time.Time) {
	epoch := max(ch.last.epoch+1, ch.epoch+1, uint64(ch.spec.born))
	ch.job = job{phase: phaseFailed, epoch: epoch, seq: ch.seq, cause: why,
		note: note{status: failed, first: first, why: why.Error(), unknown: errors.Is(why, cluster.ErrUnknownKind)}}
	c.tell(ch, now)
	c.event(Event{Kind: Failed, ID: ch.id, Node: c.self.Name, Epoch: epoch, Reason: why})
}

// halt is the end of the System: nothing is started again.
func (c *core) halt() { c.halted = true }

// leave stops everything here; the others start it anew.
func (c *core) leave(now time.Time) {
	c.leaving = true
	c.arrange()
	for _, p := range c.ordered() {
		if p.met && p.open {
			c.greet(p, recordDigest, now)
		}
	}
	c.leftAt = now
	for _, ch := range c.children {
		switch ch.phase {
		case phaseStarting:
			c.end(ch, &Moved{})
		case phaseFailed:
			c.over(ch)
		}
	}
	c.departures(now)
	c.settle(now)
}

// copiesWait is how long a node that goes waits for word about copies that were prepared here.
const copiesWait = 5 * time.Second

// busy reports whether anything runs here. Copies that nobody activates are none that run: the others are told that there is nothing
// here any more.
func (c *core) busy(now time.Time) bool {
	for _, ch := range c.children {
		if ch.phase != idle || ch.copyGuard != 0 && now.Sub(c.leftAt) < copiesWait {
			return true
		}
	}
	return false
}

// bye tells the others that this supervisor is closed.
func (c *core) bye(now time.Time) {
	c.flush(now)
	for _, p := range c.ordered() {
		if p.met && p.open {
			c.post(p, &message{kind: recordBye}, now)
		}
	}
}

func (c *core) event(e Event) { c.out.events = append(c.out.events, e) }

// harmless reports whether a reason is no failure: Normal or Shutdown, and not what somebody else ended with.
func harmless(reason error) bool {
	if reason == nil {
		return true
	}
	if _, ok := errors.AsType[*actor.PanicError](reason); ok {
		return false
	}
	if _, ok := errors.AsType[*actor.ExitError](reason); ok {
		return false
	}
	return errors.Is(reason, actor.Normal) || errors.Is(reason, actor.Shutdown)
}
