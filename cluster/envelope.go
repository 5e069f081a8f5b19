package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
)

// A signal on the wire is its kind, flags, the fields that the flags announce in the order below, and the body: what
// codec wrote of Message, or of Reason.
//
//	kind      1 byte, an actor.SignalKind
//	flags     1 byte
//	from      uvarint id of a process of the sending node            if hasFrom
//	to        uvarint id of a process of the receiving node, or text if toName
//	ref       uvarint                                                if hasRef
//	reply     PID                                                    if hasReply
//	deadline  uvarint, microseconds from now                         if hasDeadline
//	meta      text (trace), uvarint n, n texts                       if hasMeta
//	more      uvarint length, then fields as below                   if hasMore
//	body
//
// A further field is a tag byte, a uvarint length and the bytes. A tag above 127 is critical: who does not know it makes a dead
// letter of the signal. Others are skipped.
const (
	hasFrom byte = 1 << iota
	toName
	hasRef
	hasReply
	hasDeadline
	hasMeta
	isReason
	hasMore
)

// Tags of further fields. Those of origin cluster, hop count and origin clock are kept free for federation.
const (
	moreSender byte = 1 // PID: the sender of a forwarded message, as the forwarding node says

	moreOriginCluster  byte = 129
	moreHops           byte = 130
	moreOriginClock    byte = 131
	criticalTag             = 128
	maxBaggage              = 256 // entries
	maxMetaText             = 8 << 10
	maxDeadlineSeconds      = 100 * 365 * 24 * 3600
)

var errEnvelope = errors.New("cluster: an envelope is malformed")

// appendSignal writes sig for a peer. The error is the codec's: the message or answer cannot travel.
func appendSignal(b []byte, sig *actor.Signal, r *refs, types *codec.Registry) ([]byte, error) {
	to := sig.To.Address()
	from := sig.From.Address()
	flags, foreign := byte(0), false
	if from.Node != "" {
		if foreign = from.Node != r.sys.Name() || from.Incarnation != r.sys.Incarnation() || from.Name != ""; foreign {
			flags |= hasMore
		} else {
			flags |= hasFrom
		}
	}
	if to.Name != "" {
		flags |= toName
	}
	if sig.Ref != 0 {
		flags |= hasRef
	}
	if !sig.Reply.IsZero() {
		flags |= hasReply
	}
	if !sig.Deadline.IsZero() {
		flags |= hasDeadline
	}
	if !sig.Meta.IsZero() {
		flags |= hasMeta
	}
	reason := sig.Kind > actor.SignalAnswer || sig.Kind == actor.SignalAnswer && sig.Reason != nil
	if reason {
		flags |= isReason
	}
	b = append(b, byte(sig.Kind), flags)
	if flags&hasFrom != 0 {
		b = binary.AppendUvarint(b, from.ID)
	}
	if flags&toName != 0 {
		b = appendText(b, to.Name)
	} else {
		b = binary.AppendUvarint(b, to.ID)
	}
	if flags&(hasRef|hasReply|hasDeadline|hasMeta|hasMore) != 0 {
		b = appendRare(b, sig, flags, r)
	}
	if reason {
		return types.AppendError(b, sig.Reason, r)
	}
	return types.Append(b, sig.Message, r)
}

// appendRare writes the fields that few messages have.
func appendRare(b []byte, sig *actor.Signal, flags byte, r *refs) []byte {
	if flags&hasRef != 0 {
		b = binary.AppendUvarint(b, sig.Ref)
	}
	if flags&hasReply != 0 {
		b = r.AppendPID(b, sig.Reply)
	}
	if flags&hasDeadline != 0 {
		left := max(time.Until(sig.Deadline), 0)
		b = binary.AppendUvarint(b, uint64(left/time.Microsecond))
	}
	if flags&hasMeta != 0 {
		b = appendText(b, sig.Meta.Trace())
		n := uint64(0)
		for range sig.Meta.Baggage() {
			n++
		}
		b = binary.AppendUvarint(b, 2*n)
		for k, v := range sig.Meta.Baggage() {
			b = appendText(appendText(b, k), v)
		}
	}
	if flags&hasMore != 0 {
		pid := r.AppendPID(nil, sig.From)
		field := appendText([]byte{moreSender}, string(pid))
		b = appendText(b, string(field))
	}
	return b
}

// arrival is a signal that came, with its body not decoded yet.
type arrival struct {
	actor.Signal
	reason bool
	body   []byte
}

// parseSignal reads all but the body. errEnvelope means that the peer does not follow the protocol;
// actor.ErrUnsupported that the signal must not be delivered.
func parseSignal(rec []byte, r *refs) (a arrival, err error) {
	d := decoder{b: rec}
	a.Kind = actor.SignalKind(d.byte())
	flags := d.byte()
	if a.Kind < actor.SignalMessage || a.Kind > actor.SignalDown {
		return a, fmt.Errorf("%w: kind %d", errEnvelope, a.Kind)
	}
	if flags&hasFrom != 0 {
		a.From = r.writer(d.uvarint())
	}
	to := r.reader()
	if flags&toName != 0 {
		to.Name = d.text(maxName)
	} else {
		to.ID = d.uvarint()
	}
	a.To = r.sys.PIDOf(to)
	if flags&(hasRef|hasReply|hasDeadline|hasMeta|hasMore) != 0 {
		err = a.parseRare(&d, flags, r)
	}
	a.reason, a.body = flags&isReason != 0, d.b
	switch {
	case d.bad:
		return a, errEnvelope
	case a.reason != (a.Kind > actor.SignalAnswer) && a.Kind != actor.SignalAnswer:
		return a, fmt.Errorf("%w: kind %d has the wrong body", errEnvelope, a.Kind)
	case a.Kind == actor.SignalRequest && a.Reply.IsZero():
		return a, fmt.Errorf("%w: a request that nobody waits for", errEnvelope)
	}
	return a, err
}

func (a *arrival) parseRare(d *decoder, flags byte, r *refs) (err error) {
	if flags&hasRef != 0 {
		a.Ref = d.uvarint()
	}
	if flags&hasReply != 0 {
		a.Reply = r.read(d)
	}
	if flags&hasDeadline != 0 {
		left := d.uvarint()
		d.bad = d.bad || left > maxDeadlineSeconds*1e6
		if !d.bad {
			a.Deadline = time.Now().Add(time.Duration(left) * time.Microsecond)
		}
	}
	if flags&hasMeta != 0 {
		trace := d.text(maxMetaText)
		n := d.uvarint()
		d.bad = d.bad || n > 2*maxBaggage || n%2 != 0
		var entries []string
		for range n {
			if d.bad {
				break
			}
			entries = append(entries, d.text(maxMetaText))
		}
		a.Meta = actor.NewMeta(trace, entries...)
	}
	if flags&hasMore != 0 {
		more := decoder{b: d.bytes(len(d.b))}
		for !more.bad && !d.bad && len(more.b) > 0 {
			tag, field := more.byte(), more.bytes(len(more.b))
			switch {
			case tag == moreSender && flags&hasFrom == 0 && a.Kind <= actor.SignalRequest:
				x := decoder{b: field}
				a.From = r.read(&x)
				more.bad = more.bad || x.bad
			case tag >= criticalTag:
				err = fmt.Errorf("%w: a critical field with tag %d", actor.ErrUnsupported, tag)
			}
		}
		d.bad = d.bad || more.bad
	}
	return err
}

// decode fills in Message or Reason. An error is about this signal alone.
func (a *arrival) decode(types *codec.Table, r *refs) error {
	var err error
	if a.reason {
		a.Reason, err = types.DecodeError(a.body, r)
		if err == nil && a.Reason == nil {
			a.Reason = actor.Normal
		}
		return err
	}
	a.Message, err = types.Decode(a.body, r)
	return err
}
