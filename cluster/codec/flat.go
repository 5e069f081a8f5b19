package codec

import (
	"math"
	"unsafe"
)

// isFlat reports whether p is a struct of scalars and strings only, which [decoder.flat] reads.
func isFlat(p *plan, l Limits) bool {
	if p.op != opStruct || len(p.fields) > min(15, l.Elements) {
		return false
	}
	for _, f := range p.fields {
		if f.op < opBool || f.op > opString {
			return false
		}
	}
	return true
}

// flat reads a struct that is all of d.b into what is at p, if it has exactly the fields of pl, which is flat. There is nothing
// in it that claims more than it has, so it does without the guard: each byte is looked at here. If it returns false d is where
// it was, fields may have been set, and the guard and the ordinary way have to say what it is: they set the same fields to
// the same values. FuzzFlat compares the two ways.
func (d *decoder) flat(pl *plan, p unsafe.Pointer) bool {
	if len(d.b) == 0 || d.b[0] != fixArray|byte(len(pl.fields)) {
		return false
	}
	d.i = 1
	for i := range pl.fields {
		f := &pl.fields[i]
		at := unsafe.Add(p, f.off)
		c := d.peek()
		ok := true
		switch {
		case f.op == opString && c >= fixStr && c < codeNil: // the most frequent first
			end := d.i + 1 + int(c&0x1f)
			if end > len(d.b) {
				d.i = 0
				return false
			}
			d.left -= memory(uintptr(end - d.i))
			*(*string)(at) = string(d.b[d.i+1 : end])
			d.i = end
		case f.op == opInt64 && c < fixMap:
			*(*int64)(at) = int64(c)
			d.i++
		case f.op == opUint64 && c < fixMap:
			*(*uint64)(at) = uint64(c)
			d.i++
		case f.op == opInt64:
			*(*int64)(at), ok = d.signed(math.MinInt64, math.MaxInt64)
		case f.op == opUint32:
			var v uint64
			v, ok = d.unsigned(math.MaxUint32)
			*(*uint32)(at) = uint32(v)
		case f.op == opUint64:
			*(*uint64)(at), ok = d.unsigned(math.MaxUint64)
		default:
			ok = d.value(f.plan, at) == nil
		}
		if !ok {
			d.i = 0
			return false
		}
	}
	if d.i != len(d.b) || d.left < 0 {
		d.i = 0
		return false
	}
	return true
}

// signed reads an integer that is not less than low and not more than high.
func (d *decoder) signed(low, high int64) (int64, bool) {
	v, negative, ok := d.integer()
	n := int64(v)
	return n, ok && (n < 0) == negative && n >= low && n <= high
}

// unsigned reads an integer that is not more than high.
func (d *decoder) unsigned(high uint64) (uint64, bool) {
	v, negative, ok := d.integer()
	return v, ok && !negative && v <= high
}
