package transport

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Lane is one of the ordered streams of a session. Records of different lanes overtake each other.
type Lane uint8

// The lanes that are always there. Those of Config.Lanes follow.
const (
	Control Lane = iota // matters of nodes
	Default             // everything between processes
	Bulk                // what may wait
)

var fixedLanes = []string{"control", "default", "bulk"}

// Hello is what a node says of itself.
type Hello struct {
	Cluster                  string    // must be equal at both ends
	Node                     nodeid.ID // who it is
	Addr                     string    // where it is reached
	ProtocolMin, ProtocolMax uint16    // the ranges of both ends must meet
	Features                 uint64    // a bit for each thing that it can do
	Facts                    map[string]string
	Types                    []string
	Lanes                    []string // see Config.Lanes
	Meta                     []byte
	Unix                     int64 // its clock, ms since 1970
}

// request is what a handshake asks for, beside the introduction.
type request struct {
	wanted   nodeid.ID // who was dialled; zero: whoever answers
	lane     string    // "": only an introduction
	mine     uint64    // the sender's number of the session
	theirs   uint64    // the receiver's; 0 if it is not known. If it is, the second part of the hello is left out.
	attempt  uint64    // counts the connections of this lane
	received uint64    // the last frame received on this lane
}

const (
	maxHead = 4 << 10 // the first part of a hello, before anything is known of the peer
	maxText = 1 << 10 // a text in it
)

// appendHead encodes the first part of a hello: all that is needed to know with whom one speaks, and whether to read on.
func appendHead(b []byte, h Hello, r request) []byte {
	b = appendText(b, h.Cluster)
	b = appendID(b, h.Node)
	b = appendText(b, h.Addr)
	b = binary.LittleEndian.AppendUint16(b, h.ProtocolMin)
	b = binary.LittleEndian.AppendUint16(b, h.ProtocolMax)
	b = binary.LittleEndian.AppendUint64(b, h.Features)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.Unix))
	b = appendID(b, r.wanted)
	b = appendText(b, r.lane)
	for _, n := range []uint64{r.mine, r.theirs, r.attempt, r.received} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

func parseHead(b []byte) (h Hello, r request, err error) {
	d := decoder{b: b}
	h.Cluster = d.text()
	h.Node = d.id()
	h.Addr = d.text()
	h.ProtocolMin, h.ProtocolMax = d.uint16(), d.uint16()
	h.Features = d.uint64()
	h.Unix = int64(d.uint64())
	r.wanted = d.id()
	r.lane = d.text()
	for _, n := range []*uint64{&r.mine, &r.theirs, &r.attempt, &r.received} {
		*n = d.uint64()
	}
	if err := d.done(); err != nil {
		return Hello{}, request{}, err
	}
	if nodeid.CheckName(h.Node.Name) != nil || h.Node.Incarnation == 0 {
		return Hello{}, request{}, errors.New("the node has no proper name or no incarnation")
	}
	return h, r, nil
}

// appendBody encodes the second part.
func appendBody(b []byte, h Hello) []byte {
	b = binary.AppendUvarint(b, uint64(len(h.Facts)))
	for _, key := range slices.Sorted(maps.Keys(h.Facts)) {
		b = appendText(appendText(b, key), h.Facts[key])
	}
	b = appendTexts(b, h.Types)
	b = appendTexts(b, h.Lanes)
	return appendText(b, string(h.Meta))
}

// parseBody decodes the second part into h. What it allocates is bounded by the length of b: everything counted has a byte
// at least.
func parseBody(b []byte, h *Hello) error {
	d := decoder{b: b}
	n := d.count(2)
	facts := make(map[string]string, min(n, 64))
	for range n {
		key := d.text()
		facts[key] = d.text()
	}
	types, lanes, meta := d.texts(), d.texts(), d.text()
	if err := d.done(); err != nil {
		return err
	}
	h.Facts, h.Types, h.Lanes = facts, types, lanes
	if meta != "" {
		h.Meta = []byte(meta)
	}
	return nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTexts(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

func appendID(b []byte, id nodeid.ID) []byte {
	return binary.LittleEndian.AppendUint64(appendText(b, id.Name), uint64(id.Incarnation))
}

var errShort = errors.New("it ends too early")

// decoder reads what the append functions write. After an error everything is zero.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) bytes(n uint64) []byte {
	if d.err != nil || n > uint64(len(d.b)) {
		d.err = errShort
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) uvarint() uint64 {
	n, k := binary.Uvarint(d.b)
	if d.err != nil || k <= 0 {
		d.err = errShort
		return 0
	}
	d.b = d.b[k:]
	return n
}

// count reads how many things of at least size bytes follow.
func (d *decoder) count(size uint64) int {
	n := d.uvarint()
	if n > uint64(len(d.b))/size {
		d.err = errShort
		return 0
	}
	return int(n)
}

func (d *decoder) text() string { return string(d.bytes(d.uvarint())) }

func (d *decoder) texts() []string {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	list := make([]string, 0, n)
	for range n {
		list = append(list, d.text())
	}
	return list
}

func (d *decoder) id() nodeid.ID {
	name := d.text()
	return nodeid.ID{Name: name, Incarnation: nodeid.Incarnation(d.uint64())}
}

func (d *decoder) uint8() uint8 {
	if b := d.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint16() uint16 {
	if b := d.bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) done() error {
	if d.err == nil && len(d.b) > 0 {
		return errors.New("something follows its end")
	}
	return d.err
}

// checkHead compares the first parts.
func checkHead(self, peer Hello, r request, maxClockOffset time.Duration, now time.Time) *RefusedError {
	switch offset := time.UnixMilli(peer.Unix).Sub(now); {
	case peer.Cluster != self.Cluster:
		return refuse(ErrCluster, "it is %.200q at the refusing and %.200q at the refused node", self.Cluster, peer.Cluster)
	case !r.wanted.IsZero() && r.wanted != self.Node:
		return refuse(ErrWrongNode, "%v was dialled, %v answers", r.wanted, self.Node)
	case peer.Node == self.Node:
		return refuse(ErrSelf, "")
	case max(self.ProtocolMin, peer.ProtocolMin) > min(self.ProtocolMax, peer.ProtocolMax):
		return refuse(ErrProtocol, "the refusing node speaks %d to %d, the refused one %d to %d",
			self.ProtocolMin, self.ProtocolMax, peer.ProtocolMin, peer.ProtocolMax)
	case maxClockOffset > 0 && offset > maxClockOffset:
		return refuse(ErrClock, "it is %v ahead of the refusing node's, %v is allowed", offset.Round(time.Millisecond), maxClockOffset)
	}
	return nil
}

// checkFacts compares what must be equal where both have it.
func checkFacts(self, peer Hello) *RefusedError {
	for _, key := range slices.Sorted(maps.Keys(self.Facts)) {
		if theirs, ok := peer.Facts[key]; ok && theirs != self.Facts[key] {
			return &RefusedError{Reason: ErrFact, Fact: key, Refuser: self.Facts[key], Refused: theirs}
		}
	}
	return nil
}
