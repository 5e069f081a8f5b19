package codec

import (
	"math"
	"unsafe"
)

// any reads the value of an interface.
func (d *decoder) any() (any, error) {
	c := d.peek()
	r := d.table.reg
	switch {
	case c == codeNil:
		d.i++
		return nil, nil
	case c == codeTrue || c == codeFalse:
		return d.bool()
	case c < fixMap || c >= negFix || c >= codeUint8 && c <= codeInt64:
		n, err := d.int(math.MinInt, math.MaxInt)
		if err != nil {
			return nil, err
		}
		return int(n), d.charge(8)
	case c == codeDouble:
		f, err := d.float64()
		if err != nil {
			return nil, err
		}
		return f, d.charge(8)
	case c >= fixStr && c < codeNil || c >= codeStr8 && c <= codeStr32:
		return d.boxed(r.str)
	case c >= codeBin8 && c <= codeBin32:
		return d.boxed(r.bytes)
	case c&0xf0 == fixMap || c == codeMap16 || c == codeMap32:
		m, err := d.anys(r.dict.plan)
		if err != nil {
			return nil, err
		}
		return m, nil
	case c&0xf0 == fixArray:
		return d.pair()
	}
	start := d.i
	kind, _, ok := d.ext()
	if !ok {
		return nil, d.wrong("the value of an interface")
	}
	d.i = start
	if kind == extTime {
		return d.boxed(r.time)
	}
	return d.boxed(r.pid)
}

// pair reads the number of a type and a value of it.
func (d *decoder) pair() (any, error) {
	start := d.i
	n, err := d.array("a type and a value")
	if err != nil {
		return nil, err
	}
	if n != 2 {
		return nil, malformed(start, "%d elements where a type and a value are to come", n)
	}
	number, err := d.uint(math.MaxUint32)
	if err != nil {
		return nil, err
	}
	return d.numbered(number)
}

// numbered reads a value of the type with the number.
func (d *decoder) numbered(number uint64) (any, error) {
	start := d.i
	e, err := d.table.entry(number >> 1)
	if err != nil {
		return nil, err
	}
	ptr := number&1 != 0
	switch {
	case e.kind == kindType && ptr && d.null():
		return box(e.ptrWord, nil), nil
	case e.kind == kindType && ptr:
		p, err := d.fresh(e)
		if err != nil {
			return nil, err
		}
		return box(e.ptrWord, p), nil
	case e.kind == kindType:
		return d.boxed(e)
	case e.kind == kindNil && !ptr && d.null():
		return nil, nil
	case e.kind == kindError && !ptr:
		failure, err := d.failure()
		if err != nil {
			return nil, err
		}
		return failure, nil
	}
	return nil, malformed(start, "%q is not a type of values", e.name)
}

// fresh reads a value of e's type into memory of its own.
func (d *decoder) fresh(e *entry) (unsafe.Pointer, error) {
	if err := d.charge(e.plan.size); err != nil {
		return nil, err
	}
	p := e.alloc()
	return p, d.value(e.plan, p)
}

func (d *decoder) boxed(e *entry) (any, error) {
	p, err := d.fresh(e)
	if err != nil {
		return nil, err
	}
	if e.direct {
		p = *(*unsafe.Pointer)(p)
	}
	return box(e.word, p), nil
}
