package supervision

import "time"

// window counts restarts over a sliding time, as OTP's supervisor does: a restart at t is counted until t + period,
// that instant included, and more than intensity of them within it are too many.
//
// It holds at most intensity + 1 instants. Source: supervisor.erl, add_restart.
type window struct {
	intensity int // < 0: none allowed
	period    time.Duration
	times     []time.Duration // ascending
}

// add counts a restart at now and reports whether it is still allowed. Instants must not decrease.
func (w *window) add(now time.Duration) bool {
	old := 0
	for old < len(w.times) && now-w.times[old] > w.period {
		old++
	}
	if old > 0 {
		w.times = w.times[:copy(w.times, w.times[old:])]
	}
	if len(w.times) >= max(w.intensity, 0) {
		return false
	}
	w.times = append(w.times, now)
	return true
}
