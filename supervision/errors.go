package supervision

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// What child administration can answer. Every method documents which of them it returns; compare with errors.Is.
var (
	// ErrAlreadyStarted: a child with this id runs. Its PID is returned beside the error.
	ErrAlreadyStarted = errors.New("supervision: a child with this id is running already")
	// ErrAlreadyPresent: a child with this id is known but does not run. RestartChild starts it, DeleteChild forgets it.
	ErrAlreadyPresent = errors.New("supervision: a child with this id is known and not running; restart or delete it")
	// ErrNotFound: no child has this id or PID.
	ErrNotFound = errors.New("supervision: no such child")
	// ErrRunning: the child runs. Terminate it first.
	ErrRunning = errors.New("supervision: the child is running; terminate it first")
	// ErrRestarting: the child waits to be started again. Terminate it first.
	ErrRestarting = errors.New("supervision: the child is restarting; terminate it first")
	// ErrMaxChildren: a dynamic supervisor has as many children as DynamicSpec.MaxChildren allows, restarting ones
	// included.
	ErrMaxChildren = errors.New("supervision: the dynamic supervisor has MaxChildren children")
	// ErrNotReady: a child with a Ready time did not report in time; it was killed and counts as failed to start.
	ErrNotReady = errors.New("supervision: the child did not become ready in time")
	// ErrUnresponsive: a child failed its liveness probe and was killed for it. It is the LastExit of such a child.
	ErrUnresponsive = errors.New("supervision: the child failed its liveness probe")
	// ErrTimeout: an item of a Stream took longer than its time; its task was killed.
	ErrTimeout = errors.New("supervision: the task took too long and was killed")
)

// Fault is one thing that is wrong with a specification.
type Fault struct {
	Path  string // of ids, from the top supervisor down: "app/db/pool"; children without an id by number: "app/#2"
	Field string // of the Spec or Child at Path
	Why   string // and what to do about it
}

// String is the fault as one line.
func (f Fault) String() string {
	if f.Path == "" {
		return f.Field + " " + f.Why
	}
	return f.Path + ": " + f.Field + " " + f.Why
}

// SpecError tells everything that is wrong with a specification, nested ones included. Nothing was started.
type SpecError struct{ Faults []Fault }

// Error lists the faults.
func (e *SpecError) Error() string {
	if len(e.Faults) == 1 {
		return "supervision: bad specification: " + e.Faults[0].String()
	}
	lines := make([]string, 0, len(e.Faults))
	for _, f := range e.Faults {
		lines = append(lines, f.String())
	}
	return fmt.Sprintf("supervision: bad specification, %d faults:\n\t%s", len(lines), strings.Join(lines, "\n\t"))
}

// StartError says which child could not be started and why. It is returned by Start, StartChild and RestartChild, and
// is the exit reason of a supervisor that failed to start its first children: errors.Is finds Shutdown in it, as in
// OTP's {shutdown, {failed_to_start_child, Id, Reason}}, and the child's error.
type StartError struct {
	ID  string
	Err error // what the child's Init returned, or why its process ended
}

// Error names the child and the cause.
func (e *StartError) Error() string {
	return fmt.Sprintf("supervision: child %q failed to start: %v", e.ID, e.Err)
}

// Unwrap gives Shutdown and the cause.
func (e *StartError) Unwrap() []error { return []error{actor.Shutdown, e.Err} }

// IntensityError is the exit reason of a supervisor whose children had to be restarted too often. It is a Shutdown: a
// Transient supervisor that ends with it is not restarted.
type IntensityError struct {
	ID        string // the child whose restart was one too many
	Intensity int
	Period    time.Duration
	Last      error // why that child ended; not found by errors.Is
}

// Error names the child, the limit and the last failure.
func (e *IntensityError) Error() string {
	return fmt.Sprintf("supervision: more than %d restarts in %v; child %q ended last: %v", max(e.Intensity, 0), e.Period, e.ID, e.Last)
}

// Unwrap gives Shutdown.
func (e *IntensityError) Unwrap() error { return actor.Shutdown }

// classify is what restart decisions make of an exit reason.
func classify(reason error) exitClass {
	if reason == nil {
		return exitNormal
	}
	if _, ok := errors.AsType[*actor.PanicError](reason); ok {
		return exitAbnormal
	}
	if _, ok := errors.AsType[*actor.ExitError](reason); ok {
		return exitAbnormal
	}
	switch {
	case errors.Is(reason, actor.Normal):
		return exitNormal
	case errors.Is(reason, actor.Shutdown):
		return exitShutdown
	default:
		return exitAbnormal
	}
}
