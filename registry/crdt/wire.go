package crdt

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxFrameBytes is the longest encoding that is decoded.
const MaxFrameBytes = 256 << 10

// maxSeq bounds numbers of operations on the wire, so that adding to them cannot overflow.
const maxSeq = 1 << 62

// ErrFormat is wrapped by the error for bytes that no encoder of this version wrote. They say nothing, and whoever sent
// them should be disconnected.
var ErrFormat = errors.New("crdt: malformed bytes")

// form is the first byte of every encoding: what it is, in which version.
type form byte

const (
	formDelta form = 0x10 + iota
	formDigest
	formRequest
	formPage
	formContext
	formMap
	formRegister
)

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendOrigin(dst []byte, o Origin) []byte {
	return binary.BigEndian.AppendUint64(appendText(dst, o.Node), uint64(o.Incarnation))
}

// reader takes an encoding apart. It stops at the first error: from then on it returns zero values, so that callers
// check once, at the end and before loops. A count is checked against the bytes that are left before anything is
// allocated for it.
type reader struct {
	rest []byte
	err  error
}

// open checks size and form.
func open(src []byte, want form) *reader {
	switch {
	case len(src) > MaxFrameBytes:
		return &reader{err: fmt.Errorf("%w: frame of %d bytes, allowed are %d", ErrLimit, len(src), MaxFrameBytes)}
	case len(src) == 0 || form(src[0]) != want:
		return &reader{err: fmt.Errorf("%w: not of the form %#x", ErrFormat, byte(want))}
	}
	return &reader{rest: src[1:]}
}

func (r *reader) fail(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrFormat, why)
	}
	r.rest = nil
}

// close is the error of the whole, which has to be used up.
func (r *reader) close() error {
	if len(r.rest) > 0 {
		r.fail("bytes behind the end")
	}
	return r.err
}

// number accepts the shortest form only: one value has one encoding.
func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || (size > 1 && r.rest[size-1] == 0) {
		r.fail("number")
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// seq is the number of an operation, or 0.
func (r *reader) seq() uint64 {
	n := r.number()
	if n > maxSeq {
		r.fail("sequence number too large")
		return 0
	}
	return n
}

// count is the length of a list whose elements take at least size bytes each.
func (r *reader) count(size int) int {
	n := r.number()
	if n > uint64(len(r.rest)/size) {
		r.fail("count exceeds what follows")
		return 0
	}
	return int(n)
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.fail("too short")
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) fixed() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// text is a view into the frame..
func (r *reader) text(least, most int) []byte {
	n := r.count(1)
	if r.err == nil && (n < least || n > most) {
		r.fail("text too short or too long")
		return nil
	}
	return r.bytes(n)
}

func (r *reader) origin() Origin {
	node := r.text(1, MaxNodeBytes)
	return Origin{string(node), Incarnation(r.fixed())}
}

// minOrigin is the size of the shortest origin.
const minOrigin = 1 + 1 + 8
