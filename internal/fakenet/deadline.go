package fakenet

import (
	"sync"
	"time"
)

// deadline ends waits on a condition.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

// set moves the deadline and wakes who waits, who looks at it anew. The lock of cond is held.
func (d *deadline) set(at time.Time, cond *sync.Cond) {
	d.stop()
	d.at = at
	if wait := time.Until(at); !at.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, func() {
			cond.L.Lock()
			defer cond.L.Unlock()
			cond.Broadcast()
		})
	}
	cond.Broadcast()
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
