package actor

import (
	"sync/atomic"

	"github.com/foundation-runtime/foundation/mailbox"
)

// process is what every kind of process has. One that is idle, unnamed and without relations is this struct, its inbox and the
// actor, nothing else; what few processes have is in ext.
//
// Kinds put their inbox before it. Then an untyped process is three cache lines, and a message touches only the first two: the inbox's
// state, roots and first cell; the inbox's flags and what stands here up to count.
type process struct {
	id     uint64
	ops    ops
	actor  Actor // the behaviour that gets the next message; owned by the running turn
	status atomic.Uint32
	sig    atomic.Uint32 // what the next turn must look at before it takes a message
	traits traits        // immutable
	local  local         // owned by the running turn: which parts of rare it must look at
	count  uint32        // messages handled since they were added to seen; owned by the turn

	sys    *System
	far    atomic.Uint32 // messages come from other nodes: they come in batches, and waiting for more takes a core from who brings them
	ext    atomic.Pointer[ext]
	asked  atomic.Pointer[ask] // the request being handled
	seen   atomic.Uint64       // messages handled, as far as published
	parent uint64              // id of the process that spawned it, or 0
}

// adds counts n handled messages, by the turn.
func (p *process) adds(n uint32) {
	if p.count += n; p.count < n {
		p.seen.Add(1 << 32)
	}
}

// fromFar notes a message of another node. The note is taken back when p has handled all there is.
func (p *process) fromFar() {
	if p.far.Load() == 0 {
		p.far.Store(1)
	}
}

// emptied is called by the turn when p has handled all there is.
func (p *process) emptied() {
	if p.far.Load() != 0 {
		p.far.Store(0)
	}
}

// publish makes the count visible. Only the turn may call it.
func (p *process) publish() {
	if n := p.count; n != 0 {
		p.count = 0
		p.seen.Add(uint64(n))
	}
}

// Values of process.status. Dying: an exit was accepted that acts between two messages.
const (
	statusLive uint32 = iota
	statusDying
	statusDead
)

// Bits of process.sig.
const (
	sigExit    uint32 = 1 << iota // ext.reason is to be acted on
	sigInit                       // Init has not run
	sigSuspend                    // ext.suspended changed
	sigTrace                      // every message is shown to ext.rare.tracer
	sigDead                       // killed; the queue's first message may wait for this turn
	sigGone                       // everybody was told of the end
)

// Bits of process.local.
const (
	localFront  local = 1 << iota // rare.front is not empty
	localIdle                     // IdleAfter is in force
	localBecame                   // the behaviour is not the one spawned
)

type (
	traits uint16
	local  uint16
)

const (
	traitInline       traits = 1 << iota // WithInline
	traitEndsChildren                    // EndsChildren
	traitGoroutine                       // has its own goroutine
)

// ops is what differs between kinds of processes: how cells are stored and who consumes them.
type ops interface {
	// turn consumes; only the owner of the consumer's right calls it, and it gives the right back or schedules the process.
	turn(w *worker)
	// push stores a message. The error is a reason: NoProc, ErrMailboxFull, ErrWrongType.
	push(e envelope, w *worker) error
	// signal stores a cell that is never refused for lack of room. It is false if the process ended.
	signal(h *header, from PID, w *worker) bool
	// wake makes the process look at sig.
	wake(w *worker)
	// shut refuses what comes later. owner: the caller now owns the consumer's right for good.
	shut() (tickets uint64, owner bool)
	// drain takes out what was pushed before shut; with owner also what the consumer alone may take.
	drain(tickets uint64, owner bool, u undertaker)
	queued() int
	claim() bool
	// receive hands the current message to the behaviour, or payload instead if it is not nil.
	receive(c *Context, payload any) error
	// current is the current message, boxed.
	current(c *Context) any
	// rest gives the consumer's right back or schedules the process.
	rest(w *worker)
}

func (p *process) pid() PID { return PID{p.sys.self, p.id} }

func (p *process) dead() bool { return p.status.Load() == statusDead }

// plainProcess has untyped cells in an unbounded inbox: the common kind.
type plainProcess struct {
	in mailbox.Inbox[cell]
	process
	_ [16]byte // 192 bytes in all: a size whose objects begin with a cache line
}

func (p *plainProcess) push(e envelope, w *worker) error {
	return p.put(p.sys, e.msg, e.from, e.hdr, w)
}

// put is push. sys is p's: a caller that has it at hand spares p a cache line.
func (p *plainProcess) put(sys *System, msg any, from PID, h *header, w *worker) error {
	tag, h := sys.tagOf(from, h)
	ticket := p.in.Ticket()
	if cell := p.in.Sole(ticket, tag); cell != nil {
		cell.msg, cell.hdr = msg, h
		sys.sched.ready(&p.process, w)
		return nil
	}
	cell, ready := p.in.Cell(&sys.cells, ticket)
	if cell == nil {
		return NoProc
	}
	cell.msg, cell.hdr = msg, h
	ready.Store(tag)
	return nil
}

func (p *plainProcess) signal(h *header, from PID, w *worker) bool {
	return p.push(envelope{from: from, hdr: h}, w) == nil
}

func (p *plainProcess) wake(w *worker) {
	if p.in.Poke() {
		p.sys.sched.ready(&p.process, w)
	}
}

func (p *plainProcess) shut() (uint64, bool) {
	tickets, idle, _ := p.in.Close()
	return tickets, idle
}

func (p *plainProcess) drain(tickets uint64, owner bool, u undertaker) {
	p.in.DrainTagged(tickets, owner, func(c *cell, tag uint64) { u.lose(envelope{c.msg, p.sys.sender(tag, c.hdr), c.hdr}) })
}

func (p *plainProcess) queued() int { return p.in.Len(p.consuming()) }

func (p *plainProcess) begun() bool { return p.in.Begun() }

func (p *plainProcess) claim() bool { return p.in.Claim() }

func (p *plainProcess) receive(c *Context, payload any) error {
	if payload == nil {
		payload = c.env.msg
	}
	return p.actor.Receive(c, payload)
}

func (p *plainProcess) current(c *Context) any { return c.env.msg }

func (p *plainProcess) rest(w *worker) {
	if p.local&localFront != 0 || p.in.Queued() || !p.in.Release(&p.sys.cells) || p.sig.Load()&^sigTrace != 0 && p.in.Poke() {
		p.sys.sched.later(&p.process, w)
	}
}

func (p *plainProcess) turn(w *worker) {
	c := w.begin(&p.process)
	in, pool, t := &p.in, &p.sys.cells, &w.tally
	var at mailbox.Cursor[cell]
	n, waits := 0, 0
	if p.sig.Load() != 0 && !c.signals() {
		return
	}
	c = w.ctx // Init may have used the other up
	for {
		if p.local&localFront != 0 && c.front() {
			if !c.handle() {
				return
			}
			c = w.ctx
			continue
		}
		sole := true
		x, tag := in.First()
		if x != nil {
			c.env.msg, c.env.hdr = x.msg, x.hdr
			in.DropFirst()
		} else if x, tag = at.Cell(); x != nil {
			sole = false
			c.env.msg, c.env.hdr = x.msg, x.hdr
			if !at.Drop() && !at.Mine() {
				continue // killed meanwhile: it is a dead letter
			}
		}
		if x != nil {
			c.env.from = c.sys.sender(tag, c.env.hdr)
			t.taken++
			if h := c.env.hdr; h.plain() && p.local == 0 && p.sig.Load() == 0 {
				// The hot path: a plain message to a process that has nothing special about it.
				if c.stage = stageMessage; h != nil {
					c.meta = h.meta
				}
				err := p.actor.Receive(c, c.env.msg)
				if err == nil && c.flags == 0 && p.sig.Load() == 0 {
					if c.stage = stageNone; h != nil {
						c.meta = nil
					}
					t.plain++
				} else if !c.finish(err) {
					return
				}
			} else if !c.handle() {
				return
			}
			if sole {
				t.settle(&p.process)
				if p.local&localFront == 0 && in.ReleaseFirst() {
					p.released(w)
					return
				}
			}
			c = w.ctx
			if n++; n >= turnMessages || w.preempt.Load() != 0 {
				w.yield(&p.process)
				return
			}
			waits = 0
			continue
		}
		t.settle(&p.process)
		switch in.Seek(pool, &at) {
		case mailbox.Got:
		case mailbox.Busy:
			if waits++; waits > busyPatience || w.hasWork() || p.dead() {
				if c.signals() {
					w.stall(&p.process)
				}
				return
			}
			pause(flowPause)
		case mailbox.Empty:
			if n >= flowMessages && waits < flowPatience && p.far.Load() == 0 && !w.hasWork() {
				waits++
				pause(flowPause)
				continue
			}
			at = mailbox.Cursor[cell]{}
			p.emptied()
			if in.Release(pool) {
				p.released(w)
				return
			}
			if p.sig.Load() != 0 && !c.signals() {
				return
			}
			c = w.ctx
		}
	}
}

// released looks at the signals once more: whoever poked before the release relies on it; whoever pokes later schedules.
func (p *plainProcess) released(w *worker) {
	if p.sig.Load()&^sigTrace != 0 && p.in.Poke() {
		w.yield(&p.process)
	}
}

const (
	turnMessages = 64    // per turn, then the next process has its turn
	flowMessages = 4     // a turn that had so many may wait a moment for more
	flowPatience = 4     // how many moments
	flowPause    = 10000 // that long, in steps of pause: looking more often would slow the sender down
	busyPatience = 4     // moments for a cell that is being written, if nothing else is to do
)

var pauseSink atomic.Uint32

// pause counts to n, without touching memory that others write: about half a nanosecond each.
func pause(n int) {
	for i := 0; i < n; i++ {
		if pauseSink.Load() != 0 {
			return
		}
	}
}
