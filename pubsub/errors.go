package pubsub

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrClosed: the PubSub was closed.
	ErrClosed = errors.New("pubsub: closed")
	// ErrNotLocal: the process is of another node. Subscribe it there.
	ErrNotLocal = errors.New("pubsub: the process is not of this node")
	// ErrLocal: there are no other nodes, because the PubSub was made with [NewLocal].
	ErrLocal = errors.New("pubsub: this PubSub belongs to no cluster")
)

// PartialError is the error of an operation that some nodes did not answer in time. A [PubSub.Subscribe] that returns it has
// subscribed: events of these nodes may be missed until they have heard of it.
type PartialError struct {
	Nodes []string // by name, sorted
}

// Error implements error.
func (e *PartialError) Error() string {
	return fmt.Sprintf("pubsub: no answer yet from %s", strings.Join(e.Nodes, ", "))
}
