package crdt

import (
	"encoding/binary"
	"maps"
	"slices"
)

//	context  form, count, origins in order: origin, count, spans: lo - end of the one before - 1, hi - lo
//	map      form, context without form, count, keys in order: text, count, values in the order of reading:
//	         index of the origin in the context, seq, stamp, value text

// MaxKeyBytes and MaxValueBytes bound keys of an encoded [Map] and what its values encode to.
const (
	MaxKeyBytes   = 1024
	MaxValueBytes = 64 << 10
)

const (
	minSpan  = 2
	minSeen  = minOrigin + 1 + minSpan
	minValue = 1 + 1 + 8 + 1
	minKey   = 1 + 1 + minValue
)

// Append encodes c behind dst.
func (c *Context) Append(dst []byte) []byte {
	return c.appendSpans(append(dst, byte(formContext)))
}

func (c *Context) appendSpans(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c.of)))
	for _, o := range c.origins() {
		dst = binary.AppendUvarint(appendOrigin(dst, o), uint64(len(c.of[o])))
		end := uint64(0)
		for _, s := range c.of[o] {
			dst = binary.AppendUvarint(dst, s.lo-end-1)
			dst = binary.AppendUvarint(dst, s.hi-s.lo)
			end = s.hi
		}
	}
	return dst
}

// DecodeContext is the inverse of [Context.Append].
func DecodeContext(src []byte) (*Context, error) {
	r := open(src, formContext)
	c, _ := r.context()
	if err := r.close(); err != nil {
		return nil, err
	}
	return &c, nil
}

// context also returns the origins in order.
func (r *reader) context() (Context, []Origin) {
	n := r.count(minSeen)
	if n == 0 {
		return Context{}, nil
	}
	// The map grows as origins are found to be good: its size is not taken from the frame.
	c := Context{of: map[Origin][]span{}}
	var origins []Origin
	for i := 0; i < n && r.err == nil; i++ {
		o := r.origin()
		if i > 0 && origins[i-1].Compare(o) >= 0 {
			r.fail("origins out of order")
		}
		origins = append(origins, o)
		c.of[o] = r.spans()
	}
	return c, origins
}

func (r *reader) spans() []span {
	n := r.count(minSpan)
	if n == 0 {
		r.fail("origin without a span")
		return nil
	}
	spans := make([]span, n)
	end := uint64(0)
	for i := 0; i < n && r.err == nil; i++ {
		gap, length := r.seq(), r.seq()
		lo := end + gap + 1
		if (i > 0 && gap == 0) || lo > maxSeq || length > maxSeq-lo {
			r.fail("span")
			break
		}
		spans[i] = span{lo, lo + length}
		end = lo + length
	}
	return spans
}

// AppendMap encodes m behind dst; value appends a value. Whoever writes to m sees to it that keys and values keep within
// the limits: what exceeds them is not decoded.
func AppendMap[V any](dst []byte, m *Map[string, V], value func([]byte, V) []byte) []byte {
	dst = m.seen.appendSpans(append(dst, byte(formMap)))
	index := map[Origin]uint64{}
	for i, o := range m.seen.origins() {
		index[o] = uint64(i)
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.entries)))
	var scratch []byte
	for _, k := range slices.Sorted(maps.Keys(m.entries)) {
		dst = binary.AppendUvarint(appendText(dst, k), uint64(len(m.entries[k])))
		for _, v := range m.entries[k] {
			dst = binary.AppendUvarint(dst, index[v.Dot.Origin])
			dst = binary.AppendUvarint(dst, v.Dot.Seq)
			dst = binary.BigEndian.AppendUint64(dst, uint64(v.Stamp))
			scratch = value(scratch[:0], v.Value)
			dst = binary.AppendUvarint(dst, uint64(len(scratch)))
			dst = append(dst, scratch...)
		}
	}
	return dst
}

// DecodeMap is the inverse of [AppendMap]; value decodes a value from bytes that it must not keep. An error of value is
// returned as it is.
func DecodeMap[V any](src []byte, value func([]byte) (V, error)) (*Map[string, V], error) {
	r := open(src, formMap)
	m := &Map[string, V]{}
	var origins []Origin
	m.seen, origins = r.context()
	n, last := r.count(minKey), ""
	for i := 0; i < n && r.err == nil; i++ {
		k := string(r.text(0, MaxKeyBytes))
		if i > 0 && k <= last {
			r.fail("keys out of order")
		}
		last = k
		decodeValues(r, m, k, origins, value)
	}
	if err := r.close(); err != nil {
		return nil, err
	}
	return m, nil
}

func decodeValues[V any](r *reader, m *Map[string, V], k string, origins []Origin, value func([]byte) (V, error)) {
	n := r.count(minValue)
	if n == 0 {
		r.fail("key without a value")
	}
	for i := 0; i < n && r.err == nil; i++ {
		from, seq := r.number(), r.seq()
		if from >= uint64(len(origins)) {
			r.fail("origin that was not seen")
			return
		}
		v := Versioned[V]{Dot: Dot{origins[from], seq}, Stamp: Stamp(r.fixed())}
		raw := r.text(0, MaxValueBytes)
		_, twice := m.dots[v.Dot]
		inOrder := i == 0 || better(m.entries[k][i-1], v) < 0
		if r.err != nil || twice || !inOrder || !m.seen.Has(v.Dot) {
			r.fail("value not seen, seen twice or out of order")
			return
		}
		if v.Value, r.err = value(raw); r.err == nil {
			m.insert(k, v)
		}
	}
}
