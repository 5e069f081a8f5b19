package lease

import (
	"errors"
	"fmt"
)

var (
	// ErrTaken: another process holds the name, or held it until a moment ago. Ask again later, or register with [Wait]. The
	// error is a [TakenError] that says who.
	ErrTaken = errors.New("lease: the name is taken")
	// ErrUnavailable: Consul did not answer, or not in time, or refused; the error says what it said. Nothing is held. Whether
	// Consul acted is unknown; if it did, that is taken back.
	ErrUnavailable = errors.New("lease: Consul is not available")
	// ErrExpired: the lease is over, because it could not be renewed in time, the session was destroyed, or the name was given
	// back. Stop writing.
	ErrExpired = errors.New("lease: the lease is over")
	// ErrNotLocal: the process lives on another node. Only the node of a process registers it, and gives its names back.
	ErrNotLocal = errors.New("lease: not a process of this node")
	// ErrNotFound: there is nothing to give back.
	ErrNotFound = errors.New("lease: no such entry")
	// ErrClosed: the registry was closed.
	ErrClosed = errors.New("lease: closed")
	// ErrLimit: a name or metadata is empty or too long.
	ErrLimit = errors.New("lease: over the limit")
)

// TakenError says who holds a name.
type TakenError struct {
	Name string
	// Owner is what Consul knows of the holder. It is zero if nobody holds the name and Consul holds it back for a while after
	// the last holder's session ended (the lock delay).
	Owner Entry
}

func (e *TakenError) Error() string {
	if e.Owner.Session == "" {
		return fmt.Sprintf("lease: the name %q was lost by its holder, and Consul holds it back for the lock delay; try again later", e.Name)
	}
	return fmt.Sprintf("lease: the name %q is taken by %s", e.Name, e.Owner.who())
}

// Is makes the error an [ErrTaken].
func (e *TakenError) Is(target error) bool { return target == ErrTaken }

// ConfigError says which field of a [Config] is wrong, why, and how to put it right.
type ConfigError struct {
	Field string
	Value any // nil if it is secret
	Why   string
	Cure  string
}

func (e *ConfigError) Error() string {
	if e.Value == nil {
		return fmt.Sprintf("lease: Config.%s: %s; %s", e.Field, e.Why, e.Cure)
	}
	return fmt.Sprintf("lease: Config.%s is %#v: %s; %s", e.Field, e.Value, e.Why, e.Cure)
}

// unavailable wraps what Consul, or the way to it, said.
func unavailable(what string, cause error) error {
	if cause == nil {
		return fmt.Errorf("%w: %s", ErrUnavailable, what)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, what, cause)
}
