package votes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// ErrMalformed is what [Decode] says, wrapped, of bytes that [Append] did not write.
var ErrMalformed = errors.New("cluster/votes: malformed message")

// Append writes m behind b.
func Append(b []byte, m Msg) []byte {
	b = append(b, byte(m.kind()))
	switch m := m.(type) {
	case Heartbeat:
		b = appendSet(b, m.Set)
		b = binary.AppendUvarint(b, uint64(m.Sent))
		b = append(b, flags(m.Member, m.Hears, m.Ready, m.Leaving, m.Pending))
		b = appendIDs(b, m.Broken)
	case Grant:
		b = appendSet(b, m.Set)
		b = binary.AppendUvarint(b, uint64(m.Echo))
		b = appendSet(b, m.Pending)
	case Learn:
		b = appendSet(b, m.Set)
	case Prepare:
		b = appendBallot(appendSet(b, m.Set), m.Ballot)
	case Promise:
		b = appendBallot(appendSetID(b, m.Set), m.Ballot)
		b = appendSet(appendBallot(b, m.Accepted), m.Value)
		b = appendIDs(b, m.Holds)
	case Accept:
		b = appendBallot(appendSetID(b, m.Set), m.Ballot)
		b = append(appendSet(b, m.Value), flags(m.Must))
	case Accepted:
		b = appendBallot(appendSetID(b, m.Set), m.Ballot)
	case Refused:
		b = appendBallot(appendSetID(b, m.Set), m.Ballot)
		b = binary.AppendUvarint(appendBallot(b, m.Promised), uint64(m.Wait))
	case Withhold:
		b = appendID(appendSetID(b, m.Set), m.ID)
	}
	return b
}

func flags(on ...bool) (f byte) {
	for i, x := range on {
		if x {
			f |= 1 << i
		}
	}
	return f
}

func appendID(b []byte, id nodeid.ID) []byte {
	b = append(b, byte(len(id.Name)))
	b = append(b, id.Name...)
	return binary.AppendUvarint(b, uint64(id.Incarnation))
}

func appendIDs(b []byte, ids []nodeid.ID) []byte {
	b = binary.AppendUvarint(b, uint64(len(ids)))
	for _, id := range ids {
		b = appendID(b, id)
	}
	return b
}

func appendBallot(b []byte, x Ballot) []byte { return appendID(binary.AppendUvarint(b, x.N), x.Node) }

func appendSetID(b []byte, s SetID) []byte {
	b = binary.AppendUvarint(b, uint64(s.Generation))
	b = binary.AppendUvarint(b, s.Born)
	b = binary.LittleEndian.AppendUint64(b, s.Random)
	return binary.AppendUvarint(b, s.K)
}

func appendSet(b []byte, s Set) []byte { return appendIDs(appendSetID(b, s.SetID), s.Members) }

// Decode reads what Append wrote. It allocates in proportion to b.
func Decode(b []byte) (Msg, error) {
	d := &decoder{b: b}
	var m Msg
	switch k := kind(d.byte()); k {
	case kindHeartbeat:
		x := Heartbeat{Know: d.know(), Sent: d.duration()}
		f := d.flags(5)
		x.Member, x.Hears, x.Ready, x.Leaving, x.Pending = f&1 != 0, f&2 != 0, f&4 != 0, f&8 != 0, f&16 != 0
		x.Broken = d.ids(MaxBroken)
		m = x
	case kindGrant:
		m = Grant{Know: d.know(), Echo: d.duration(), Pending: d.set()}
	case kindLearn:
		m = Learn{d.know()}
	case kindPrepare:
		m = Prepare{d.know(), d.ballot()}
	case kindPromise:
		m = Promise{Set: d.setID(), Ballot: d.ballot(), Accepted: d.ballot(), Value: d.set(), Holds: d.ids(MaxMembers)}
	case kindAccept:
		m = Accept{Set: d.setID(), Ballot: d.ballot(), Value: d.set(), Must: d.flags(1) != 0}
	case kindAccepted:
		m = Accepted{Set: d.setID(), Ballot: d.ballot()}
	case kindRefused:
		m = Refused{Set: d.setID(), Ballot: d.ballot(), Promised: d.ballot(), Wait: d.duration()}
	case kindWithhold:
		m = Withhold{d.setID(), d.id()}
	default:
		d.fail(fmt.Sprintf("kind %d is unknown", k))
	}
	if d.err == nil && len(d.b) > 0 {
		d.fail("bytes are left over")
	}
	if d.err != nil {
		return nil, d.err
	}
	return m, nil
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

func (d *decoder) flags(n int) byte {
	f := d.byte()
	if f>>n != 0 {
		d.fail("a flag is unknown")
	}
	return f
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

func (d *decoder) duration() time.Duration {
	x := d.number()
	if x > uint64(ever) {
		d.fail("a duration is too long")
		return 0
	}
	return time.Duration(x)
}

// id reads an ID, or the zero ID.
func (d *decoder) id() (id nodeid.ID) {
	n := int(d.byte())
	if n > nodeid.MaxName || n > len(d.b) {
		d.fail("a name is too long")
		return id
	}
	id.Name = string(d.b[:n])
	d.b = d.b[n:]
	id.Incarnation = nodeid.Incarnation(d.number())
	if (n == 0) != (id.Incarnation == 0) {
		d.fail("an incarnation without a name, or the other way round")
	}
	return id
}

func (d *decoder) ids(most int) []nodeid.ID {
	n := d.number()
	if n > uint64(most) || n > uint64(len(d.b)/2) {
		d.fail("there are too many names")
		return nil
	}
	if n == 0 {
		return nil
	}
	ids := make([]nodeid.ID, n)
	for i := range ids {
		ids[i] = d.id()
		if d.err == nil && ids[i].IsZero() {
			d.fail("a name is empty")
		}
		if d.err != nil {
			return nil
		}
	}
	return ids
}

func (d *decoder) ballot() Ballot { return Ballot{d.number(), d.id()} }

func (d *decoder) setID() SetID {
	var s SetID
	g := d.number()
	if g > 1<<32-1 {
		d.fail("a generation is too great")
	}
	s.Generation, s.Born = uint32(g), d.number()
	if len(d.b) < 8 {
		d.fail("it is cut off")
		return SetID{}
	}
	s.Random = binary.LittleEndian.Uint64(d.b)
	d.b = d.b[8:]
	s.K = d.number()
	return s
}

func (d *decoder) set() Set   { return Set{d.setID(), d.ids(MaxMembers)} }
func (d *decoder) know() Know { return Know{d.set()} }
