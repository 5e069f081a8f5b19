package codec

import (
	"fmt"
	"math"
	"reflect"
	"time"
	"unsafe"

	"github.com/foundation-runtime/foundation/actor"
)

// Bytes that decoding may allocate: so many for each byte, and so many more.
const (
	allocFactor = 64
	allocBase   = 4 << 10
)

// decoder is one value being read. The guard has accepted b.
type decoder struct {
	b     []byte
	i     int // of the next value
	table *Table
	refs  Refs
	left  int64 // bytes that may still be allocated
}

// charge is called before n bytes are allocated.
func (d *decoder) charge(n uintptr) error {
	if d.left -= memory(n); d.left < 0 {
		return tooLarge(len(d.b))
	}
	return nil
}

// memory is what an allocation of n bytes takes: the allocator rounds up.
func memory(n uintptr) int64 {
	if n <= 128 {
		return int64(n+15) &^ 15
	}
	return int64(n) + int64(n/8)
}

//go:noinline
func tooLarge(size int) error {
	return fmt.Errorf("%w: what %d bytes stand for takes more than %d times their memory: it has many small maps, "+
		"or large structs with little in them", ErrLimit, size, allocFactor)
}

// value sets what is at p, which is zero, from the next value.
func (d *decoder) value(pl *plan, p unsafe.Pointer) (err error) {
	switch pl.op {
	case opBool:
		*(*bool)(p), err = d.bool()
	case opInt8, opInt16, opInt32, opInt64:
		err = d.setInt(pl.op, p)
	case opUint8, opUint16, opUint32, opUint64:
		err = d.setUint(pl.op, p)
	case opFloat32:
		*(*float32)(p), err = d.float32()
	case opFloat64:
		*(*float64)(p), err = d.float64()
	case opString:
		err = d.setString(p)
	case opBytes, opByteArray:
		err = d.setBytes(pl, p)
	case opTime:
		*(*time.Time)(p), err = d.time()
	case opStruct:
		err = d.fields(pl, p)
	case opSlice, opArray:
		err = d.list(pl, p)
	case opMap:
		err = d.mapping(pl, p)
	case opDict:
		*(*map[string]any)(p), err = d.anys(pl)
	case opTexts:
		*(*map[string]string)(p), err = d.texts(pl)
	case opPointer:
		if d.null() {
			return nil
		}
		if err = d.charge(pl.elem.size); err != nil {
			return err
		}
		to := reflect.New(pl.elem.typ).UnsafePointer()
		*(*unsafe.Pointer)(p) = to
		err = d.value(pl.elem, to)
	case opAny:
		*(*any)(p), err = d.any()
	default:
		err = d.rare(pl, p)
	}
	return err
}

// rare is value for what is not worth a case there.
func (d *decoder) rare(pl *plan, p unsafe.Pointer) error {
	start := d.i
	switch pl.op {
	case opNothing:
		return d.skip()
	case opPID:
		pid, err := d.pid()
		if err == nil {
			*(*actor.PID)(p) = pid
		}
		return err
	case opReplyTo:
		b, err := d.extOf(extReplyTo, "an "+pl.typ.String())
		if err != nil {
			return err
		}
		if d.refs == nil {
			return errNoRefs
		}
		if err := d.refs.ReplyTo(b, reflect.NewAt(pl.typ, p).Interface()); err != nil {
			return fmt.Errorf("%w: byte %d: %w", ErrMalformed, start, err)
		}
		return nil
	case opError:
		v, err := d.any()
		if err != nil || v == nil {
			return err
		}
		failure, ok := v.(error)
		if !ok {
			return malformed(start, "a %T is not an error", v)
		}
		*(*error)(p) = failure
		return nil
	case opIface:
		v, err := d.any()
		if err != nil || v == nil {
			return err
		}
		if !reflect.TypeOf(v).Implements(pl.typ) {
			return malformed(start, "a %T is not a %v", v, pl.typ)
		}
		reflect.NewAt(pl.typ, p).Elem().Set(reflect.ValueOf(v))
		return nil
	case opMethod:
		return d.readMethod(pl, p)
	}
	return malformed(start, "a %v cannot be received", pl.typ) // New has refused it
}

func (d *decoder) setInt(o op, p unsafe.Pointer) error {
	var n int64
	var err error
	switch o {
	case opInt8:
		n, err = d.int(math.MinInt8, math.MaxInt8)
		*(*int8)(p) = int8(n)
	case opInt16:
		n, err = d.int(math.MinInt16, math.MaxInt16)
		*(*int16)(p) = int16(n)
	case opInt32:
		n, err = d.int(math.MinInt32, math.MaxInt32)
		*(*int32)(p) = int32(n)
	default:
		n, err = d.int(math.MinInt64, math.MaxInt64)
		*(*int64)(p) = n
	}
	return err
}

func (d *decoder) setUint(o op, p unsafe.Pointer) error {
	var n uint64
	var err error
	switch o {
	case opUint8:
		n, err = d.uint(math.MaxUint8)
		*(*uint8)(p) = uint8(n)
	case opUint16:
		n, err = d.uint(math.MaxUint16)
		*(*uint16)(p) = uint16(n)
	case opUint32:
		n, err = d.uint(math.MaxUint32)
		*(*uint32)(p) = uint32(n)
	default:
		n, err = d.uint(math.MaxUint64)
		*(*uint64)(p) = n
	}
	return err
}

func (d *decoder) setString(p unsafe.Pointer) error {
	s, err := d.text()
	*(*string)(p) = s
	return err
}

// text reads a string.
func (d *decoder) text() (string, error) {
	s, err := d.str()
	if err == nil {
		err = d.charge(uintptr(len(s)))
	}
	if err != nil {
		return "", err
	}
	return string(s), nil
}

func (d *decoder) setBytes(pl *plan, p unsafe.Pointer) error {
	start := d.i
	if pl.op == opBytes && d.null() {
		return nil
	}
	v, err := d.bin()
	if err != nil {
		return err
	}
	if pl.op == opByteArray {
		if len(v) != pl.n {
			return malformed(start, "%d bytes for a %v", len(v), pl.typ)
		}
		copy(unsafe.Slice((*byte)(p), pl.n), v)
		return nil
	}
	if err := d.charge(uintptr(len(v))); err != nil {
		return err
	}
	s := make([]byte, len(v))
	copy(s, v)
	*(*[]byte)(p) = s
	return nil
}

// pid reads a PID.
func (d *decoder) pid() (actor.PID, error) {
	start := d.i
	b, err := d.extOf(extPID, "a PID")
	if err != nil {
		return actor.PID{}, err
	}
	if d.refs == nil {
		return actor.PID{}, errNoRefs
	}
	pid, err := d.refs.PID(b)
	if err != nil {
		return actor.PID{}, fmt.Errorf("%w: byte %d: a PID: %w", ErrMalformed, start, err)
	}
	return pid, nil
}

// fields reads a struct. A peer whose type has fewer fields leaves the others zero; one whose type has more is read as far
// as they are known.
func (d *decoder) fields(pl *plan, p unsafe.Pointer) error {
	n, err := d.array("a struct")
	if err != nil {
		return err
	}
	for i := range min(n, len(pl.fields)) {
		f := &pl.fields[i]
		at := unsafe.Add(p, f.off)
		switch f.op {
		case opInt64:
			err = d.setInt(opInt64, at)
		case opUint32:
			err = d.setUint(opUint32, at)
		case opString:
			err = d.setString(at)
		default:
			err = d.value(f.plan, at)
		}
		if err != nil {
			return err
		}
	}
	for i := len(pl.fields); i < n; i++ {
		if err := d.skip(); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) list(pl *plan, p unsafe.Pointer) error {
	start := d.i
	if pl.op == opSlice && d.null() {
		return nil
	}
	n, err := d.array("a list")
	if err != nil {
		return err
	}
	if pl.op == opArray {
		if n != pl.n {
			return malformed(start, "%d elements for a %v", n, pl.typ)
		}
	} else if p, err = d.makeSlice(pl, p, n); err != nil {
		return err
	}
	for i := range n {
		if err := d.value(pl.elem, unsafe.Add(p, uintptr(i)*pl.elem.size)); err != nil {
			return err
		}
	}
	return nil
}

// nothing is where empty slices are.
var nothing struct{}

// makeSlice gives the slice at p n zero elements, and returns where they are.
func (d *decoder) makeSlice(pl *plan, p unsafe.Pointer, n int) (unsafe.Pointer, error) {
	if n == 0 {
		(*sliceHeader)(p).data = unsafe.Pointer(&nothing) // not nil, and of no size
		return nil, nil
	}
	if pl.elem.size > 0 && uintptr(n) > math.MaxInt/pl.elem.size {
		return nil, tooLarge(len(d.b))
	}
	if err := d.charge(uintptr(n) * pl.elem.size); err != nil {
		return nil, err
	}
	s := reflect.NewAt(pl.typ, p).Elem()
	s.Grow(n)
	s.SetLen(n)
	return (*sliceHeader)(p).data, nil
}
