package actor

import (
	"fmt"
	"time"
)

// What package distributed needs to move a process to another node: a turn within it, whatever its behaviour is, and a copy of it
// that can be undone.

// statusHeld is a process that lives, and whose messages are kept back. It is greater than statusDead, so that who sends finds both by
// one comparison.
const statusHeld = statusDead + 1

// ErrHeld is what AskAsync gives in a process that is held back: it must not ask before it runs.
var ErrHeld error = reason("held back")

// interjection is a function to be run as part of a process. It stands in the queue like the answer to an AskAsync.
type interjection struct {
	ask
	f    func(c *Context) error
	done header
}

func (i *interjection) outerEnvelope() envelope { return envelope{} }
func (i *interjection) call(c *Context) error   { return i.f(c) }

// Interject runs f as part of a process of this node, like a handler, behind what stands in its mailbox, whatever its behaviour is. It
// returns at once; if the process ends before, f is not called. A process with a goroutine of its own cannot be interjected.
func (s *System) Interject(pid PID, f func(c *Context) error) error {
	p := pid.resolve()
	switch {
	case f == nil:
		return fmt.Errorf("actor: Interject(%v): the function is nil", pid)
	case p == nil:
		return fmt.Errorf("actor: Interject(%v): %w", pid, NoProc)
	case p.traits&traitGoroutine != 0:
		return fmt.Errorf("actor: Interject(%v): a blocking process has no handlers", pid)
	}
	i := &interjection{f: f}
	i.ask.record = i
	i.done = header{kind: kindThen, ask: &i.ask}
	if !p.ops.signal(&i.done, PID{}, nil) {
		return fmt.Errorf("actor: Interject(%v): %w", pid, NoProc)
	}
	return nil
}

// heldSend is a message, or a timer, that was kept back.
type heldSend struct {
	to    PID
	msg   any
	after time.Duration
	timer bool
}

// Hold keeps back what the process sends from now on, by Send, TrySend and SendAfter, until [Context.Release]; if it ends before,
// nothing of it was ever sent. A timer that is kept back starts when it is released, and cannot be stopped. AskAsync gives
// [ErrHeld]. All else happens at once: links, monitors, processes started, and what is sent with Detach.
func (c *Context) Hold() { c.p.status.CompareAndSwap(statusLive, statusHeld) }

// hold keeps a message back.
func (p *process) hold(x heldSend) {
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.dead {
		r := e.rarely()
		r.held = append(r.held, x)
	}
}

func (p *process) isHeld() bool { return p.status.Load() == statusHeld }

// Release ends Hold: what was kept back is sent, in order.
func (c *Context) Release() {
	e := c.p.extend()
	e.mu.Lock()
	if e.dead || !c.p.isHeld() {
		e.mu.Unlock()
		return
	}
	held := e.rarely().held
	e.rare.held = nil
	if next := statusLive; e.dying {
		c.p.status.Store(statusDying)
	} else {
		c.p.status.Store(next)
	}
	e.mu.Unlock()
	for _, x := range held {
		if x.timer {
			c.SendAfter(x.after, x.to, x.msg)
		} else {
			c.Send(x.to, x.msg)
		}
	}
}
