package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"github.com/foundation-runtime/foundation/internal/mpguard"
)

// Registry is what one node knows: its types and errors, numbered, and how to write them. It does not change, and may be
// used by any number of goroutines.
type Registry struct {
	limits    Limits
	entries   []*entry // by number
	byName    map[string]*entry
	types     map[unsafe.Pointer]typeRef // by type word
	table     typeTable                  // the same
	sentinels map[error]*entry
	errorType typeRef
	builtin   int    // how many entries are
	str       *entry // those whose values stand in interfaces as they are
	bytes     *entry
	pid       *entry
	time      *entry
	dict      *entry
}

// kind is what an entry is of.
type kind uint8

const (
	kindNil      kind = iota // the nil any
	kindType                 // a type with a plan
	kindError                // errors of types that are not registered
	kindSentinel             // an error
)

// entry is what a name stands for.
type entry struct {
	name     string
	index    int
	kind     kind
	typ      reflect.Type
	plan     *plan
	alloc    func() unsafe.Pointer
	word     unsafe.Pointer // of typ
	ptrWord  unsafe.Pointer // of *typ
	direct   bool
	flat     bool
	sentinel error
}

// typeRef is the type of a value: that of the entry, or the pointer to it.
type typeRef struct {
	*entry
	ptr   bool
	isErr bool // values are errors
}

// number is how the type is told on the wire.
func (t typeRef) number() uint64 {
	n := uint64(t.index) << 1
	if t.ptr {
		n |= 1
	}
	return n
}

var errNoRefs = errors.New("cluster/codec: a PID or a ReplyTo cannot be written or read without Refs")

// New makes a Registry, or says everything that is wrong with cfg.
func New(cfg Config) (*Registry, error) {
	r := &Registry{
		limits: cfg.Limits.bounded(), byName: map[string]*entry{}, types: map[unsafe.Pointer]typeRef{}, sentinels: map[error]*entry{},
	}
	c := &compiler{plans: map[reflect.Type]*plan{}, faults: cfg.Limits.faults()}
	for _, t := range builtin() {
		r.add(c, t)
	}
	r.builtin = len(r.entries)
	for i, t := range cfg.Types {
		if fault := r.check(t); fault != "" {
			c.faults = append(c.faults, fmt.Errorf("cluster/codec: Types[%d], %q: %s", i, t.name, fault))
			continue
		}
		r.add(c, t)
	}
	if len(r.entries) > MaxTypes {
		c.faults = append(c.faults, fmt.Errorf("cluster/codec: Types: there are %d with the built-in ones, there can be %d; "+
			"make fewer types carry more", len(r.entries), MaxTypes))
	}
	if err := errors.Join(c.faults...); err != nil {
		return nil, err
	}
	for _, e := range r.entries {
		e.flat = e.kind == kindType && isFlat(e.plan, r.limits)
	}
	r.table = makeTypeTable(r.types)
	r.str, r.bytes, r.dict = r.byName["string"], r.byName["[]byte"], r.byName["map[string]any"]
	r.pid, r.time = r.byName["actor.PID"], r.byName["time.Time"]
	r.errorType = typeRef{entry: r.byName["error"]}
	return r, nil
}

// faults is what is wrong with the limits.
func (l Limits) faults() (errs []error) {
	for _, f := range []struct {
		name       string
		got, limit int
	}{{"MaxBytes", l.MaxBytes, 1 << 30}, {"Depth", l.Depth, mpguard.MaxDepth}, {"Elements", l.Elements, 1 << 30}} {
		if f.got < 0 || f.got > f.limit {
			errs = append(errs, fmt.Errorf("cluster/codec: Limits.%s is %d; leave it zero for the default, or give 1 to %d",
				f.name, f.got, f.limit))
		}
	}
	return errs
}

// check says what is wrong with t, beside what its plan will show.
func (r *Registry) check(t Type) string {
	switch {
	case t.name == "":
		return "the name is empty; give one that all nodes use, like \"order.v1\""
	case len(t.name) > MaxName:
		return fmt.Sprintf("the name has %d bytes, there can be up to %d; shorten it", len(t.name), MaxName)
	}
	if other := r.byName[t.name]; other != nil {
		return fmt.Sprintf("the name is that of %v already; give each type and error one of its own", other)
	}
	if t.typ == nil {
		return r.checkSentinel(t.sentinel)
	}
	if t.typ.Kind() == reflect.Pointer || t.typ.Kind() == reflect.Interface {
		return fmt.Sprintf("a %v is not a type of values; register the types behind it", t.typ)
	}
	if other, ok := r.types[wordOf(reflect.Zero(t.typ).Interface())]; ok {
		if other.index < r.builtin {
			return fmt.Sprintf("%v is built in; leave it out", t.typ)
		}
		return fmt.Sprintf("%v is registered already, as %q; give each type one name", t.typ, other.name)
	}
	return ""
}

func (r *Registry) checkSentinel(err error) string {
	switch {
	case err == nil:
		return "there is neither a type nor an error; use TypeOf or ErrorOf"
	case !reflect.ValueOf(err).Comparable():
		return fmt.Sprintf("a %T cannot be compared; register the type with TypeOf, or use a pointer", err)
	}
	if other := r.sentinels[err]; other != nil {
		return fmt.Sprintf("the error %q is registered already, as %q; give each error one name, and those that are built in none",
			err, other.name)
	}
	return ""
}

// String is what the entry stands for, in messages about names.
func (e *entry) String() string {
	if e.kind == kindSentinel {
		return fmt.Sprintf("the error %q", e.sentinel)
	}
	return fmt.Sprintf("the type %v", e.typ)
}

func (r *Registry) add(c *compiler, t Type) {
	e := &entry{name: t.name, index: len(r.entries), typ: t.typ, alloc: t.alloc, sentinel: t.sentinel}
	switch {
	case t.sentinel != nil:
		e.kind = kindSentinel
		r.sentinels[t.sentinel] = e
	case t.typ == typeError:
		e.kind = kindError
	case t.typ != nil:
		e.kind = kindType
		zero := reflect.Zero(t.typ)
		e.plan = c.compile(t.typ, t.name)
		e.word, e.ptrWord = wordOf(zero.Interface()), wordOf(reflect.Zero(reflect.PointerTo(t.typ)).Interface())
		e.direct = isDirect(t.typ)
		r.types[e.word] = typeRef{e, false, t.typ.Implements(typeError)}
		r.types[e.ptrWord] = typeRef{e, true, reflect.PointerTo(t.typ).Implements(typeError)}
	}
	r.entries = append(r.entries, e)
	r.byName[t.name] = e
}

func (r *Registry) typeOf(v any) (typeRef, bool) {
	return r.table.get(wordOf(v))
}

// knows reports whether v arrives as what it is.
func (r *Registry) knows(v any) bool {
	_, ok := r.typeOf(v)
	return ok
}

// Names returns the names of all types and errors by number, the built-in ones first. Peers make a [Table] of them.
func (r *Registry) Names() []string {
	names := make([]string, len(r.entries))
	for i, e := range r.entries {
		names[i] = e.name
	}
	return slices.Clip(names)
}

func unknownType(v any) error {
	return fmt.Errorf("%w: a %T: add cluster.TypeOf[%T](name) to Config.Types of all nodes", ErrUnknownType, v, v)
}

// Append appends v: the number of its type and its msgpack. On an error buf is returned as it was. Errors of types that
// are not registered arrive as [*RemoteError].
func (r *Registry) Append(buf []byte, v any, refs Refs) ([]byte, error) {
	t, ok := r.typeOf(v)
	e := encoder{reg: r, refs: refs}
	var b []byte
	var err error
	switch {
	case ok && !(t.isErr && r.isSentinel(v)):
		b = binary.AppendUvarint(buf, t.number())
		e.start = len(b)
		b, err = e.registered(b, t, v, 0)
	case v == nil:
		return append(buf, 0, codeNil), nil
	default:
		failure, isErr := v.(error)
		if !isErr {
			return buf, unknownType(v)
		}
		b = binary.AppendUvarint(buf, r.errorType.number())
		e.start = len(b)
		b, err = e.err(b, failure, 0)
	}
	if err == nil {
		err = e.finish(b)
	}
	if err != nil {
		return buf, err
	}
	return b, nil
}

// finish checks what was not counted on the way.
func (e *encoder) finish(b []byte) error {
	if err := e.room(b, 0); err != nil {
		return err
	}
	size := int64(len(b) - e.start)
	if e.cost > allocBase/2 && e.cost+16*size > allocFactor*size+allocBase { // with room for strings, which were not counted
		return tooLarge(len(b) - e.start)
	}
	if !e.foreign {
		return nil
	}
	return guardFault(e.reg.limits.guard().Scan(b[e.start:]))
}

// guardFault makes an error of what mpguard found.
func guardFault(f mpguard.Fault) error {
	switch f.Kind {
	case mpguard.None:
		return nil
	case mpguard.Depth, mpguard.Elements:
		return fmt.Errorf("%w: %w", ErrLimit, f)
	}
	return fmt.Errorf("%w: %w", ErrMalformed, f)
}
