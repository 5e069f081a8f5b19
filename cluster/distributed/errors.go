package distributed

import (
	"errors"
	"fmt"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
)

var (
	// ErrAlreadyStarted: there is a child with this id, and it runs, or is about to. Start returns its PID, if there is one,
	// beside the error.
	ErrAlreadyStarted = errors.New("cluster/distributed: a child with this id is there already")
	// ErrAlreadyPresent: there is a child with this id that was terminated or has failed. Restart or Delete it.
	ErrAlreadyPresent = errors.New("cluster/distributed: a child with this id is known and does not run; restart or delete it")
	// ErrNotFound: no child has this id.
	ErrNotFound = errors.New("cluster/distributed: no such child")
	// ErrRunning: the child is meant to run. Terminate it first.
	ErrRunning = errors.New("cluster/distributed: the child is running; terminate it first")
	// ErrDeleted: while it was started, the child was deleted, or it ended and is not to be restarted, or its Init returned
	// actor.Ignore.
	ErrDeleted = errors.New("cluster/distributed: the child was deleted, or ended for good, while it was started")
	// ErrIntensity: the child was restarted too often. Restart starts it again.
	ErrIntensity = errors.New("cluster/distributed: restarted too often")
	// ErrClosed: the supervisor was closed.
	ErrClosed = errors.New("cluster/distributed: closed")
	// ErrNameConflict is what every [NameConflict] is.
	ErrNameConflict = errors.New("cluster/distributed: name conflict")
)

// ConfigError says which field of a [Config] or [Child] is wrong, why, and how to put it right.
type ConfigError struct {
	Field string
	Value any
	Why   string
	Cure  string
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("cluster/distributed: %s is %#v: %s; %s", e.Field, e.Value, e.Why, e.Cure)
}

// StartError says why a child could not be started. Where it was tried at another node Err has only the text.
type StartError struct {
	ID   string
	Node string
	Err  error
}

func (e *StartError) Error() string {
	return fmt.Sprintf("cluster/distributed: child %q failed to start at %s: %v", e.ID, e.Node, e.Err)
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// NameConflict is the reason with which a process ends when the same child runs elsewhere by better right: both were started
// while their nodes did not see each other. The child is not restarted, and nothing is counted against it.
type NameConflict struct {
	Name   string // the child's id
	Winner actor.PID
}

func (e *NameConflict) Error() string {
	return fmt.Sprintf("cluster/distributed: %v is %q by better right", e.Winner, e.Name)
}

// Is makes the error an [ErrNameConflict].
func (e *NameConflict) Is(target error) bool { return target == ErrNameConflict }

// Moved is the reason with which a process ends that goes on at another node. It is a Shutdown.
type Moved struct {
	To string // the node; empty if it is not known yet
}

func (e *Moved) Error() string { return fmt.Sprintf("cluster/distributed: moved to %q", e.To) }

// Unwrap returns actor.Shutdown.
func (e *Moved) Unwrap() error { return actor.Shutdown }

// Types are what of this package travels between nodes as a reason or a message. Add them to cluster.Config.Types: without them
// nothing is moved, and who is linked to a child of another node is not told why it ended.
func Types() []cluster.Type {
	return []cluster.Type{
		cluster.TypeOf[NameConflict]("distributed.conflict"), cluster.TypeOf[Moved]("distributed.moved"),
		cluster.TypeOf[flushWire]("distributed.flush"), cluster.TypeOf[arrivedWire]("distributed.arrived"),
		cluster.TypeOf[goWire]("distributed.go"),
	}
}
