package actor

// envelope is a message under way. hdr is nil for a plain message, so that a send with a sender allocates nothing.
type envelope struct {
	msg  any
	from PID
	hdr  *header
}

// cell is what stands of an envelope in an untyped mailbox, beside the sender: that is the tag of its slot. So a slot is half a cache
// line, which is what a message between two cores costs.
type cell struct {
	msg any
	hdr *header
}

// typedCell is the same for messages of one type.
type typedCell[M any] struct {
	msg M
	hdr *header
}

// tagNobody stands for no sender, or one of another System, who is in the header then. Ids are greater.
const tagNobody = 1

// tagOf makes a tag of a sender. h is e's header, or a copy that holds the sender.
func (s *System) tagOf(from PID, h *header) (tag uint64, hdr *header) {
	switch from.h {
	case s.self:
		return from.id, h
	case nil:
		return tagNobody, h
	}
	x := newSignal(kindMessage, nil, 0)
	more := x.signal
	if h != nil {
		*x = *h
	}
	if x.signal != nil {
		*more = *x.signal
	}
	x.signal, more.sender = more, from
	return tagNobody, x
}

// sender is the opposite of tagOf.
func (s *System) sender(tag uint64, h *header) PID {
	if tag != tagNobody {
		return PID{s.self, tag}
	}
	if h != nil && h.signal != nil {
		return h.signal.sender
	}
	return PID{}
}

// header carries what few messages have. It is immutable once sent, except for cancelled.
type header struct {
	kind   kind
	linked bool // kindExit: it came by a link

	// cancelled is written and read by the receiving process alone: Unlink after an ExitSignal was queued.
	cancelled bool

	meta *meta // baggage and trace
	ask  *ask  // the request this message is
	*signal
}

// signal is what the headers of signals and timers have beside.
type signal struct {
	payload any    // replaces the message, so that signals fit typed mailboxes
	gen     uint64 // kindIdle: of the silence it belongs to; kindDown: of the monitor
	timer   *timer // kindTimer
	sender  PID    // of a message of another System
}

func newSignal(k kind, payload any, gen uint64) *header {
	x := &struct {
		header
		signal
	}{}
	x.header = header{kind: k, signal: &x.signal}
	x.signal = signal{payload: payload, gen: gen}
	return &x.header
}

type kind uint8

const (
	kindMessage kind = iota
	kindDown         // payload is a Down
	kindExit         // payload is an ExitSignal
	kindIdle         // payload is Idle
	kindThen         // ask is an AskAsync of the receiver that was answered
	kindTimer        // an ordinary message whose timer may have been stopped
)

// internal reports whether the cell is not a message by itself, and so is left out of the statistics unless it is delivered.
func (h *header) internal() bool { return h != nil && h.kind != kindMessage && h.kind != kindTimer }

// plain reports whether the cell is an ordinary message that is not a request, if with baggage.
func (h *header) plain() bool { return h == nil || h.kind == kindMessage && h.ask == nil }

func (h *header) metaOf() *meta {
	if h == nil {
		return nil
	}
	return h.meta
}

func (h *header) askOf() *ask {
	if h == nil {
		return nil
	}
	return h.ask
}
