package lease

import "time"

// life decides what a node may believe of its session at Consul, and when it asks. It is a value without clock or network: times are
// passed in, all from the same monotonic clock.
//
// Invariants: until never moves backwards while session stays the same, and is at most ValidFor after the send time of a request
// that Consul answered well. At most one request that counts is under way. A session that ended is never taken up again.
type life struct {
	t       timings
	session string    // "" if there is none
	until   time.Time // the moment the node stops believing in session
	due     time.Time // of the next request
	asking  uint64    // the number of the request under way, 0 if there is none
	asked   uint64    // how many there were
}

// timings are those of a Config.
type timings struct {
	ttl, renew, validFor, lockDelay, timeout, retryAfter time.Duration
}

// request is to be sent to Consul: renew a session, or create one.
type request struct {
	number uint64
	renew  string // "" is create
}

// answer is what came of a request.
type answer struct {
	number  uint64
	sent    time.Time // before the request was handed to the network
	session string    // that was created or renewed; "" if it failed
	gone    bool      // Consul answered that it knows no such session
}

// effect is what a step of life wants done.
type effect struct {
	ended   string // a session this node believed in, and must not from now on: kill, then destroy it
	orphan  string // a session that was created too late to be used: destroy it
	began   string // a new session
	renewed bool   // until has moved
	request *request
}

// tick lets time pass. wake is when to call again at the latest; zero says that only an answer brings news.
func (l *life) tick(now time.Time) (e effect, wake time.Time) {
	if l.session != "" && !now.Before(l.until) {
		e.ended = l.end(now)
	}
	if l.asking == 0 && !now.Before(l.due) {
		l.asked++
		l.asking = l.asked
		e.request = &request{l.asking, l.session}
	}
	if l.session != "" {
		wake = l.until
	}
	if l.asking == 0 && (wake.IsZero() || l.due.Before(wake)) {
		wake = l.due
	}
	return e, wake
}

// answered takes in what came of a request. An answer that comes when the session was given up already changes nothing, whatever
// it says.
func (l *life) answered(now time.Time, a answer) (e effect) {
	if l.session != "" && !now.Before(l.until) {
		e.ended = l.end(now)
	}
	if a.number != l.asking {
		if a.session != l.session && a.session != e.ended {
			e.orphan = a.session
		}
		return e
	}
	l.asking = 0
	until := a.sent.Add(l.t.validFor)
	switch {
	case a.gone && l.session != "":
		e.ended = l.end(now)
	case a.session == "":
		l.due = now.Add(l.t.retryAfter)
	case l.session == "" && !now.Before(until):
		e.orphan = a.session
		l.due = now.Add(l.t.retryAfter)
	case l.session == "":
		l.session, l.until, l.due = a.session, until, a.sent.Add(l.t.renew)
		e.began = a.session
	case a.session == l.session:
		if until.After(l.until) {
			l.until = until
		}
		l.due = a.sent.Add(l.t.renew)
		e.renewed = true
	}
	return e
}

// hurry makes the next request due now.
func (l *life) hurry(now time.Time) {
	if l.due.After(now) {
		l.due = now
	}
}

// end gives the session up. A request under way does not count any more; a new session is asked for at once.
func (l *life) end(now time.Time) (session string) {
	session = l.session
	l.session, l.until, l.asking, l.due = "", time.Time{}, 0, now
	return session
}
