package mpguard

// The formats of one byte each; all between nilFormat and lastSized have a row in the two tables below.
const (
	arrayFix  = 0x90
	mapFix    = 0x80
	strFix    = 0xa0
	nilFormat = 0xc0
	reserved  = 0xc1
	array16   = 0xdc
	map16     = 0xde
	negFix    = 0xe0
)

// By format from nilFormat on: how many bytes of length follow the format, and how many other bytes follow those: the
// number itself, the type of an ext, both.
const (
	//                  nil !   f   t   bin8 16  32  ext8 16  32  f32 f64 u8  16  32  64
	lengthBytes = "\x00\x00\x00\x00" + "\x01\x02\x04" + "\x01\x02\x04" + "\x00\x00" + "\x00\x00\x00\x00" +
		// i8  16  32  64 fixext1 2   4   8  16  str8  16  32 array16 32 map16 32
		"\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00" + "\x01\x02\x04" + "\x02\x04" + "\x02\x04"
	fixedBytes = "\x00\x00\x00\x00" + "\x00\x00\x00" + "\x01\x01\x01" + "\x04\x08" + "\x01\x02\x04\x08" +
		"\x01\x02\x04\x08" + "\x02\x03\x05\x09\x11" + "\x00\x00\x00" + "\x00\x00" + "\x00\x00"
)

// head is what the first bytes of a value say about it.
type head struct {
	kind      Kind   // None, or what is wrong with the head itself
	container bool   // an array or a map
	size      uint64 // bytes of the value, without the elements of a container
	values    uint64 // elements of a container; keys and values of a map are one each
}

// parse reads the head at the start of b, which is not empty. It does not compare sizes with what is left, except for
// the bytes it reads.
func parse(b []byte) head {
	c := b[0]
	switch {
	case c < mapFix || c >= negFix:
		return head{size: 1}
	case c < arrayFix:
		return head{size: 1, container: true, values: 2 * uint64(c&0x0f)}
	case c < strFix:
		return head{size: 1, container: true, values: uint64(c & 0x0f)}
	case c < nilFormat:
		return head{size: 1 + uint64(c&0x1f)}
	case c == reserved:
		return head{kind: Reserved, size: 1}
	}
	n := int(lengthBytes[c-nilFormat])
	if len(b) <= n {
		return head{kind: Length, size: uint64(1 + n)}
	}
	var length uint64
	for _, x := range b[1 : 1+n] {
		length = length<<8 | uint64(x)
	}
	size := 1 + uint64(n)
	switch {
	case c >= map16:
		return head{size: size, container: true, values: 2 * length}
	case c >= array16:
		return head{size: size, container: true, values: length}
	}
	return head{size: size + uint64(fixedBytes[c-nilFormat]) + length}
}
