package transport

import (
	"context"
	"fmt"
	"time"
)

// kill ends the session, once. drain lets what is on its way in still arrive, for a moment.
func (s *Session) kill(why error, drain bool) {
	s.mu.Lock()
	if s.mu.dead {
		s.mu.Unlock()
		return
	}
	if s.mu.parting {
		why, drain = ErrClosed, false
	}
	s.mu.dead, s.mu.drain, s.mu.why = true, drain, why
	s.stop()
	var ends []func()
	for _, l := range s.lanes {
		l.shut()
		if l.conn.attempt != nil {
			ends = append(ends, l.conn.attempt.cancel)
		}
		if w := l.conn.handed; w != nil {
			ends = append(ends, func() { w.fail(why) })
		}
		if w := l.conn.live; w != nil && s.mu.drain {
			ends = append(ends, func() { w.conn.SetReadDeadline(time.Now().Add(drainTime)) })
		} else if w != nil {
			ends = append(ends, func() { w.fail(why) })
		}
	}
	s.t.wg.Go(s.sweep)
	s.mu.Unlock()
	for _, end := range ends {
		end()
	}
}

// drainTime is how long a session that ends still reads what had been sent before.
const drainTime = 100 * time.Millisecond

// sweep waits until nobody works for the session any more, and reports its end.
func (s *Session) sweep() {
	s.wg.Wait()
	if s.after != nil {
		<-s.after
	}
	var lost []Lost
	for _, l := range s.lanes {
		lost = l.lost(lost)
	}
	s.mu.Lock()
	heardOf, why := s.mu.requested || s.mu.established, s.mu.why
	s.mu.Unlock()
	if heardOf {
		s.t.handler.Down(s, why, lost)
	}
	s.t.mu.Lock()
	if s.t.mu.sessions[s.id] == s {
		delete(s.t.mu.sessions, s.id)
	}
	s.t.mu.Unlock()
	close(s.done)
}

// part ends the session politely.
func (s *Session) part(ctx context.Context) error {
	var left error
	for _, l := range s.lanes {
		select {
		case <-l.flush():
		case <-s.ctx.Done():
		case <-ctx.Done():
			left = fmt.Errorf("transport: close: %v did not acknowledge everything: %w", s.id, ctx.Err())
		}
	}
	if s.isUp() && ctx.Err() == nil {
		s.mu.Lock()
		s.mu.parting = true
		s.mu.Unlock()
		s.lanes[Control].bye()
		timer := time.NewTimer(lingerTime)
		defer timer.Stop()
		select {
		case <-s.ctx.Done(): // the peer hung up
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	s.kill(ErrClosed, false)
	<-s.done
	return left
}
