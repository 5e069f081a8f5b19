package actor

import (
	"context"
	"time"
)

// core is what Context and Process share: the verbs of a process.
type core struct {
	p    *process
	sys  *System
	meta *meta    // baggage and trace of the message being handled
	host *Context // the Context this belongs to; nil for a Process
	span *span    // set once the Context is used as a context.Context
}

// Self is the process's PID.
func (c *core) Self() PID { return c.p.pid() }

// System is the System the process lives in.
func (c *core) System() *System { return c.sys }

// Sender is who sent the message being handled; the zero PID if nobody said so.
func (c *Context) Sender() PID { return c.env.from }

// killed drops what a killed process still sends, and keeps what one that is held back sends.
func (c *core) killed(to PID, msg any) bool {
	switch c.p.status.Load() {
	case statusHeld:
		c.p.hold(heldSend{to: to, msg: msg})
		return true
	case statusDead:
	default:
		return false
	}
	c.sys.refused(c.p.pid(), to, msg, ErrSenderDead, c.meta)
	return true
}

// Send sends msg to the process behind to. It does not fail: what cannot be delivered becomes a dead letter. It waits only for
// room in a bounded mailbox whose overflow policy is Block. Messages of one process to another arrive in the order sent.
func (c *Context) Send(to PID, msg any) {
	if c.p.status.Load() >= statusDead {
		c.killed(to, msg)
		return
	}
	var h *header
	if c.meta != nil {
		h = &c.meta.hdr
	}
	from := PID{c.sys.self, c.p.id}
	if to.h == from.h {
		if p := c.sys.table.lookup(to.id); p != nil {
			if q, ok := p.ops.(*plainProcess); ok {
				if q.put(c.sys, msg, from, h, c.w) != nil {
					c.sys.refused(from, to, msg, NoProc, c.meta)
				}
				return
			}
		}
	}
	c.sys.deliver(context.Background(), to, envelope{msg, from, h}, &c.core)
}

// TrySend is Send that reports why the message cannot be delivered instead of making a dead letter of it: [ErrMailboxFull],
// [NoProc], [NoConnection], [ErrOverloaded] or [ErrWrongType]. It never waits. nil does not mean that the message will be
// handled.
func (c *core) TrySend(to PID, msg any) error {
	if c.killed(to, msg) {
		if c.p.isHeld() {
			return nil
		}
		return ErrSenderDead
	}
	return c.sys.tryDeliver(to, envelope{msg, c.p.pid(), c.meta.header()}, c.worker())
}

// Register binds a name to a process of this node. See [System.Register].
func (c *core) Register(name string, pid PID) error { return c.sys.Register(name, pid) }

// Whereis is [System.Whereis].
func (c *core) Whereis(name string) (PID, bool) { return c.sys.Whereis(name) }

// worker is the worker the caller runs on, or nil.
func (c *core) worker() *worker {
	if c.host != nil {
		return c.host.w
	}
	return nil
}

// Spawn starts a process. It returns after Init, with its error. The new process is not linked.
func (c *core) Spawn(a Actor, opts ...SpawnOption) (PID, error) {
	return c.sys.spawn(a, spawnFrom{by: c}, opts)
}

// SpawnLink is Spawn that links the new process to this one before it runs. If Init fails the error is returned and no exit
// signal is sent.
func (c *core) SpawnLink(a Actor, opts ...SpawnOption) (PID, error) {
	return c.sys.spawn(a, spawnFrom{by: c, link: true}, opts)
}

// SpawnMonitor is Spawn that also monitors the new process from its start.
func (c *core) SpawnMonitor(a Actor, opts ...SpawnOption) (PID, MonitorRef, error) {
	var ref MonitorRef
	pid, err := c.sys.spawn(a, spawnFrom{by: c, ref: &ref}, opts)
	return pid, ref, err
}

// Exit sends an exit signal to pid, as OTP's exit/2. Normal is ignored unless pid traps exits or is this process itself; Kill
// ends it at once and cannot be trapped; any other reason ends it between two messages unless it traps exits.
func (c *core) Exit(pid PID, reason error) {
	if c.p.dead() {
		return
	}
	c.sys.exit(c.p.pid(), pid, reason, c.worker())
}

// SendAfter sends msg to a process after d, with this process as sender and its baggage. What the process behind to is, is
// decided when the time has come. A timer does not wait for room: if the mailbox is full then, msg becomes a dead letter.
func (c *core) SendAfter(d time.Duration, to PID, msg any) Timer {
	if c.p.isHeld() {
		c.p.hold(heldSend{to: to, msg: msg, after: d, timer: true})
		return Timer{}
	}
	if c.killed(to, msg) {
		return Timer{}
	}
	return c.sys.clock.send(d, to, msg, c.p.pid(), c.meta)
}

// origin is where something is sent from and with what.
type origin struct {
	sys  *System
	from PID
	meta *meta
	core *core // nil outside a handler
}

// deliver sends on behalf of o.
func (o origin) deliver(to PID, e envelope) {
	if o.sys == nil && to.h != nil {
		o.sys = to.h.sys
	}
	if o.sys != nil {
		o.sys.deliver(context.Background(), to, e, o.core)
	}
}

func (o origin) over() bool { return o.from.h == o.sys.self && o.from.resolve() == nil }

// ended drops what is sent on behalf of a process that ended.
func (o origin) ended(to PID, msg any) bool {
	if !o.over() {
		return false
	}
	o.sys.refused(o.from, to, msg, ErrSenderDead, o.meta)
	return true
}

func (c *core) origin() origin { return origin{c.sys, c.p.pid(), c.meta, c} }
