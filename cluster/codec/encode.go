package codec

import (
	"fmt"
	"reflect"
	"time"
	"unsafe"

	"github.com/foundation-runtime/foundation/actor"
)

// encoder is one value being written. It mirrors what the guard of the reader will count, so that what is refused there is
// refused here.
type encoder struct {
	reg      *Registry
	refs     Refs
	start    int   // of the body in the buffer
	elements int   // of all structs, lists and maps so far
	cost     int64 // memory that the reader will need, beside strings
	foreign  bool  // methods of types have written parts of it, which were not counted
}

// enter counts a struct, list or map with n elements that stands inside depth others.
func (e *encoder) enter(b []byte, n, depth int) error {
	e.elements += n
	l := &e.reg.limits
	if depth < l.Depth && e.elements <= l.Elements && len(b)-e.start <= l.MaxBytes {
		return nil
	}
	return e.tooMuch(b, depth)
}

// room checks that n more bytes may be written.
func (e *encoder) room(b []byte, n int) error {
	if n > e.reg.limits.MaxBytes-(len(b)-e.start) {
		return fmt.Errorf("%w: it has more than %d bytes", ErrLimit, e.reg.limits.MaxBytes)
	}
	return nil
}

//go:noinline
func (e *encoder) tooMuch(b []byte, depth int) error {
	l := e.reg.limits
	switch {
	case depth >= l.Depth:
		return fmt.Errorf("%w: it is nested more than %d deep, or cyclic", ErrLimit, l.Depth)
	case e.elements > l.Elements:
		return fmt.Errorf("%w: it has more than %d fields and elements", ErrLimit, l.Elements)
	}
	return e.room(b, 1)
}

// value appends the value at p, which stands inside depth others.
func (e *encoder) value(b []byte, pl *plan, p unsafe.Pointer, depth int) ([]byte, error) {
	switch pl.op {
	case opBool:
		return appendBool(b, *(*bool)(p)), nil
	case opInt8:
		return appendInt(b, int64(*(*int8)(p))), nil
	case opInt16:
		return appendInt(b, int64(*(*int16)(p))), nil
	case opInt32:
		return appendInt(b, int64(*(*int32)(p))), nil
	case opInt64:
		return appendInt(b, *(*int64)(p)), nil
	case opUint8:
		return appendUint(b, uint64(*(*uint8)(p))), nil
	case opUint16:
		return appendUint(b, uint64(*(*uint16)(p))), nil
	case opUint32:
		return appendUint(b, uint64(*(*uint32)(p))), nil
	case opUint64:
		return appendUint(b, *(*uint64)(p)), nil
	case opFloat32:
		return appendFloat32(b, *(*float32)(p)), nil
	case opFloat64:
		return appendFloat64(b, *(*float64)(p)), nil
	case opString:
		return e.text(b, *(*string)(p))
	case opBytes, opByteArray:
		return e.bytes(b, pl, p)
	case opTime:
		return appendTime(b, *(*time.Time)(p)), nil
	case opStruct:
		return e.fields(b, pl, p, depth)
	case opSlice, opArray:
		return e.list(b, pl, p, depth)
	case opMap:
		return e.mapping(b, pl, p, depth)
	case opDict:
		return e.dict(b, pl, *(*map[string]any)(p), depth)
	case opTexts:
		return e.texts(b, pl, *(*map[string]string)(p), depth)
	case opPointer:
		if p = *(*unsafe.Pointer)(p); p == nil {
			return append(b, codeNil), nil
		}
		e.cost += memory(pl.elem.size)
		return e.value(b, pl.elem, p, depth)
	case opAny:
		return e.any(b, *(*any)(p), depth)
	case opError:
		err := *(*error)(p)
		return e.any(b, err, depth)
	}
	return e.rare(b, pl, p, depth)
}

// rare is value for what is not worth a case there.
func (e *encoder) rare(b []byte, pl *plan, p unsafe.Pointer, depth int) ([]byte, error) {
	switch pl.op {
	case opNothing:
		return append(b, codeNil), nil
	case opPID:
		if e.refs == nil {
			return b, errNoRefs
		}
		start := len(b)
		return closeExt(e.refs.AppendPID(openExt(b, extPID), *(*actor.PID)(p)), start, extPID), nil
	case opReplyTo:
		if e.refs == nil {
			return b, errNoRefs
		}
		start := len(b)
		out, err := e.refs.AppendReplyTo(openExt(b, extReplyTo), reflect.NewAt(pl.typ, p).Elem().Interface())
		if err != nil {
			return b, fmt.Errorf("cluster/codec: writing a %v: %w", pl.typ, err)
		}
		return closeExt(out, start, extReplyTo), nil
	case opIface:
		v := reflect.NewAt(pl.typ, p).Elem()
		if v.IsNil() {
			return append(b, codeNil), nil
		}
		x := v.Elem().Interface()
		if !pl.remote && !e.reg.knows(x) { // an unknown error would arrive as what the interface cannot hold
			return b, unknownType(x)
		}
		return e.any(b, x, depth)
	case opMethod:
		return e.appendMethod(b, pl, p)
	}
	return b, fmt.Errorf("cluster/codec: a %v cannot be sent", pl.typ) // New has refused it
}

// fields appends a struct: a list of its fields.
func (e *encoder) fields(b []byte, pl *plan, p unsafe.Pointer, depth int) ([]byte, error) {
	if err := e.enter(b, len(pl.fields), depth); err != nil {
		return b, err
	}
	b = appendArray(b, len(pl.fields))
	var err error
	for i := range pl.fields {
		f := &pl.fields[i]
		at := unsafe.Add(p, f.off)
		switch f.op {
		case opInt64:
			b = appendInt(b, *(*int64)(at))
		case opUint32:
			b = appendUint(b, uint64(*(*uint32)(at)))
		case opUint64:
			b = appendUint(b, *(*uint64)(at))
		default:
			if b, err = e.value(b, f.plan, at, depth+1); err != nil {
				return b, err
			}
		}
	}
	return b, nil
}

func (e *encoder) bytes(b []byte, pl *plan, p unsafe.Pointer) ([]byte, error) {
	var v []byte
	if pl.op == opByteArray {
		v = unsafe.Slice((*byte)(p), pl.n)
	} else if v = *(*[]byte)(p); v == nil {
		return append(b, codeNil), nil
	}
	if err := e.room(b, len(v)); err != nil {
		return b, err
	}
	return appendBytes(b, v), nil
}

// sliceHeader is how a slice of any type lies in memory.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

func (e *encoder) list(b []byte, pl *plan, p unsafe.Pointer, depth int) ([]byte, error) {
	n := pl.n
	if pl.op == opSlice {
		s := *(*sliceHeader)(p)
		if p, n = s.data, s.len; p == nil {
			return append(b, codeNil), nil
		}
		e.cost += memory(uintptr(n) * pl.elem.size)
	}
	if err := e.enter(b, n, depth); err != nil {
		return b, err
	}
	b = appendArray(b, n)
	var err error
	for i := range n {
		if b, err = e.value(b, pl.elem, unsafe.Add(p, uintptr(i)*pl.elem.size), depth+1); err != nil {
			return b, err
		}
	}
	return b, nil
}

// any appends the value of an interface: as it is if its format says its type, else as a pair of its type's number and it.
func (e *encoder) any(b []byte, v any, depth int) ([]byte, error) {
	e.cost += memory(8)
	switch x := v.(type) {
	case nil:
		return append(b, codeNil), nil
	case bool:
		return appendBool(b, x), nil
	case int:
		return appendInt(b, int64(x)), nil
	case float64:
		return appendFloat64(b, x), nil
	case string:
		return e.value(b, e.reg.str.plan, dataOf(v), depth)
	case []byte:
		if x != nil {
			return e.value(b, e.reg.bytes.plan, dataOf(v), depth)
		}
	case time.Time:
		return appendTime(b, x), nil
	case actor.PID:
		return e.value(b, e.reg.pid.plan, dataOf(v), depth)
	case map[string]any:
		if x != nil {
			return e.dict(b, e.reg.dict.plan, x, depth)
		}
	}
	t, known := e.reg.typeOf(v)
	var failure error
	if !known || t.isErr {
		if failure, _ = v.(error); failure == nil {
			return b, unknownType(v)
		}
	}
	if err := e.enter(b, 2, depth); err != nil {
		return b, err
	}
	if known && !(t.isErr && (e.reg.isSentinel(v) || e.reg.hides(t, failure))) {
		return e.registered(appendUint(append(b, fixArray|2), t.number()), t, v, depth+1)
	}
	return e.err(appendUint(append(b, fixArray|2), e.reg.errorType.number()), failure, depth+1)
}

// registered appends v, whose type is t.
func (e *encoder) registered(b []byte, t typeRef, v any, depth int) ([]byte, error) {
	e.cost += memory(t.plan.size)
	p := dataOf(v)
	if t.ptr {
		if p == nil {
			return append(b, codeNil), nil
		}
	} else if t.direct {
		switch t.plan.op {
		case opDict:
			return e.dict(b, t.plan, *(*map[string]any)(unsafe.Pointer(&p)), depth)
		case opTexts:
			return e.texts(b, t.plan, *(*map[string]string)(unsafe.Pointer(&p)), depth)
		}
		p = spill(p)
	}
	return e.value(b, t.plan, p, depth)
}
