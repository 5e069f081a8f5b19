package actor

import (
	"context"
	"sync"
	"sync/atomic"
)

// Edge is where a System meets one life of another node: it holds what relations there are between processes here and there.
// A relation is a record at both ends. Who removes the record delivers what follows from it, so that it is delivered once: the
// other node's signal, the end of the process here, Unlink and Demonitor, or [Edge.Lost].
//
// Locks: mu is taken before that of a process's ext, and held over neither a call of Peer nor a delivery.
type Edge struct {
	sys  *System
	h    *handle
	peer atomic.Pointer[way]

	mu       sync.Mutex // protects the fields below
	links    map[pair]uint64
	monitors map[uint64]monitored // of processes here, by their reference
	watchers map[uint64]watcher   // of processes there, by the other node's reference
	aliases  map[uint64]uint64    // of watchers: the reference here to the other node's
	unlinks  uint64               // ids given out

	forged atomic.Uint64
}

// pair is two linked processes. Its state is linked, or the id of the unlink that was not acknowledged yet.
type pair struct{ here, there uint64 }

const linked = 0

type monitored struct {
	owner uint64
	of    PID
}

type watcher struct {
	alias, here uint64
}

// Edge returns the edge to a life of another node. As long as anybody holds it, or a PID of that node, it is the same.
func (s *System) Edge(node string, incarnation uint64) *Edge {
	return s.nodes.handle(s, handleKey{node, incarnation, ""}).edge
}

// Node is the name of the other node.
func (e *Edge) Node() string { return e.h.node }

// Incarnation is the life of the other node that is meant.
func (e *Edge) Incarnation() uint64 { return e.h.inc }

// PID is the process of the other node with that id; an id that cannot be gives the zero PID.
func (e *Edge) PID(id uint64) PID {
	if id == 0 {
		return PID{}
	}
	return PID{e.h, id}
}

// Forged counts signals that claimed a relation there is no record of: the other node made them up, or they crossed with the
// end of a killed process.
func (e *Edge) Forged() uint64 { return e.forged.Load() }

// Relations counts the records there are.
func (e *Edge) Relations() (links, monitors, watchers int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.links), len(e.monitors), len(e.watchers)
}

// carry hands sig to the peer.
func (e *Edge) carry(sig Signal) error {
	p := e.way()
	if p == nil {
		return NoConnection
	}
	return p.Carry(sig)
}

// way is a Peer, as long as the System stays attached.
type way struct {
	at   *attachment
	peer Peer
}

func (e *Edge) way() Peer {
	at := e.sys.attached.Load()
	if at == nil {
		return nil
	}
	if w := e.peer.Load(); w != nil && w.at == at {
		return w.peer
	}
	p := at.remote.Peer(e)
	if p == nil {
		return nil
	}
	e.peer.Store(&way{at, p})
	return p
}

// convey sends e, a message or a request, to a process of another node. It waits for room if wait is true; c is the sender's, if
// it runs as a process.
func (s *System) convey(ctx context.Context, to PID, e envelope, c *core, wait bool) error {
	edge := to.edge()
	if edge == nil {
		return NoConnection
	}
	if h := e.hdr; h != nil && h.kind == kindTimer && !h.timer.deliver() {
		return nil
	}
	sig := Signal{Kind: SignalMessage, From: s.own(e.from), To: to, Message: e.msg, Meta: Meta{e.hdr.metaOf()}}
	a := e.hdr.askOf()
	if a != nil {
		sig.Kind = SignalRequest
		sig.Reply = s.wire.export(s, a, edge)
		sig.Deadline, _ = a.deadlineTime()
	}
	err := edge.carry(sig)
	if err == ErrOverloaded && wait {
		err = edge.carryWaiting(ctx, sig, c)
	}
	if err == nil {
		s.conveyed.Add(1)
		if a != nil && a.expired() {
			s.wire.forget(a) // its asker gave up meanwhile
		}
	}
	return err
}

func (e *Edge) carryWaiting(ctx context.Context, sig Signal, c *core) error {
	if c != nil && c.host != nil {
		c.host.block()
		defer c.host.unblock()
	}
	for {
		p := e.way()
		if p == nil {
			return NoConnection
		}
		if err := p.Wait(ctx); err != nil {
			return err
		}
		if err := p.Carry(sig); err != ErrOverloaded {
			return err
		}
	}
}

// Arrive delivers a signal of the other node. A request to an idle process spawned [WithInline] is handled before Arrive returns; a
// handler that calls runtime.Goexit then ends the calling goroutine.
//
// Signals that came in an order are handed over in it, by one goroutine at a time.
// Whether From may say what it says is judged by the records here; the caller vouches that it is of this node. Arrive never
// waits: a message to a mailbox that is full is a dead letter, whatever its policy.
func (e *Edge) Arrive(sig Signal) {
	switch sig.Kind {
	case SignalMessage, SignalRequest:
		e.message(sig)
	case SignalAnswer:
		e.sys.wire.answered(e.sys, sig)
	case SignalLink:
		e.linkCame(sig)
	case SignalUnlink:
		e.unlinkCame(sig)
	case SignalUnlinkAck:
		e.mu.Lock()
		if at := (pair{sig.To.id, sig.From.id}); e.links[at] == sig.Ref && sig.Ref != linked {
			delete(e.links, at)
		}
		e.mu.Unlock()
	case SignalLinkExit:
		e.linkExitCame(sig)
	case SignalExit:
		if p := sig.To.resolve(); p != nil {
			p.exitSignal(sig.From, sig.Reason, false, nil)
		}
	case SignalMonitor:
		e.monitorCame(sig)
	case SignalDemonitor:
		e.demonitorCame(sig.Ref)
	case SignalDown:
		e.downCame(sig)
	}
}

func (e *Edge) message(sig Signal) {
	s := e.sys
	s.arrived.Add(1)
	env := envelope{msg: sig.Message, from: sig.From, hdr: sig.Meta.m.header()}
	if sig.Kind == SignalRequest {
		a := s.requestOf(sig)
		if a == nil || a.expired() || a.deadlinePassed() {
			s.refused(sig.From, sig.To, sig.Message, ErrExpired, nil)
			return
		}
		env.hdr = &header{meta: sig.Meta.m, ask: a}
		if p := sig.To.resolve(); p != nil {
			if err := s.askable(p, sig.To, sig.From, env); err != nil {
				a.fail(err, nil)
				return
			}
			if p.sys == s && p.traits&traitInline != 0 && p.ops.claim() {
				s.runInline(p, env, nil)
				return
			}
		}
	}
	if p := sig.To.resolve(); p != nil {
		p.fromFar()
	}
	s.deliverNow(sig.To, env)
}

// Unreadable is Arrive for a signal whose message or answer this node cannot read. A message is a dead letter with reason, an
// asker is told it. Of other signals it is nothing.
func (e *Edge) Unreadable(sig Signal, reason error) {
	s := e.sys
	switch sig.Kind {
	case SignalMessage, SignalRequest:
		s.arrived.Add(1)
		s.refused(sig.From, sig.To, sig.Message, reason, nil)
		if sig.Kind == SignalRequest {
			if a := s.requestOf(sig); a != nil {
				a.fail(reason, nil)
			}
		}
	case SignalAnswer:
		sig.Message, sig.Reason = nil, reason
		s.wire.answered(s, sig)
	}
}

// Undelivered makes a dead letter of a message or request to the other node that [Peer.Carry] took and that was lost on the
// way. Of other signals it is nothing.
func (e *Edge) Undelivered(sig Signal, reason error) {
	if sig.Kind != SignalMessage && sig.Kind != SignalRequest {
		return
	}
	e.sys.conveyLost.Add(1)
	e.sys.refused(sig.From, sig.To, sig.Message, reason, nil)
}

// Lost tells that the connection is over: every relation across it breaks with reason, once, and requests under way fail with it.
// What is made afterwards is of the next connection. The caller has handed over all that arrived before, and lets nothing
// arrive while Lost runs.
func (e *Edge) Lost(reason error) {
	e.mu.Lock()
	links, monitors, watchers := e.links, e.monitors, e.watchers
	e.links, e.monitors, e.watchers, e.aliases = nil, nil, nil, nil
	e.mu.Unlock()
	t := &e.sys.table
	for at, state := range links {
		if p := t.lookup(at.here); p != nil && state == linked {
			p.exitSignal(PID{e.h, at.there}, reason, true, nil)
		}
	}
	for ref, m := range monitors {
		if p := t.lookup(m.owner); p != nil {
			p.down(ref, m.of, reason, nil)
		}
	}
	for _, w := range watchers {
		if p := t.lookup(w.here); p != nil {
			p.unwatch(w.alias)
		}
	}
	e.sys.wire.lost(e, reason)
}
