package main

import (
	"fmt"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/distributed"
)

// tally is the state of a counter: it travels when the counter is moved, and is the answer to each request.
type tally struct {
	Count uint64
	Last  uint64 // number of the last update
	Life  string // in which it counts since zero: the process with which that began
}

// update counts one more; read only asks.
type (
	update struct {
		actor.Replies[tally]
		N uint64 // numbers the updates of a counter; each is greater than the one before
	}
	read struct{ actor.Replies[tally] }
)

// start are the arguments of a counter.
type start struct{ ID string }

// counterKind is the name of what can be started on any node.
const counterKind = "counter"

var types = []cluster.Type{
	cluster.TypeOf[tally]("counters.tally"), cluster.TypeOf[update]("counters.update"), cluster.TypeOf[read]("counters.read"),
}

// counter is one of many, and can be moved.
type counter struct {
	start
	tally
}

var _ distributed.Handoff = (*counter)(nil)

func (c *counter) Init(ctx *actor.Context) error {
	c.Life = ctx.Self().String()
	return nil
}

func (c *counter) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case update:
		if m.N <= c.Last {
			return fmt.Errorf("%s: update %d came after update %d", c.ID, m.N, c.Last)
		}
		c.Count++
		c.Last = m.N
		actor.Reply(ctx, m, c.tally)
	case read:
		actor.Reply(ctx, m, c.tally)
	default:
		return ctx.Unhandled()
	}
	return nil
}

// stateVersion is of tally as a state.
const stateVersion = 1

func (c *counter) Snapshot(*actor.Context) (version int, state any, err error) {
	return stateVersion, c.tally, nil
}

func (c *counter) Restore(_ *actor.Context, version int, state any) error {
	t, ok := state.(tally)
	if !ok || version != stateVersion {
		return fmt.Errorf("%s cannot go on from version %d, %T", c.ID, version, state)
	}
	c.tally = t
	return nil
}
