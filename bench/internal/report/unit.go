package report

import (
	"fmt"
	"math"
	"strconv"
)

// Unit says what a figure or the limit of a goal counts.
type Unit string

// The units of figures, and the baselines goals may be stated in.
const (
	Nanoseconds  Unit = "ns"
	Milliseconds Unit = "ms"
	Bytes        Unit = "B"
	Count        Unit = ""
	Allocs       Unit = "allocs"
	Million      Unit = "M/s"

	// Chan is one message through a buffered channel with one producer and one consumer.
	Chan Unit = "chan"
	// Hop is one hop of a ping-pong over unbuffered channels.
	Hop Unit = "hop"
	// TCP is one small record through a buffered TCP connection between two OS processes.
	TCP Unit = "tcp"
	// RTT is one round trip of a small record over a TCP connection between two OS processes.
	RTT Unit = "rtt"
)

// Baseline reports whether u is a multiple of another measurement of the same run.
func (u Unit) Baseline() bool { return meaning[u] != "" }

// Format writes v in unit u with about three significant digits.
func (u Unit) Format(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	switch u {
	case Nanoseconds:
		return formatScaled(v, 10_000, []string{"ns", "µs", "ms", "s"}, 1000)
	case Milliseconds:
		return formatScaled(v*1e6, 1000, []string{"ns", "µs", "ms", "s"}, 1000)
	case Bytes:
		return formatScaled(v, 10_000, []string{"B", "KB", "MB", "GB"}, 1000)
	case Count:
		return digits(v)
	default:
		return digits(v) + " " + string(u)
	}
}

// formatScaled divides v by step until it is below threshold, and appends the name of the unit reached.
func formatScaled(v, threshold float64, names []string, step float64) string {
	i := 0
	for math.Abs(v) >= threshold && i < len(names)-1 {
		v /= step
		i++
	}
	return digits(v) + " " + names[i]
}

// digits writes v with three significant digits, never in exponent form.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100 || v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// formatRange writes the spread of s in unit u, for instance "38.2–47.1 ns".
func formatRange(s Series, u Unit) string {
	if len(s) < 2 {
		return ""
	}
	return fmt.Sprintf("%s…%s", u.Format(s.Min()), u.Format(s.Max()))
}
