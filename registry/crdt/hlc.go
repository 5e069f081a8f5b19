package crdt

import (
	"fmt"
	"math"
	"time"
)

// MaxSkew is how far a stamp may lie ahead of the local wall clock and still be merged.
const MaxSkew = 500 * time.Millisecond

// counterBits of a Stamp count events within one millisecond.
const counterBits = 16

// Stamp is a hybrid logical time: milliseconds since 1970 in the upper 48 bits, a counter in the lower 16. Stamps of
// one clock are unique; those of two clocks may be equal, and whoever orders them needs a second key.
type Stamp uint64

// StampOf is the least stamp of the millisecond of t. Times before 1970 count as 1970.
func StampOf(t time.Time) Stamp {
	ms := t.UnixMilli()
	switch {
	case ms <= 0:
		return 0
	case ms >= 1<<(64-counterBits):
		return math.MaxUint64
	}
	return Stamp(ms) << counterBits
}

// Time is the wall clock part of s.
func (s Stamp) Time() time.Time { return time.UnixMilli(int64(s >> counterBits)) }

// String shows the time and the counter.
func (s Stamp) String() string {
	return fmt.Sprintf("%s+%d", s.Time().UTC().Format("2006-01-02T15:04:05.000Z"), s&(1<<counterBits-1))
}

// Clock is a hybrid logical clock as a value: its methods return the clock that follows, and read no time themselves.
// The zero value is ready to use. The algorithm is that of Kulkarni, Demirbas, Madappa, Avva and Leone, "Logical
// Physical Clocks" (OPODIS 2014), with both parts in one number, so that a full counter carries into the milliseconds.
type Clock struct{ last Stamp }

// Last is the greatest stamp the clock has issued or merged.
func (c Clock) Last() Stamp { return c.last }

// Tick issues a stamp greater than all that the clock issued or merged before, however the wall clock moved.
func (c Clock) Tick(now time.Time) (Clock, Stamp) {
	next := StampOf(now)
	if next <= c.last && c.last < math.MaxUint64 {
		next = c.last + 1
	}
	next = max(next, c.last)
	return Clock{next}, next
}

// Merge makes later stamps of c greater than s, which another node issued. A stamp further ahead of now than MaxSkew
// is refused with a [*SkewError], and the clock stays as it is: one node whose clock is wrong must not drag the others
// along.
func (c Clock) Merge(s Stamp, now time.Time) (Clock, error) {
	if s <= c.last {
		return c, nil
	}
	if ahead := s.Time().Sub(now); ahead > MaxSkew {
		return c, &SkewError{Stamp: s, Ahead: ahead}
	}
	return Clock{s}, nil
}

// SkewError is returned for a stamp too far in the future. The node that sent it should be refused until its clock is
// set right; the two clocks differ by about Ahead.
type SkewError struct {
	Stamp Stamp
	Ahead time.Duration
}

func (e *SkewError) Error() string {
	return fmt.Sprintf("crdt: stamp %v is %v ahead of the local clock, more than %v", e.Stamp, e.Ahead, MaxSkew)
}
