package actor

import (
	"context"
	"errors"
	"sync"
)

// ExitSignal is delivered as a message to a process that traps exits. From is zero if the signal came from outside.
type ExitSignal struct {
	From   PID
	Reason error
}

// Down tells a monitoring process that the one it monitors ended, or never existed ([NoProc]), or is out of reach
// ([NoConnection]).
type Down struct {
	Ref    MonitorRef
	PID    PID
	Reason error
}

// exitSignal is the arrival of an exit signal at p: from a link that broke, or sent with Exit. The rules are those of OTP's
// exit/2 and of links.
func (p *process) exitSignal(from PID, reason error, link bool, w *worker) {
	if reason == nil {
		reason = Normal
	}
	if !link && isReason(reason, Kill) {
		p.kill(w)
		return
	}
	e := p.extend()
	e.mu.Lock()
	if e.dead || link && !e.links.remove(from) || e.dying {
		e.mu.Unlock()
		return
	}
	if e.trap {
		h := newSignal(kindExit, ExitSignal{from, reason}, 0)
		h.linked = link
		if link {
			r := e.rarely()
			r.exits = append(r.exits, h)
		}
		p.ops.signal(h, PID{}, w)
		e.mu.Unlock()
		return
	}
	if IsNormal(reason) && (link || from != p.pid()) {
		e.mu.Unlock()
		return
	}
	e.mu.Unlock()
	p.endWith(reason, w)
}

// endWith makes p end with a reason before it handles another message, unless it is ending already.
func (p *process) endWith(reason error, w *worker) {
	e := p.extend()
	e.mu.Lock()
	if e.dead || e.dying {
		e.mu.Unlock()
		return
	}
	e.dying, e.reason = true, reason
	p.status.CompareAndSwap(statusLive, statusDying)
	p.sig.Or(sigExit)
	parked, spans := e.unparkLocked(), e.spansLocked()
	e.mu.Unlock()
	spans.end()
	p.nudge(parked, w)
}

// outcome is the reason of a process whose code gave err. If that says no more than that the context ended, as it does when
// the process is told to exit, the reason is the one told.
func (p *process) outcome(err error) error {
	if _, panicked := errors.AsType[*PanicError](err); err != nil && (panicked || !errors.Is(err, context.Canceled)) {
		return err
	}
	if e := p.ext.Load(); e != nil && p.sig.Load()&(sigExit|sigDead) != 0 {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.reason
	}
	if err == nil {
		return Normal
	}
	return err
}

// nudge makes p look at sig. parked says that it was suspended and the caller took it out of that.
func (p *process) nudge(parked bool, w *worker) {
	if parked {
		p.sys.sched.ready(p, w)
	} else {
		p.ops.wake(w)
	}
}

func (e *ext) unparkLocked() bool {
	if e.rare == nil || !e.rare.parked {
		return false
	}
	e.rare.parked = false
	return true
}

// spans are the contexts of a process that must end with it.
type spans struct{ handler, life *span }

func (e *ext) spansLocked() (s spans) {
	if e.rare != nil {
		s = spans{e.rare.span, e.rare.life}
		e.rare.span = nil
	}
	return s
}

func (s spans) end() {
	for _, x := range []*span{s.handler, s.life} {
		if x != nil {
			x.end(errHandlerDone)
		}
	}
}

// forgetExit takes a queued ExitSignal off the list that Unlink looks through. It is false if Unlink was there first.
func (p *process) forgetExit(h *header) bool {
	if !h.linked {
		return true
	}
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rare != nil {
		for i, x := range e.rare.exits {
			if x == h {
				if i == 0 {
					e.rare.exits = e.rare.exits[1:] // the usual case: they are delivered in order
				} else {
					e.rare.exits = append(e.rare.exits[:i], e.rare.exits[i+1:]...)
				}
				break
			}
		}
	}
	return !h.cancelled
}

// grave is what an ended process leaves to be told.
type grave struct {
	reason   error
	tickets  uint64
	owner    bool // whoever ended it owns the consumer's right for good
	done     bool // told; only what the turn holds may be left
	whole    bool // nothing is left
	name     string
	links    smallMap[PID, struct{}]
	watchers smallMap[uint64, PID]
	watching smallMap[uint64, PID]
	rare     *rare
	ticks    int // of the monitor
}

// endLocked makes the process dead and moves its relations to g. It is false if it was dead already.
func (e *ext) endLocked(p *process, g *grave) bool {
	if e.dead {
		return false
	}
	g.name, g.links, g.watchers, g.watching, g.rare = e.name, e.links, e.watchers, e.watching, e.rare
	e.dead, e.reason = true, g.reason
	e.links, e.watchers, e.watching = smallMap[PID, struct{}]{}, smallMap[uint64, PID]{}, smallMap[uint64, PID]{}
	p.status.Store(statusDead)
	return true
}

// vanish frees the name and makes p's id lead nowhere.
func (p *process) vanish(g *grave) {
	if g.name != "" {
		p.sys.names.CompareAndDelete(g.name, p)
	}
	p.sys.table.remove(p)
}

// bury ends p by its own turn.
func (p *process) bury(reason error, w *worker, turn bool) {
	g := grave{reason: reason}
	if p.ext.Load() == nil && p.ext.CompareAndSwap(nil, deadExt) {
		p.status.Store(statusDead)
	} else {
		e := p.extend()
		e.mu.Lock()
		ok := e.endLocked(p, &g)
		s := spans{}
		if ok {
			s = e.spansLocked()
		}
		e.mu.Unlock()
		if !ok {
			p.settle(w, turn) // killed meanwhile
			return
		}
		s.end()
	}
	p.vanish(&g)
	g.tickets, _ = p.ops.shut()
	p.tell(&g, true, w)
}

// condemn ends p by somebody else, leaving a grave to be settled. The mailbox is shut before anybody can do that.
func (p *process) condemn(reason error) (g *grave, ok bool) {
	g = &grave{reason: reason}
	e := p.extend()
	e.mu.Lock()
	if !e.endLocked(p, g) {
		e.mu.Unlock()
		return nil, false
	}
	e.grave = g
	g.tickets, g.owner = p.ops.shut()
	s := e.spansLocked()
	e.mu.Unlock()
	s.end()
	p.vanish(g)
	return g, true
}

// kill ends p from anywhere, at once. A handler that is running goes on running, fenced off; a message that waits for a worker
// in the inbox's first cell can be reached by that worker alone, so then the rest is left to it.
func (p *process) kill(w *worker) {
	g, ok := p.condemn(Killed)
	if !ok {
		return
	}
	p.sig.Or(sigDead)
	e := p.ext.Load()
	e.mu.Lock()
	parked := e.unparkLocked()
	e.mu.Unlock()
	switch {
	case g.owner || parked || p.sig.Load()&sigInit != 0:
		// Also where Init goes on: nobody looks at the queue before it is over, and then this end is seen.
		p.settle(w, true)
	case p.traits&traitGoroutine != 0:
		p.settle(w, false)
		p.ops.wake(w)
	case p.sys.sched.running(p):
		p.settle(w, false)
	default:
		p.sys.graves.add(p)
		if p.dead() {
			p.ops.wake(w)
		}
	}
}

// settle tells the world about a killed process, once. turn says that the caller owns the consumer's right, and so may take
// what nobody else can.
func (p *process) settle(w *worker, turn bool) {
	e := p.ext.Load()
	e.mu.Lock()
	g := e.grave
	if g == nil {
		e.mu.Unlock()
		return
	}
	told, whole := g.done, g.whole
	g.done, g.whole = true, whole || turn
	e.mu.Unlock()
	if !told {
		p.tell(g, turn, w)
	} else if turn && !whole {
		p.ops.drain(min(g.tickets, 1), true, undertaker{p, g.reason, w})
	}
}

// tell does what follows an end, in order: queue to dead letters, askers, links and monitors.
func (p *process) tell(g *grave, turn bool, w *worker) {
	sys, r := p.sys, g.rare
	var owed []*ask
	var start *starting
	if r != nil {
		e := p.ext.Load()
		e.mu.Lock()
		put := append(r.front, r.stash...)
		owed, start = r.owed, r.start
		r.front, r.stash, r.owed, r.exits = nil, nil, nil, nil
		e.mu.Unlock()
		for _, env := range put {
			p.loseTaken(env, g.reason, w)
		}
	}
	if g.tickets > 0 {
		p.ops.drain(g.tickets, turn, undertaker{p, g.reason, w})
	}
	if a := p.asked.Swap(nil); a != nil {
		owed = append(owed, a)
	}
	for _, a := range owed {
		a.fail(&ExitError{PID: p.pid(), Reason: g.reason}, w)
	}
	if start != nil {
		start.finish(g.reason)
	}
	sys.exited.Add(1)
	if sys.heard() {
		sys.publish(Exited{PID: p.pid(), Name: g.name, Reason: g.reason})
	}
	p.tellRelations(g, w)
	p.sig.Or(sigGone)
	sys.oneLess()
}

func (p *process) tellRelations(g *grave, w *worker) {
	self := p.pid()
	for ref, to := range g.watching.all { // first, so that who is told of the end finds nothing of it
		if q := to.resolve(); q != nil {
			q.unwatch(ref)
		} else if e := to.edge(); e != nil {
			e.demonitor(p, ref, to)
		}
	}
	for to := range g.links.all {
		q := to.resolve()
		if e := to.edge(); e != nil {
			e.linkOver(p, to, g.reason)
			continue
		}
		if q == nil || q.id == p.parent && p.sys.isStopping() && isReason(g.reason, Shutdown) && q.traits&traitEndsChildren == 0 {
			continue // Shutdown ends children first, and their parent when its turn has come
		}
		q.exitSignal(self, g.reason, true, w)
	}
	for ref, to := range g.watchers.all {
		if q := to.resolve(); q != nil {
			q.down(ref, self, g.reason, w)
		} else if e := to.edge(); e != nil {
			e.watchOver(p, ref, to, g.reason)
		}
	}
}

// disappoint fails a request that p took when it had been killed: whoever told p's askers may not have seen this one.
func (p *process) disappoint(a *ask, w *worker) {
	if p.dead() && p.asked.CompareAndSwap(a, nil) {
		a.fail(&ExitError{PID: p.pid(), Reason: Killed}, w)
	}
}

// undertaker takes what is left in a mailbox.
type undertaker struct {
	p      *process
	reason error
	w      *worker
}

func (u undertaker) lose(e envelope) { u.p.lose(e, u.reason, u.w) }

// lose makes a dead letter of what was still queued when p ended.
func (p *process) lose(e envelope, reason error, w *worker) {
	p.sys.taken.Add(1)
	p.loseTaken(e, reason, w)
}

func (p *process) loseTaken(e envelope, reason error, w *worker) {
	h := e.hdr
	if h.internal() {
		p.sys.taken.Add(^uint64(0)) // it was put back, and is not a message unless it is delivered
		if h.kind == kindThen {
			p.sys.lateReplies.Add(1)
		}
		return
	}
	if h != nil && h.kind == kindTimer && !h.timer.deliver() {
		p.sys.taken.Add(^uint64(0))
		return
	}
	p.sys.lost(e.from, p.pid(), e.msg, ErrExited)
	if a := h.askOf(); a != nil {
		a.fail(&ExitError{PID: p.pid(), Reason: reason}, w)
	}
}

// graves are the killed processes that wait for a worker to notice. The monitor buries those whose worker does not.
type graves struct {
	mu   sync.Mutex // protects the fields below
	list []*process
}

func (gs *graves) add(p *process) {
	gs.mu.Lock()
	gs.list = append(gs.list, p)
	gs.mu.Unlock()
	p.sys.sched.wakes.Add(1)
	if p.sys.sched.asleep.Load() {
		p.sys.sched.rouse()
	}
}

func (gs *graves) waiting() bool {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	return len(gs.list) > 0
}

// sweep is called at every tick of the monitor. It reports whether there is more to do.
func (gs *graves) sweep() bool {
	gs.mu.Lock()
	list := gs.list
	gs.list = nil
	gs.mu.Unlock()
	var rest []*process
	for _, p := range list {
		e := p.ext.Load()
		e.mu.Lock()
		g := e.grave
		g.ticks++
		old, told := g.ticks > 1, g.done
		e.mu.Unlock()
		switch {
		case told:
		case old && p.sys.sched.running(p):
			p.settle(nil, false)
		default:
			rest = append(rest, p)
		}
	}
	gs.mu.Lock()
	gs.list = append(gs.list, rest...)
	gs.mu.Unlock()
	return len(rest) > 0
}
