package lease

import (
	"context"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// slot is a name this node has to do with. At most one operation on its key is under way at a time.
type slot struct {
	busy     bool
	hold     *Hold
	session  string    // whose lock may be left at Consul; "" if none is
	dirty    time.Time // until when an unanswered request may still make one
	cleaning bool
}

// tidyLocked forgets a slot nothing is left of.
func (r *Registry) tidyLocked(name string, s *slot) {
	if !s.busy && !s.cleaning && s.hold == nil && s.session == "" {
		delete(r.slots, name)
		r.noteLocked()
	}
}

// freed waits until a name was given back, or that was tried in vain.
func (r *Registry) freed(ctx context.Context, name string) error {
	timer := time.NewTimer(2 * r.cfg.Timeout) // it takes two requests
	defer timer.Stop()
	for {
		r.mu.Lock()
		s, changed := r.slots[name], r.changed
		done, closed := s == nil || s.hold != nil || s.session == "", r.closed
		r.mu.Unlock()
		if done {
			return nil
		}
		if closed {
			return ErrClosed
		}
		select {
		case <-changed:
		case <-timer.C:
			return unavailable(fmt.Sprintf("the name %q is not given back yet", name), nil)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// endLocked ends a hold and has Consul told.
func (r *Registry) endLocked(name string, s *slot) {
	s.hold.over.Store(true)
	s.hold = nil
	if r.others[name].Session == s.session {
		delete(r.others, name) // Consul will say so soon
	}
	r.cleanLocked(name, s)
	r.noteLocked()
}

// exited gives back what a process held that has ended.
func (r *Registry) exited(pid actor.PID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	for name, s := range r.slots {
		if s.hold != nil && s.hold.pid == pid {
			r.endLocked(name, s)
		}
	}
}

// cleanLocked sees to it that no lock is left at Consul for a name that nobody holds here.
func (r *Registry) cleanLocked(name string, s *slot) {
	if s.cleaning || s.session == "" {
		return
	}
	s.cleaning = true
	r.wg.Go(func() { r.clean(name, s) })
}

func (r *Registry) clean(name string, s *slot) {
	for {
		r.mu.Lock()
		changed := r.changed
		if s.hold != nil || s.session == "" {
			s.cleaning = false
			r.tidyLocked(name, s)
			r.mu.Unlock()
			return
		}
		if s.busy {
			r.mu.Unlock()
			select {
			case <-changed:
			case <-r.ctx.Done():
				return
			}
			continue
		}
		s.busy = true
		session := s.session
		r.mu.Unlock()
		free, err := r.unlock(name, session)
		r.mu.Lock()
		s.busy = false
		if free && s.session == session && !time.Now().Before(s.dirty) {
			s.session = ""
		}
		r.noteLocked()
		again := s.session != ""
		r.mu.Unlock()
		if !again {
			continue
		}
		if err != nil {
			r.log.Warn("lease: a name could not be given back yet", "name", name, "error", err)
			r.suspect()
		}
		r.pause(r.ctx, r.cfg.RetryAfter)
		if r.ctx.Err() != nil {
			return
		}
	}
}

// unlock frees the key of a name if session has it locked, and reports whether it is not locked by it any more.
func (r *Registry) unlock(name, session string) (free bool, err error) {
	p, err := r.consul.read(r.ctx, name)
	if err != nil || p == nil || p.session != session {
		return err == nil, err
	}
	return r.consul.unlock(r.ctx, *p)
}
