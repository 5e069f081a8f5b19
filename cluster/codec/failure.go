package codec

import (
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"
	"unsafe"

	"github.com/foundation-runtime/foundation/actor"
)

// Bounds of errors on the wire.
const (
	maxText   = 4 << 10  // bytes of a text
	maxStack  = 16 << 10 // bytes of a panic's stack, or its value
	maxCauses = 32       // known errors in the tree of one that is not
	maxVisits = 256      // errors of such a tree that are looked at
)

// How an error is written: a list that begins with one of these.
const (
	errSentinel = iota // number, text
	errValue           // number, body, text
	errExit            // PID, error
	errPanic           // value, stack
	errRemote          // text, type, list of errors, which may be missing
)

// RemoteError is an error of another node, of a type that is not registered. errors.Is and errors.As find in it what the
// original wrapped and this node knows.
type RemoteError struct {
	Text   string // what Error returned there, up to 4 KiB
	Type   string // the Go type there
	Causes []error
}

func (e *RemoteError) Error() string { return e.Text }

// Unwrap returns the Causes.
func (e *RemoteError) Unwrap() []error { return e.Causes }

// err appends failure, which stands inside depth others.
func (e *encoder) err(b []byte, failure error, depth int) ([]byte, error) {
	if out, ok, err := e.known(b, failure, depth); ok || err != nil {
		return out, err
	}
	return e.remote(b, failure, e.reg.causes(failure), depth)
}

// known appends failure if it is one that arrives as itself.
func (e *encoder) known(b []byte, failure error, depth int) ([]byte, bool, error) {
	e.cost += 64 + memory(16)
	if failure == nil {
		return append(b, codeNil), true, nil
	}
	if s := e.reg.sentinel(failure); s != nil {
		if err := e.enter(b, 3, depth); err != nil {
			return b, false, err
		}
		text := ""
		if s.index >= e.reg.builtin { // for who does not know it
			text = textOf(failure)
		}
		return appendString(appendUint(append(b, fixArray|3, errSentinel), uint64(s.index)), text), true, nil
	}
	deeper := depth+2 < e.reg.limits.Depth // else only its text
	switch x := failure.(type) {
	case *actor.ExitError:
		if x != nil && deeper {
			out, err := e.exit(b, x, depth)
			return out, err == nil, err
		}
	case *actor.PanicError:
		if x != nil && deeper {
			out, err := e.panicked(b, x, depth)
			return out, err == nil, err
		}
	default:
		if t, ok := e.reg.typeOf(failure); ok && deeper && !e.reg.hides(t, failure) {
			out, ok := e.errorValue(b, t, failure, depth)
			return out, ok, nil
		}
	}
	return b, false, nil
}

func (e *encoder) exit(b []byte, x *actor.ExitError, depth int) ([]byte, error) {
	if err := e.enter(b, 3, depth); err != nil {
		return b, err
	}
	b, err := e.value(append(b, fixArray|3, errExit), e.reg.pid.plan, unsafe.Pointer(&x.PID), depth+1)
	if err != nil {
		return b, err
	}
	return e.err(b, x.Reason, depth+1)
}

// panicked appends a PanicError. A value that cannot be sent, or is large, becomes a text.
func (e *encoder) panicked(b []byte, x *actor.PanicError, depth int) ([]byte, error) {
	if err := e.enter(b, 3, depth); err != nil {
		return b, err
	}
	b = append(b, fixArray|3, errPanic)
	elements := e.elements
	out, err := e.any(b, x.Value, depth+1)
	if err != nil || len(out)-len(b) > maxStack {
		e.elements = elements
		text := fmt.Sprintf("a %T", x.Value)
		if !errors.Is(err, ErrLimit) { // a cyclic value has no text either
			text = fmt.Sprint(x.Value)
		}
		out = appendString(b, bounded(text))
	}
	return appendBytes(out, x.Stack[:min(len(x.Stack), maxStack)]), nil
}

// errorValue appends an error of a registered type; not ok if that fails.
func (e *encoder) errorValue(b []byte, t typeRef, failure error, depth int) ([]byte, bool) {
	elements := e.elements
	if err := e.enter(b, 4, depth); err == nil {
		out := appendUint(append(b, fixArray|4, errValue), t.number())
		if out, err = e.registered(out, t, failure, depth+1); err == nil {
			return appendString(out, textOf(failure)), true
		}
	}
	e.elements = elements
	return b, false
}

// remote appends the text of an error and those of its causes that are known.
func (e *encoder) remote(b []byte, failure error, causes []error, depth int) ([]byte, error) {
	text, typ := textOf(failure), fmt.Sprintf("%T", failure)
	if r, ok := failure.(*RemoteError); ok && r != nil {
		typ = r.Type
	}
	if depth+3 > e.reg.limits.Depth {
		causes = nil
	}
	n := 3
	if len(causes) > 0 {
		n = 4
	}
	if err := e.enter(b, n, depth); err != nil {
		return b, err
	}
	b = append(b, fixArray|byte(n), errRemote)
	b = appendString(appendString(b, text), bounded(typ))
	if n == 3 {
		return b, nil
	}
	if err := e.enter(b, len(causes), depth+1); err != nil {
		return b, err
	}
	b = appendArray(b, len(causes))
	for _, c := range causes {
		out, ok, err := e.known(b, c, depth+2)
		if err != nil {
			return b, err
		}
		if !ok { // of a type that hides what it wraps, or too large
			if t, registered := e.reg.typeOf(c); registered {
				out, ok = e.errorValue(b, t, c, depth+2)
			}
		}
		if !ok {
			if out, err = e.remote(b, c, nil, depth+2); err != nil {
				return b, err
			}
		}
		b = out
	}
	return b, nil
}

// textOf is err.Error(), bounded. A method that panics is no reason to lose the rest.
func textOf(err error) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprintf("%T, whose Error panicked", err)
		}
	}()
	return bounded(err.Error())
}

// bounded cuts s between two characters.
func bounded(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText - len("…")
	for n > maxText-8 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// sentinel returns the entry of err itself, not of what it wraps.
func (r *Registry) sentinel(err error) *entry {
	if !reflect.ValueOf(err).Comparable() {
		return nil
	}
	return r.sentinels[err]
}

// isSentinel reports whether v is an error that is named itself, not only its type.
func (r *Registry) isSentinel(v any) bool {
	err, ok := v.(error)
	return ok && r.sentinel(err) != nil
}

// hides reports whether an error of a registered type wraps known errors that its exported fields do not carry.
func (r *Registry) hides(t typeRef, err error) bool {
	if t.kind != kindType || carriesErrors(t.plan) {
		return false
	}
	return len(r.causes(err)) > 1 // itself, and others
}

// carriesErrors reports whether values have interfaces, one level deep, in which what they wrap arrives.
func carriesErrors(p *plan) bool {
	for _, f := range p.fields {
		for _, p := range []*plan{f.plan, f.plan.elem} {
			if p != nil && (p.op == opAny || p.op == opError || p.op == opIface) {
				return true
			}
		}
	}
	return false
}

// causes returns the errors in the tree of err that are known: sentinels, values of registered types, ends of processes.
// Below those it does not look, except for what hides.
func (r *Registry) causes(err error) (found []error) {
	defer func() { _ = recover() }() // methods of foreign errors: what was found until then counts
	visits := 0
	var visit func(error)
	visit = func(err error) {
		if visits++; err == nil || visits > maxVisits || len(found) == maxCauses {
			return
		}
		if r.sentinel(err) != nil {
			found = append(found, err)
			return
		}
		switch err.(type) {
		case *actor.ExitError, *actor.PanicError:
			found = append(found, err)
			return
		}
		if t, ok := r.typeOf(err); ok {
			found = append(found, err)
			if carriesErrors(t.plan) {
				return
			}
		}
		found = append(found, r.likenesses(err)...)
		switch x := err.(type) {
		case interface{ Unwrap() error }:
			visit(x.Unwrap())
		case interface{ Unwrap() []error }:
			for _, inner := range x.Unwrap() {
				visit(inner)
			}
		}
	}
	visit(err)
	return found[:min(len(found), maxCauses)]
}

// likenesses returns the sentinels that err says it is, in a method Is.
func (r *Registry) likenesses(err error) (found []error) {
	x, ok := err.(interface{ Is(error) bool })
	if !ok {
		return nil
	}
	for _, e := range r.entries {
		if e.kind == kindSentinel && x.Is(e.sentinel) {
			found = append(found, e.sentinel)
		}
	}
	return found
}

// AppendError appends err, which may be nil. What it cannot carry of an error it leaves out, down to the text; it fails only
// where Refs do.
func (r *Registry) AppendError(buf []byte, err error, refs Refs) ([]byte, error) {
	e := encoder{reg: r, refs: refs, start: len(buf)}
	b, fault := e.err(buf, err, 0)
	if fault == nil {
		fault = e.finish(b)
	}
	if fault != nil {
		e = encoder{reg: r, refs: refs, start: len(buf)}
		if b, fault = e.remote(buf, err, nil, 0); fault != nil {
			return buf, fault
		}
	}
	return b, nil
}
