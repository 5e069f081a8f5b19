package handoff

import (
	"slices"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Mail is what to do with a user message.
type Mail uint8

const (
	Handle Mail = iota // it is for the process, which runs here
	Hold               // keep it, in order
	Pass               // forward it to the new process, with sender, request, and deadline
	Dead               // a dead letter
)

// await begins to wait for those that may have sent something to the old process. Held mail was forwarded before.
func (o *Old) await(in Await) {
	if o.phase != Forwarding || o.awaited {
		return
	}
	o.awaited = true
	for _, id := range in.Members {
		if id != o.self && !slices.Contains(o.flushes, id) && !slices.Contains(o.waiting, id) {
			o.waiting = append(o.waiting, id)
		}
	}
	o.mark(o.flushes...)
	if len(o.waiting) == 0 {
		o.end()
	}
}

// flushed notes that nothing of what id sent to the old process can come any more. It may be known before the Active is here:
// then the marker waits as the mail does.
func (o *Old) flushed(id nodeid.ID) {
	if o.phase != Committed && o.phase != Forwarding || slices.Contains(o.flushes, id) {
		return
	}
	o.flushes = append(o.flushes, id)
	if !o.awaited {
		return
	}
	o.mark(id)
	if i := slices.Index(o.waiting, id); i >= 0 {
		o.waiting = slices.Delete(o.waiting, i, i+1)
	}
	if len(o.waiting) == 0 {
		o.end()
	}
}

// mark tells the new node, behind what was forwarded, that nothing of these follows.
func (o *Old) mark(ids ...nodeid.ID) {
	for _, id := range ids {
		o.send(Flush{From: id, IDs: []string{o.id}})
	}
}

// end is the end of forwarding: what comes later is a dead letter, here.
func (o *Old) end() {
	o.phase = Ended
	o.mark(o.self)
	o.emit(Gone{})
}

// Parking holds back, at the new node, what comes directly from a node whose earlier messages may still be on their way over
// the old node. The zero Parking holds back nothing.
type Parking struct {
	old     nodeid.ID
	flushed []nodeid.ID
}

// Park is the Parking of a process that was moved from old.
func Park(old nodeid.ID) Parking { return Parking{old: old} }

// Parks reports whether a message that came from node from, not forwarded, has to wait. What the old node forwards never
// does.
func (p *Parking) Parks(from nodeid.ID) bool {
	return !p.old.IsZero() && from != p.old && !slices.Contains(p.flushed, from)
}

// Flush takes a Flush that the old node sent or passed on, behind what it forwarded before. What is parked of its From is to
// be handled now, in order; all reports that this holds for everybody, for good.
func (p *Parking) Flush(from nodeid.ID) (all bool) {
	if p.old.IsZero() || from == p.old {
		*p = Parking{}
		return true
	}
	if !slices.Contains(p.flushed, from) {
		p.flushed = append(p.flushed, from)
	}
	return false
}

// Down is told that a node is down and all that came from it was handled. If that was the old node, all that is parked is to
// be handled now.
func (p *Parking) Down(id nodeid.ID) (all bool) {
	if p.old.IsZero() || id != p.old {
		return false
	}
	*p = Parking{}
	return true
}

// Route is where a node sends what is for a process: to the activation with the greatest epoch that it knows. The zero Route
// knows none.
type Route struct {
	to    nodeid.ID
	epoch uint64
	old   nodeid.ID // where it sent before, and sent a Flush
}

// To is the node to send to.
func (r *Route) To() nodeid.ID { return r.to }

// Learn tells r of an activation. If that changes where it sends, a Flush is to go to flush, if that is a node, behind what
// was sent there and before anything is sent to the new one.
func (r *Route) Learn(epoch uint64, at nodeid.ID) (flush nodeid.ID) {
	if epoch <= r.epoch {
		return nodeid.ID{}
	}
	if r.to != at {
		flush, r.old = r.to, r.to
	}
	r.to, r.epoch = at, epoch
	return flush
}

// Linked is told that there is a new session with a node; a Flush that was lost with the one before is to go to flush.
func (r *Route) Linked(id nodeid.ID) (flush nodeid.ID) {
	if r.old == id {
		return id
	}
	return nodeid.ID{}
}
