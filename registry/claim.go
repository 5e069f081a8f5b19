package registry

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// A claim excludes that two registrations of a name succeed within one view: every member promises a name to one claimant at a
// time, two majorities share a member, and members that see other members up refuse each other. The claimant inserts within
// claimLasts of asking, its operation is sent before its release, and the promise outlasts both.
const (
	promiseLasts = 5 * time.Second
	claimLasts   = 2 * time.Second
)

// promise is a name kept for a claimant.
type promise struct {
	by    member
	id    uint64
	until time.Time
}

// claim is a registration that asks first.
type claim struct {
	id      uint64
	name    string
	process uint64
	opts    options
	began   time.Time
	need    int // grants
	granted int
	waiting map[member]bool
	asked   []member
	done    chan outcome
}

// outcome of a claim.
type outcome struct {
	err   error
	again bool // somebody else is at it, or the view changed
}

func (cl *claim) finish(o outcome) { cl.done <- o }

// claim begins one. The outcome comes on the channel, which has room for it.
func (c *core) claim(name string, id uint64, o options, all bool, now time.Time) (*claim, <-chan outcome) {
	cl := &claim{name: name, process: id, opts: o, began: now, waiting: map[member]bool{}, done: make(chan outcome, 1)}
	c.lastID++
	cl.id = c.lastID
	if v, owner := c.tryPromise(c.self, cl.id, name, id, now); v != granted {
		cl.finish(outcome{err: c.takenBy(name, v, owner), again: v == busy})
		return cl, cl.done
	}
	cl.granted = 1
	voters := 1
	for _, p := range c.ordered() {
		if !p.up {
			continue
		}
		voters++
		if p.met {
			cl.waiting[p.id] = true
			cl.asked = append(cl.asked, p.id)
			c.post(p.id, &message{kind: recordClaim, number: cl.id, view: c.viewHash, name: name})
		}
	}
	cl.need = voters/2 + 1
	if all {
		cl.need = voters
	}
	c.claims[cl.id] = cl
	c.judge(cl, now)
	return cl, cl.done
}

func (c *core) takenBy(name string, v verdict, owner *crdt.Record) error {
	if v != taken {
		return nil
	}
	return &TakenError{Name: name, Owner: c.pidOf(owner)}
}

// tryPromise keeps a name for a claimant. process is the claimant's, if that is of this node.
func (c *core) tryPromise(by member, id uint64, name string, process uint64, now time.Time) (verdict, *crdt.Record) {
	if p, ok := c.promises[name]; ok && now.Before(p.until) && (p.by != by || p.id != id) {
		return busy, nil
	}
	if r := c.holder(name); r != nil && (by != c.self || r.Origin != c.store.Self() || processOf(r.PID) != process) {
		return taken, r
	}
	if !c.complete() {
		return busy, nil // somebody may hold it whose entries are still on their way
	}
	c.promises[name] = promise{by, id, now.Add(promiseLasts)}
	return granted, nil
}

// claimed answers a claim of another member.
func (c *core) claimed(p *peer, m *message, now time.Time) {
	answer := message{kind: recordAnswer, number: m.number, verdict: busy}
	if m.view == c.viewHash {
		var owner *crdt.Record
		if answer.verdict, owner = c.tryPromise(p.id, m.number, m.name, 0, now); owner != nil {
			answer.owner, answer.process = c.sources[owner.Origin].of, processOf(owner.PID)
		}
	}
	c.post(p.id, &answer)
}

// answered counts an answer to a claim of ours.
func (c *core) answered(cl *claim, from member, v verdict, owner member, process uint64, now time.Time) {
	if !cl.waiting[from] {
		return
	}
	delete(cl.waiting, from)
	switch v {
	case granted:
		cl.granted++
	case taken:
		c.endClaim(cl, outcome{err: &TakenError{Name: cl.name, Owner: c.pid(owner, process)}}, now)
		return
	}
	c.judge(cl, now)
}

// judge ends a claim that is won or cannot be won any more.
func (c *core) judge(cl *claim, now time.Time) {
	switch {
	case cl.granted >= cl.need && now.Sub(cl.began) <= claimLasts:
		err := c.register(cl.name, cl.process, cl.opts, cl.id, now)
		c.endClaim(cl, outcome{err: err, again: err == errPromised}, now)
	case cl.granted+len(cl.waiting) < cl.need:
		c.endClaim(cl, outcome{again: true}, now)
	}
}

// endClaim tells the outcome and releases the promises. What was written goes out before.
func (c *core) endClaim(cl *claim, o outcome, now time.Time) {
	if c.claims[cl.id] != cl {
		return
	}
	delete(c.claims, cl.id)
	c.flush(now)
	c.released(c.self, cl.id, cl.name)
	for _, m := range cl.asked {
		if p := c.peers[m]; p != nil && p.met {
			c.post(m, &message{kind: recordRelease, number: cl.id, name: cl.name})
		}
	}
	cl.finish(o)
}

// pending are our claims, the oldest first.
func (c *core) pending() []*claim {
	all := slices.Collect(maps.Values(c.claims))
	slices.SortFunc(all, func(a, b *claim) int { return cmp.Compare(a.id, b.id) })
	return all
}

// released frees the name promised to a claim.
func (c *core) released(by member, id uint64, name string) {
	if p, ok := c.promises[name]; ok && p.by == by && p.id == id {
		delete(c.promises, name)
	}
}

// abandon ends a claim whose caller gave up.
func (c *core) abandon(cl *claim, why error, now time.Time) { c.endClaim(cl, outcome{err: why}, now) }
