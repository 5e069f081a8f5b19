package lease

import (
	"errors"
	"fmt"

	"github.com/foundation-runtime/foundation/actor"
)

// Actor makes a process that registers itself: its Init takes the name, as [Registry.Register] does, and then start makes the actor that
// does the work, with the hold. So nothing is done before the name is held, and Spawn returns Register's error without it. No
// message is handled by it, and no Terminate called, after the lease is over, however late the machine comes to know: each turn looks first.
//
// An actor that calls Become takes that look away from itself. One Actor is for one Spawn.
func (r *Registry) Actor(name string, start func(h *Hold) (actor.Actor, error), opts ...Option) actor.Actor {
	return &guarded{r: r, name: name, start: start, opts: opts}
}

type guarded struct {
	r     *Registry
	name  string
	start func(h *Hold) (actor.Actor, error)
	opts  []Option
	hold  *Hold
	actor actor.Actor // nil until Init has made it
}

// Init implements actor.Initializer.
func (g *guarded) Init(ctx *actor.Context) (err error) {
	if g.start == nil || g.hold != nil {
		return fmt.Errorf("lease: Actor(%q): start is nil, or the Actor was spawned before; make one for each Spawn", g.name)
	}
	ctx.Blocking(func() { g.hold, err = g.r.Register(ctx, g.name, ctx.Self(), g.opts...) })
	if err != nil {
		return err
	}
	inner, err := g.start(g.hold)
	if err == nil && inner == nil {
		err = errors.New("lease: Actor: start returned neither an actor nor an error")
	}
	if err != nil {
		return err
	}
	if x, ok := inner.(actor.Initializer); ok {
		if err := x.Init(ctx); err != nil {
			return err
		}
	}
	g.actor = inner
	return g.hold.Err()
}

// Receive implements actor.Actor.
func (g *guarded) Receive(ctx *actor.Context, msg any) error {
	if err := g.hold.Err(); err != nil {
		return err
	}
	return g.actor.Receive(ctx, msg)
}

// Terminate implements actor.Terminator.
func (g *guarded) Terminate(ctx *actor.Context, reason error) {
	if x, ok := g.actor.(actor.Terminator); ok && g.hold.Err() == nil {
		x.Terminate(ctx, reason)
	}
}
