package handoff

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// ErrMalformed is what [Decode] says, wrapped, of bytes that [Append] did not write.
var ErrMalformed = errors.New("cluster/handoff: malformed message")

// Append writes m behind b. Messages may follow each other in one record.
func Append(b []byte, m Msg) []byte {
	b = append(b, byte(m.kind()))
	switch m := m.(type) {
	case Offer:
		return binary.LittleEndian.AppendUint64(appendHead(b, m.ID, m.Attempt), m.ViewID)
	case Accept:
		return appendHead(b, m.ID, m.Attempt)
	case Refuse:
		return appendText(appendHead(b, m.ID, m.Attempt), cut(m.Why))
	case State:
		b = binary.AppendUvarint(appendHead(b, m.ID, m.Attempt), uint64(m.Version))
		return append(binary.AppendUvarint(b, uint64(len(m.Bytes))), m.Bytes...)
	case Ready:
		return appendHead(b, m.ID, m.Attempt)
	case Failed:
		return appendText(appendHead(b, m.ID, m.Attempt), cut(m.Why))
	case Activate:
		return binary.AppendUvarint(appendHead(b, m.ID, m.Attempt), m.Epoch)
	case Abort:
		return appendHead(b, m.ID, m.Attempt)
	case Active:
		return binary.AppendUvarint(appendHead(b, m.ID, m.Attempt), m.PID)
	case Flush:
		b = binary.AppendUvarint(appendNode(b, m.From), uint64(len(m.IDs)))
		for _, id := range m.IDs {
			b = appendText(b, id)
		}
	case Done:
		b = binary.LittleEndian.AppendUint64(appendNode(b, m.Down), m.ViewID)
		b = binary.AppendUvarint(append(b, flag(m.More)), uint64(len(m.Items)))
		for _, it := range m.Items {
			b = appendHead(b, it.ID, it.Attempt)
			b = append(binary.AppendUvarint(b, it.Epoch), flag(it.Running))
		}
	case Inquire:
		return appendNode(b, m.Down)
	}
	return b
}

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendHead(b []byte, id string, a Attempt) []byte {
	b = binary.AppendUvarint(appendText(b, id), a.Epoch)
	return binary.AppendUvarint(b, a.N)
}

func appendNode(b []byte, id nodeid.ID) []byte {
	return binary.AppendUvarint(appendText(b, id.Name), uint64(id.Incarnation))
}

// Decode reads one message that Append wrote, and returns what stands behind it. It allocates in proportion to b; the bytes of a
// State are part of b.
func Decode(b []byte) (m Msg, rest []byte, err error) {
	d := &decoder{b: b}
	k := kind(d.byte())
	switch {
	case k >= kindOffer && k <= kindActive:
		m = d.move(k)
	case k == kindFlush:
		m = d.flush()
	case k == kindDone:
		m = d.done()
	case k == kindInquire:
		m = Inquire{d.node()}
	default:
		d.fail(fmt.Sprintf("kind %d is unknown", k))
	}
	if d.err != nil {
		return nil, nil, d.err
	}
	return m, d.b, nil
}

func (d *decoder) move(k kind) Msg {
	id, a := d.head()
	switch k {
	case kindOffer:
		return Offer{id, a, d.fixed()}
	case kindAccept:
		return Accept{id, a}
	case kindRefuse:
		return Refuse{id, a, d.text(MaxWhy)}
	case kindState:
		v := d.number()
		if v > 1<<32-1 {
			d.fail("a version is too great")
		}
		return State{id, a, uint32(v), d.bytes(MaxState)}
	case kindReady:
		return Ready{id, a}
	case kindFailed:
		return Failed{id, a, d.text(MaxWhy)}
	case kindActivate:
		return Activate{id, a, d.number()}
	case kindAbort:
		return Abort{id, a}
	}
	return Active{id, a, d.number()}
}

func (d *decoder) flush() Msg {
	m := Flush{From: d.node()}
	for range d.count(2) {
		m.IDs = append(m.IDs, d.name())
	}
	return m
}

func (d *decoder) done() Msg {
	m := Done{Down: d.node(), ViewID: d.fixed(), More: d.flag()}
	for range d.count(6) {
		it := Item{ID: d.name()}
		it.Attempt = Attempt{d.number(), d.number()}
		it.Epoch, it.Running = d.number(), d.flag()
		m.Items = append(m.Items, it)
	}
	return m
}

type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(why string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrMalformed, why)
	}
	d.b = nil
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail("it is cut off")
		return 0
	}
	x := d.b[0]
	d.b = d.b[1:]
	return x
}

func (d *decoder) flag() bool {
	x := d.byte()
	if x > 1 {
		d.fail("a flag is neither 0 nor 1")
	}
	return x == 1
}

func (d *decoder) number() uint64 {
	x, n := binary.Uvarint(d.b)
	if n <= 0 || n > 1 && d.b[n-1] == 0 {
		d.fail("a number is not one")
		return 0
	}
	d.b = d.b[n:]
	return x
}

func (d *decoder) fixed() uint64 {
	if len(d.b) < 8 {
		d.fail("it is cut off")
		return 0
	}
	x := binary.LittleEndian.Uint64(d.b)
	d.b = d.b[8:]
	return x
}

// count is a number of things of size bytes at least.
func (d *decoder) count(size int) uint64 {
	n := d.number()
	if n > MaxItems || n > uint64(len(d.b)/size) {
		d.fail("there are too many processes")
		return 0
	}
	return n
}

func (d *decoder) bytes(most int) []byte {
	n := d.number()
	if n > uint64(most) || n > uint64(len(d.b)) {
		d.fail("something is too long")
		return nil
	}
	x := d.b[:n:n]
	d.b = d.b[n:]
	if n == 0 {
		return nil
	}
	return x
}

func (d *decoder) text(most int) string { return string(d.bytes(most)) }

func (d *decoder) name() string {
	s := d.text(MaxID)
	if s == "" {
		d.fail("a process has no name")
	}
	return s
}

func (d *decoder) head() (string, Attempt) { return d.name(), Attempt{d.number(), d.number()} }

func (d *decoder) node() nodeid.ID {
	id := nodeid.ID{Name: d.text(nodeid.MaxName), Incarnation: nodeid.Incarnation(d.number())}
	if id.Name == "" || id.Incarnation == 0 {
		d.fail("a node has no name or incarnation")
	}
	return id
}
