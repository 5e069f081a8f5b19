package crdt

import "encoding/binary"

//	register  form, count, keys in order: text, origin, stamp, 0x00 | 0x01 value text

// minWrite is the size of the shortest key with its write.
const minWrite = 1 + minOrigin + 8 + 1

// AppendRegister encodes g behind dst; value appends a value. Keys and values keep within the limits of [AppendMap].
func AppendRegister[V any](dst []byte, g *Register[string, V], value func([]byte, V) []byte) []byte {
	dst = binary.AppendUvarint(append(dst, byte(formRegister)), uint64(len(g.writes)))
	var scratch []byte
	for k, w := range g.Writes() {
		dst = appendOrigin(appendText(dst, k), w.Origin)
		dst = binary.BigEndian.AppendUint64(dst, uint64(w.Stamp))
		if w.Deleted {
			dst = append(dst, 0)
			continue
		}
		scratch = value(scratch[:0], w.Value)
		dst = binary.AppendUvarint(append(dst, 1), uint64(len(scratch)))
		dst = append(dst, scratch...)
	}
	return dst
}

// DecodeRegister is the inverse of [AppendRegister]; value decodes a value from bytes that it must not keep. An error of
// value is returned as it is.
func DecodeRegister[V any](src []byte, value func([]byte) (V, error)) (*Register[string, V], error) {
	r := open(src, formRegister)
	g := &Register[string, V]{}
	n, last := r.count(minWrite), ""
	for i := 0; i < n && r.err == nil; i++ {
		k := string(r.text(0, MaxKeyBytes))
		if i > 0 && k <= last {
			r.fail("keys out of order")
		}
		last = k
		w := Write[V]{Origin: r.origin(), Stamp: Stamp(r.fixed())}
		live := r.byte()
		if live > 1 {
			r.fail("neither a value nor a deletion")
		}
		if w.Deleted = live == 0; !w.Deleted {
			raw := r.text(0, MaxValueBytes)
			if r.err == nil {
				w.Value, r.err = value(raw)
			}
		}
		if r.err == nil {
			g.Merge(k, w)
		}
	}
	if err := r.close(); err != nil {
		return nil, err
	}
	return g, nil
}
