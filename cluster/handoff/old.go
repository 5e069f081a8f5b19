package handoff

import (
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Timing says how long what takes.
type Timing struct {
	// Prepare is how long an attempt may take until its commit point.
	Prepare time.Duration
	// Again is how often what must not be lost is said again.
	Again time.Duration
	// Backoff is how long after an attempt that failed the next may begin. It doubles up to MaxBackoff.
	Backoff, MaxBackoff time.Duration
}

// DefaultTiming is for all networks.
func DefaultTiming() Timing {
	return Timing{Prepare: 10 * time.Second, Again: time.Second, Backoff: time.Second, MaxBackoff: time.Minute}
}

// Phase is how far the old node is.
type Phase uint8

const (
	Running    Phase = iota
	Offered          // runs, and the new node was asked
	Draining         // mail is held
	Frozen           // the state was sent, mail is held
	Committed        // Activate was sent: never runs here again unless the new node is down, or says that it has nothing
	Forwarding       // runs at the new node
	Ended            // nothing is left
)

var phaseNames = [...]string{"running", "offered", "draining", "frozen", "committed", "forwarding", "ended"}

func (p Phase) String() string {
	if int(p) < len(phaseNames) {
		return phaseNames[p]
	}
	return fmt.Sprintf("Phase(%d)", uint8(p))
}

// Old is the move of one process as the node sees it where it runs. Make it with [NewOld].
type Old struct {
	t        Timing
	self     nodeid.ID
	id       string
	phase    Phase
	epoch    uint64
	attempt  Attempt // the one under way, or the last
	to       nodeid.ID
	around   bool // there is no session with to
	deadline time.Time
	again    time.Time // what must not be lost is said again
	failed   int
	retryAt  time.Time
	awaited  bool        // waiting is known
	waiting  []nodeid.ID // who has not flushed
	flushes  []nodeid.ID // who has
	out      []Output
}

// NewOld is a process that runs on node self as epoch.
func NewOld(self nodeid.ID, id string, epoch uint64, t Timing) *Old {
	return &Old{t: t, self: self, id: id, epoch: epoch}
}

// Phase is how far the move is.
func (o *Old) Phase() Phase { return o.phase }

// Epoch is that of the process here, as it ran last.
func (o *Old) Epoch() uint64 { return o.epoch }

// To is where it is moved, or was.
func (o *Old) To() nodeid.ID { return o.to }

// RetryAt is when the next attempt may begin.
func (o *Old) RetryAt() time.Time { return o.retryAt }

// NextTick is when the next [Tick] is due; zero if none is.
func (o *Old) NextTick() time.Time {
	switch o.phase {
	case Offered, Draining, Frozen:
		return o.deadline
	case Committed:
		return o.again
	}
	return time.Time{}
}

// Mail says what to do with a user message for the process.
func (o *Old) Mail() Mail {
	switch o.phase {
	case Running, Offered:
		return Handle
	case Draining, Frozen, Committed:
		return Hold
	case Forwarding:
		return Pass
	}
	return Dead
}

// Step tells o what happened, and returns what is to be done about it.
func (o *Old) Step(now time.Time, in Input) []Output {
	o.out = nil
	switch in := in.(type) {
	case Move:
		o.move(now, in)
	case Drained:
		if o.phase == Draining {
			o.emit(Snapshot{})
		}
	case Snapshotted:
		o.snapshotted(now, in)
	case Unsettled:
		o.giveUp(now, in.Why, true)
	case Got:
		o.got(now, in)
	case Await:
		o.await(in)
	case PeerDown:
		o.peerDown(now, in.ID)
	case Unlinked:
		o.unlinked(now, in.ID)
	case Linked:
		if in.ID == o.to {
			o.around = false
			o.repeat(now)
		}
	case Tick:
		o.tick(now)
	}
	out := o.out
	o.out = nil
	return out
}

func (o *Old) emit(out Output) { o.out = append(o.out, out) }

func (o *Old) send(m Msg) { o.emit(Send{To: o.to, Msg: m, Around: o.around && m.Lane() == Control}) }

func (o *Old) move(now time.Time, in Move) {
	if o.phase != Running || now.Before(o.retryAt) || in.To == o.self || in.To.IsZero() {
		return
	}
	o.phase, o.to, o.around = Offered, in.To, false
	o.attempt = Attempt{o.epoch, o.attempt.N + 1}
	o.deadline = now.Add(o.t.Prepare)
	o.send(Offer{o.id, o.attempt, in.ViewID})
}

func (o *Old) snapshotted(now time.Time, in Snapshotted) {
	switch {
	case o.phase != Draining:
	case in.Err != nil:
		o.giveUp(now, "snapshot: "+in.Err.Error(), true)
	case len(in.State) > MaxState:
		o.giveUp(now, fmt.Sprintf("its state has %d bytes, more than %d", len(in.State), MaxState), true)
	default:
		o.phase = Frozen
		o.send(State{o.id, o.attempt, in.Version, in.State})
	}
}

// giveUp ends an attempt before its commit point. If abort, the new node is told.
func (o *Old) giveUp(now time.Time, why string, abort bool) {
	if o.phase < Offered || o.phase > Frozen {
		return
	}
	if abort {
		o.send(Abort{o.id, o.attempt})
	}
	o.resume(now, why)
}

// resume lets the process run on here. Its epoch passes the one that the new node would have had.
func (o *Old) resume(now time.Time, why string) {
	if o.phase != Offered {
		o.epoch += 2
		o.emit(Resume{o.epoch})
	}
	o.phase, o.flushes = Running, nil
	o.retryAt = now.Add(min(o.t.Backoff<<min(o.failed, 16), o.t.MaxBackoff))
	o.failed++
	o.emit(GaveUp{o.attempt, why})
}

func (o *Old) got(now time.Time, in Got) {
	if f, ok := in.Msg.(Flush); ok {
		o.flushed(f.From)
		return
	}
	a, ok := attemptOf(in.Msg)
	if !ok {
		return
	}
	mine := in.From == o.to && a == o.attempt
	switch m := in.Msg.(type) {
	case Accept:
		if mine && o.phase == Offered {
			o.phase = Draining
			o.emit(Drain{})
		}
	case Refuse:
		if mine && o.phase == Offered {
			o.resume(now, "refused: "+m.Why)
		}
	case Ready:
		o.ready(now, in.From, a, mine)
	case Failed:
		if mine && o.phase >= Offered && o.phase <= Committed {
			o.resume(now, "failed: "+m.Why)
		}
	case Active:
		if mine && o.phase == Committed {
			o.phase, o.failed = Forwarding, 0
			o.emit(Forward{o.to, m.PID})
		} else if mine && o.phase > Committed {
			o.mark(o.flushes...) // the markers may have been lost with a session
			if o.phase == Ended {
				o.mark(o.self)
			}
		}
	}
}

// ready is the commit point.
func (o *Old) ready(now time.Time, from nodeid.ID, a Attempt, mine bool) {
	switch {
	case mine && o.phase == Frozen:
		o.phase = Committed
		o.repeat(now)
	case mine && o.phase == Committed:
		o.repeat(now)
	case mine && o.phase > Committed:
	default: // of an attempt that was given up, and whose Abort was lost
		o.emit(Send{To: from, Msg: Abort{o.id, a}})
	}
}

// repeat says Activate, once more if need be: no time ends Committed.
func (o *Old) repeat(now time.Time) {
	if o.phase == Committed {
		o.again = now.Add(o.t.Again)
		o.send(Activate{o.id, o.attempt, o.epoch + 1})
	}
}

func (o *Old) tick(now time.Time) {
	switch {
	case o.phase == Committed && !now.Before(o.again):
		o.repeat(now)
	case o.phase >= Offered && o.phase <= Frozen && !now.Before(o.deadline):
		o.giveUp(now, "it took longer than "+o.t.Prepare.String(), true)
	}
}

func (o *Old) peerDown(now time.Time, id nodeid.ID) {
	switch {
	case id != o.to:
		o.flushed(id)
	case o.phase >= Offered && o.phase <= Committed:
		o.resume(now, "the new node is down")
	case o.phase == Forwarding:
		o.end() // the barrier finds who goes on
	}
}

func (o *Old) unlinked(now time.Time, id nodeid.ID) {
	if id == o.to {
		o.around = true
		o.giveUp(now, "the session with the new node ended", true)
		o.repeat(now)
	}
}
