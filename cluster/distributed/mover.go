package distributed

import (
	"encoding/binary"
	"fmt"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/handoff"
)

// Handoff is what an actor implements that can be moved with its state: a Kind's actor that is neither typed nor blocking.
//
// Snapshot gives the state, of a type in cluster.Config.Types, and its version; the actor handles nothing afterwards, unless the move
// comes to nothing. Restore, after Init, takes it over at the other node. What Init and Restore send is kept back until the move is
// certain, and never sent if it comes to nothing; see actor.Context.Hold.
type Handoff interface {
	Snapshot(ctx *actor.Context) (version int, state any, err error)
	Restore(ctx *actor.Context, version int, state any) error
}

// errDropped ends a copy whose move came to nothing.
var errDropped = fmt.Errorf("%w: the move came to nothing", actor.Shutdown)

// restore is what a copy begins with.
type restore struct {
	attempt handoff.Attempt
	version uint32
	state   []byte
}

// copied is a process that was moved here. It is kept back until it is activated.
type copied struct {
	d *Supervisor
	actor.Actor
	r *restore
}

// Init implements actor.Initializer.
func (m *copied) Init(ctx *actor.Context) error {
	ctx.Hold()
	if i, ok := m.Actor.(actor.Initializer); ok {
		if err := i.Init(ctx); err != nil {
			return err
		}
	}
	h, ok := m.Actor.(Handoff)
	if !ok {
		return fmt.Errorf("cluster/distributed: a %T has no Restore at this node", m.Actor)
	}
	state, err := m.d.decode(m.r.state)
	if err != nil {
		return err
	}
	return h.Restore(ctx, int(m.r.version), state)
}

// Terminate implements actor.Terminator.
func (m *copied) Terminate(ctx *actor.Context, reason error) {
	if t, ok := m.Actor.(actor.Terminator); ok {
		t.Terminate(ctx, reason)
	}
}

// leaver is the behaviour of a process that is moved away: it holds mail, and sends it on later.
type leaver struct {
	to    actor.PID
	waits []act // for what was held to be sent on
}

// Receive implements actor.Actor.
func (l *leaver) Receive(ctx *actor.Context, _ any) error {
	if l.to.IsZero() {
		ctx.Stash()
	} else {
		ctx.Forward(l.to)
	}
	return nil
}

// drain holds mail and gives the state. It runs as part of the process.
func (g *guard) drain(ctx *actor.Context) {
	g.leaver = &leaver{}
	ctx.Become(g.leaver)
	version, state, err := g.snapshot(ctx)
	g.d.snapshotted(g.start, version, state, err)
}

func (g *guard) snapshot(ctx *actor.Context) (version uint32, b []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &actor.PanicError{Value: v}
		}
	}()
	v, state, err := g.handoff.Snapshot(ctx)
	if err != nil {
		return 0, nil, err
	}
	b, err = g.d.encode(state)
	return uint32(v), b, err
}

// encode writes a state.
func (d *Supervisor) encode(state any) ([]byte, error) {
	return d.kinds.codec.Append(binary.BigEndian.AppendUint64(nil, d.kinds.hash), state, textRefs{d.sys})
}

func (d *Supervisor) decode(b []byte) (any, error) {
	if len(b) < 8 {
		return nil, errRecord
	}
	hash := binary.BigEndian.Uint64(b)
	d.mu.Lock()
	names := d.core.tables[hash]
	d.mu.Unlock()
	t, err := d.kinds.table(hash, names)
	if err != nil {
		return nil, err
	}
	return t.Decode(b[8:], textRefs{d.sys})
}

// sentOn says that all was sent on that a member had sent before it flushed.
func (g *guard) sentOn(ctx *actor.Context, a act) {
	if g.leaver != nil && g.leaver.to.IsZero() {
		g.leaver.waits = append(g.leaver.waits, a)
		return
	}
	if !a.via.IsZero() {
		ctx.Send(a.via, arrivedWire{a.back, a.token})
	}
	g.d.forwarded(a.activation, a.by)
}

// act does something in the process of a child, in its own turn: so order is kept.
func (g *guard) act(ctx *actor.Context, a act) {
	var f func(c *actor.Context) error
	switch a.verb {
	case actDrain:
		f = func(c *actor.Context) error { g.drain(c); return nil }
	case actResume:
		f = func(c *actor.Context) error {
			if g.leaver != nil {
				waits := g.leaver.waits
				g.leaver = nil
				c.Unbecome()
				c.Unstash()
				for _, x := range waits {
					g.sentOn(c, x)
				}
			}
			return nil
		}
	case actForward:
		to := g.d.pid(a.to, a.process)
		f = func(c *actor.Context) error {
			if g.leaver != nil {
				g.leaver.to = to
				c.Unstash()
				for _, x := range g.leaver.waits { // behind that
					_ = c.System().Interject(c.Self(), func(c *actor.Context) error { g.sentOn(c, x); return nil })
				}
				g.leaver.waits = nil
			}
			return nil
		}
	case actFlush:
		f = func(c *actor.Context) error { g.sentOn(c, a); return nil }
	case actRelease:
		f = func(c *actor.Context) error { c.Release(); return nil }
	}
	_ = ctx.System().Interject(g.child, f) // if it has ended, that is told by itself
}
