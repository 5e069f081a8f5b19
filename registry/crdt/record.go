package crdt

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits of what a [Store] accepts and the codec carries.
const (
	MaxNameBytes = 1024 // of Key.Name
	MaxMetaBytes = 4096 // of Entry.Meta
	MaxNodeBytes = 255  // of Origin.Node
)

// ErrLimit is wrapped by the error for a name, metadata or node name that is empty or too long. The caller should
// refuse it to whoever asked.
var ErrLimit = errors.New("crdt: size out of limits")

// Incarnation orders the lives of one node: a later life has a greater number. It is a boot counter of 48 bits followed
// by 16 random bits, which tell apart two processes that took the same counter.
type Incarnation uint64

// MakeIncarnation puts the two parts together. A counter beyond 48 bits is cut.
func MakeIncarnation(counter uint64, random uint16) Incarnation {
	return Incarnation(counter<<16 | uint64(random))
}

// Origin is one life of one node: the only writer of its shard, and one replica id of a [Map].
type Origin struct {
	Node        string
	Incarnation Incarnation
}

// Compare orders origins by node name, then by incarnation.
func (o Origin) Compare(other Origin) int {
	return cmp.Or(cmp.Compare(o.Node, other.Node), cmp.Compare(o.Incarnation, other.Incarnation))
}

// String is node#incarnation.
func (o Origin) String() string { return fmt.Sprintf("%s#%x", o.Node, uint64(o.Incarnation)) }

// Kind separates what is registered under equal names. The store treats all kinds alike; who uses it decides which of
// them may have one holder only. Numbers from 16 on are free for other uses.
type Kind uint8

// The kinds of the registry.
const (
	Name Kind = 1 + iota
	Group
	Service
	Topic
)

// Key is what is looked up.
type Key struct {
	Kind Kind
	Name string
}

// PID is the wire form of a process identifier. The store does not look into it.
type PID [16]byte

// Entry is what an owner writes. Entries are comparable with ==.
type Entry struct {
	Key
	PID   PID
	Meta  string // bytes that only the user understands
	Stamp Stamp  // when it was registered, by the owner's clock
	Epoch uint64 // of the activation; 0 for a plain name
}

func (e *Entry) check() error {
	if n := len(e.Name); n == 0 || n > MaxNameBytes {
		return fmt.Errorf("%w: name of %d bytes, allowed are 1 to %d", ErrLimit, n, MaxNameBytes)
	}
	if n := len(e.Meta); n > MaxMetaBytes {
		return fmt.Errorf("%w: metadata of %d bytes, allowed are %d", ErrLimit, n, MaxMetaBytes)
	}
	return nil
}

// Record is an entry with its identity: the origin that wrote it and the number of the operation that did. Two records
// may hold equal entries, as when a process joins a group twice. A record handed out by a [Store] is never changed
// afterwards, and must not be changed by whoever got it.
type Record struct {
	Origin Origin
	Seq    uint64
	Entry

	shard *shard // whose visibility decides that of the record
}

// hash is equal on all nodes, so that digests can be compared. The origin is left out: a digest names it.
func (r *Record) hash() uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	h = hashNumber(h, r.Seq)
	h = hashNumber(h, uint64(r.Kind))
	h = hashText(h, r.Name)
	h = hashNumber(h, binary.LittleEndian.Uint64(r.PID[:8]))
	h = hashNumber(h, binary.LittleEndian.Uint64(r.PID[8:]))
	h = hashText(h, r.Meta)
	h = hashNumber(h, uint64(r.Stamp))
	h = hashNumber(h, r.Epoch)
	return mix(h)
}

func hashText(h uint64, s string) uint64 {
	h = hashNumber(h, uint64(len(s)))
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

func hashNumber(h, n uint64) uint64 { return mix(h ^ mix(n+0x9e3779b97f4a7c15)) }

// mix is the finalizer of splitmix64 (Steele, Lea and Flood, OOPSLA 2014): hashes are added up, and sums of values that
// are not mixed cancel out too easily.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
