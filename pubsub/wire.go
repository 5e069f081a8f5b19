package pubsub

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// portName is where interest is told, brokerName the process that gets what is published elsewhere.
const (
	portName   = "pubsub"
	brokerName = "foundation/pubsub"
)

// Records of the port: a byte that says what it is, then
//
//	hello    instance, instance of the receiver or 0, number of the last event before this session, digest of the sender's interest,
//	         names of its types; the receiver answers with a welcome
//	welcome  the same, with the number of the last event up to now; it is the answer to that instance
//	digest   digest
//	delta    operations of the sender
//	since    request: the sender has the operations up to Upto
//	fetch    request for a page
//	page     page
//	ack      instance of the receiver, number of the last of its operations that the sender routes by
//	count    id, topic: how many subscribers?
//	counted  id, number
//	bye      the sender's PubSub ends
//
// A record of another kind is skipped: a newer node may send it.
type recordKind byte

const (
	recordHello recordKind = 1 + iota
	recordWelcome
	recordDigest
	recordDelta
	recordSince
	recordFetch
	recordPage
	recordAck
	recordCount
	recordCounted
	recordBye
)

// chunkBytes is about how much of a shard goes into one record: the lane is shared with heartbeats.
const chunkBytes = 48 << 10

var errRecord = errors.New("pubsub: malformed record")

// message is a record taken apart.
type message struct {
	kind     recordKind
	instance uint64
	to       uint64 // the receiver's instance
	number   uint64 // of an event, an operation or a request
	count    uint64
	digest   crdt.Digest
	delta    crdt.Delta
	request  crdt.PageRequest
	page     crdt.Page
	types    []string
	topic    string
}

// append encodes m behind b.
func (m *message) append(b []byte) []byte {
	b = append(b, byte(m.kind))
	switch m.kind {
	case recordHello, recordWelcome:
		b = binary.LittleEndian.AppendUint64(b, m.instance)
		b = binary.LittleEndian.AppendUint64(b, m.to)
		b = binary.LittleEndian.AppendUint64(b, m.number)
		b = appendText(b, string(m.digest.Append(nil)))
		b = binary.AppendUvarint(b, uint64(len(m.types)))
		for _, name := range m.types {
			b = appendText(b, name)
		}
	case recordDigest:
		b = m.digest.Append(b)
	case recordDelta:
		b = m.delta.Append(b)
	case recordSince, recordFetch:
		b = m.request.Append(b)
	case recordPage:
		b = m.page.Append(b)
	case recordAck:
		b = binary.LittleEndian.AppendUint64(b, m.to)
		b = binary.LittleEndian.AppendUint64(b, m.number)
	case recordCount:
		b = append(binary.LittleEndian.AppendUint64(b, m.number), m.topic...)
	case recordCounted:
		b = binary.LittleEndian.AppendUint64(b, m.number)
		b = binary.LittleEndian.AppendUint64(b, m.count)
	}
	return b
}

// parse is the opposite. A record of an unknown kind gives one of that kind and nothing else.
func parse(b []byte) (m message, err error) {
	r := fields{rest: b}
	m.kind = recordKind(r.byte())
	switch m.kind {
	case recordHello, recordWelcome:
		m.instance, m.to, m.number = r.fixed(), r.fixed(), r.fixed()
		if digest := r.bytes(crdt.MaxFrameBytes); !r.bad {
			m.digest, err = crdt.DecodeDigest(digest)
		}
		n := r.uvarint()
		if r.bad = r.bad || n > codec.MaxTypes || n > uint64(len(r.rest)); !r.bad {
			m.types = make([]string, 0, n)
		}
		for range n {
			if r.bad {
				break
			}
			m.types = append(m.types, string(r.bytes(codec.MaxName)))
		}
	case recordDigest:
		m.digest, err = crdt.DecodeDigest(r.all())
	case recordDelta:
		m.delta, err = crdt.DecodeDelta(r.all())
	case recordSince, recordFetch:
		m.request, err = crdt.DecodePageRequest(r.all())
	case recordPage:
		m.page, err = crdt.DecodePage(r.all())
	case recordAck:
		m.to, m.number = r.fixed(), r.fixed()
	case recordCount:
		m.number = r.fixed()
		m.topic = string(r.all())
		r.bad = r.bad || CheckTopic(m.topic) != nil
	case recordCounted:
		m.number, m.count = r.fixed(), r.fixed()
		r.bad = r.bad || m.count > 1<<40
	case recordBye:
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

// An event between nodes is
//
//	kind      1 byte, eventKind
//	instance  8 bytes: the PubSub that publishes
//	seq       8 bytes: number of the event among those to the receiving node
//	flags     1 byte: exclude
//	topic     text
//	from      PID
//	message   what codec wrote
//
// It travels as []byte, written once for all nodes but for seq.
const (
	eventKind   = 1
	seqAt       = 9
	flagExclude = 1
)

// wireEvent is an event taken apart; body is still encoded.
type wireEvent struct {
	instance, seq uint64
	exclude       bool // from does not get it
	topic         string
	from          actor.PID
	body          []byte
}

func appendEvent(b []byte, e *wireEvent) []byte {
	b = append(b, eventKind)
	b = binary.LittleEndian.AppendUint64(b, e.instance)
	b = binary.LittleEndian.AppendUint64(b, e.seq)
	flags := byte(0)
	if e.exclude {
		flags = flagExclude
	}
	b = append(b, flags)
	b = appendText(b, e.topic)
	return refs{}.AppendPID(b, e.from)
}

func parseEvent(b []byte, sys *actor.System) (e wireEvent, err error) {
	r := fields{rest: b}
	kind := r.byte()
	e.instance, e.seq = r.fixed(), r.fixed()
	flags := r.byte()
	e.exclude = flags&flagExclude != 0
	e.topic = string(r.bytes(MaxTopic))
	e.from = refs{sys}.read(&r)
	e.body = r.rest
	if r.bad || kind != eventKind || flags > flagExclude || e.seq == 0 {
		return wireEvent{}, errRecord
	}
	if err := CheckTopic(e.topic); err != nil {
		return wireEvent{}, errors.Join(errRecord, err)
	}
	return e, nil
}

// refs writes PIDs so that every node can read them. It is codec.Refs.
type refs struct{ sys *actor.System }

const (
	pidNobody byte = iota
	pidProcess
	pidName
	maxNode = 255
	maxName = 4 << 10
)

// AppendPID implements codec.Refs.
func (refs) AppendPID(b []byte, pid actor.PID) []byte {
	a := pid.Address()
	if a.Node == "" {
		return append(b, pidNobody)
	}
	form := pidProcess
	if a.Name != "" {
		form = pidName
	}
	b = binary.AppendUvarint(appendText(append(b, form), a.Node), a.Incarnation)
	if a.Name != "" {
		return appendText(b, a.Name)
	}
	return binary.AppendUvarint(b, a.ID)
}

// PID implements codec.Refs.
func (x refs) PID(b []byte) (actor.PID, error) {
	r := fields{rest: b}
	pid := x.read(&r)
	if r.bad || len(r.rest) > 0 {
		return actor.PID{}, fmt.Errorf("%w: a PID", errRecord)
	}
	return pid, nil
}

func (x refs) read(r *fields) actor.PID {
	form := r.byte()
	if form == pidNobody {
		return actor.PID{}
	}
	a := actor.Address{Node: string(r.bytes(maxNode)), Incarnation: r.uvarint()}
	switch form {
	case pidProcess:
		a.ID = r.uvarint()
		r.bad = r.bad || a.ID == 0
	case pidName:
		a.Name = string(r.bytes(maxName))
		r.bad = r.bad || a.Name == ""
	default:
		r.bad = true
	}
	r.bad = r.bad || a.Node == ""
	if r.bad || x.sys == nil {
		return actor.PID{}
	}
	return x.sys.PIDOf(a)
}

var errReplyTo = errors.New("pubsub: a ReplyTo cannot be published to other nodes: it is answered once; publish a PID")

// AppendReplyTo implements codec.Refs.
func (refs) AppendReplyTo([]byte, any) ([]byte, error) { return nil, errReplyTo }

// ReplyTo implements codec.Refs.
func (refs) ReplyTo([]byte, any) error { return errReplyTo }

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// fields takes bytes apart; once something is missing, bad stays set and all it gives is zero.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) byte() byte {
	if f.bad || len(f.rest) == 0 {
		f.bad = true
		return 0
	}
	b := f.rest[0]
	f.rest = f.rest[1:]
	return b
}

func (f *fields) fixed() uint64 {
	if f.bad || len(f.rest) < 8 {
		f.bad = true
		return 0
	}
	n := binary.LittleEndian.Uint64(f.rest)
	f.rest = f.rest[8:]
	return n
}

func (f *fields) uvarint() uint64 {
	x, n := binary.Uvarint(f.rest)
	if f.bad || n <= 0 {
		f.bad = true
		return 0
	}
	f.rest = f.rest[n:]
	return x
}

// bytes reads a length of at most limit and as many bytes, which are f's.
func (f *fields) bytes(limit int) []byte {
	n := f.uvarint()
	if f.bad || n > uint64(limit) || n > uint64(len(f.rest)) {
		f.bad = true
		return nil
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) all() []byte {
	b := f.rest
	f.rest = nil
	return b
}
