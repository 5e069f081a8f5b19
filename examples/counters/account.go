package main

import "fmt"

// account is what the sender of updates knows of one counter, from the answers alone. Requests come one after the other.
type account struct {
	next  uint64 // number of the last update that was sent
	life  string // of the last answer
	count uint64 // that it gave
	doubt uint64 // updates sent since then without an answer: each was counted or not

	acked   uint64 // updates answered, of all lives
	now     uint64 // of them those of this life
	lost    uint64 // of them those of lives that are over
	renewed int    // how many are
	failed  uint64 // requests without an answer
}

// answered enters the answer to an update, or, with updates 0, to a question. The error says what cannot be.
func (a *account) answered(t tally, updates uint64) error {
	known := a.count
	if t.Life != a.life {
		if a.life != "" {
			a.renewed++
		}
		a.lost += a.now
		a.now, known = 0, 0
	}
	low := known + updates
	high := low + a.doubt
	a.life, a.count, a.doubt = t.Life, t.Count, 0
	a.acked += updates
	a.now += updates
	switch {
	case t.Count < low:
		return fmt.Errorf("it says %d: %d updates were lost", t.Count, low-t.Count)
	case t.Count > high:
		return fmt.Errorf("it says %d: %d updates were counted that nobody sent", t.Count, t.Count-high)
	}
	return nil
}

// unanswered enters a request that has failed.
func (a *account) unanswered(updates uint64) {
	a.doubt += updates
	a.failed++
}
