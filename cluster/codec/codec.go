package codec

import (
	"errors"
	"reflect"
	"unsafe"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/internal/mpguard"
)

const (
	// DefaultMaxBytes is how many bytes a value may have if [Limits] do not say.
	DefaultMaxBytes = 4 << 20
	// MaxTypes is how many types and errors a node can have, those that are built in among them.
	MaxTypes = 4096
	// MaxName is how long the name of a type or error can be, in bytes.
	MaxName = 255
)

var (
	// ErrUnknownType: a value has a type that is not registered here, or bytes have one that the peer knows and this node
	// does not. Add it to Config.Types of all nodes.
	ErrUnknownType = errors.New("cluster/codec: unknown type")
	// ErrMalformed: bytes are not what the codec writes, or not of the type they claim to be. Drop them: trying again does not
	// help. Where nodes run different versions, a field of the type was changed other than by adding one at the end.
	ErrMalformed = errors.New("cluster/codec: malformed")
	// ErrLimit: a value or its bytes are larger, more deeply nested or have more elements than [Limits] allow; cyclic values
	// always are. Send less, or raise the limit on all nodes.
	ErrLimit = errors.New("cluster/codec: limit exceeded")
)

// Limits bound values in both directions. The zero value has the defaults.
type Limits struct {
	// MaxBytes is how many bytes a value may have; zero is [DefaultMaxBytes].
	MaxBytes int
	// Depth is how deep structs, lists and maps may be nested, a struct or list in an interface counting twice; zero is 32, and
	// 64 is the most.
	Depth int
	// Elements is how many fields and elements all structs, lists and maps may have together; keys and values count one each.
	// Zero is 65536.
	Elements int
}

// Config is what a [Registry] knows. The zero value knows what is built in.
type Config struct {
	Types  []Type
	Limits Limits
}

// Type is a type or an error with the name it has on the wire. See [TypeOf] and [ErrorOf].
type Type struct {
	name     string
	typ      reflect.Type // nil for errors
	alloc    func() unsafe.Pointer
	sentinel error
}

// TypeOf names the type T, so that its values can be sent in messages and interface fields. Nodes know types by these names:
// all nodes use the same, and a type that changes incompatibly gets a new one, "order.v2". T is what is sent, a struct as a rule;
// *T is registered along with it, and arrives as a *T. TypeOf[*T] is the same as TypeOf[T].
func TypeOf[T any](name string) Type {
	t := reflect.TypeFor[T]()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
		return Type{name: name, typ: t, alloc: func() unsafe.Pointer { return reflect.New(t).UnsafePointer() }}
	}
	return Type{name: name, typ: t, alloc: func() unsafe.Pointer { return unsafe.Pointer(new(T)) }}
}

// ErrorOf names an error, so that errors.Is(err, sentinel) holds on other nodes too for errors that are or wrap it.
func ErrorOf(name string, sentinel error) Type {
	return Type{name: name, sentinel: sentinel}
}

// Refs turns references into bytes and back: it knows the node and its peers. Package cluster implements it.
type Refs interface {
	AppendPID(buf []byte, pid actor.PID) []byte
	// PID must not keep b.
	PID(b []byte) (actor.PID, error)
	// AppendReplyTo appends r, an actor.ReplyTo[R].
	AppendReplyTo(buf []byte, r any) ([]byte, error)
	// ReplyTo sets into, an *actor.ReplyTo[R]. It must not keep b.
	ReplyTo(b []byte, into any) error
}

// bounded returns l with every field filled in.
func (l Limits) bounded() Limits {
	if l.MaxBytes == 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	if l.Depth == 0 {
		l.Depth = mpguard.DefaultDepth
	}
	if l.Elements == 0 {
		l.Elements = mpguard.DefaultElements
	}
	return l
}

// guard are the limits as mpguard has them.
func (l Limits) guard() mpguard.Limits { return mpguard.Limits{Depth: l.Depth, Elements: l.Elements} }
