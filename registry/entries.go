package registry

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// errPromised is a name that somebody is about to get by RegisterSync: try again in a moment.
var errPromised = errors.New("registry: the name is being claimed")

// options are those of Register and Join.
type options struct {
	meta    string
	hasMeta bool
	epoch   uint64
}

// register writes a name for process id, unless another holds it. claim is the id of the claim it follows, 0 if there is none.
func (c *core) register(name string, id uint64, o options, claim uint64, now time.Time) error {
	k := crdt.Key{Kind: crdt.Name, Name: name}
	if !c.alive(id) {
		return fmt.Errorf("registry: Register(%q): %w", name, actor.NoProc)
	}
	if p, ok := c.promises[name]; ok && now.Before(p.until) && (p.by != c.self || p.id != claim) {
		return errPromised
	}
	var mine *crdt.Record
	for r := range c.store.Holders(k) {
		if r.Origin == c.store.Self() {
			if processOf(r.PID) == id {
				mine = r
				continue
			}
			if !c.alive(processOf(r.PID)) {
				continue // it has ended, and its end is about to be told
			}
		}
		if r.Epoch >= o.epoch && mine == nil {
			return &TakenError{Name: name, Owner: c.pidOf(r)}
		}
	}
	e := crdt.Entry{Key: k, PID: wirePID(id), Meta: o.meta, Epoch: o.epoch}
	if mine != nil {
		return c.renewEntry(mine, o, now)
	}
	e.Stamp = c.stamp()
	return c.add(e, id, now)
}

// renewEntry is the registration of who holds the name already: only what is said about it may change.
func (c *core) renewEntry(mine *crdt.Record, o options, now time.Time) error {
	e := mine.Entry
	if o.hasMeta {
		e.Meta = o.meta
	}
	e.Epoch = max(e.Epoch, o.epoch)
	if e == mine.Entry {
		return nil
	}
	return c.replace(mine, e, now)
}

func (c *core) replace(mine *crdt.Record, e crdt.Entry, now time.Time) error {
	r, err := c.store.Replace(mine.Seq, e)
	if err != nil || r == nil {
		return err
	}
	if p := c.procs[processOf(r.PID)]; p != nil {
		p.remove(r.Key, mine.Seq)
		p.add(r.Key, r.Seq)
	}
	if c.yields[r.Key] == mine.Seq {
		c.yields[r.Key] = r.Seq
	}
	c.apply([]crdt.Change{{Old: mine, New: r}}, now)
	c.settle(now)
	return nil
}

// add writes an entry of process id.
func (c *core) add(e crdt.Entry, id uint64, now time.Time) error {
	r, err := c.store.Add(e)
	if err != nil {
		return err
	}
	p := c.procs[id]
	if p == nil {
		p = &proc{}
		c.procs[id] = p
		c.out.watches = append(c.out.watches, id)
	}
	p.add(r.Key, r.Seq)
	c.apply([]crdt.Change{{New: r}}, now)
	c.settle(now)
	return nil
}

// drop ends one of our records.
func (c *core) drop(id uint64, k crdt.Key, seq uint64, now time.Time) *crdt.Record {
	if p := c.procs[id]; p != nil {
		p.remove(k, seq)
	}
	if c.yields[k] == seq {
		delete(c.yields, k)
	}
	r := c.store.Remove(seq)
	if r != nil {
		c.apply([]crdt.Change{{Old: r}}, now)
	}
	return r
}

// letYield marks the record of a name that process id holds.
func (c *core) letYield(name string, id uint64) error {
	k := crdt.Key{Kind: crdt.Name, Name: name}
	if p := c.procs[id]; p != nil {
		if seq := p.last(k); seq != 0 {
			c.yields[k] = seq
			return nil
		}
	}
	return fmt.Errorf("registry: Yield(%q): %w", name, ErrNotFound)
}

// unregister takes a name back from the process of this node that holds it.
func (c *core) unregister(name string, now time.Time) error {
	k := crdt.Key{Kind: crdt.Name, Name: name}
	var mine, other *crdt.Record
	for r := range c.store.Holders(k) {
		if r.Origin == c.store.Self() {
			mine = r
		} else if other == nil {
			other = r
		}
	}
	switch {
	case mine != nil:
		c.drop(processOf(mine.PID), k, mine.Seq, now)
		c.settle(now)
		return nil
	case other != nil:
		return fmt.Errorf("registry: Unregister(%q): %w: it is held by %v", name, ErrNotLocal, c.pidOf(other))
	}
	return fmt.Errorf("registry: Unregister(%q): %w", name, ErrNotFound)
}

// join makes process id a member of a group, once more if it is one already.
func (c *core) join(group string, id uint64, o options, now time.Time) error {
	if !c.alive(id) {
		return fmt.Errorf("registry: Join(%q): %w", group, actor.NoProc)
	}
	k := crdt.Key{Kind: crdt.Group, Name: group}
	return c.add(crdt.Entry{Key: k, PID: wirePID(id), Meta: o.meta, Stamp: c.stamp()}, id, now)
}

// leave undoes one join.
func (c *core) leave(group string, id uint64, now time.Time) error {
	k := crdt.Key{Kind: crdt.Group, Name: group}
	p := c.procs[id]
	if p != nil {
		if seq := p.last(k); seq != 0 {
			c.drop(id, k, seq, now)
			c.settle(now)
			return nil
		}
	}
	return fmt.Errorf("registry: Leave(%q): %w", group, ErrNotFound)
}

// exited is the end of a process of this node.
func (c *core) exited(id uint64, now time.Time) {
	p := c.procs[id]
	if p == nil {
		return
	}
	delete(c.procs, id)
	for _, seq := range slices.Sorted(p.all()) {
		if r := c.store.Remove(seq); r != nil {
			if c.yields[r.Key] == seq {
				delete(c.yields, r.Key)
			}
			c.apply([]crdt.Change{{Old: r}}, now)
		}
	}
	c.settle(now)
}

// holder is the best visible holder of a name that has not ended, nil if there is none.
func (c *core) holder(name string) *crdt.Record {
	for r := range c.store.Holders(crdt.Key{Kind: crdt.Name, Name: name}) {
		if r.Origin != c.store.Self() || c.alive(processOf(r.PID)) {
			return r
		}
	}
	return nil
}
