package distributed

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/codec"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// Kind is what a child can be: what [KindOf] makes.
type Kind struct {
	name  string
	start func(args any) (actor.Actor, error)
	args  cluster.Type
	typ   reflect.Type
}

// KindOf names what makes an actor of arguments of type A. f is called anew for every process, with a copy of the arguments of its
// own. An error of f is one of the start.
func KindOf[A any](name string, f func(args A) (actor.Actor, error)) Kind {
	k := Kind{name: name, args: cluster.TypeOf[A]("kind:" + name), typ: reflect.TypeFor[A]()}
	if f != nil {
		k.start = func(args any) (actor.Actor, error) {
			a, ok := args.(A)
			if !ok && (args != nil || k.typ.Kind() != reflect.Interface) {
				return nil, fmt.Errorf("cluster/distributed: kind %q takes a %v, not a %T", name, k.typ, args)
			}
			return f(a)
		}
	}
	return k
}

// kinds knows what children can be, and how their arguments travel.
type kinds struct {
	sys   *actor.System
	named map[string]Kind
	codec *codec.Registry
	names []string
	hash  uint64

	mu     sync.Mutex // protects the field below
	tables map[uint64]*codec.Table
}

func newKinds(sys *actor.System, cfg *Config) (*kinds, error) {
	k := &kinds{sys: sys, named: map[string]Kind{}, tables: map[uint64]*codec.Table{}}
	types := append([]cluster.Type(nil), cfg.Types...)
	for _, x := range cfg.Kinds {
		k.named[x.name] = x
		known := x.typ.PkgPath() == "" || x.typ.Kind() == reflect.Interface // built in, or named where it is made
		for _, t := range types {
			known = known || t.Is(x.typ)
		}
		if !known {
			types = append(types, x.args)
		}
	}
	var err error
	if k.codec, err = codec.New(codec.Config{Types: types}); err != nil {
		return nil, fmt.Errorf("cluster/distributed: New: %w", err)
	}
	k.names = k.codec.Names()
	k.hash = hashNames(k.names)
	return k, nil
}

// encode writes arguments, and checks that this node could start the child.
func (k *kinds) encode(kind string, args any) ([]byte, error) {
	if _, ok := k.named[kind]; !ok {
		return nil, fmt.Errorf("%w: %q", ErrUnknownKind, kind)
	}
	b, err := k.codec.Append(nil, args, textRefs{k.sys})
	if err != nil {
		return nil, err
	}
	if len(b) > crdt.MaxValueBytes/2 {
		return nil, &ConfigError{"Child.Args", len(b), "they take too many bytes", fmt.Sprintf("send up to %d, and what is larger as a message", crdt.MaxValueBytes/2)}
	}
	return b, nil
}

// make makes an actor. names is the table of types of the arguments, if it is not ours.
func (k *kinds) make(s *spec, names []string) (a actor.Actor, err error) {
	kind, ok := k.named[s.kind]
	if !ok {
		return nil, fmt.Errorf("%w: %q at %s", ErrUnknownKind, s.kind, k.sys.Name())
	}
	t, err := k.table(s.types, names)
	if err != nil {
		return nil, err
	}
	args, err := t.Decode(s.args, textRefs{k.sys})
	if err != nil {
		return nil, err
	}
	defer func() {
		if v := recover(); v != nil {
			a, err = nil, &actor.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	if a, err = kind.start(args); a == nil && err == nil {
		err = fmt.Errorf("cluster/distributed: kind %q made no actor", s.kind)
	}
	return a, err
}

func (k *kinds) table(hash uint64, names []string) (*codec.Table, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if t := k.tables[hash]; t != nil {
		return t, nil
	}
	if hash == k.hash {
		names = k.names
	}
	if names == nil {
		return nil, fmt.Errorf("%w: the arguments were written by a program whose types are not known here", codec.ErrUnknownType)
	}
	t, err := k.codec.Table(names)
	if err == nil {
		k.tables[hash] = t
	}
	return t, err
}

// textRefs writes PIDs as text, which any node can read.
type textRefs struct{ sys *actor.System }

// AppendPID implements codec.Refs.
func (r textRefs) AppendPID(b []byte, pid actor.PID) []byte { return append(b, pid.String()...) }

// PID implements codec.Refs.
func (r textRefs) PID(b []byte) (actor.PID, error) { return r.sys.ParsePID(string(b)) }

// AppendReplyTo implements codec.Refs.
func (r textRefs) AppendReplyTo([]byte, any) ([]byte, error) {
	return nil, fmt.Errorf("%w: a ReplyTo cannot be kept", codec.ErrUnknownType)
}

// ReplyTo implements codec.Refs.
func (r textRefs) ReplyTo([]byte, any) error {
	return fmt.Errorf("%w: a ReplyTo", codec.ErrMalformed)
}
