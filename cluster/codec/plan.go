package codec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// op is how a value is written and read.
type op uint8

const (
	opInvalid op = iota
	opBool
	opInt8
	opInt16
	opInt32
	opInt64
	opUint8
	opUint16
	opUint32
	opUint64
	opFloat32
	opFloat64
	opString
	opBytes     // a slice of bytes
	opByteArray // an array of bytes
	opTime
	opPID     // an actor.PID, or an actor.Ref, which has the same layout
	opReplyTo // an actor.ReplyTo
	opNothing // nil on the wire: only of use on its own node
	opStruct
	opSlice
	opArray
	opMap
	opDict  // a map of strings to anything
	opTexts // a map of strings to strings
	opPointer
	opAny    // any
	opError  // error
	opIface  // another interface
	opMethod // a type with methods of its own for this
)

// plan is how values of one type are written and read. It does not change once its Registry is made.
type plan struct {
	op     op
	method method // of opMethod
	typ    reflect.Type
	size   uintptr
	n      int     // elements of an array
	fields []field // of a struct, in the order of the wire
	key    *plan   // of a map
	elem   *plan   // of a slice, array, map or pointer
	remote bool    // of an interface: a *RemoteError has its methods
}

// field is an exported field of a struct.
type field struct {
	op   op // that of plan
	off  uintptr
	plan *plan
}

var (
	typePID         = reflect.TypeFor[actor.PID]()
	typeMonitorRef  = reflect.TypeFor[actor.MonitorRef]()
	typeTime        = reflect.TypeFor[time.Time]()
	typeAny         = reflect.TypeFor[any]()
	typeError       = reflect.TypeFor[error]()
	typeRemoteError = reflect.TypeFor[*RemoteError]()
)

// ofActor reports whether t is the generic type name of package actor. A type that embeds one is not of that package.
func ofActor(t reflect.Type, name string) bool {
	return t.PkgPath() == typePID.PkgPath() && strings.HasPrefix(t.Name(), name+"[")
}

// isReplyTo reports whether t is an actor.ReplyTo.
func isReplyTo(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[interface{ IsReplyTo() }]()) && ofActor(t, "ReplyTo")
}

// compiler makes plans, one per type.
type compiler struct {
	plans  map[reflect.Type]*plan
	faults []error
}

// compile returns the plan of t, which stands at path. If there can be none, that is among the faults.
func (c *compiler) compile(t reflect.Type, path string) *plan {
	if p := c.plans[t]; p != nil {
		return p
	}
	p := &plan{typ: t, size: t.Size()}
	c.plans[t] = p // before its parts: types may be recursive
	c.fill(p, path)
	return p
}

func (c *compiler) fault(path string, t reflect.Type, why, cure string) {
	c.faults = append(c.faults, fmt.Errorf("cluster/codec: %s: a %v cannot be sent: %s; %s", path, t, why, cure))
}

// scalars are the kinds whose plan is just an op.
var scalars = map[reflect.Kind]op{
	reflect.Bool: opBool,
	reflect.Int8: opInt8, reflect.Int16: opInt16, reflect.Int32: opInt32, reflect.Int64: opInt64,
	reflect.Uint8: opUint8, reflect.Uint16: opUint16, reflect.Uint32: opUint32, reflect.Uint64: opUint64,
	reflect.Float32: opFloat32, reflect.Float64: opFloat64, reflect.String: opString,
}

// special returns the op of types that are known by name rather than by kind.
func special(t reflect.Type) op {
	switch {
	case t == typeMonitorRef:
		return opNothing
	case t == typeTime:
		return opTime
	case t == typeAny:
		return opAny
	case t == typeError:
		return opError
	case t.Kind() == reflect.Struct && (t.ConvertibleTo(typePID) || ofActor(t, "Ref")):
		return opPID
	case t.Kind() == reflect.Struct && isReplyTo(t):
		return opReplyTo
	case t.Kind() == reflect.Interface:
		return opIface
	}
	return opInvalid
}

func (c *compiler) fill(p *plan, path string) {
	t := p.typ
	if p.op = special(t); p.op != opInvalid {
		p.remote = p.op == opIface && typeRemoteError.Implements(t)
		return
	}
	if t.Kind() == reflect.Pointer {
		c.pointer(p, path)
		return
	}
	if p.method = methodOf(t); p.method != noMethod {
		p.op = opMethod
		return
	}
	if p.op = scalars[t.Kind()]; p.op != opInvalid {
		return
	}
	switch t.Kind() {
	case reflect.Int:
		p.op = opInt64
		if p.size == 4 {
			p.op = opInt32
		}
	case reflect.Uint:
		p.op = opUint64
		if p.size == 4 {
			p.op = opUint32
		}
	case reflect.Slice, reflect.Array:
		c.list(p, path)
	case reflect.Map:
		p.op = dictOp(t)
		p.key = c.compile(t.Key(), path+"[key]")
		p.elem = c.compile(t.Elem(), path+"[]")
	case reflect.Struct:
		c.structure(p, path)
	default:
		c.fault(path, t, "another node could do nothing with it",
			`tag the field msgpack:"-", or send what it stands for`)
	}
}

func (c *compiler) pointer(p *plan, path string) {
	p.op = opPointer
	if e := p.typ.Elem(); e.Kind() == reflect.Pointer || e.Kind() == reflect.Interface {
		c.fault(path, p.typ, "a pointer to a pointer or an interface has two kinds of nil", "leave one pointer out")
		return
	}
	p.elem = c.compile(p.typ.Elem(), path)
}

func (c *compiler) list(p *plan, path string) {
	p.op = opSlice
	bytes := opBytes
	if p.typ.Kind() == reflect.Array {
		p.op, p.n = opArray, p.typ.Len()
		bytes = opByteArray
	}
	if p.elem = c.compile(p.typ.Elem(), path+"[]"); p.elem.op == opUint8 {
		p.op = bytes
	}
}

// structure lists the fields of a struct. An embedded struct is a field like others, so that it can grow like others.
func (c *compiler) structure(p *plan, path string) {
	p.op = opStruct
	hidden := 0
	for i := range p.typ.NumField() {
		f := p.typ.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("msgpack"), ",")
		if tag == "-" || ofActor(f.Type, "Replies") {
			continue
		}
		if !f.IsExported() && !embedsExported(f, nil) {
			if f.Name != "_" && f.Type.Size() > 0 {
				hidden++
			}
			continue
		}
		sub := c.compile(f.Type, path+"."+f.Name)
		p.fields = append(p.fields, field{sub.op, f.Offset, sub})
	}
	if len(p.fields) == 0 && hidden > 0 {
		c.fault(path, p.typ, "all its fields are unexported",
			`tag the field msgpack:"-", export what is to arrive, or give the type MarshalBinary and UnmarshalBinary`)
	}
}

// embedsExported reports whether f is an embedded struct of unexported type, whose exported fields are reached through it. A
// struct may embed pointers to those it is embedded in: within.
func embedsExported(f reflect.StructField, within []reflect.Type) bool {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !f.Anonymous || t.Kind() != reflect.Struct || slices.Contains(within, t) {
		return false
	}
	for i := range t.NumField() {
		if inner := t.Field(i); inner.IsExported() || embedsExported(inner, append(within, t)) {
			return true
		}
	}
	return false
}
