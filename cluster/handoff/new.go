package handoff

import (
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Stage is how far the new node is.
type Stage uint8

const (
	Idle      Stage = iota
	Waiting         // for the State
	Restoring       // Restore runs
	Prepared        // a suspended copy is there; it never starts by itself
	Live            // it was activated
)

// New is the move of one process as the node sees it where it is moved. Make it with [NewNew]. It is kept as long as the
// copy, or the activated process, lives, and until [New.Settled].
type New struct {
	t        Timing
	id       string
	stage    Stage
	seen     Attempt // the greatest; what is not greater never begins
	attempt  Attempt // of the copy
	from     nodeid.ID
	fromDown bool
	around   bool
	pid      uint64
	ran      Attempt // the last that was activated
	ranPID   uint64
	epoch    uint64
	settled  bool // the old node of ran forwards no more
	again    time.Time
	out      []Output
}

// NewNew is a process that this node does not have.
func NewNew(id string, t Timing) *New { return &New{t: t, id: id, settled: true} }

// Stage is how far the move is.
func (n *New) Stage() Stage { return n.stage }

// Attempt is that of the copy.
func (n *New) Attempt() Attempt { return n.attempt }

// From is the node that the copy, or the process, came from.
func (n *New) From() nodeid.ID { return n.from }

// Epoch is as what the process was activated last.
func (n *New) Epoch() uint64 { return n.epoch }

// Settled reports whether nobody asks about the process any more, and there is no copy.
func (n *New) Settled() bool { return n.settled && n.stage == Idle }

// Item is the copy for [Viewed].Inventory, if there is one that waits to be activated.
func (n *New) Item() (Item, bool) {
	return Item{ID: n.id, Attempt: n.attempt}, n.stage == Prepared
}

// NextTick is when the next [Tick] is due; zero if none is.
func (n *New) NextTick() time.Time {
	if n.stage == Prepared && !n.fromDown || n.stage == Live && !n.settled {
		return n.again
	}
	return time.Time{}
}

// Step tells n what happened, and returns what is to be done about it.
func (n *New) Step(now time.Time, in Input) []Output {
	n.out = nil
	switch in := in.(type) {
	case Asked:
		n.asked(in)
	case Restored:
		n.restored(now, in)
	case Exited:
		if n.stage == Live {
			n.stage = Idle
		}
	case Got:
		n.got(now, in)
	case PeerDown:
		n.peerDown(in.ID)
	case Unlinked:
		n.around = n.around || in.ID == n.from
	case Linked:
		if in.ID == n.from {
			n.around = false
			n.repeat(now)
		}
	case Tick:
		if at := n.NextTick(); !at.IsZero() && !now.Before(at) {
			n.repeat(now)
		}
	}
	out := n.out
	n.out = nil
	return out
}

func (n *New) emit(out Output) { n.out = append(n.out, out) }

func (n *New) send(to nodeid.ID, m Msg) {
	n.emit(Send{To: to, Msg: m, Around: n.around && to == n.from})
}

func (n *New) asked(in Asked) {
	o := in.Offer
	refuse := func(why string) { n.send(in.From, Refuse{o.ID, o.Attempt, cut(why)}) }
	switch {
	case n.stage == Live:
		refuse("it runs here")
	case o.Attempt.Compare(n.seen) <= 0:
		refuse("a later attempt is known")
	case in.ViewID != o.ViewID:
		refuse("the views differ")
	case in.Busy != "":
		refuse(in.Busy)
	default:
		n.drop()
		n.stage, n.attempt, n.seen = Waiting, o.Attempt, o.Attempt
		n.from, n.fromDown, n.around = in.From, false, false
		n.send(in.From, Accept{o.ID, o.Attempt})
	}
}

// drop ends the copy, if there is one that was not activated.
func (n *New) drop() {
	if n.stage == Restoring || n.stage == Prepared {
		n.emit(Drop{n.attempt})
	}
	if n.stage != Live {
		n.stage = Idle
	}
}

func (n *New) restored(now time.Time, in Restored) {
	switch {
	case n.stage != Restoring || in.Attempt != n.attempt:
	case in.Err != nil:
		n.drop()
		n.send(n.from, Failed{n.id, in.Attempt, cut("restore: " + in.Err.Error())})
	default:
		n.stage, n.pid = Prepared, in.PID
		n.repeat(now)
	}
}

// repeat says again what the old node has to know, if it did not answer.
func (n *New) repeat(now time.Time) {
	n.again = now.Add(n.t.Again)
	switch {
	case n.fromDown:
	case n.stage == Prepared:
		n.send(n.from, Ready{n.id, n.attempt})
	case n.stage == Live && !n.settled:
		n.send(n.from, Active{n.id, n.ran, n.ranPID})
	}
}

func (n *New) got(now time.Time, in Got) {
	switch m := in.Msg.(type) {
	case State:
		if n.stage == Waiting && m.Attempt == n.attempt && in.From == n.from {
			n.stage = Restoring
			n.emit(Restore{m.Attempt, m.Version, m.Bytes})
		}
	case Abort:
		if m.Attempt.Compare(n.seen) > 0 {
			n.seen = m.Attempt // it overtook what it ends
		}
		if m.Attempt.Compare(n.attempt) >= 0 {
			n.drop()
		}
	case Activate:
		n.activate(now, in.From, m)
	case Flush:
		if in.From == n.from && m.From == n.from {
			n.settled = true
		}
	}
}

// activate lets the copy run. The old node says so, or, if that is down, whom the table gives the process.
func (n *New) activate(now time.Time, from nodeid.ID, m Activate) {
	switch {
	case n.stage == Prepared && m.Attempt == n.attempt && (from == n.from || n.fromDown):
		n.stage, n.ran, n.ranPID, n.epoch = Live, n.attempt, n.pid, m.Epoch
		n.settled = n.fromDown
		n.again = now.Add(n.t.Again)
		n.emit(Run{m.Attempt, m.Epoch})
		n.send(from, Active{n.id, n.ran, n.ranPID})
	case m.Attempt == n.ran:
		n.send(from, Active{n.id, n.ran, n.ranPID})
	default:
		if m.Attempt.Compare(n.seen) > 0 {
			n.seen = m.Attempt
		}
		if m.Attempt == n.attempt && from == n.from {
			n.drop()
		}
		n.send(from, Failed{n.id, m.Attempt, "there is no such copy"})
	}
}

func (n *New) peerDown(id nodeid.ID) {
	if id != n.from || n.fromDown {
		return
	}
	n.fromDown, n.settled = true, true
	if n.stage != Prepared { // a prepared one may be all that is left: the barrier says what becomes of it
		n.drop()
	}
}

// Unknown is the answer of a node that has no [Old] and no [New] of the process that a message is about. An Offer begins a
// New instead.
func Unknown(self, from nodeid.ID, m Msg) []Output {
	switch m := m.(type) {
	case Ready:
		return []Output{Send{To: from, Msg: Abort(m)}}
	case Activate:
		return []Output{Send{To: from, Msg: Failed{m.ID, m.Attempt, "there is no such copy"}}}
	case Active:
		return []Output{Send{To: from, Msg: Flush{From: self, IDs: []string{m.ID}}}}
	}
	return nil
}

// attemptOf is the attempt that a message is about, if it is about one.
func attemptOf(m Msg) (Attempt, bool) {
	switch m := m.(type) {
	case Accept:
		return m.Attempt, true
	case Refuse:
		return m.Attempt, true
	case Ready:
		return m.Attempt, true
	case Failed:
		return m.Attempt, true
	case Active:
		return m.Attempt, true
	}
	return Attempt{}, false
}

func cut(why string) string { return why[:min(len(why), MaxWhy)] }
