package mailbox

import (
	"context"
	"errors"
	"fmt"
)

var (
	// ErrFull is returned for a value that a bounded queue has no room for.
	ErrFull = errors.New("mailbox: full")

	// ErrClosed is returned for a value pushed to a closed queue.
	ErrClosed = errors.New("mailbox: closed")
)

// Limits of a [Spec].
const (
	// DefaultCapacity is the capacity of a Bounded that was given none.
	DefaultCapacity = 1024

	// MaxLevels is the greatest number of levels a Priority can have.
	MaxLevels = 64
)

// Queue is a queue of many producers and one consumer. The package
// documentation states what every implementation guarantees.
type Queue[T any] interface {
	// Push adds v and never waits. The error is ErrFull when there is no room
	// for v and ErrClosed after Close; v is not in the queue then. With the
	// policy DropOldest, lost is what was dropped to make room; it is the zero
	// value of T when nothing was.
	Push(v T) (lost T, err error)

	// PushWait adds v. With the policy Block it waits for room, parked, until
	// there is some, or ctx ends (the error is ctx.Err()), or the queue is
	// closed (ErrClosed). With any other policy it does what Push does, and
	// does not report what DropOldest drops. If ctx has ended before the call,
	// the error is ctx.Err() even if there is room.
	PushWait(ctx context.Context, v T) error

	// Pop removes the next value. It reports false when there is none; it
	// never waits. After Close it returns what is left.
	Pop() (T, bool)

	// Len returns how many values Pop could return. Those of waiting
	// PushWaits do not count.
	Len() int

	// Close refuses all further values and wakes who waits. It discards
	// nothing and may be called more than once.
	Close()
}

// Overflow is what a full queue does with one more value.
type Overflow uint8

// The policies. DropNewest and Fail do the same in this package, refuse the
// value with ErrFull without waiting; the difference is for the caller, who
// under DropNewest takes the refusal as a normal loss and under Fail as an
// error of the sender.
const (
	// Block makes PushWait wait for room. Push, which never waits, returns
	// ErrFull. It is the zero value.
	Block Overflow = iota

	// DropNewest refuses the new value with ErrFull, as a loss that the sender
	// is not to hear of.
	DropNewest

	// DropOldest drops the oldest value to make room for the new one, and Push
	// returns what it dropped.
	DropOldest

	// Fail refuses the new value with ErrFull, as an error of the sender.
	Fail
)

// String returns the name of the policy.
func (o Overflow) String() string {
	switch o {
	case Block:
		return "Block"
	case DropNewest:
		return "DropNewest"
	case DropOldest:
		return "DropOldest"
	case Fail:
		return "Fail"
	default:
		return fmt.Sprintf("Overflow(%d)", uint8(o))
	}
}

// Spec describes a queue. The zero value describes an unbounded one.
type Spec struct {
	// Capacity is how many values the queue holds at most; 0 is no limit.
	Capacity int

	// Overflow is what happens at Capacity; it has no meaning without one.
	Overflow Overflow

	// Levels is the number of priority levels, at most MaxLevels; 0 is a
	// queue without priority.
	Levels int

	// Level returns the level of a message; 0 is the most urgent. Results
	// below 0 count as 0, and those beyond the last level as the last. It is
	// called by the sender, possibly by many at once, and must not block.
	Level func(msg any) int
}

// Validate returns nil, or an error that names the wrong field and what to
// write instead.
func (s Spec) Validate() error {
	switch {
	case s.Capacity < 0:
		return fmt.Errorf("mailbox: Spec.Capacity is %d: use 0 for no limit or a positive number", s.Capacity)
	case s.Overflow > Fail:
		return fmt.Errorf("mailbox: Spec.Overflow is %d: use Block, DropNewest, DropOldest or Fail", uint8(s.Overflow))
	case s.Overflow != Block && s.Capacity == 0:
		return fmt.Errorf("mailbox: Spec.Overflow is %v but Spec.Capacity is 0, so it never overflows: set Capacity or leave Overflow out", s.Overflow)
	case s.Levels < 0 || s.Levels > MaxLevels:
		return fmt.Errorf("mailbox: Spec.Levels is %d: use 0 for no priority or 1 to %d", s.Levels, MaxLevels)
	case s.Level != nil && s.Levels == 0:
		return errors.New("mailbox: Spec.Level is set but Spec.Levels is 0: set Levels to the number of levels or leave Level out")
	case s.Level == nil && s.Levels > 1:
		return fmt.Errorf("mailbox: Spec.Levels is %d but Spec.Level is nil: set Level to the function that gives a message's level or leave Levels out", s.Levels)
	}
	return nil
}
