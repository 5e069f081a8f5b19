package transport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

// laneConn is how a lane gets its connections. It belongs to the session's mu.
//
// Both ends may dial. An attempt takes the one place for attempts before it says hello, so of two that cross one end refuses the
// other's, the end with the lesser identity, and the other gives up its own.
type laneConn struct {
	running bool          // run runs
	dials   bool          // this end dials first after a loss: it dialled the last connection
	number  uint64        // of the last attempt of either end
	attempt *attempt      // under way; nil: none
	dialing func()        // ends a dial that is no attempt yet; nil: there is none
	handed  *wire         // connected, and not taken by run yet
	live    *wire         // in use
	quiet   chan struct{} // closed when live is not in use any more
}

type attempt struct {
	inbound  bool
	first    bool // nothing was written to the peer yet
	cancel   func()
	replaces []func() // end what had the place before
}

var (
	errReplaced = errors.New("transport: the connection was replaced")
	errWentBack = fmt.Errorf("%w: the peer has received less than it acknowledged", ErrMalformed)
)

// admits decides about an attempt of the peer. A number that is not greater than that of the connection in use belongs to an attempt
// that was given up. The session's mu is held.
func (l *lane) admits(number uint64, peerIsLesser bool) bool {
	switch c := &l.conn; {
	case c.live != nil || c.handed != nil:
		return number > c.number
	case c.attempt != nil && !c.attempt.inbound:
		return peerIsLesser
	}
	return true
}

// take gives a the place, and returns what ends those that had it before. The session's mu is held.
func (l *lane) take(a *attempt) (ends []func()) {
	c := &l.conn
	if c.attempt != nil {
		ends = append(ends, c.attempt.cancel)
	}
	if c.dialing != nil {
		ends = append(ends, c.dialing)
	}
	for _, w := range []*wire{c.handed, c.live} {
		if w != nil {
			ends = append(ends, func() { w.fail(errReplaced) })
		}
	}
	c.attempt, c.handed = a, nil
	return ends
}

// poke tells run to look.
func (l *lane) poke() {
	select {
	case l.signal <- struct{}{}:
	default:
	}
}

// quietTime is how long a peer that dials again waits for a handler that is still busy with the last connection's records. It is short:
// the answer that the handler is busy keeps the session alive.
const quietTime = 250 * time.Millisecond

// quiet waits until nobody reads from the last connection, so that received is final.
func (l *lane) quiet(within time.Duration) error {
	l.s.mu.Lock()
	quiet := l.conn.quiet
	l.s.mu.Unlock()
	if quiet == nil {
		return nil
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-quiet:
		return nil
	case <-timer.C: // the handler takes its time; the peer may ask again
		return refuse(errBusy, "")
	}
}

// hand gives a connection to the lane. It is false if a has lost its place.
func (s *Session) hand(l *lane, a *attempt, conn net.Conn, acked uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.dead || l.conn.attempt != a {
		return false
	}
	l.conn.attempt = nil
	l.conn.dials = !a.inbound
	l.conn.handed = newWire(conn, acked)
	s.start(l, l.conn.dials)
	l.poke()
	return true
}

// run connects the lane, and lets records flow, until the session ends.
func (l *lane) run() {
	if l.s.after != nil {
		select {
		case <-l.s.after:
		case <-l.s.ctx.Done():
			return
		}
	}
	var r redialler
	for before := false; ; before = true {
		w := l.connect(&r)
		if w == nil {
			return
		}
		if before {
			l.tellAgain()
		}
		l.serve(w)
		l.tellLost()
		if w.moved {
			r.failures = 0
		}
		l.s.mu.Lock()
		l.conn.live = nil
		close(l.conn.quiet)
		l.conn.quiet = nil
		parted := l.s.mu.parting && l.id == Control
		l.s.mu.Unlock()
		if parted {
			l.s.kill(ErrClosed, false)
		}
	}
}

// redialler spaces the attempts.
type redialler struct{ failures int }

// pause is how long to wait before the next attempt: nothing at first, then up to twice as long each time. The end that did not
// dial the lost connection leaves the other a head start.
func (r *redialler) pause(dials bool, longest time.Duration) time.Duration {
	const head, base = 50 * time.Millisecond, 20 * time.Millisecond
	var d time.Duration
	if r.failures > 0 {
		d = rand.N(min(longest, base<<min(r.failures-1, 16)) + 1)
	}
	r.failures++
	if !dials {
		d += head + rand.N(head)
	}
	return d
}

// connect waits for a connection, from either end. nil: the session has ended.
func (l *lane) connect(r *redialler) *wire {
	s := l.s
	limit, reason := s.patience()
	began := time.Now()
	var last error
	for {
		s.mu.Lock()
		dials := l.conn.dials
		s.mu.Unlock()
		if w, dial := l.await(r.pause(dials, s.t.cfg.Timing.Redial), began.Add(limit)); w != nil || !dial {
			if w == nil {
				if last == nil {
					last = errors.New("nobody dialled")
				}
				s.kill(fmt.Errorf("%w: %w", reason, last), true)
			}
			return w
		}
		err := l.dialUntil(began.Add(limit))
		e, refused := errors.AsType[*RefusedError](err)
		switch {
		case err == nil:
		case refused && e.Reason == errBusy && reason == ErrResume:
			began = time.Now() // it lives, and is occupied
		case refused && e.passing(), errors.Is(err, context.Canceled):
		case refused && e.Reason == ErrUnknownSession:
			if reason == ErrResume {
				s.kill(ErrUnknownSession, true)
			}
			s.forget()
		case refused && (reason == ErrUnreachable || e.Reason == ErrWrongNode):
			s.t.handler.Refused(e.Addr, Hello{Node: e.Peer}, err)
			if e.Reason == ErrWrongNode && reason == ErrResume && e.Peer.Name == s.id.Name {
				err = fmt.Errorf("%w: %w", ErrIncarnation, err)
			}
			s.kill(err, true)
		default:
			last = handshakeError(err)
		}
	}
}

// dialUntil dials, and gives up when the peer's attempt takes the place.
func (l *lane) dialUntil(deadline time.Time) error {
	ctx, cancel := context.WithDeadline(l.s.ctx, deadline)
	defer cancel()
	l.s.mu.Lock()
	l.conn.dialing = cancel
	l.s.mu.Unlock()
	err := l.dial(ctx)
	l.s.mu.Lock()
	l.conn.dialing = nil
	l.s.mu.Unlock()
	return err
}

// await waits for a connection that either end made. If there is none after the pause, and the peer is not about to make one, it is
// time to dial.
func (l *lane) await(pause time.Duration, deadline time.Time) (w *wire, dial bool) {
	s := l.s
	timer := time.NewTimer(min(pause, time.Until(deadline)))
	defer timer.Stop()
	passed := pause <= 0
	for {
		s.mu.Lock()
		switch {
		case s.mu.dead: // kill has ended what was handed
			s.mu.Unlock()
			return nil, false
		case l.conn.handed != nil:
			w, l.conn.handed = l.conn.handed, nil
			l.conn.live, l.conn.quiet = w, make(chan struct{})
			s.mu.Unlock()
			return w, false
		case !time.Now().Before(deadline):
			s.mu.Unlock()
			return nil, false
		case passed && l.conn.attempt == nil:
			s.mu.Unlock()
			return nil, true
		}
		s.mu.Unlock()
		select {
		case <-l.signal:
		case <-s.ctx.Done():
		case <-timer.C:
			passed = true
			timer.Reset(time.Until(deadline))
		}
	}
}

// patience is how long the lane may be without a connection, and what it is then.
func (s *Session) patience() (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.established {
		return s.t.cfg.Timing.Resume, ErrResume
	}
	return s.t.cfg.Timing.Connect, ErrUnreachable
}

// forget drops what an unconfirmed session knew of the other end.
func (s *Session) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mu.established {
		s.mu.theirs = 0
	}
}

func (s *Session) draining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.dead && s.mu.drain
}
