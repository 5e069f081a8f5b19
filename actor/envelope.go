package actor

// envelope is what stands in an untyped mailbox: 40 bytes, copied. hdr is nil for a plain message, so that a send with a sender
// allocates nothing.
type envelope struct {
	msg  any
	from PID
	hdr  *header
}

// typedEnvelope is the same for messages of one type, stored unboxed.
type typedEnvelope[M any] struct {
	msg  M
	from PID
	hdr  *header
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
