package registry

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// portName is where registries talk to each other.
const portName = "registry"

// Records of the port: a byte that says what it is, the sender's wall clock, then
//
//	hello      number, digest of the sender's shard; the receiver answers with a digest of its own
//	digest     number of the hello that is answered, or 0; digest of the sender's shard
//	delta      operations of the sender
//	since      request: the sender has the operations up to Upto
//	fetch      request for a page
//	page       page
//	hint       name: the sender sees a better holder than the receiver has
//	doubt      number, name: who is that?
//	better     that number, incarnation of the holder's node, the holder's record as a page
//	promote    number and name of the receiver's record: it is to win
//	claim      id, hash of the set of members that are up, name
//	answer     id, a verdict; if the name is taken: node, incarnation and id of the holder
//	release    id, name
//
// A record of another kind is skipped: a newer node may send it.
type recordKind byte

const (
	recordHello recordKind = 1 + iota
	recordDigest
	recordDelta
	recordSince
	recordFetch
	recordPage
	recordHint
	recordDoubt
	recordBetter
	recordPromote
	recordClaim
	recordAnswer
	recordRelease
)

// chunkBytes is about how much of a shard goes into one record: the lane is shared with heartbeats.
const chunkBytes = 48 << 10

var errRecord = errors.New("registry: malformed record")

// message is a record taken apart.
type message struct {
	kind    recordKind
	stamp   crdt.Stamp
	digest  crdt.Digest
	delta   crdt.Delta
	request crdt.PageRequest
	page    crdt.Page // of a hint: one item
	number  uint64    // of a hint the incarnation, of promote the record, else the id
	view    uint64
	name    string
	verdict verdict
	owner   member
	process uint64
}

// verdict answers a claim.
type verdict byte

const (
	granted verdict = 1 + iota
	busy            // promised to somebody else, or the member cannot tell now: try again
	taken
)

// append encodes m behind b.
func (m *message) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(append(b, byte(m.kind)), uint64(m.stamp))
	switch m.kind {
	case recordHello, recordDigest:
		b = m.digest.Append(binary.BigEndian.AppendUint64(b, m.number))
	case recordDelta:
		b = m.delta.Append(b)
	case recordSince, recordFetch:
		b = m.request.Append(b)
	case recordPage:
		b = m.page.Append(b)
	case recordHint:
		b = append(b, m.name...)
	case recordBetter:
		b = binary.BigEndian.AppendUint64(b, m.number)
		b = m.page.Append(binary.BigEndian.AppendUint64(b, m.owner.Incarnation))
	case recordDoubt, recordPromote, recordRelease:
		b = append(binary.BigEndian.AppendUint64(b, m.number), m.name...)
	case recordClaim:
		b = binary.BigEndian.AppendUint64(b, m.number)
		b = append(binary.BigEndian.AppendUint64(b, m.view), m.name...)
	case recordAnswer:
		b = append(binary.BigEndian.AppendUint64(b, m.number), byte(m.verdict))
		if m.verdict == taken {
			b = binary.BigEndian.AppendUint64(b, m.owner.Incarnation)
			b = append(binary.BigEndian.AppendUint64(b, m.process), m.owner.Name...)
		}
	}
	return b
}

// parse decodes a record. A kind that is not known gives a message of that kind and nothing else.
func parse(b []byte) (m message, err error) {
	if len(b) > crdt.MaxFrameBytes {
		return message{}, fmt.Errorf("%w: %d bytes, allowed are %d", errRecord, len(b), crdt.MaxFrameBytes)
	}
	r := fields{rest: b}
	m.kind, m.stamp = recordKind(r.byte()), crdt.Stamp(r.fixed())
	switch m.kind {
	case recordHello, recordDigest:
		m.number = r.fixed()
		m.digest, err = crdt.DecodeDigest(r.all())
	case recordDelta:
		m.delta, err = crdt.DecodeDelta(r.all())
	case recordSince, recordFetch:
		m.request, err = crdt.DecodePageRequest(r.all())
	case recordPage:
		m.page, err = crdt.DecodePage(r.all())
	case recordHint:
		m.name = r.name()
	case recordBetter:
		m.number, m.owner.Incarnation = r.fixed(), r.fixed()
		m.page, err = crdt.DecodePage(r.all())
		m.owner.Name = m.page.Origin.Node
		r.bad = r.bad || err == nil && (len(m.page.Items) != 1 || m.page.Items[0].Kind != crdt.Name || m.owner.Incarnation == 0)
	case recordDoubt, recordPromote, recordRelease:
		m.number, m.name = r.fixed(), r.name()
	case recordClaim:
		m.number, m.view, m.name = r.fixed(), r.fixed(), r.name()
	case recordAnswer:
		m.number, m.verdict = r.fixed(), verdict(r.byte())
		if m.verdict == taken {
			m.owner.Incarnation, m.process = r.fixed(), r.fixed()
			m.owner.Name = string(r.all())
			r.bad = r.bad || m.owner.Name == "" || len(m.owner.Name) > crdt.MaxNodeBytes || m.process == 0
		}
		r.bad = r.bad || m.verdict < granted || m.verdict > taken
	default:
		r.all()
	}
	if err == nil && (r.bad || len(r.rest) > 0) {
		err = errRecord
	}
	if err != nil {
		return message{}, err
	}
	return m, nil
}

// fields takes bytes apart; once something is missing, bad stays set and all it gives is zero.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) byte() byte {
	if len(f.rest) == 0 {
		f.bad = true
		return 0
	}
	b := f.rest[0]
	f.rest = f.rest[1:]
	return b
}

func (f *fields) fixed() uint64 {
	if len(f.rest) < 8 {
		f.bad, f.rest = true, nil
		return 0
	}
	n := binary.BigEndian.Uint64(f.rest)
	f.rest = f.rest[8:]
	return n
}

// name is the rest as the name of an entry.
func (f *fields) name() string {
	b := f.all()
	f.bad = f.bad || len(b) == 0 || len(b) > crdt.MaxNameBytes
	return string(b)
}

func (f *fields) all() []byte {
	b := f.rest
	f.rest = nil
	return b
}

// wirePID is a process of the owner of a record: form 0, then the id. The node and its incarnation are the owner's.
func wirePID(id uint64) (p crdt.PID) {
	binary.BigEndian.PutUint64(p[8:], id)
	return p
}

// processOf is the opposite; 0 is for forms that this version does not know.
func processOf(p crdt.PID) uint64 {
	if binary.BigEndian.Uint64(p[:8]) != 0 {
		return 0
	}
	return binary.BigEndian.Uint64(p[8:])
}
