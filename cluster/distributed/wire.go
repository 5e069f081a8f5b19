package distributed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/foundation-runtime/foundation/cluster/handoff"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// portName is where supervisors talk to each other.
const portName = "distributed"

// Records of the port: a byte that says what it is, the sender's wall clock, then
//
//	hello    flags, the sender's process that is told, hash of the specs, digest of the sender's activations; answered with a digest and with what is missing
//	digest   the same, without a digest in return
//	delta    operations of the sender's activations
//	since    request: the sender has the receiver's operations up to Upto
//	fetch    request for a page
//	page     page
//	types    names of a table of types that specs refer to
//	specs    1 if it is the last of an exchange, register
//	past     the greatest activations ever seen of children that run nowhere: count, then id, epoch, note
//	done     number of the sender's last operation, a member that is down: everything of it has arrived at the sender
//	bye      the sender's supervisor is closed
//	move     a message of package handoff
//	ask      ids: the sender waits for word that nothing more comes for their old processes
//	piece    1 if it is the last, a piece of the State of package handoff
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
	recordTypes
	recordSpecs
	recordPast
	recordDone
	recordBye
	recordMove
	recordPiece
	recordAsk
)

// Flags of hello and digest.
const (
	flagReady   byte = 1 << iota // has a copy of everything, and starts children
	flagLeaving                  // starts no more children
)

// chunkBytes is about how much goes into one record: the lane is shared with heartbeats.
const chunkBytes = 48 << 10

var errRecord = errors.New("cluster/distributed: malformed record")

// message is a record taken apart.
type message struct {
	kind    recordKind
	stamp   crdt.Stamp
	flags   byte
	root    uint64
	specSum uint64
	digest  crdt.Digest
	delta   crdt.Delta
	request crdt.PageRequest
	page    crdt.Page
	names   []string
	final   bool
	specs   *crdt.Register[string, *spec]
	past    []past
	number  uint64
	down    member
	rest    []byte
	move    handoff.Msg
}

// past is an activation of a member that is gone.
type past struct {
	id    string
	epoch uint64
	note  note
}

const (
	maxNames = 4096
	maxName  = 255
	minPast  = 1 + 8 + 1
)

// append encodes m behind b.
func (m *message) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(append(b, byte(m.kind)), uint64(m.stamp))
	switch m.kind {
	case recordHello, recordDigest:
		b = binary.BigEndian.AppendUint64(append(b, m.flags), m.root)
		b = m.digest.Append(binary.BigEndian.AppendUint64(b, m.specSum))
	case recordDelta:
		b = m.delta.Append(b)
	case recordSince, recordFetch:
		b = m.request.Append(b)
	case recordPage:
		b = m.page.Append(b)
	case recordTypes:
		b = binary.AppendUvarint(b, uint64(len(m.names)))
		for _, n := range m.names {
			b = appendText(b, n)
		}
	case recordSpecs:
		b = crdt.AppendRegister(append(b, flag(m.final)), m.specs, func(b []byte, s *spec) []byte { return s.append(b) })
	case recordPast:
		b = binary.AppendUvarint(b, uint64(len(m.past)))
		for _, x := range m.past {
			b = binary.BigEndian.AppendUint64(appendText(b, x.id), x.epoch)
			b = appendText(b, x.note.text())
		}
	case recordDone:
		b = binary.BigEndian.AppendUint64(b, m.number)
		b = append(binary.BigEndian.AppendUint64(b, m.down.Incarnation), m.down.Name...)
	case recordAsk:
		b = binary.AppendUvarint(b, uint64(len(m.names)))
		for _, id := range m.names {
			b = appendText(b, id)
		}
	case recordMove:
		b = append(b, m.rest...)
	case recordPiece:
		b = append(append(b, flag(m.final)), m.rest...)
	}
	return b
}

// parse decodes a record. A kind that is not known gives a message of that kind and nothing else.
func parse(b []byte) (m message, err error) {
	if len(b) > crdt.MaxFrameBytes {
		return message{}, fmt.Errorf("%w: %d bytes, allowed are %d", errRecord, len(b), crdt.MaxFrameBytes)
	}
	f := fields{rest: b}
	m.kind, m.stamp = recordKind(f.byte()), crdt.Stamp(f.fixed())
	switch m.kind {
	case recordHello, recordDigest:
		m.flags, m.root, m.specSum = f.byte(), f.fixed(), f.fixed()
		m.digest, err = crdt.DecodeDigest(f.all())
	case recordDelta:
		m.delta, err = crdt.DecodeDelta(f.all())
	case recordSince, recordFetch:
		m.request, err = crdt.DecodePageRequest(f.all())
	case recordPage:
		m.page, err = crdt.DecodePage(f.all())
	case recordTypes:
		n := f.count(1, maxNames)
		m.names = make([]string, 0, n)
		for i := 0; i < n && !f.bad; i++ {
			m.names = append(m.names, f.text(maxName))
		}
	case recordSpecs:
		m.final = f.flag()
		m.specs, err = crdt.DecodeRegister(f.all(), parseSpec)
	case recordPast:
		n := f.count(minPast, len(b))
		for i := 0; i < n && !f.bad && err == nil; i++ {
			x := past{id: f.text(crdt.MaxNameBytes), epoch: f.fixed()}
			x.note, err = parseNote(f.text(crdt.MaxMetaBytes))
			m.past = append(m.past, x)
		}
	case recordDone:
		m.number, m.down.Incarnation = f.fixed(), f.fixed()
		m.down.Name = string(f.all())
		f.bad = f.bad || m.down.Name == "" || len(m.down.Name) > crdt.MaxNodeBytes
	case recordBye:
	case recordAsk:
		n := f.count(1, handoff.MaxItems)
		m.names = make([]string, 0, n)
		for i := 0; i < n && !f.bad; i++ {
			m.names = append(m.names, f.text(crdt.MaxNameBytes))
		}
	case recordMove:
		m.rest = f.all()
		var behind []byte
		m.move, behind, err = handoff.Decode(m.rest)
		f.bad = f.bad || err == nil && len(behind) > 0
	case recordPiece:
		m.final = f.flag()
		m.rest = f.all()
	default:
		f.all()
	}
	if err == nil && (f.bad || len(f.rest) > 0) {
		err = errRecord
	}
	if err != nil {
		return message{}, err
	}
	return m, nil
}

// hashNames identifies a table of types.
func hashNames(names []string) uint64 {
	h := fnv.New64a()
	var b []byte
	for _, n := range names {
		b = appendText(b[:0], n)
		h.Write(b)
	}
	return h.Sum64()
}

// wirePID is a process of the owner of a record: form 0, then the id. The node and its incarnation are the owner's.
func wirePID(id uint64) (p crdt.PID) {
	binary.BigEndian.PutUint64(p[8:], id)
	return p
}

// processOf is the opposite; 0 if there is no process yet.
func processOf(p crdt.PID) uint64 {
	if binary.BigEndian.Uint64(p[:8]) != 0 {
		return 0
	}
	return binary.BigEndian.Uint64(p[8:])
}
