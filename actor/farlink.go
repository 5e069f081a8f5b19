package actor

// Links across nodes follow OTP's protocol with unlink ids: Unlink acts here at once, the pair stays unlinking until the other
// node acknowledged, link exits that arrive meanwhile are dropped, and a Link meanwhile begins a new record. A Link of the other node
// that arrives while unlinking is ignored: it sees the Unlink behind it.

// link makes the record of a link of p to a process there and tells that node.
func (e *Edge) link(p *process, to PID, w *worker) {
	at := pair{p.id, to.id}
	x := p.extend()
	e.mu.Lock()
	x.mu.Lock()
	state, known := e.links[at]
	if x.dead || known && state == linked {
		x.mu.Unlock()
		e.mu.Unlock()
		return
	}
	x.links.set(to, struct{}{})
	e.setLink(at, linked)
	x.mu.Unlock()
	e.mu.Unlock()
	if err := e.carry(Signal{Kind: SignalLink, From: p.pid(), To: to}); err != nil {
		e.dropLink(at)
		p.exitSignal(to, err, true, w)
		return
	}
	if p.dead() {
		// Killed meanwhile; what its end told the other node may have gone before the link.
		e.tell(Signal{Kind: SignalLinkExit, From: p.pid(), To: to, Reason: Killed})
	}
}

func (e *Edge) setLink(at pair, state uint64) {
	if e.links == nil {
		e.links = map[pair]uint64{}
	}
	e.links[at] = state
}

func (e *Edge) dropLink(at pair) {
	e.mu.Lock()
	delete(e.links, at)
	e.mu.Unlock()
}

// tell carries what nobody waits for: if it cannot be carried, the connection is over, and that tells the other end.
func (e *Edge) tell(sig Signal) { _ = e.carry(sig) }

func (e *Edge) unlink(p *process, from PID) {
	at := pair{p.id, from.id}
	x := p.extend()
	e.mu.Lock()
	x.mu.Lock()
	was := x.links.remove(from)
	state, known := e.links[at]
	tell := was && known && state == linked
	if tell {
		e.unlinks++
		e.setLink(at, e.unlinks)
	}
	id := e.unlinks
	x.forgetExitsLocked(from)
	x.mu.Unlock()
	e.mu.Unlock()
	if tell {
		e.tell(Signal{Kind: SignalUnlink, From: p.pid(), To: from, Ref: id})
	}
}

// linkOver tells a process there that p, which was linked to it, ended.
func (e *Edge) linkOver(p *process, to PID, reason error) {
	at := pair{p.id, to.id}
	e.mu.Lock()
	state, known := e.links[at]
	delete(e.links, at)
	e.mu.Unlock()
	if known && state == linked {
		e.tell(Signal{Kind: SignalLinkExit, From: p.pid(), To: to, Reason: reason})
	}
}

func (e *Edge) linkCame(sig Signal) {
	if p := sig.To.resolve(); p != nil {
		at := pair{p.id, sig.From.id}
		x := p.extend()
		e.mu.Lock()
		x.mu.Lock()
		_, known := e.links[at]
		dead := x.dead
		if !dead && !known {
			x.links.set(sig.From, struct{}{})
			e.setLink(at, linked)
		}
		x.mu.Unlock()
		e.mu.Unlock()
		if !dead {
			return
		}
	}
	e.tell(Signal{Kind: SignalLinkExit, From: sig.To, To: sig.From, Reason: NoProc})
}

func (e *Edge) unlinkCame(sig Signal) {
	at := pair{sig.To.id, sig.From.id}
	p := sig.To.resolve()
	e.mu.Lock()
	if state, known := e.links[at]; known && state == linked {
		delete(e.links, at)
		if p != nil {
			x := p.extend()
			x.mu.Lock()
			x.links.remove(sig.From)
			x.mu.Unlock()
		}
	}
	e.mu.Unlock()
	e.tell(Signal{Kind: SignalUnlinkAck, From: sig.To, To: sig.From, Ref: sig.Ref})
}

func (e *Edge) linkExitCame(sig Signal) {
	at := pair{sig.To.id, sig.From.id}
	e.mu.Lock()
	state, known := e.links[at]
	if known && state == linked {
		delete(e.links, at)
	}
	e.mu.Unlock()
	p := sig.To.resolve()
	switch {
	case known && state == linked && p != nil:
		p.exitSignal(sig.From, sig.Reason, true, nil)
	case !known && p != nil:
		e.forged.Add(1)
	}
}

// monitor makes the record of a monitor of p. of is a process there, or an address.
func (e *Edge) monitor(p *process, ref uint64, of PID, w *worker) {
	x := p.extend()
	e.mu.Lock()
	x.mu.Lock()
	if x.dead {
		x.mu.Unlock()
		e.mu.Unlock()
		return
	}
	x.watching.set(ref, of)
	if e.monitors == nil {
		e.monitors = map[uint64]monitored{}
	}
	e.monitors[ref] = monitored{p.id, of}
	x.mu.Unlock()
	e.mu.Unlock()
	if err := e.carry(Signal{Kind: SignalMonitor, From: p.pid(), To: of, Ref: ref}); err != nil {
		if e.dropMonitor(ref) {
			p.down(ref, of, err, w)
		}
		return
	}
	if p.dead() {
		e.tell(Signal{Kind: SignalDemonitor, From: p.pid(), To: of, Ref: ref})
	}
}

// dropMonitor reports whether there was a record.
func (e *Edge) dropMonitor(ref uint64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.monitors[ref]
	delete(e.monitors, ref)
	return ok
}

// demonitor ends a monitor of p, which may have ended.
func (e *Edge) demonitor(p *process, ref uint64, of PID) {
	if e.dropMonitor(ref) {
		e.tell(Signal{Kind: SignalDemonitor, From: p.pid(), To: of, Ref: ref})
	}
}

func (e *Edge) monitorCame(sig Signal) {
	p := sig.To.resolve()
	if p != nil {
		alias := e.sys.refs.Add(1)
		x := p.extend()
		e.mu.Lock()
		x.mu.Lock()
		_, twice := e.watchers[sig.Ref]
		dead := x.dead
		if !dead && !twice {
			x.watchers.set(alias, sig.From)
			if e.watchers == nil {
				e.watchers, e.aliases = map[uint64]watcher{}, map[uint64]uint64{}
			}
			e.watchers[sig.Ref] = watcher{alias, p.id}
			e.aliases[alias] = sig.Ref
		}
		x.mu.Unlock()
		e.mu.Unlock()
		if !dead {
			return
		}
	}
	e.tell(Signal{Kind: SignalDown, From: sig.To, To: sig.From, Ref: sig.Ref, Reason: NoProc})
}

func (e *Edge) demonitorCame(ref uint64) {
	e.mu.Lock()
	w, ok := e.watchers[ref]
	delete(e.watchers, ref)
	delete(e.aliases, w.alias)
	e.mu.Unlock()
	if p := e.sys.table.lookup(w.here); ok && p != nil {
		p.unwatch(w.alias)
	}
}

// watchOver tells a process there that p, which it monitors, ended.
func (e *Edge) watchOver(p *process, alias uint64, to PID, reason error) {
	e.mu.Lock()
	ref, ok := e.aliases[alias]
	delete(e.aliases, alias)
	if ok {
		delete(e.watchers, ref)
	}
	e.mu.Unlock()
	if ok {
		e.tell(Signal{Kind: SignalDown, From: p.pid(), To: to, Ref: ref, Reason: reason})
	}
}

func (e *Edge) downCame(sig Signal) {
	e.mu.Lock()
	m, ok := e.monitors[sig.Ref]
	if ok = ok && m.owner == sig.To.id; ok {
		delete(e.monitors, sig.Ref)
	}
	e.mu.Unlock()
	p := sig.To.resolve()
	switch {
	case ok && p != nil:
		p.down(sig.Ref, m.of, sig.Reason, nil)
	case !ok && p != nil:
		e.forged.Add(1)
	}
}
