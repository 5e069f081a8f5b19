package actor

import (
	"errors"
	"fmt"
)

// Reasons of exits, failed asks and dead letters. They are judged by errors.Is; nil counts as Normal.
var (
	// Normal ends a process without harm: links that do not trap exits ignore it.
	Normal error = reason("normal")
	// Shutdown is the reason a supervisor or [System.Shutdown] gives. Wrap it to add a detail.
	Shutdown error = reason("shutdown")
	// Kill, sent with Exit, ends a process at once and cannot be trapped. Links and monitors see [Killed].
	Kill error = reason("kill")
	// Killed is the reason of a process that was ended by [Kill].
	Killed error = reason("killed")
	// NoProc: the process does not exist.
	NoProc error = reason("noproc")
	// NoConnection: the node of the process cannot be reached.
	NoConnection error = reason("noconnection")
	// Ignore, returned by Init, ends the process as if it had never been wanted: Spawn returns it, links see Normal.
	Ignore error = reason("ignore")

	// ErrMailboxFull: a bounded mailbox refused or evicted the message.
	ErrMailboxFull error = reason("mailbox full")
	// ErrOverloaded: the receiver's node sheds load.
	ErrOverloaded error = reason("overloaded")
	// ErrExpired: the deadline of the request passed, or its asker gave up, before it was handled.
	ErrExpired error = reason("expired")
	// ErrUnhandled: the receiver called [Context.Unhandled].
	ErrUnhandled error = reason("unhandled")
	// ErrNoReply: a request was handled without an answer.
	ErrNoReply error = reason("no reply")
	// ErrWrongType: a typed process got a message of another type, or an answer has another type than its request wants.
	ErrWrongType error = reason("wrong type")
	// ErrExited: the receiver ended before it handled the message.
	ErrExited error = reason("receiver ended")
	// ErrSenderDead: the sender was killed before it sent the message.
	ErrSenderDead error = reason("sender was killed")
	// ErrStopped: the System was shut down.
	ErrStopped error = reason("system was shut down")
	// ErrSelfAsk: a process asked itself, which could never be answered.
	ErrSelfAsk error = reason("a process cannot ask itself")
	// ErrNameTaken: another process holds the name.
	ErrNameTaken error = reason("name is taken")
	// ErrTooManyProcesses: the process table is full.
	ErrTooManyProcesses error = reason("too many processes")

	// ErrUnknownType: the type of the message is not registered at this node or at the other.
	ErrUnknownType error = reason("unknown type")
	// ErrNotEncodable: the message cannot travel, or did not arrive as it should.
	ErrNotEncodable error = reason("not encodable")
	// ErrTooLarge: the message is larger than what may travel.
	ErrTooLarge error = reason("too large")
	// ErrUnsupported: the message needs something that the receiving node's version does not know.
	ErrUnsupported error = reason("unsupported")
	// ErrConnectionLost: the connection was lost before the other node acknowledged the message. It may have been handled.
	ErrConnectionLost error = reason("connection lost")
)

type reason string

func (r reason) Error() string { return string(r) }

// PanicError is the reason of a process whose code panicked or called runtime.Goexit. It is always abnormal.
type PanicError struct {
	Value any    // what was passed to panic; for Goexit a text
	Stack []byte // of the goroutine that panicked
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// ExitError is what [Ask] returns when the process asked ended before it answered. As a reason it is always abnormal,
// whatever it wraps: returning the error of an Ask is never a normal end.
type ExitError struct {
	PID    PID
	Reason error
}

func (e *ExitError) Error() string { return fmt.Sprintf("%v ended: %v", e.PID, e.Reason) }

// Unwrap returns the reason.
func (e *ExitError) Unwrap() error { return e.Reason }

// IsNormal reports whether a process with this reason ended normally: nil or Normal, and not in an [ExitError] or [PanicError].
func IsNormal(err error) bool { return err == nil || isReason(err, Normal) }

// isReason is errors.Is, except that what an ExitError or a PanicError wraps is somebody else's reason.
func isReason(err, target error) bool {
	if err == target {
		return true
	}
	if err == nil || !errors.Is(err, target) {
		return false
	}
	_, exit := errors.AsType[*ExitError](err)
	_, panicked := errors.AsType[*PanicError](err)
	return !exit && !panicked
}

// reasonKey is the key of [Stats.DeadBy]: the text of the sentinel behind err, so that the map stays small.
func reasonKey(err error) string {
	if r, ok := errors.AsType[reason](err); ok {
		return string(r)
	}
	return "other"
}
