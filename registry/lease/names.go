package lease

import (
	"context"
	"iter"
	"maps"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Whereis is the holder of a name: exactly, of what this node holds; else as Consul last said, which may be old. It asks nobody.
func (r *Registry) Whereis(name string) (actor.PID, bool) {
	e, ok := r.Lookup(name)
	return e.PID, ok && !e.PID.IsZero()
}

// Lookup is Whereis with all that is known of the holder.
func (r *Registry) Lookup(name string) (Entry, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return Entry{}, false
	}
	return r.lookupLocked(name)
}

func (r *Registry) lookupLocked(name string) (Entry, bool) {
	session := ""
	if r.period != nil {
		session = r.period.session
	}
	if s := r.slots[name]; s != nil && s.hold != nil && s.hold.Err() == nil && r.sys.Alive(s.hold.pid) {
		return s.hold.entry(), true
	}
	e, ok := r.others[name]
	if !ok || e.Session == session || r.own("", name, e.PID) == nil && !r.sys.Alive(e.PID) {
		return Entry{}, false // what Consul still says of this node is not so any more
	}
	return e, true
}

// taken reports whether somebody is known to hold a name.
func (r *Registry) taken(name string) bool {
	_, ok := r.Lookup(name)
	return ok
}

// Held is this node's hold on a name.
func (r *Registry) Held(name string) (*Hold, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.slots[name]; s != nil && s.hold != nil && s.hold.Err() == nil {
		return s.hold, true
	}
	return nil, false
}

// Await waits until a name has a holder. The error is ctx's or [ErrClosed].
func (r *Registry) Await(ctx context.Context, name string) (actor.PID, error) {
	for {
		r.mu.Lock()
		closed, changed := r.closed, r.changed
		e, ok := r.lookupLocked(name)
		r.mu.Unlock()
		switch {
		case closed:
			return actor.PID{}, ErrClosed
		case ok && !e.PID.IsZero():
			return e.PID, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return actor.PID{}, ctx.Err()
		}
	}
}

// Ready waits until this node has a session and has read all names once. The error is ctx's, joined with why there is no session, or
// [ErrClosed].
func (r *Registry) Ready(ctx context.Context) error {
	for {
		r.mu.Lock()
		closed, changed, p, ready := r.closed, r.changed, r.period, r.ready
		r.mu.Unlock()
		if closed {
			return ErrClosed
		}
		if p != nil && p.valid(time.Now()) {
			changed = nil
			select {
			case <-ready:
				return nil
			default:
			}
		} else {
			ready = nil
		}
		select {
		case <-changed:
		case <-ready:
		case <-ctx.Done():
			fault := r.why()
			if fault == nil {
				return ctx.Err()
			}
			return unavailable("there is no session", joined{ctx.Err(), fault})
		}
	}
}

// why there is no session, as far as Consul said.
func (r *Registry) why() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}

// joined are two errors in one line.
type joined [2]error

func (j joined) Error() string   { return j[0].Error() + ": " + j[1].Error() }
func (j joined) Unwrap() []error { return j[:] }

// Names yields all names with their holders, in no order, as they were at one moment.
func (r *Registry) Names() iter.Seq2[string, actor.PID] {
	r.mu.Lock()
	all := map[string]actor.PID{}
	for name := range r.others {
		if e, ok := r.lookupLocked(name); ok {
			all[name] = e.PID
		}
	}
	for name := range r.slots {
		if e, ok := r.lookupLocked(name); ok {
			all[name] = e.PID
		}
	}
	r.mu.Unlock()
	return maps.All(all)
}

// Named is a PID that leads to whoever holds the name at that moment: a process of this node that passes everything on, requests with
// their askers, until the registry or the System ends. If nobody holds it, messages become dead letters with actor.NoProc. Monitors and
// links are not passed on: use those of the PID from Whereis. The zero PID is returned if the System has ended.
func (r *Registry) Named(name string) actor.PID {
	r.mu.Lock()
	pid, ok := r.named[name]
	closed := r.closed
	r.mu.Unlock()
	if ok && r.sys.Alive(pid) || closed {
		return pid
	}
	made, err := r.sys.Spawn(actor.Func(func(ctx *actor.Context, _ any) error {
		holder, _ := r.Whereis(name)
		ctx.Forward(holder)
		return nil
	}))
	if err != nil {
		return actor.PID{}
	}
	r.mu.Lock()
	pid, ok = r.named[name]
	lost := r.closed || ok && r.sys.Alive(pid)
	if !lost {
		r.named[name] = made
	}
	r.mu.Unlock()
	if lost {
		r.sys.Exit(made, actor.Kill)
		return pid
	}
	return made
}

// watch keeps the table of what Consul says of all names.
func (r *Registry) watch() {
	index, read := uint64(0), false
	for r.ctx.Err() == nil {
		began := time.Now()
		pairs, last, err := r.consul.watch(r.ctx, index)
		if r.ctx.Err() != nil {
			return
		}
		if err != nil {
			index = 0
			r.log.Debug("lease: the names could not be read", "error", err)
			r.pause(r.ctx, r.cfg.Renew)
			continue
		}
		index = last
		r.learn(pairs)
		if !read {
			read = true
			close(r.ready)
		}
		// Many changes in a row are read together.
		if rest := r.cfg.RetryAfter/5 - time.Since(began); rest > 0 {
			r.pause(r.ctx, rest)
		}
	}
}

func (r *Registry) learn(pairs []pair) {
	others := make(map[string]Entry, len(pairs))
	for _, p := range pairs {
		if name, ok := r.consul.name(p.key); ok && p.session != "" {
			others[name] = entryOf(r.sys, name, p)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.others = others
	r.noteLocked()
}
