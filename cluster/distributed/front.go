package distributed

import (
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// A front is the process behind an address of a child, on the node that asked for the address. It sends mail on to wherever the child
// is. When the child goes to another node, the front first sends word behind what it sent to the old process; that
// comes back by way of the new node, behind all that was sent on; only then does the front send there. So mail is never
// overtaken, and nobody but the front waits.

// front is what the core knows of it.
type front struct {
	pid   actor.PID
	to    member // where it sends
	at    uint64 // the process there; 0 if nowhere
	epoch uint64
}

// route is word to a front.
type route struct {
	front   actor.PID
	to      member
	process uint64
	old     member // behind whose mail it has to wait; zero for nobody
	freed   bool   // old is not to be waited for
	dead    bool   // nobody wants the child any more
}

// reroute tells the front of a child where it is.
func (c *core) reroute(ch *child) {
	f := c.fronts[ch.id]
	if f == nil {
		return
	}
	var best *crdt.Record
	for r := range c.store.Holders(key(ch.id)) {
		if processOf(r.PID) == 0 {
			continue
		}
		if n, err := parseNote(r.Meta); err == nil && n.status == running && (best == nil || r.Origin == c.store.Self() && ch.spec != nil && !ch.spec.strategy.once()) {
			best = r
		}
	}
	if best == nil {
		wanted := ch.spec != nil && !ch.spec.stopped && !c.failedNow(ch)
		if f.at != 0 || !wanted {
			old := f.to
			if f.at == 0 {
				old = member{}
			}
			f.at = 0
			c.out.routes = append(c.out.routes, route{front: f.pid, to: old, dead: !wanted})
		}
		return
	}
	to, at := c.sources[best.Origin], processOf(best.PID)
	if to == f.to && at == f.at {
		return
	}
	x := route{front: f.pid, to: to, process: at}
	if p := c.peers[f.to]; f.to != to && f.to.Name != "" && (f.to == c.self || p != nil && p.live && p.met && p.open) {
		x.old = f.to
	}
	f.to, f.at, f.epoch = to, at, best.Epoch
	c.out.routes = append(c.out.routes, x)
}

// freed lets the fronts go on that wait for a member.
func (c *core) freed(m member) {
	for _, f := range c.fronts {
		c.out.routes = append(c.out.routes, route{front: f.pid, old: m, freed: true})
	}
}

// Named is an address of a child, on this node: mail to it goes to the child, wherever that is, and keeps its order when
// the child is moved. While the child is wanted and not there, because its node was lost, mail waits; when it is not wanted, or
// has failed, mail is a dead letter. The address is good until the supervisor is closed; each takes a process.
func (d *Supervisor) Named(id string) actor.PID {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return actor.PID{}
	}
	if f := d.core.fronts[id]; f != nil {
		d.mu.Unlock()
		return f.pid
	}
	d.mu.Unlock()
	pid, err := d.sys.Spawn(&fronter{d: d, id: id})
	if err != nil {
		return actor.PID{}
	}
	d.step(func(c *core, _ time.Time) {
		if f := c.fronts[id]; f != nil {
			d.sys.Exit(pid, actor.Shutdown)
			pid = f.pid
			return
		}
		c.fronts[id] = &front{pid: pid}
		c.reroute(c.child(id))
		c.touch(id)
	})
	return pid
}

// fronter is the process.
type fronter struct {
	d       *Supervisor
	id      string
	to      actor.PID
	next    actor.PID // where it sends when it has waited
	waits   member    // for whom
	token   uint64
	dead    bool
	pending bool
}

// routed is a route with the PIDs that the front needs.
type routed struct {
	to      actor.PID
	old     member
	oldRoot actor.PID
	newRoot actor.PID
	free    bool // nobody has to be waited for who is old
	dead    bool
}

// Receive implements actor.Actor.
func (f *fronter) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case routed:
		f.route(ctx, m)
	case goWire:
		if f.pending && m.Token == f.token {
			f.release(ctx)
		}
	default:
		switch {
		case f.pending || f.to.IsZero() && !f.dead:
			ctx.Stash()
		case f.to.IsZero():
			return ctx.Unhandled()
		default:
			ctx.Forward(f.to)
		}
	}
	return nil
}

func (f *fronter) route(ctx *actor.Context, m routed) {
	if m.free {
		if f.pending && f.waits == m.old {
			f.release(ctx)
		}
		return
	}
	f.next, f.dead = m.to, m.dead
	switch {
	case f.pending: // it waits already, for an older one, and has sent nothing to this one: what follows goes where the child is then
		if !m.oldRoot.IsZero() {
			ctx.Send(m.oldRoot, flushWire{IDs: []string{f.id}})
		}
	case m.old.Name != "" && !m.to.IsZero() && !m.oldRoot.IsZero() && !m.newRoot.IsZero():
		f.pending, f.waits = true, m.old
		f.token++
		ctx.Send(m.oldRoot, flushWire{IDs: []string{f.id}, Via: m.newRoot, Back: ctx.Self(), Token: f.token})
	default:
		f.release(ctx)
	}
}

func (f *fronter) release(ctx *actor.Context) {
	f.pending, f.waits, f.to = false, member{}, f.next
	ctx.Unstash()
}

// flushWire is word that the sender's node sends nothing more to the old processes of these children. It goes back to Back by way of
// Via, if they are given.
type flushWire struct {
	IDs       []string
	Via, Back actor.PID
	Token     uint64
}

// arrivedWire is that word, behind what the old process sent on.
type arrivedWire struct {
	Back  actor.PID
	Token uint64
}

// goWire is that word where it came from.
type goWire struct{ Token uint64 }
