package registry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// Option says something about an entry.
type Option func(*options)

// WithMeta attaches a text to the entry, up to 4 KiB, for whoever looks it up.
func WithMeta(meta string) Option {
	return func(o *options) { o.meta, o.hasMeta = meta, true }
}

// WithEpoch registers an activation: the greater epoch holds the name, and a holder with a lesser one gives way. It is for those
// that start a process again elsewhere, or move it; see [Registry.NextEpoch].
func WithEpoch(epoch uint64) Option {
	return func(o *options) { o.epoch = epoch }
}

// Mode is who has to agree to a [Registry.RegisterSync].
type Mode uint8

const (
	Majority Mode = iota // more than half of the members that are up
	All                  // all of them
)

// own checks that pid is a process of this node, and is its id.
func (r *Registry) own(what, name string, pid actor.PID) (uint64, error) {
	a := pid.Address()
	switch {
	case pid.IsZero():
		return 0, fmt.Errorf("registry: %s(%q): the PID is nobody", what, name)
	case a.Name != "":
		return 0, fmt.Errorf("registry: %s(%q, %v): it is an address; give the PID of a process", what, name, pid)
	case a.Node != r.sys.Name() || a.Incarnation != 0 && a.Incarnation != r.sys.Incarnation():
		return 0, fmt.Errorf("registry: %s(%q, %v): %w; do it there", what, name, pid, ErrNotLocal)
	}
	return a.ID, nil
}

func optionsOf(opts []Option) (o options) {
	for _, f := range opts {
		if f != nil {
			f(&o)
		}
	}
	return o
}

// Register gives a name to a process of this node, until it ends or [Registry.Unregister]. It returns when the name is visible
// here and was free as far as this node knows; the others see it some milliseconds later. A race with another node may still
// end one of the two with a [NameConflict]. A process may have many names. Who holds the name already may change its metadata.
//
// The error is a [TakenError], [ErrNotLocal], actor.NoProc, [ErrLimit], [ErrClosed] or ctx's.
func (r *Registry) Register(ctx context.Context, name string, pid actor.PID, opts ...Option) error {
	id, err := r.own("Register", name, pid)
	if err != nil {
		return err
	}
	o := optionsOf(opts)
	return r.retry(ctx, func() (bool, error) {
		err := r.do(func(c *core, now time.Time) error { return c.register(name, id, o, 0, now) })
		return err == errPromised, err
	})
}

// RegisterSync is Register that asks the other members first: of two for one name, at members that see the same ones up, at most
// one returns nil. It excludes nothing across a partition. It tries again while others are at it, until ctx ends.
func (r *Registry) RegisterSync(ctx context.Context, name string, pid actor.PID, mode Mode, opts ...Option) error {
	id, err := r.own("RegisterSync", name, pid)
	if err != nil {
		return err
	}
	if n := len(name); n == 0 || n > crdt.MaxNameBytes || mode > All {
		return fmt.Errorf("registry: RegisterSync(%q, mode %d): %w: a name has 1 to %d bytes, the mode is Majority or All", name, mode, ErrLimit, crdt.MaxNameBytes)
	}
	o := optionsOf(opts)
	return r.retry(ctx, func() (again bool, err error) {
		var cl *claim
		var done <-chan outcome
		err = r.do(func(c *core, now time.Time) error {
			cl, done = c.claim(name, id, o, mode == All, now)
			return nil
		})
		if err != nil {
			return false, err
		}
		select {
		case <-ctx.Done():
			r.step(func(c *core, now time.Time) { c.abandon(cl, ctx.Err(), now) })
		case <-r.ctx.Done():
			return false, ErrClosed
		case x := <-done:
			return x.again, x.err
		}
		select {
		case x := <-done:
			return x.again, x.err
		case <-r.ctx.Done():
			return false, ErrClosed
		}
	})
}

// retry calls f until it needs no more tries, with pauses of random length that grow.
func (r *Registry) retry(ctx context.Context, f func() (again bool, err error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		again, err := f()
		if !again {
			return err
		}
		timer := time.NewTimer(time.Duration(rand.Int64N(int64(pause))) + time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-r.ctx.Done():
			timer.Stop()
			return ErrClosed
		}
	}
}

// do is step for what can fail.
func (r *Registry) do(f func(c *core, now time.Time) error) (err error) {
	err = ErrClosed
	r.step(func(c *core, now time.Time) { err = f(c, now) })
	return err
}

// Unregister takes a name back from the process of this node that holds it. The process goes on. The error is [ErrNotFound],
// [ErrNotLocal] if a process of another node holds it, [ErrClosed] or ctx's.
func (r *Registry) Unregister(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.do(func(c *core, now time.Time) error { return c.unregister(name, now) })
}

// Whereis is the holder of a name, as far as this node knows. It asks nobody and allocates nothing. A holder of this node that has
// ended is not returned, nor is one of a node that is down or out of reach.
func (r *Registry) Whereis(name string) (actor.PID, bool) {
	e := r.table.get(name)
	if e == nil {
		return actor.PID{}, false
	}
	if e.src.gone.Load() || e.src.local && !r.sys.Alive(e.pid) {
		e = r.next(name)
		if e == nil {
			return actor.PID{}, false
		}
	}
	return e.pid, true
}

// Named is an address: what is sent to it goes to whoever holds the name at that moment, so it outlives moves and restarts. If nobody
// holds it, messages become dead letters with actor.NoProc. It may be sent to other nodes, where it means the same.
func (r *Registry) Named(name string) actor.PID {
	return r.sys.PIDOf(actor.Address{Node: actor.AnyNode, Name: name})
}

// next is the holder of a name whose entry in the table is on its way out.
func (r *Registry) next(name string) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.core.holder(name)
	if rec == nil || r.closed {
		return nil
	}
	return &entry{name: name, pid: r.core.pidOf(rec), rec: rec, src: r.core.sources[rec.Origin]}
}

// Entry is what is registered.
type Entry struct {
	Name       string
	PID        actor.PID
	Meta       string
	Epoch      uint64
	Registered time.Time // by the clock of the holder's node
}

func entryOf(e *entry) Entry {
	return Entry{Name: e.name, PID: e.pid, Meta: e.rec.Meta, Epoch: e.rec.Epoch, Registered: e.rec.Stamp.Time()}
}

// Lookup is Whereis with all that is known of the holder.
func (r *Registry) Lookup(name string) (Entry, bool) {
	e := r.table.get(name)
	if e != nil && (e.src.gone.Load() || e.src.local && !r.sys.Alive(e.pid)) {
		e = r.next(name)
	}
	if e == nil {
		return Entry{}, false
	}
	return entryOf(e), true
}

// NextEpoch is one more than the greatest epoch known for a name, holders of nodes that are down included: what [WithEpoch] takes
// for the next activation.
func (r *Registry) NextEpoch(name string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.core.store.NextEpoch(crdt.Key{Kind: crdt.Name, Name: name})
}

// Yield says that the process of this node which holds a name is about to be replaced: when another appears with a greater epoch, the
// entry is removed and the process goes on, without a [NameConflict]. Until then it is the holder, so a planned move has no moment
// without one. It lasts until the process loses the name or ends.
func (r *Registry) Yield(name string, pid actor.PID) error {
	id, err := r.own("Yield", name, pid)
	if err != nil {
		return err
	}
	return r.do(func(c *core, _ time.Time) error { return c.letYield(name, id) })
}

// Await waits until a name has a holder. The error is ctx's or [ErrClosed].
func (r *Registry) Await(ctx context.Context, name string) (actor.PID, error) {
	for {
		var wait chan struct{}
		err := r.do(func(c *core, _ time.Time) error {
			if c.holder(name) == nil {
				wait = make(chan struct{})
				c.awaited[name] = append(c.awaited[name], wait)
			}
			return nil
		})
		if err != nil {
			return actor.PID{}, err
		}
		if wait == nil {
			if pid, ok := r.Whereis(name); ok {
				return pid, nil
			}
			if err := ctx.Err(); err != nil {
				return actor.PID{}, err
			}
			continue
		}
		select {
		case <-wait:
		case <-ctx.Done():
			r.step(func(c *core, _ time.Time) { c.stopAwait(name, wait) })
			return actor.PID{}, ctx.Err()
		case <-r.ctx.Done():
			return actor.PID{}, ErrClosed
		}
	}
}

// Ready waits until this node has a complete copy of what all members that are up have registered. The error is ctx's or
// [ErrClosed]. A member that has opened no registry is waited for.
func (r *Registry) Ready(ctx context.Context) error {
	var wait chan struct{}
	err := r.do(func(c *core, _ time.Time) error {
		if !c.complete() {
			wait = make(chan struct{})
			c.readyAt = append(c.readyAt, wait)
		}
		return nil
	})
	if err != nil || wait == nil {
		return err
	}
	select {
	case <-wait:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ctx.Done():
		return ErrClosed
	}
}

// Join makes a process of this node a member of a group, until it ends or has left as often as it joined.
func (r *Registry) Join(ctx context.Context, group string, pid actor.PID, opts ...Option) error {
	id, err := r.own("Join", group, pid)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	o := optionsOf(opts)
	return r.do(func(c *core, now time.Time) error { return c.join(group, id, o, now) })
}

// Leave undoes one Join. The error is [ErrNotFound] if the process is no member.
func (r *Registry) Leave(ctx context.Context, group string, pid actor.PID) error {
	id, err := r.own("Leave", group, pid)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	return r.do(func(c *core, now time.Time) error { return c.leave(group, id, now) })
}

// Members are the processes of a group on all nodes; one that joined twice is there twice.
func (r *Registry) Members(group string) []actor.PID { return r.membersOf(group, false) }

// LocalMembers are those of this node.
func (r *Registry) LocalMembers(group string) []actor.PID { return r.membersOf(group, true) }

func (r *Registry) membersOf(group string, local bool) []actor.PID {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.core
	if r.closed || c.groups[group] == 0 {
		return nil
	}
	pids := make([]actor.PID, 0, c.groups[group])
	for rec := range c.store.Holders(crdt.Key{Kind: crdt.Group, Name: group}) {
		own := rec.Origin == c.store.Self()
		if own && !r.alive(processOf(rec.PID)) || local && !own {
			continue
		}
		pids = append(pids, c.pidOf(rec))
	}
	return pids
}
