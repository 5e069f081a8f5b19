package actor

import "fmt"

// MonitorRef identifies one monitor. It is comparable; the zero value is of no monitor.
type MonitorRef struct{ n uint64 }

// Link ties this process and pid together: when one ends, the other gets an exit signal with the reason. Links go both ways;
// there is at most one between two processes. If pid does not exist the exit signal comes at once, with [NoProc]; if its node is
// out of reach, or is lost later, with [NoConnection]. The address of a name of another node has to be resolved first: a link to
// it breaks at once.
func (c *core) Link(pid PID) {
	p := c.p
	pid = c.sys.own(pid)
	to := pid.resolve()
	self := p.pid()
	if to == p {
		return
	}
	if to == nil {
		switch e := pid.edge(); {
		case e == nil:
			p.unmet(pid, pid.unreachable(), c.worker())
		case pid.id == 0:
			p.unmet(pid, errFarAddress, c.worker())
		default:
			e.link(p, pid, c.worker())
		}
		return
	}
	pid = to.pid() // an address is resolved once: the link is to a process
	e := p.extend()
	e.mu.Lock()
	if e.dead {
		e.mu.Unlock()
		return
	}
	e.links.set(pid, struct{}{})
	e.mu.Unlock()
	if !to.addLink(self) {
		p.exitSignal(pid, NoProc, true, c.worker())
		return
	}
	if p.dead() {
		// Killed meanwhile; whoever told p's links may not have seen this one at the other end.
		to.exitSignal(self, Killed, true, c.worker())
	}
}

// unmet is an exit signal for a link that could not be made.
func (p *process) unmet(pid PID, reason error, w *worker) {
	e := p.extend()
	e.mu.Lock()
	if e.dead {
		e.mu.Unlock()
		return
	}
	e.links.set(pid, struct{}{})
	e.mu.Unlock()
	p.exitSignal(pid, reason, true, w)
}

// addLink is false if p ended or is about to.
func (p *process) addLink(from PID) bool {
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead {
		return false
	}
	e.links.set(from, struct{}{})
	return true
}

// Unlink removes the link to pid. Nothing of it is delivered afterwards, not even an ExitSignal that is queued already.
func (c *core) Unlink(pid PID) {
	p := c.p
	pid = c.sys.own(pid)
	if e := pid.edge(); e != nil {
		e.unlink(p, pid)
		return
	}
	if to := pid.resolve(); to != nil {
		pid = to.pid()
		if x := to.extend(); to != p {
			x.mu.Lock()
			x.links.remove(p.pid())
			x.mu.Unlock()
		}
	}
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.links.remove(pid)
	e.forgetExitsLocked(pid)
}

// forgetExitsLocked keeps queued ExitSignals of a link from being delivered.
func (e *ext) forgetExitsLocked(from PID) {
	if e.rare == nil {
		return
	}
	for _, h := range e.rare.exits {
		if h.payload.(ExitSignal).From == from {
			h.cancelled = true
		}
	}
}

// errFarAddress ends a link to the address of a name of another node, which stands for no process yet.
var errFarAddress = fmt.Errorf("%w: a link to another node needs a PID; resolve the name there first", NoProc)

// Monitor makes this process get a [Down] when pid ends, or at once, with [NoProc], if it does not exist. Monitors go one way;
// every call makes one of its own.
func (c *core) Monitor(pid PID) MonitorRef {
	p := c.p
	n := c.sys.refs.Add(1)
	ref := MonitorRef{n}
	pid = c.sys.own(pid)
	to := pid.resolve()
	if to != nil {
		pid = to.pid()
	} else if e := pid.edge(); e != nil {
		e.monitor(p, n, pid, c.worker())
		return ref
	}
	e := p.extend()
	e.mu.Lock()
	if e.dead {
		e.mu.Unlock()
		return ref
	}
	e.watching.set(n, pid)
	e.mu.Unlock()
	switch {
	case to == nil:
		p.down(n, pid, pid.unreachable(), c.worker())
	case !to.watch(n, p.pid()):
		p.down(n, pid, NoProc, c.worker())
	case p.dead():
		to.unwatch(n)
	}
	return ref
}

func (p *process) watch(ref uint64, owner PID) bool {
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead {
		return false
	}
	e.watchers.set(ref, owner)
	return true
}

func (p *process) unwatch(ref uint64) {
	e := p.extend()
	e.mu.Lock()
	e.watchers.remove(ref)
	e.mu.Unlock()
}

// down puts a Down into p's queue. Whether it is delivered is decided when its turn comes: Demonitor may be faster.
func (p *process) down(ref uint64, pid PID, reason error, w *worker) {
	p.ops.signal(newSignal(kindDown, Down{MonitorRef{ref}, pid, reason}, ref), PID{}, w)
}

// Demonitor ends a monitor. Its Down is not delivered afterwards, not even if it is queued already.
func (c *core) Demonitor(ref MonitorRef) {
	e := c.p.extend()
	e.mu.Lock()
	pid, ok := e.watching.get(ref.n)
	e.watching.remove(ref.n)
	e.mu.Unlock()
	if !ok {
		return
	}
	if to := pid.resolve(); to != nil {
		to.unwatch(ref.n)
	} else if x := pid.edge(); x != nil {
		x.demonitor(c.p, ref.n, pid)
	}
}

// TrapExit makes exit signals, but for [Kill], arrive as [ExitSignal] messages instead of ending this process.
func (c *core) TrapExit(on bool) {
	e := c.p.extend()
	if e == deadExt {
		return
	}
	e.mu.Lock()
	e.trap = on
	e.mu.Unlock()
}
