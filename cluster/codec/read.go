package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// malformed is an error about the value at byte at.
//
//go:noinline
func malformed(at int, format string, args ...any) error {
	return fmt.Errorf("%w: byte %d: %s", ErrMalformed, at, fmt.Sprintf(format, args...))
}

// wrong is the error of a value whose format is not that of what stands here.
//
//go:noinline
func (d *decoder) wrong(want string) error {
	if d.i >= len(d.b) {
		return malformed(d.i, "the bytes end where %s is to come", want)
	}
	return malformed(d.i, "format 0x%02x where %s is to come", d.b[d.i], want)
}

//go:noinline
func overflow(at int, want string) error { return malformed(at, "a number that %s cannot hold", want) }

// peek returns the next format; at the end one that nothing accepts.
func (d *decoder) peek() byte {
	if d.i < len(d.b) {
		return d.b[d.i]
	}
	return 0xc1
}

// nil reads a nil if it comes next.
func (d *decoder) null() bool {
	if d.peek() != codeNil {
		return false
	}
	d.i++
	return true
}

// number reads the big-endian number of n bytes after the format, which the guard has seen to be there.
func (d *decoder) number(n int) (v uint64, ok bool) {
	if len(d.b)-d.i <= n {
		return 0, false
	}
	p := d.b[d.i+1:]
	switch n {
	case 1:
		v = uint64(p[0])
	case 2:
		v = uint64(binary.BigEndian.Uint16(p))
	case 4:
		v = uint64(binary.BigEndian.Uint32(p))
	default:
		v = binary.BigEndian.Uint64(p)
	}
	d.i += 1 + n
	return v, true
}

// integer reads any integer: negative ones as their two's complement.
func (d *decoder) integer() (v uint64, negative, ok bool) {
	c := d.peek()
	switch {
	case c < fixMap:
		d.i++
		return uint64(c), false, true
	case c >= negFix:
		d.i++
		return uint64(int64(int8(c))), true, true
	case c >= codeUint8 && c <= codeUint64:
		v, ok = d.number(1 << (c - codeUint8))
		return v, false, ok
	case c >= codeInt8 && c <= codeInt64:
		bytes := 1 << (c - codeInt8)
		if v, ok = d.number(bytes); !ok {
			return 0, false, false
		}
		shift := 64 - 8*bytes
		n := int64(v<<shift) >> shift
		return uint64(n), n < 0, true
	}
	return 0, false, false
}

func (d *decoder) int(low, high int64) (int64, error) {
	at := d.i
	v, negative, ok := d.integer()
	if !ok {
		return 0, d.wrong("an integer")
	}
	if n := int64(v); (n < 0) == negative && n >= low && n <= high {
		return n, nil
	}
	return 0, overflow(at, "the field")
}

func (d *decoder) uint(high uint64) (uint64, error) {
	at := d.i
	v, negative, ok := d.integer()
	if !ok {
		return 0, d.wrong("an integer")
	}
	if negative || v > high {
		return 0, overflow(at, "the field")
	}
	return v, nil
}

func (d *decoder) bool() (bool, error) {
	switch d.peek() {
	case codeTrue:
		d.i++
		return true, nil
	case codeFalse:
		d.i++
		return false, nil
	}
	return false, d.wrong("a bool")
}

func (d *decoder) float32() (float32, error) {
	if d.peek() == codeFloat {
		if v, ok := d.number(4); ok {
			return math.Float32frombits(uint32(v)), nil
		}
	}
	return 0, d.wrong("a float32")
}

// float64 reads both widths, so that a field may be widened.
func (d *decoder) float64() (float64, error) {
	if d.peek() == codeDouble {
		if v, ok := d.number(8); ok {
			return math.Float64frombits(v), nil
		}
	} else if f, err := d.float32(); err == nil {
		return float64(f), nil
	}
	return 0, d.wrong("a float64")
}

// take returns the n bytes after a head of size bytes.
func (d *decoder) take(size int, n uint64) ([]byte, bool) {
	left := len(d.b) - d.i - size
	if left < 0 || n > uint64(left) {
		return nil, false
	}
	start := d.i + size
	d.i = start + int(n)
	return d.b[start:d.i:d.i], true
}

// sized returns the contents of a value whose formats of 8, 16 and 32 bits begin at code8; extra bytes stand between its
// length and them.
func (d *decoder) sized(code8 byte, extra int) ([]byte, bool) {
	start := d.i
	bytes := 1 << (d.b[start] - code8)
	n, ok := d.number(bytes)
	if !ok {
		return nil, false
	}
	d.i = start
	return d.take(1+bytes+extra, n)
}

// str returns the bytes of a string.
func (d *decoder) str() ([]byte, error) {
	c := d.peek()
	if c >= fixStr && c < codeNil {
		if v, ok := d.take(1, uint64(c&0x1f)); ok {
			return v, nil
		}
	} else if c >= codeStr8 && c <= codeStr32 {
		if v, ok := d.sized(codeStr8, 0); ok {
			return v, nil
		}
	}
	return nil, d.wrong("a string")
}

// bin returns the bytes of a bin.
func (d *decoder) bin() ([]byte, error) {
	if c := d.peek(); c >= codeBin8 && c <= codeBin32 {
		if v, ok := d.sized(codeBin8, 0); ok {
			return v, nil
		}
	}
	return nil, d.wrong("bytes")
}

// strOrBin returns the bytes of a string or a bin.
func (d *decoder) strOrBin() ([]byte, error) {
	if c := d.peek(); c >= codeBin8 && c <= codeBin32 {
		return d.bin()
	}
	return d.str()
}

// ext returns the type and contents of an ext.
func (d *decoder) ext() (kind byte, v []byte, ok bool) {
	c := d.peek()
	switch {
	case c >= codeFix1 && c <= codeFix16:
		if v, ok = d.take(2, 1<<(c-codeFix1)); ok {
			kind = d.b[d.i-len(v)-1]
		}
	case c >= codeExt8 && c <= codeExt32:
		if v, ok = d.sized(codeExt8, 1); ok {
			kind = d.b[d.i-len(v)-1]
		}
	}
	return kind, v, ok
}

// extOf returns the contents of an ext of the kind.
func (d *decoder) extOf(kind byte, want string) ([]byte, error) {
	start := d.i
	got, v, ok := d.ext()
	if !ok {
		return nil, d.wrong(want)
	}
	if got != kind {
		return nil, malformed(start, "an ext of type %d where %s is to come", int8(got), want)
	}
	return v, nil
}

// count reads the head of a list or map, whose small formats begin at fix and whose others at code16.
func (d *decoder) count(fix, code16 byte, want string) (int, error) {
	c := d.peek()
	if c&0xf0 == fix {
		d.i++
		return int(c & 0x0f), nil
	}
	if c == code16 || c == code16+1 {
		if n, ok := d.number(2 << (c - code16)); ok && n <= uint64(len(d.b)-d.i) {
			return int(n), nil
		}
	}
	return 0, d.wrong(want)
}

func (d *decoder) array(want string) (int, error) { return d.count(fixArray, codeArr16, want) }

func (d *decoder) dict(want string) (int, error) { return d.count(fixMap, codeMap16, want) }

// time reads a msgpack timestamp, in UTC.
func (d *decoder) time() (time.Time, error) {
	start := d.i
	v, err := d.extOf(extTime, "a time")
	if err != nil {
		return time.Time{}, err
	}
	var sec, nsec uint64
	switch len(v) {
	case 4:
		sec = uint64(binary.BigEndian.Uint32(v))
	case 8:
		n := binary.BigEndian.Uint64(v)
		sec, nsec = n&(1<<34-1), n>>34
	case 12:
		nsec, sec = uint64(binary.BigEndian.Uint32(v)), binary.BigEndian.Uint64(v[4:])
	default:
		return time.Time{}, malformed(start, "a time of %d bytes", len(v))
	}
	if nsec >= 1e9 {
		return time.Time{}, malformed(start, "a time with %d nanoseconds", nsec)
	}
	return time.Unix(int64(sec), int64(nsec)).UTC(), nil
}

// skip passes over the next value, without recursion.
func (d *decoder) skip() error {
	for pending := 1; pending > 0; pending-- {
		c := d.peek()
		ok, n := true, 0
		var err error
		switch {
		case c == codeNil || c == codeFalse || c == codeTrue || c < fixMap || c >= negFix:
			d.i++
		case c&0xf0 == fixArray || c == codeArr16 || c == codeArr32:
			n, err = d.array("a list")
		case c&0xf0 == fixMap || c == codeMap16 || c == codeMap32:
			n, err = d.dict("a map")
			n *= 2
		case c >= fixStr && c < codeNil || c >= codeStr8 && c <= codeStr32 || c >= codeBin8 && c <= codeBin32:
			_, err = d.strOrBin()
		case c == codeFloat:
			_, ok = d.number(4)
		case c == codeDouble:
			_, ok = d.number(8)
		case c >= codeUint8 && c <= codeInt64:
			_, _, ok = d.integer()
		default:
			_, _, ok = d.ext()
		}
		if err != nil {
			return err
		}
		if !ok {
			return d.wrong("a value")
		}
		pending += n
	}
	return nil
}
