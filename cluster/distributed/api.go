package distributed

import (
	"context"
	"errors"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// Start wants a child, and returns when it runs, wherever that is, with its PID; it is then visible here. It waits for
// [Supervisor.WaitForSync]. The child stays wanted until it is deleted or ends for good, also if this node is lost. If ctx ends
// before it runs it stays wanted too.
//
// The error joins a [ConfigError] for everything that is wrong with c, or is one of package codec about the arguments,
// [ErrAlreadyStarted], beside the PID, or [ErrAlreadyPresent]; a [StartError] if the node where the child belongs does not know its
// kind (cluster.ErrUnknownKind), or Init failed: the child is then deleted; [ErrDeleted], [ErrClosed], or ctx's.
func (d *Supervisor) Start(ctx context.Context, c Child) (actor.PID, error) {
	if err := c.check(); err != nil {
		return actor.PID{}, err
	}
	args, err := d.kinds.encode(c.Args)
	if err != nil {
		return actor.PID{}, err
	}
	if err := d.WaitForSync(ctx); err != nil {
		return actor.PID{}, err
	}
	s := specOf(&c, d.sys.Name())
	s.args, s.types = args, d.kinds.hash
	return d.want(ctx, c.ID, s, func(c *core, ch *child) (actor.PID, error) {
		if ch == nil || ch.spec == nil {
			return actor.PID{}, nil
		}
		if ch.spec.stopped || c.failedNow(ch) {
			return actor.PID{}, ErrAlreadyPresent
		}
		pid, _ := d.whereis(c, ch.id)
		return pid, ErrAlreadyStarted
	})
}

// want writes an intent, unless refuse objects, and waits for what comes of it.
func (d *Supervisor) want(ctx context.Context, id string, s *spec, refuse func(*core, *child) (actor.PID, error)) (actor.PID, error) {
	var pid actor.PID
	var w *waiter
	var born crdt.Stamp
	err := d.do(func(c *core, now time.Time) (err error) {
		if pid, err = refuse(c, c.children[id]); err != nil {
			return err
		}
		if s == nil {
			old := *c.children[id].spec
			s = &old
		}
		s.stopped = false
		s.born = c.stamp(now)
		born = s.born
		w = &waiter{done: make(chan struct{}), ok: func(ch *child) bool { return c.outcome(ch, born) != undecided }}
		ch := c.child(id)
		c.write(id, s, now)
		ch.waiters = append(ch.waiters, w)
		c.settle(now)
		return nil
	})
	if err != nil {
		return pid, err
	}
	if err := d.wait(ctx, id, w); err != nil {
		return actor.PID{}, err
	}
	return d.result(id, born, s)
}

// result is what came of an intent.
func (d *Supervisor) result(id string, born crdt.Stamp, s *spec) (pid actor.PID, err error) {
	stepErr := d.do(func(c *core, now time.Time) error {
		ch := c.children[id]
		if ch == nil || ch.spec == nil {
			err = ErrDeleted
			return nil
		}
		var found bool
		if pid, found = d.whereis(c, id); found {
			return nil
		}
		if c.outcome(ch, born) != hasFailed {
			err = ErrDeleted // it came up, and has ended since
			return nil
		}
		node, n := c.failure(ch)
		err = &StartError{ID: id, Node: node, Err: n.err()}
		if ch.phase == phaseFailed && ch.cause != nil {
			err = &StartError{ID: id, Node: node, Err: ch.cause}
		}
		if n.first && ch.spec.born == s.born {
			c.forget(id, now)
			c.settle(now)
		}
		return nil
	})
	return pid, errors.Join(stepErr, err)
}

// wait waits for a waiter of a child.
func (d *Supervisor) wait(ctx context.Context, id string, w *waiter) error {
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		d.step(func(c *core, now time.Time) {
			if ch := c.children[id]; ch != nil {
				for i, x := range ch.waiters {
					if x == w {
						ch.waiters = append(ch.waiters[:i], ch.waiters[i+1:]...)
						break
					}
				}
			}
		})
		return ctx.Err()
	case <-d.ctx.Done():
		return ErrClosed
	}
}

// do is step for what can fail.
func (d *Supervisor) do(f func(c *core, now time.Time) error) (err error) {
	err = ErrClosed
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if !closed {
		d.step(func(c *core, now time.Time) { err = f(c, now) })
	}
	return err
}

// Terminate stops a child, wherever it runs, and returns when no process of it is visible here. The child stays known; Restart starts
// it again. Errors: [ErrNotFound], [ErrClosed], ctx's; it is then still to be stopped.
func (d *Supervisor) Terminate(ctx context.Context, id string) error {
	return d.unwant(ctx, id, false)
}

// Delete is Terminate that forgets the child. It stays deleted, whatever nodes that were cut off know of it, until it is started again.
func (d *Supervisor) Delete(ctx context.Context, id string) error {
	return d.unwant(ctx, id, true)
}

func (d *Supervisor) unwant(ctx context.Context, id string, forget bool) error {
	if err := d.WaitForSync(ctx); err != nil {
		return err
	}
	for first := true; ; first = false {
		w, err := d.unwantOnce(id, forget, first)
		if err != nil || w == nil {
			return err
		}
		if err := d.wait(ctx, id, w); err != nil {
			return err
		}
	}
}

// unwantOnce writes that a child is not wanted, and returns what to wait for; nil when it is done. Somebody else may have written the
// opposite a moment before, and this node not have heard of it: then it has to be written again.
func (d *Supervisor) unwantOnce(id string, forget, first bool) (w *waiter, err error) {
	err = d.do(func(c *core, now time.Time) error {
		ch := c.children[id]
		switch {
		case ch == nil || ch.spec == nil:
			if first {
				return ErrNotFound
			}
			if ch == nil || c.quiet(ch) {
				return nil
			}
		case forget:
			c.forget(id, now)
		case !ch.spec.stopped:
			s := *ch.spec
			s.stopped = true
			c.write(id, &s, now)
		case !first && c.quiet(ch):
			return nil
		}
		wanted := func(ch *child) bool { return ch.spec != nil && (forget || !ch.spec.stopped) }
		w = &waiter{done: make(chan struct{}), ok: func(ch *child) bool { return c.quiet(ch) || wanted(ch) }}
		ch.waiters = append(ch.waiters, w)
		c.poke(ch)
		c.settle(now)
		return nil
	})
	return w, err
}

// quiet reports whether nothing of a child is visible.
func (c *core) quiet(ch *child) bool {
	return ch.phase == idle && c.store.Lookup(key(ch.id)) == nil
}

// Restart starts a child that was terminated or has failed, with a clean record, and returns as Start does. Errors: [ErrNotFound],
// [ErrRunning], and those of Start.
func (d *Supervisor) Restart(ctx context.Context, id string) (actor.PID, error) {
	if err := d.WaitForSync(ctx); err != nil {
		return actor.PID{}, err
	}
	return d.want(ctx, id, nil, func(c *core, ch *child) (actor.PID, error) {
		switch {
		case ch == nil || ch.spec == nil:
			return actor.PID{}, ErrNotFound
		case !ch.spec.stopped && !c.failedNow(ch):
			pid, _ := d.whereis(c, id)
			return pid, ErrRunning
		}
		return actor.PID{}, nil
	})
}

// WaitForSync waits until this node has a copy of all that the others want and run: from then on it starts children, and knows
// what there is. The error is ctx's or [ErrClosed].
func (d *Supervisor) WaitForSync(ctx context.Context) error {
	var wait chan struct{}
	err := d.do(func(c *core, _ time.Time) error {
		if !c.ready {
			wait = make(chan struct{})
			c.readyAt = append(c.readyAt, wait)
		}
		return ctx.Err()
	})
	if err != nil || wait == nil {
		return err
	}
	select {
	case <-wait:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-d.ctx.Done():
		return ErrClosed
	}
}

// Rebalance moves the children that run at this node and belong to another one there, at Config.Rate, as Close does; those that are no
// [Handoff] end here, with [Moved], and are started there. It returns when none is left, but for those that could not be moved
// three times. The error is ctx's, the rest then goes on, or [ErrClosed].
func (d *Supervisor) Rebalance(ctx context.Context) error {
	if err := d.WaitForSync(ctx); err != nil {
		return err
	}
	wait := make(chan struct{})
	err := d.do(func(c *core, now time.Time) error {
		for _, ch := range c.children {
			ch.tries = 0
		}
		c.once, c.more = true, true
		c.balanced = append(c.balanced, wait)
		return nil
	})
	if err != nil {
		return err
	}
	select {
	case <-wait:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-d.ctx.Done():
		return ErrClosed
	}
}

// Subscribe calls f with what happens to children at this node, in order, by one goroutine. f must not block.
func (d *Supervisor) Subscribe(f func(Event)) (cancel func()) { return d.subscribers.add(f) }
