package cluster

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/view"
)

// Records of the control lane: a byte that says what it is, then its fields. Kinds that are not known are skipped: a newer
// node may send them.
const (
	controlStatus byte = iota + 1
	controlAsk
	controlAnswer
	controlPort
)

// status is what a heartbeat says.
type status struct {
	state  view.State
	viewID uint64
	load   float64
	broken []nodeid.ID
}

func appendStatus(b []byte, s status) []byte {
	b = append(b, controlStatus, byte(s.state))
	b = binary.LittleEndian.AppendUint64(b, s.viewID)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(s.load))
	n := min(len(s.broken), view.MaxBroken)
	b = binary.AppendUvarint(b, uint64(n))
	for _, id := range s.broken[:n] {
		b = appendID(b, id)
	}
	return b
}

func appendAsk(b []byte, id nodeid.ID) []byte { return appendID(append(b, controlAsk), id) }

func appendAnswer(b []byte, id nodeid.ID, refused bool) []byte {
	b = append(b, controlAnswer, 0)
	if refused {
		b[len(b)-1] = 1
	}
	return appendID(b, id)
}

func appendID(b []byte, id nodeid.ID) []byte {
	return binary.AppendUvarint(appendText(b, id.Name), uint64(id.Incarnation))
}

func (d *decoder) id() nodeid.ID {
	return nodeid.ID{Name: d.text(nodeid.MaxName), Incarnation: nodeid.Incarnation(d.uvarint())}
}

var errControl = errors.New("cluster: a control record is malformed")

// parseControl makes an input of a record that from sent; nil if it is of an unknown kind.
func parseControl(rec []byte, from nodeid.ID) (view.Input, error) {
	d := decoder{b: rec}
	var in view.Input
	switch d.byte() {
	case controlStatus:
		s := view.Status{ID: from, State: view.State(d.byte()), ViewID: d.uint64(), Load: math.Float64frombits(d.uint64())}
		n := d.uvarint()
		d.bad = d.bad || n > view.MaxBroken || s.State < view.Joining || s.State > view.Leaving || math.IsNaN(s.Load)
		for i := uint64(0); i < n && !d.bad; i++ {
			s.Broken = append(s.Broken, d.id())
		}
		in = s
	case controlAsk:
		in = view.Asked{From: from, ID: d.id()}
	case controlAnswer:
		refused := d.byte() == 1
		in = view.Confirmed{From: from, ID: d.id(), Refused: refused}
	default:
		if !d.bad {
			return nil, nil
		}
	}
	if d.bad || len(d.b) > 0 {
		return nil, errControl
	}
	return in, nil
}

// A refusal says in bytes to the refused node's program why it is not admitted.
const (
	refusedDuplicate byte = iota + 1
	refusedProbing
	refusedOld
	refusedFull
)

// refusal is the error of the handshake's check: its text is for people, its bytes for the other node.
type refusal struct{ *view.AdmitError }

// RefusalMeta implements transport.RefusalMeta.
func (r refusal) RefusalMeta() []byte {
	code := refusedOld
	switch {
	case errors.Is(r.Err, view.ErrDuplicateName):
		code = refusedDuplicate
	case errors.Is(r.Err, view.ErrProbing):
		code = refusedProbing
	case errors.Is(r.Err, view.ErrFull):
		code = refusedFull
	}
	b := binary.LittleEndian.AppendUint64([]byte{code}, uint64(r.Floor))
	b = binary.AppendUvarint(b, uint64(max(r.Rank.Up, 0)))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Rank.Oldest))
	return appendID(b, r.Rank.Self)
}

// parseRefusal is the opposite.
func parseRefusal(meta []byte) (code byte, floor nodeid.Incarnation, rank view.Rank, err error) {
	d := decoder{b: meta}
	code, floor = d.byte(), nodeid.Incarnation(d.uint64())
	rank.Up = int(min(d.uvarint(), view.MaxMembers))
	rank.Oldest = nodeid.Incarnation(d.uint64())
	rank.Self = d.id()
	if d.bad || len(d.b) > 0 || code < refusedDuplicate || code > refusedFull {
		return 0, 0, view.Rank{}, errControl
	}
	return code, floor, rank, nil
}

// What a node says of itself in its hello, beside what transport knows: zone, weight and labels.
func appendInfo(b []byte, i view.Info) []byte {
	b = appendText(b, i.Zone)
	b = binary.AppendUvarint(b, uint64(i.Weight))
	b = binary.AppendUvarint(b, uint64(len(i.Labels)))
	for k, v := range i.Labels {
		b = appendText(appendText(b, k), v)
	}
	return b
}

func parseInfo(b []byte) (i view.Info, err error) {
	d := decoder{b: b}
	i.Zone = d.text(maxMetaBytes)
	i.Weight = int(min(d.uvarint(), maxWeight))
	n := d.uvarint()
	if d.bad || n > uint64(len(d.b))/2 {
		return view.Info{}, errControl
	}
	if n > 0 {
		i.Labels = make(map[string]string, n)
	}
	for range n {
		k := d.text(maxMetaBytes)
		i.Labels[k] = d.text(maxMetaBytes)
	}
	if d.bad || len(d.b) > 0 {
		return view.Info{}, errControl
	}
	return i, nil
}
