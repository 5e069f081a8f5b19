package cluster

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
)

// Type is a type or error with the name it has between nodes: what [TypeOf] and [ErrorOf] make.
type Type = codec.Type

// TypeOf names a type whose values travel: a message, a request or reply, an error, a state. All nodes use the same name. A type
// that changes other than by a field added at its end gets a new one: "order.v2". T and *T both travel.
func TypeOf[T any](name string) Type { return codec.TypeOf[T](name) }

// ErrorOf names an error, so that errors.Is finds it at other nodes too.
func ErrorOf(name string, sentinel error) Type { return codec.ErrorOf(name, sentinel) }

// Kind is something that other nodes may start here by name: what [KindOf] makes.
type Kind struct {
	name  string
	start func(args any) (actor.Actor, error)
	args  Type
	typ   reflect.Type
}

// KindOf names what makes an actor of arguments of type A. A travels like a message; if Config.Types does not name it, it is known
// by the name of the kind.
func KindOf[A any](name string, f func(args A) (actor.Actor, error)) Kind {
	k := Kind{name: name, args: codec.TypeOf[A]("kind:" + name), typ: reflect.TypeFor[A]()}
	if f != nil {
		k.start = func(args any) (actor.Actor, error) {
			a, ok := args.(A)
			if !ok && (args != nil || k.typ.Kind() != reflect.Interface) {
				return nil, fmt.Errorf("cluster: kind %q takes a %v, not a %T", name, k.typ, args)
			}
			return f(a)
		}
	}
	return k
}

// argsType is the type that has to be registered for k's arguments beside those there are.
func (k Kind) argsType(known []Type) []Type {
	if k.typ == nil || k.typ.PkgPath() == "" || k.typ.Kind() == reflect.Interface {
		return nil // built in, or named where it is made
	}
	for _, t := range known {
		if t.Is(k.typ) {
			return nil
		}
	}
	return []Type{k.args}
}

// The process that serves other nodes, and what it is asked. A name that no user's message or process has.
const serverName = "foundation/cluster"

type spawnRequest struct {
	actor.Replies[actor.PID]
	Kind string
	Args any
}

type whereisRequest struct {
	actor.Replies[actor.PID]
	Name string
}

type infoRequest struct {
	actor.Replies[infoReply]
	PID actor.PID
}

type infoReply struct {
	Known bool
	Info  actor.Info
}

func ownTypes() []Type {
	return []Type{
		codec.TypeOf[spawnRequest]("foundation.spawn"), codec.TypeOf[whereisRequest]("foundation.whereis"),
		codec.TypeOf[infoRequest]("foundation.info"), codec.TypeOf[infoReply]("foundation.inforeply"),
		codec.ErrorOf("foundation.unknownkind", ErrUnknownKind),
	}
}

// serve starts the process that other nodes ask.
func (n *Node) serve() (err error) {
	n.serving, err = n.sys.Spawn(server{n}, actor.WithName(serverName))
	if err != nil {
		return fmt.Errorf("cluster: Join: the System belongs to a cluster already: %w", err)
	}
	return nil
}

// server is that process.
type server struct{ n *Node }

// shutdownLeave bounds the goodbye of a node whose System was shut down.
const shutdownLeave = 5 * time.Second

// Terminate makes the node leave when its System is shut down without that.
func (s server) Terminate(*actor.Context, error) {
	if s.n.ctx.Err() != nil {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownLeave)
		defer cancel()
		_ = s.n.Leave(ctx)
	}()
}

func (s server) Receive(c *actor.Context, msg any) error {
	n := s.n
	switch m := msg.(type) {
	case whereisRequest:
		pid, _ := n.sys.Whereis(m.Name)
		actor.Reply(c, m, pid)
	case infoRequest:
		info, ok := n.sys.Info(m.PID)
		actor.Reply(c, m, infoReply{ok, info})
	case spawnRequest:
		reply := actor.DeferReply(c, m)
		n.wg.Go(func() { // Init may take its time
			pid, err := n.start(m.Kind, m.Args)
			if err != nil {
				reply.Fail(err)
				return
			}
			reply.Reply(pid)
		})
	default:
		return c.Unhandled()
	}
	return nil
}

func (n *Node) start(kind string, args any) (actor.PID, error) {
	a, err := n.NewActor(kind, args)
	if err != nil {
		return actor.PID{}, err
	}
	return n.sys.Spawn(a)
}

// NewActor makes what SpawnOn would start here, and does not start it. It is for packages that start kinds in their own way.
func (n *Node) NewActor(kind string, args any) (actor.Actor, error) {
	k, ok := n.kinds[kind]
	if !ok {
		return nil, fmt.Errorf("%w: %q at %s", ErrUnknownKind, kind, n.sys.Name())
	}
	return k.make(args)
}

// make is start that turns a panic into an error: the arguments came from another node.
func (k Kind) make(args any) (a actor.Actor, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &actor.PanicError{Value: v}
		}
	}()
	return k.start(args)
}

// SpawnOn starts a process at a member, of a kind that it knows by name; the arguments travel. It returns after Init, with its
// error. The process has no parent; monitor or link it to learn of its end.
func (n *Node) SpawnOn(ctx context.Context, m Member, kind string, args any) (actor.PID, error) {
	if n.isSelf(m) {
		return n.start(kind, args)
	}
	pid, err := askNode(ctx, n, m, spawnRequest{Kind: kind, Args: args})
	if err != nil {
		return actor.PID{}, fmt.Errorf("cluster: SpawnOn %s: %w", m.Name, err)
	}
	return pid, nil
}

// Whereis asks a member who holds a name there. ok is false if nobody does.
func (n *Node) Whereis(ctx context.Context, m Member, name string) (pid actor.PID, ok bool, err error) {
	if n.isSelf(m) {
		pid, ok = n.sys.Whereis(name)
		return pid, ok, nil
	}
	pid, err = askNode(ctx, n, m, whereisRequest{Name: name})
	return pid, err == nil && !pid.IsZero(), err
}

// Info looks at a process, on whichever node it is. ok is false if it does not exist.
func (n *Node) Info(ctx context.Context, pid actor.PID) (info actor.Info, ok bool, err error) {
	a := pid.Address()
	if a.Node == n.sys.Name() && (a.Incarnation == 0 || a.Incarnation == n.sys.Incarnation()) || pid.IsZero() {
		info, ok = n.sys.Info(pid)
		return info, ok, nil
	}
	r, err := askNode(ctx, n, Member{Name: a.Node, Incarnation: a.Incarnation}, infoRequest{PID: pid})
	if errors.Is(err, actor.NoProc) {
		return actor.Info{}, false, nil
	}
	return r.Info, r.Known, err
}

func (n *Node) isSelf(m Member) bool {
	return m.Name == n.sys.Name() && m.Incarnation == n.sys.Incarnation()
}

func askNode[R any](ctx context.Context, n *Node, m Member, req actor.Request[R]) (R, error) {
	var none R
	if m.IsZero() {
		return none, ErrNotMember
	}
	return actor.Ask(ctx, n.Named(m, serverName), req)
}
