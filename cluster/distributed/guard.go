package distributed

import (
	"errors"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/supervision"
)

// Processes: the root starts a guard for every child that runs here, and the guard starts the child. A guard waits for nobody but
// its child, so an Init that takes its time, or never ends, holds nobody else up; and it is linked to the child before that runs, so the
// reason of an end is never missed. What is done about an end is decided elsewhere, for the whole cluster.

// root is the parent of all guards.
type root struct {
	d      *Supervisor
	guards map[actor.PID]start
	of     map[activation]actor.PID
	ending bool
}

// activation names what a guard is for.
type activation struct {
	id    string
	guard uint64
}

// What the root is told.
type (
	stopGuard struct {
		id     string
		guard  uint64
		reason error
	}
	endRoot  struct{}
	flushOut struct {
		root actor.PID
		ids  []string
	}
)

// Init implements actor.Initializer.
func (r *root) Init(ctx *actor.Context) error {
	ctx.TrapExit(true)
	return nil
}

// Receive implements actor.Actor.
func (r *root) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case start:
		pid, err := ctx.SpawnLink(&guard{d: r.d, start: m}, actor.EndsChildren())
		if err != nil {
			r.d.started(m, 0, false, err)
			return nil
		}
		r.guards[pid], r.of[activation{m.id, m.guard}] = m, pid
	case stopGuard:
		if pid, ok := r.of[activation{m.id, m.guard}]; ok {
			ctx.Send(pid, m)
		}
	case act:
		if pid, ok := r.of[m.activation]; ok {
			ctx.Send(pid, m)
		}
	case flushOut:
		ctx.Send(m.root, flushWire{IDs: m.ids})
	case flushWire:
		from := ctx.Sender().Address()
		r.d.flushCame(member{from.Node, from.Incarnation}, m.IDs, flushMark{m.Via, m.Back, m.Token})
	case flushMark:
		ctx.Send(m.via, arrivedWire{m.back, m.token})
	case arrivedWire:
		ctx.Send(m.Back, goWire{m.Token})
	case endRoot:
		return r.end(ctx)
	case actor.ExitSignal:
		if s, ok := r.guards[m.From]; ok {
			delete(r.guards, m.From)
			delete(r.of, activation{s.id, s.guard})
			r.d.ended(s, actor.Killed) // of no effect if the guard has told
			if r.ending && len(r.guards) == 0 {
				return actor.Shutdown
			}
			return nil
		}
		if m.From.IsZero() {
			r.d.halt() // the System ends
			return r.end(ctx)
		}
	}
	return nil
}

// end ends all guards, and then itself.
func (r *root) end(ctx *actor.Context) error {
	r.ending = true
	if len(r.guards) == 0 {
		return actor.Shutdown
	}
	for pid, s := range r.guards {
		ctx.Send(pid, stopGuard{s.id, s.guard, actor.Shutdown})
	}
	return nil
}

// guard starts one child, waits for its end, and tells.
type guard struct {
	d *Supervisor
	start
	child   actor.PID
	ending  bool
	handoff Handoff // nil if it cannot be moved
	leaver  *leaver // belongs to the child's turns
}

type (
	beginChild struct{}
	killChild  struct{}
)

// Init implements actor.Initializer.
func (g *guard) Init(ctx *actor.Context) error {
	ctx.TrapExit(true)
	ctx.Send(ctx.Self(), beginChild{})
	return nil
}

// Receive implements actor.Actor.
func (g *guard) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case beginChild:
		a, err := g.d.make(g.spec)
		if err == nil {
			g.handoff, _ = a.(Handoff)
			if g.restore != nil {
				a = &copied{g.d, a, g.restore}
			}
			g.child, err = ctx.SpawnLink(a)
		}
		if err != nil {
			g.d.started(g.start, 0, false, err)
			return actor.Normal
		}
		g.d.started(g.start, g.child.Address().ID, g.handoff != nil, nil)
	case act:
		g.act(ctx, m)
	case stopGuard:
		g.stop(ctx, m.reason)
	case killChild:
		ctx.Exit(g.child, actor.Kill)
	case actor.ExitSignal:
		switch {
		case m.From == g.child && !g.child.IsZero():
			g.d.ended(g.start, m.Reason)
			return actor.Normal
		case m.From == g.d.root && errors.Is(m.Reason, actor.Killed):
			ctx.Exit(g.child, actor.Kill) // there is no time left
		case m.From.IsZero() || m.From == g.d.root:
			g.stop(ctx, actor.Shutdown)
		}
	}
	return nil
}

// stop gives the child the time that it is to have.
func (g *guard) stop(ctx *actor.Context, why error) {
	if g.child.IsZero() || g.ending {
		return
	}
	g.ending = true
	switch d := g.spec.shutdown; {
	case d == supervision.BrutalKill:
		ctx.Exit(g.child, actor.Kill)
		return
	case d != supervision.Infinity:
		ctx.SendAfter(max(d, time.Millisecond), ctx.Self(), killChild{})
	}
	ctx.Exit(g.child, why)
}
