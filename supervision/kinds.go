package supervision

import (
	"math"
	"strconv"
	"time"
)

// Strategy says which children restart when one of them has to. The zero value is OneForOne. Source: OTP supervisor,
// "Supervision Principles".
type Strategy uint8

const (
	// OneForOne restarts the child that ended and no other.
	OneForOne Strategy = iota
	// OneForAll stops all other children, in reverse start order, and then starts all of them in start order: also
	// those that were idle, by TerminateChild or by a normal end.
	OneForAll
	// RestForOne does what OneForAll does with the child that ended and those started after it.
	RestForOne
)

// String gives the name of the constant, or Strategy(n) for a value that is none.
func (s Strategy) String() string {
	return nameOf("Strategy", int(s), "OneForOne", "OneForAll", "RestForOne")
}

// Restart says after which ends a child is restarted. The zero value is Permanent.
type Restart uint8

const (
	// Permanent children are restarted whatever their reason was.
	Permanent Restart = iota
	// Transient children are restarted unless they ended with Normal or Shutdown, or an error that wraps one of them.
	Transient
	// Temporary children are never restarted; their specification is dropped when they end.
	Temporary
)

// String gives the name of the constant, or Restart(n) for a value that is none.
func (r Restart) String() string {
	return nameOf("Restart", int(r), "Permanent", "Transient", "Temporary")
}

// AutoShutdown says whether a supervisor ends itself, with Shutdown, when significant children end by themselves and are
// not restarted. TerminateChild and stops on behalf of a sibling do not count. The zero value is Never.
type AutoShutdown uint8

const (
	// Never is the default; significant children are then refused.
	Never AutoShutdown = iota
	// AnySignificant ends the supervisor when one significant child has ended.
	AnySignificant
	// AllSignificant ends the supervisor when the last significant child has ended.
	AllSignificant
)

// String gives the name of the constant, or AutoShutdown(n) for a value that is none.
func (a AutoShutdown) String() string {
	return nameOf("AutoShutdown", int(a), "Never", "AnySignificant", "AllSignificant")
}

const (
	// NoRestarts as an Intensity: the first restart that is due ends the supervisor. (Zero means the default, 3.)
	NoRestarts = -1
	// DefaultIntensity and DefaultPeriod are used where a spec leaves zero: at most three restarts in five seconds.
	DefaultIntensity = 3
	DefaultPeriod    = 5 * time.Second
	// DefaultShutdown is the time a child that is no supervisor gets to end itself.
	DefaultShutdown = 5 * time.Second
)

const (
	// BrutalKill as a Shutdown: the child is killed at once, its Terminate is not called.
	BrutalKill time.Duration = -1
	// Infinity as a Shutdown: wait as long as the child takes. It is the default for supervisors.
	Infinity time.Duration = math.MaxInt64
)

func nameOf(kind string, n int, names ...string) string {
	if n >= 0 && n < len(names) {
		return names[n]
	}
	return kind + "(" + strconv.Itoa(n) + ")"
}
