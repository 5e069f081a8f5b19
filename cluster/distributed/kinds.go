package distributed

import (
	"fmt"
	"sync"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/codec"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// kinds knows what children can be, and how their arguments travel.
type kinds struct {
	node  *cluster.Node
	sys   *actor.System
	codec *codec.Registry
	names []string
	hash  uint64

	mu     sync.Mutex // protects the field below
	tables map[uint64]*codec.Table
}

func newKinds(node *cluster.Node) *kinds {
	k := &kinds{node: node, sys: node.System(), codec: node.Codec(), tables: map[uint64]*codec.Table{}}
	k.names = k.codec.Names()
	k.hash = hashNames(k.names)
	return k
}

// encode writes arguments.
func (k *kinds) encode(args any) ([]byte, error) {
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
func (k *kinds) make(s *spec, names []string) (actor.Actor, error) {
	t, err := k.table(s.types, names)
	if err != nil {
		return nil, err
	}
	args, err := t.Decode(s.args, textRefs{k.sys})
	if err != nil {
		return nil, err
	}
	return k.node.NewActor(s.kind, args)
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
