package transport

import (
	"sync"
	"sync/atomic"
	"time"
)

// lane is one ordered stream of a session.
type lane struct {
	s      *Session
	id     Lane
	name   string
	wake   chan struct{} // for the writer
	signal chan struct{} // for run: something changed in conn

	received atomic.Uint64 // the last frame that was delivered
	in       inbound       // belongs to the reader, one after the other

	conn laneConn // under the session's mu

	mu       sync.Mutex // protects the following; nothing is waited for while it is held
	out      outlog
	wire     *wire // to write to; nil: none
	shutting bool  // nothing is taken any more
	dead     bool
	alias    *lane // takes what is sent here
	started  bool  // the session knows that the lane is used
	parked   bool  // the writer waits for wake
	ackDue   bool  // an acknowledgement must not wait any longer
	ackOut   uint64
	timing   bool          // timer runs
	timer    *time.Timer   // nil until it is first needed
	space    chan struct{} // closed when there is room again; nil: nobody waits
	refused  int           // bytes of the longest record that was not taken
	flushed  chan struct{} // closed when everything is acknowledged; nil: nobody waits
	saying   bool          // goodbye is to be said
	stats    LaneStats
}

func newLane(s *Session, id Lane, name string) *lane {
	l := &lane{s: s, id: id, name: name, wake: make(chan struct{}, 1), signal: make(chan struct{}, 1),
		started: id <= Default}
	l.out.open = -1
	return l
}

// send appends rec if it fits within bound.
func (l *lane) send(rec []byte, now bool, bound int) error {
	if len(rec) > chunkSize {
		return l.sendBig(rec, bound)
	}
	l.mu.Lock()
	if l.shutting || l.alias != nil {
		return l.sendElsewhere(rec, now, bound)
	}
	if !l.fits(len(rec), bound) {
		l.mu.Unlock()
		return ErrFull
	}
	l.out.append(rec, l.received.Load())
	l.stats.Sent++
	if now && l.direct() {
		return nil
	}
	wake, start := l.parked, !l.started
	l.parked, l.started = false, true
	l.mu.Unlock()
	if wake {
		l.rouse()
	}
	if start {
		l.s.want(l)
	}
	return nil
}

// sendElsewhere is send for a lane that takes nothing itself. l.mu is held, and released.
func (l *lane) sendElsewhere(rec []byte, now bool, bound int) error {
	to := l.alias
	shut := l.shutting
	l.mu.Unlock()
	if shut {
		return ErrDown
	}
	return to.send(rec, now, bound)
}

// sendBig is send for a record that needs more than one frame. It is copied before the lock is taken.
func (l *lane) sendBig(rec []byte, bound int) error {
	if len(rec) > l.s.t.cfg.Limits.Message {
		return ErrTooLarge
	}
	l.mu.Lock()
	if l.shutting || l.alias != nil {
		return l.sendElsewhere(rec, false, bound)
	}
	if !l.fits(len(rec), bound) {
		l.mu.Unlock()
		return ErrFull
	}
	l.mu.Unlock()
	big := newBig(rec)
	l.mu.Lock()
	if l.shutting || l.alias != nil {
		return l.sendElsewhere(rec, false, bound)
	}
	if !l.fits(len(rec), bound) {
		l.mu.Unlock()
		return ErrFull
	}
	l.out.appendBig(big, l.received.Load())
	l.stats.Sent++
	wake, start := l.parked, !l.started
	l.parked, l.started = false, true
	l.mu.Unlock()
	if wake {
		l.rouse()
	}
	if start {
		l.s.want(l)
	}
	return nil
}

// rouse wakes the writer.
func (l *lane) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// unpark wakes the writer if it waits. l.mu is held; the token has room.
func (l *lane) unpark() {
	if l.parked {
		l.parked = false
		l.rouse()
	}
}

// room returns a channel that is closed when there is room, or nil if there is.
func (l *lane) room(bound int) (<-chan struct{}, error) {
	l.mu.Lock()
	if to := l.alias; to != nil {
		l.mu.Unlock()
		return to.room(bound)
	}
	defer l.mu.Unlock()
	switch {
	case l.shutting:
		return nil, ErrDown
	case l.hasRoom(bound):
		return nil, nil
	}
	if l.space == nil {
		l.space = make(chan struct{})
	}
	return l.space, nil
}

// fits reports whether a record may be taken, and remembers what was refused. l.mu is held.
func (l *lane) fits(n, bound int) bool {
	if l.out.size+n < bound || l.out.size == 0 {
		return true
	}
	l.refused = max(l.refused, n)
	return false
}

// hasRoom reports whether waiting has an end: when what was refused would be taken, and not for a few bytes, so that who waits is
// not woken for each record. l.mu is held.
func (l *lane) hasRoom(bound int) bool {
	return l.out.size+max(l.refused, bound/8) < bound || l.out.size == 0
}

// acked takes an acknowledgement.
func (l *lane) acked(seq uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.out.ack(seq)
	l.shrunk()
	return err
}

// shrunk tells those who wait for room. l.mu is held.
func (l *lane) shrunk() {
	if l.space != nil && l.hasRoom(l.s.t.cfg.Limits.Lane) {
		close(l.space)
		l.space, l.refused = nil, 0
	}
	if l.flushed != nil && l.out.size == 0 {
		close(l.flushed)
		l.flushed = nil
	}
}

// flush takes nothing more and returns a channel that is closed when everything is acknowledged.
func (l *lane) flush() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shutting = true
	if l.flushed == nil {
		l.flushed = make(chan struct{})
	}
	flushed := l.flushed
	l.shrunk()
	return flushed
}

// bye lets the writer say goodbye.
func (l *lane) bye() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.saying = true
	l.unpark()
}

// shut ends sending.
func (l *lane) shut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shutting, l.dead = true, true
	if l.timer != nil {
		l.timer.Stop()
	}
}

// used reports whether anything waits.
func (l *lane) used() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out.size > 0 {
		l.started = true
	}
	return l.out.size > 0
}

// flowInto moves everything to another lane, for ever.
func (l *lane) flowInto(to *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to.mu.Lock()
	defer to.mu.Unlock()
	l.out.records(func(rec []byte, _ bool) {
		if len(rec) > chunkSize {
			to.out.appendBig(newBig(rec), 0)
		} else {
			to.out.append(rec, 0)
		}
	})
	l.out = outlog{open: -1}
	l.alias = to
}

// lost appends what was not acknowledged.
func (l *lane) lost(list []Lost) []Lost {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out.records(func(rec []byte, sent bool) { list = append(list, Lost{Lane: l.id, Record: rec, InDoubt: sent}) })
	return list
}

// due asks for an acknowledgement: at once if a lot was received, else when Timing.Ack has passed.
func (l *lane) due(atOnce bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.dead || l.ackOut == l.received.Load():
	case atOnce:
		l.ackDue = true
		l.unpark()
	case l.timing:
	case l.timer == nil:
		l.timing = true
		l.timer = time.AfterFunc(l.s.t.cfg.Timing.Ack, l.dueNow)
	default:
		l.timing = true
		l.timer.Reset(l.s.t.cfg.Timing.Ack)
	}
}

func (l *lane) dueNow() {
	l.mu.Lock()
	l.timing = false
	l.mu.Unlock()
	l.due(true)
}
