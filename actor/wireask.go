package actor

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"
)

// wireAsks are the requests of this System whose answer may come from another node, by the id they have there. Ids have a random
// half: who answers must have been given the id.
type wireAsks struct {
	mu   sync.Mutex // protects the fields below
	asks map[uint64]wireEntry
	last uint32
	salt []byte // random bytes not used yet
}

type wireEntry struct {
	a    *ask
	edge *Edge // where it went last; its loss is the end of the request
}

// export makes the PID that answers to a go to. For a request of another node that is where it came from.
func (t *wireAsks) export(s *System, a *ask, edge *Edge) PID {
	if far, ok := a.record.(*wireAsk); ok {
		return far.reply
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	id := a.wire.Load()
	if id == 0 {
		id = t.newID()
		a.wire.Store(id)
	}
	if t.asks == nil {
		t.asks = map[uint64]wireEntry{}
	}
	t.asks[id] = wireEntry{a, edge}
	return PID{s.self, id}
}

func (t *wireAsks) newID() uint64 {
	if len(t.salt) < 4 {
		t.salt = make([]byte, 256)
		_, _ = rand.Read(t.salt) // it never fails
	}
	t.last++
	id := uint64(t.last)<<32 | uint64(binary.LittleEndian.Uint32(t.salt))
	t.salt = t.salt[4:]
	return max(id, 1)
}

// forget is called by who ends a, in whatever way.
func (t *wireAsks) forget(a *ask) {
	if id := a.wire.Load(); id != 0 {
		t.mu.Lock()
		delete(t.asks, id)
		t.mu.Unlock()
	}
}

func (t *wireAsks) find(id uint64) *ask {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asks[id].a
}

// answered is the arrival of an answer.
func (t *wireAsks) answered(s *System, sig Signal) {
	a := t.find(sig.To.id)
	switch {
	case a == nil || sig.To.h != s.self:
		s.lateReplies.Add(1)
	case sig.Reason != nil:
		if !a.fail(sig.Reason, nil) {
			s.lateReplies.Add(1)
		}
	default:
		settleAny(a, sig.Message, nil)
	}
}

// settleAny is answer for a value whose type is not known at compile time.
func settleAny(a *ask, v any, w *worker) {
	rec := a.record.(interface{ set(v any) bool })
	parked, ok := a.claim()
	if !ok {
		a.sys.lateReplies.Add(1)
		return
	}
	if !rec.set(v) {
		a.err = ErrWrongType
	}
	a.publish(parked, w)
}

func (r *askRecord[R]) set(v any) (ok bool) {
	r.value, ok = asType[R](v)
	return ok
}

func (r *asyncRecord[R]) set(v any) (ok bool) {
	r.value, ok = asType[R](v)
	return ok
}

// lost fails what went over e.
func (t *wireAsks) lost(e *Edge, reason error) {
	var gone []*ask
	t.mu.Lock()
	for id, x := range t.asks {
		if x.edge == e {
			gone = append(gone, x.a)
			delete(t.asks, id)
		}
	}
	t.mu.Unlock()
	for _, a := range gone {
		a.fail(reason, nil)
	}
}

// wireAsk is a request of another node: its answer goes there.
type wireAsk struct {
	ask
	value any
	reply PID
}

// requestOf is the request that sig is: one of another node, or one of this that comes back. It is nil if that is over.
func (s *System) requestOf(sig Signal) *ask {
	if sig.Reply.h == s.self {
		return s.wire.find(sig.Reply.id)
	}
	return &newWireAsk(s, sig).ask
}

func newWireAsk(s *System, sig Signal) *wireAsk {
	r := &wireAsk{reply: sig.Reply}
	r.init(s, sig.Meta.m, r)
	r.state.Store(askParked)
	if !sig.Deadline.IsZero() {
		r.setDeadline(sig.Deadline)
	}
	return r
}

func (r *wireAsk) set(v any) bool {
	r.value = v
	return true
}

// deliver sends the answer. If that cannot be, the connection is over and so is the request, or its answer is late.
func (r *wireAsk) deliver(w *worker) {
	if w != nil {
		w.quick = true // the other node goes on now; looking for work meanwhile would take a core away
	}
	sig := Signal{Kind: SignalAnswer, To: r.reply, Message: r.value, Reason: r.err}
	e := r.reply.edge()
	if e == nil {
		r.sys.lateReplies.Add(1)
		return
	}
	err := e.carry(sig)
	if err == nil {
		return
	}
	r.sys.lateReplies.Add(1)
	if err != NoConnection && err != NoProc {
		// The value cannot travel; the asker learns why.
		sig.Message, sig.Reason = nil, err
		e.tell(sig)
	}
}

func (a *ask) deadlinePassed() bool {
	t, ok := a.deadlineTime()
	return ok && !time.Now().Before(t)
}

// ReplyPID is where answers given to r, an [ReplyTo] of any type, go, for taking r to another node over e. ok is false if r is
// none, or nobody waits.
func (e *Edge) ReplyPID(r any) (to PID, ok bool) {
	x, is := r.(interface{ request() *ask })
	if !is || x.request() == nil {
		return PID{}, false
	}
	return e.sys.wire.export(e.sys, x.request(), e), true
}

// ReplyTo sets into, a pointer to a [ReplyTo] of any type, to what answers to the PID that [Edge.ReplyPID] made elsewhere. It is
// false if into is something else.
func (s *System) ReplyTo(to PID, into any) bool {
	x, ok := into.(interface{ setRequest(a *ask) })
	if !ok {
		return false
	}
	if !to.IsZero() {
		x.setRequest(s.requestOf(Signal{Reply: to}))
	}
	return true
}

func (t ReplyTo[R]) request() *ask      { return t.a }
func (t *ReplyTo[R]) setRequest(a *ask) { t.a = a }
