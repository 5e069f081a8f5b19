package codec

import (
	"encoding/binary"
	"math"
	"time"
)

// Formats of msgpack that are written or read by their number.
const (
	fixMap     = 0x80
	fixArray   = 0x90
	fixStr     = 0xa0
	codeNil    = 0xc0
	codeFalse  = 0xc2
	codeTrue   = 0xc3
	codeBin8   = 0xc4
	codeBin16  = 0xc5
	codeBin32  = 0xc6
	codeExt8   = 0xc7
	codeExt16  = 0xc8
	codeExt32  = 0xc9
	codeFloat  = 0xca
	codeDouble = 0xcb
	codeUint8  = 0xcc
	codeUint16 = 0xcd
	codeUint32 = 0xce
	codeUint64 = 0xcf
	codeInt8   = 0xd0
	codeInt16  = 0xd1
	codeInt32  = 0xd2
	codeInt64  = 0xd3
	codeFix1   = 0xd4
	codeFix4   = 0xd6
	codeFix8   = 0xd7
	codeFix16  = 0xd8
	codeStr8   = 0xd9
	codeStr16  = 0xda
	codeStr32  = 0xdb
	codeArr16  = 0xdc
	codeArr32  = 0xdd
	codeMap16  = 0xde
	codeMap32  = 0xdf
	negFix     = 0xe0
)

// Types of ext: those of references, and the one that msgpack has for times.
const (
	extPID     = 1
	extReplyTo = 2
	extTime    = 0xff
)

func appendUint(b []byte, n uint64) []byte {
	switch {
	case n < fixMap:
		return append(b, byte(n))
	case n <= math.MaxUint8:
		return append(b, codeUint8, byte(n))
	case n <= math.MaxUint16:
		return append(b, codeUint16, byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		return append(b, codeUint32, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint64(append(b, codeUint64), n)
}

func appendInt(b []byte, n int64) []byte {
	switch {
	case n >= 0:
		return appendUint(b, uint64(n))
	case n >= -32:
		return append(b, byte(n))
	case n >= math.MinInt8:
		return append(b, codeInt8, byte(n))
	case n >= math.MinInt16:
		return append(b, codeInt16, byte(n>>8), byte(n))
	case n >= math.MinInt32:
		return append(b, codeInt32, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint64(append(b, codeInt64), uint64(n))
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, codeTrue)
	}
	return append(b, codeFalse)
}

func appendFloat32(b []byte, f float32) []byte {
	return binary.BigEndian.AppendUint32(append(b, codeFloat), math.Float32bits(f))
}

func appendFloat64(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, codeDouble), math.Float64bits(f))
}

// appendSize appends the head of a value whose formats of 16 and 32 bits follow each other.
func appendSize(b []byte, code16 byte, n int) []byte {
	if n <= math.MaxUint16 {
		return append(b, code16, byte(n>>8), byte(n))
	}
	return append(b, code16+1, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

func appendString(b []byte, s string) []byte {
	switch {
	case len(s) < 32:
		b = append(b, fixStr|byte(len(s)))
	case len(s) <= math.MaxUint8:
		b = append(b, codeStr8, byte(len(s)))
	default:
		b = appendSize(b, codeStr16, len(s))
	}
	return append(b, s...)
}

func appendBytes(b, v []byte) []byte {
	if len(v) <= math.MaxUint8 {
		b = append(b, codeBin8, byte(len(v)))
	} else {
		b = appendSize(b, codeBin16, len(v))
	}
	return append(b, v...)
}

func appendArray(b []byte, n int) []byte {
	if n < 16 {
		return append(b, fixArray|byte(n))
	}
	return appendSize(b, codeArr16, n)
}

func appendMap(b []byte, n int) []byte {
	if n < 16 {
		return append(b, fixMap|byte(n))
	}
	return appendSize(b, codeMap16, n)
}

// appendTime appends the shortest of the three forms of a msgpack timestamp.
func appendTime(b []byte, t time.Time) []byte {
	sec, nsec := uint64(t.Unix()), uint64(t.Nanosecond())
	switch {
	case sec>>34 != 0:
		b = binary.BigEndian.AppendUint32(append(b, codeExt8, 12, extTime), uint32(nsec))
		return binary.BigEndian.AppendUint64(b, sec)
	case nsec == 0 && sec>>32 == 0:
		return binary.BigEndian.AppendUint32(append(b, codeFix4, extTime), uint32(sec))
	}
	return binary.BigEndian.AppendUint64(append(b, codeFix8, extTime), nsec<<34|sec)
}

// openExt begins an ext whose contents are appended next; closeExt fills in its length.
func openExt(b []byte, kind byte) []byte { return append(b, codeExt8, 0, kind) }

// closeExt ends the ext that began at start: its contents are b[start+3:].
func closeExt(b []byte, start int, kind byte) []byte {
	n := len(b) - start - 3
	if n <= math.MaxUint8 {
		b[start+1] = byte(n)
		return b
	}
	b = append(b, 0, 0, 0) // a longer head: move the contents
	copy(b[start+6:], b[start+3:start+3+n])
	b[start] = codeExt32
	binary.BigEndian.PutUint32(b[start+1:], uint32(n))
	b[start+5] = kind
	return b
}
