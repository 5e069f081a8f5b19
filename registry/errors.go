package registry

import (
	"errors"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

var (
	// ErrTaken: another process holds the name. The error is a [TakenError] that says which.
	ErrTaken = errors.New("registry: the name is taken")
	// ErrNameConflict is what every [NameConflict] is.
	ErrNameConflict = errors.New("registry: name conflict")
	// ErrNotLocal: the process lives on another node. Only the node of a process registers it, and takes its names back.
	ErrNotLocal = errors.New("registry: not a process of this node")
	// ErrNotFound: there is nothing to take back.
	ErrNotFound = errors.New("registry: no such entry")
	// ErrClosed: the registry was closed.
	ErrClosed = errors.New("registry: closed")
	// ErrSkew: the clock of a node is ahead of this one's by more than half a second; nothing of it is taken until it is set
	// right. The error is a [SkewError].
	ErrSkew = errors.New("registry: clocks differ too much")
	// ErrLimit: a name or metadata is empty or too long.
	ErrLimit = crdt.ErrLimit
)

// TakenError says who holds a name.
type TakenError struct {
	Name  string
	Owner actor.PID
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("registry: the name %q is taken by %v", e.Name, e.Owner)
}

// Is makes the error an [ErrTaken].
func (e *TakenError) Is(target error) bool { return target == ErrTaken }

// NameConflict is the reason with which a process ends that held a name another process holds by better right: what happens when
// both were registered before their nodes had heard of each other. It is an abnormal reason. A process that traps exits gets
// it as an ExitSignal and lives on without the name.
type NameConflict struct {
	Name   string
	Winner actor.PID
}

func (e *NameConflict) Error() string {
	return fmt.Sprintf("registry: name conflict: %v holds %q", e.Winner, e.Name)
}

// Is makes the error an [ErrNameConflict].
func (e *NameConflict) Is(target error) bool { return target == ErrNameConflict }

// SkewError names a node whose clock is ahead.
type SkewError struct {
	Node  string
	Ahead time.Duration
}

func (e *SkewError) Error() string {
	return fmt.Sprintf("registry: the clock of node %s is %v ahead of this one's, more than %v; set it right: nothing is taken from it until then",
		e.Node, e.Ahead.Round(time.Millisecond), crdt.MaxSkew)
}

// Is makes the error an [ErrSkew].
func (e *SkewError) Is(target error) bool { return target == ErrSkew }

// Types are what of this package travels between nodes as a message or a reason. Add them to cluster.Config.Types, so that who is
// linked to a process that lost its name, on another node, is told so.
func Types() []cluster.Type {
	return []cluster.Type{cluster.TypeOf[NameConflict]("registry.conflict"), cluster.TypeOf[Offered]("registry.offered")}
}
