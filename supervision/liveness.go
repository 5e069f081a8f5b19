package supervision

import (
	"context"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Liveness is a probe of a child: every Every the supervisor calls Check, in a process of its own, with a context that
// ends after Timeout. If Check returns an error, panics or is not back in time, the child is killed with
// [ErrUnresponsive] as its last exit, and is restarted as after any abnormal end. A child that is being stopped or
// restarted is not probed. Probes of one child never overlap. Beyond OTP.
type Liveness struct {
	Every   time.Duration // from the end of one probe to the next; zero: no probe
	Timeout time.Duration // zero: Every
	// Check, usually an Ask: func(ctx context.Context, pid actor.PID) error { _, err := actor.Ask(ctx, pid, Ping{}); return err }
	Check func(ctx context.Context, pid actor.PID) error
}

func (l Liveness) check(c *checker, at string) {
	if l.Every < 0 || l.Timeout < 0 {
		c.report(at, "Liveness", "has a negative time; use positive durations, or a zero Every for no probe")
	}
	if l.Every > 0 && l.Check == nil {
		c.report(at, "Liveness.Check", "is nil; give a function that asks the child something")
	}
	if l.Every == 0 && (l.Check != nil || l.Timeout != 0) {
		c.report(at, "Liveness.Every", "is zero, which means no probe, but other fields are set; set Every")
	}
}

type probe struct {
	child actor.PID
	stop  actor.Timer
}

// probeDue tells a supervisor that it is time to probe a child; probeLate, that a probe is not back in time.
type (
	probeDue  struct{ child actor.PID }
	probeLate struct{ probe actor.PID }
)

// watchLife begins the probes of a child that has just started.
func (s *shell) watchLife(ctx *actor.Context, e *entry[actor.PID]) {
	if c := e.child; c.Liveness.Every > 0 {
		ctx.SendAfter(c.Liveness.Every, ctx.Self(), probeDue{e.pid})
	}
}

// probed is the liveness of a child that runs.
func (s *shell) probed(pid actor.PID) (l Liveness, ok bool) {
	s.v.mu.RLock()
	defer s.v.mu.RUnlock()
	e := s.v.m.table.byPID[pid]
	if e == nil || e.state != stateRunning || e.shown() != pid {
		return l, false
	}
	return e.child.Liveness, true
}

// probe starts one probe, as a process of its own that is linked to the supervisor.
func (s *shell) probe(ctx *actor.Context, child actor.PID) {
	l, ok := s.probed(child)
	if !ok {
		return
	}
	wait := l.Timeout
	if wait == 0 {
		wait = l.Every
	}
	pid, err := ctx.SpawnLink(actor.Blocking(func(p *actor.Process) error {
		c, cancel := context.WithTimeout(p.Context(), wait)
		defer cancel()
		return l.Check(c, child)
	}))
	if err != nil {
		return
	}
	if s.probes == nil {
		s.probes = make(map[actor.PID]probe)
	}
	s.probes[pid] = probe{child: child, stop: ctx.SendAfter(wait, ctx.Self(), probeLate{pid})}
}

// probeEnded reports whether pid was a probe, and draws the conclusion.
func (s *shell) probeEnded(ctx *actor.Context, pid actor.PID, reason error) bool {
	p, ok := s.probes[pid]
	if !ok {
		return false
	}
	delete(s.probes, pid)
	p.stop.Stop()
	if l, ok := s.probed(p.child); ok && classify(reason) == exitNormal {
		ctx.SendAfter(l.Every, ctx.Self(), probeDue{p.child})
	} else if ok {
		s.unresponsive(ctx, p.child, reason)
	}
	return true
}

func (s *shell) probeLate(ctx *actor.Context, pid actor.PID) {
	p, ok := s.probes[pid]
	if !ok {
		return
	}
	delete(s.probes, pid)
	ctx.Unlink(pid)
	ctx.Exit(pid, actor.Kill)
	s.unresponsive(ctx, p.child, context.DeadlineExceeded)
}

// unresponsive kills a child that failed its probe and treats it as ended at once: a kill is final.
func (s *shell) unresponsive(ctx *actor.Context, child actor.PID, why error) {
	if _, ok := s.probed(child); !ok {
		return
	}
	ctx.Unlink(child)
	ctx.Exit(child, actor.Kill)
	s.childEnded(ctx, child, fmt.Errorf("%w: %v", ErrUnresponsive, why))
}
