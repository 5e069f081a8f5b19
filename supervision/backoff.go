package supervision

import (
	"math"
	"time"
)

// Backoff spaces the restarts of a child that fails again and again. The zero value waits not at all, as OTP does.
//
// The n-th restart in a row, counted from zero, waits Min·Factorⁿ, at most Max, less a random part of up to Jitter of
// it. A child that ran for Reset since its last start begins again at n = 0. While it waits the child is "restarting":
// it can be terminated, and the supervisor serves its other children. With OneForAll and RestForOne the siblings are
// stopped at once and wait too. Every restart counts against the intensity, delayed or not.
type Backoff struct {
	Min    time.Duration // first delay; zero: no backoff at all, the other fields must then be zero
	Max    time.Duration // longest delay; zero: 30 s, or Min if that is longer
	Factor float64       // growth from one restart to the next; zero: 2; at least 1
	Jitter float64       // part of the delay that is random, 0 to 1
	Reset  time.Duration // a run this long counts as healthy; zero: twice Max
}

const defaultMaxBackoff = 30 * time.Second

// withDefaults fills in what the zero values stand for.
func (b Backoff) withDefaults() Backoff {
	if b.Min == 0 {
		return b
	}
	if b.Max == 0 {
		b.Max = max(defaultMaxBackoff, b.Min)
	}
	if b.Factor == 0 {
		b.Factor = 2
	}
	if b.Reset == 0 {
		b.Reset = 2 * b.Max
		if b.Reset < b.Max { // overflow
			b.Reset = Infinity
		}
	}
	return b
}

// delay is the wait before the n-th restart in a row; rnd in [0, 1) chooses the jitter. b has its defaults.
func (b Backoff) delay(n int, rnd float64) time.Duration {
	if b.Min <= 0 {
		return 0
	}
	d := float64(b.Min) * math.Pow(b.Factor, float64(n))
	if d > float64(b.Max) { // also when it is +Inf
		d = float64(b.Max)
	}
	return time.Duration(d * (1 - b.Jitter*rnd))
}

// check reports what is wrong with b, as faults of the given path.
func (b Backoff) check(path string, report func(path, field, why string)) {
	if b.Min < 0 || b.Max < 0 || b.Reset < 0 {
		report(path, "Backoff", "Min, Max and Reset must not be negative")
	}
	if b.Min == 0 && (b != Backoff{}) {
		report(path, "Backoff.Min", "is zero, which means no backoff, but other fields are set; set Min, the first delay")
	}
	if b.Max > 0 && b.Max < b.Min {
		report(path, "Backoff.Max", "must not be less than Min")
	}
	if b.Factor != 0 && !(b.Factor >= 1) || math.IsInf(b.Factor, 0) {
		report(path, "Backoff.Factor", "must be a number of at least 1, or 0 for the default of 2")
	}
	if !(b.Jitter >= 0 && b.Jitter <= 1) {
		report(path, "Backoff.Jitter", "must be from 0 to 1")
	}
}
