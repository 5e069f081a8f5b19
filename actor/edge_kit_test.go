package actor_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// wire joins two Systems by a connection in memory: each direction is a queue that one goroutine empties.
type wire struct {
	t     *testing.T
	ends  [2]*wireEnd
	limit int // of messages in a queue; 0: none
}

type wireEnd struct {
	w    *wire
	sys  *actor.System
	peer *wireEnd
	edge *actor.Edge // to the other System

	mu    sync.Mutex
	room  *sync.Cond
	queue []actor.Signal // on the way from here
	held  bool           // nothing moves
	gone  bool
}

// join makes the wire; with manual nothing moves but by step.
func join(t *testing.T, a, b *actor.System, manual bool) *wire {
	w := &wire{t: t}
	for i, s := range []*actor.System{a, b} {
		w.ends[i] = &wireEnd{w: w, sys: s}
		w.ends[i].room = sync.NewCond(&w.ends[i].mu)
		if err := s.Attach(w.ends[i], uint64(100+i)); err != nil {
			t.Fatal(err)
		}
	}
	for i, e := range w.ends {
		e.peer = w.ends[1-i]
		e.edge = e.sys.Edge(e.peer.sys.Name(), e.peer.sys.Incarnation())
	}
	if manual {
		return w
	}
	done := make(chan struct{}, 2)
	for _, e := range w.ends {
		go func() { defer func() { done <- struct{}{} }(); e.pump() }()
	}
	t.Cleanup(func() {
		for _, e := range w.ends {
			e.mu.Lock()
			e.gone, e.held = true, false
			e.room.Broadcast()
			e.mu.Unlock()
		}
		<-done
		<-done
	})
	return w
}

func (e *wireEnd) Peer(x *actor.Edge) actor.Peer {
	if x == e.edge {
		return e
	}
	return lostPeer{}
}

type lostPeer struct{}

func (lostPeer) Carry(actor.Signal) error   { return actor.NoConnection }
func (lostPeer) Wait(context.Context) error { return actor.NoConnection }
func (e *wireEnd) Current(node string) uint64 {
	if node == e.peer.sys.Name() {
		return e.peer.sys.Incarnation()
	}
	return 0
}

func (e *wireEnd) Carry(s actor.Signal) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone {
		return actor.NoConnection
	}
	if n := e.w.limit; n > 0 && len(e.queue) >= n && s.Kind <= actor.SignalRequest {
		return actor.ErrOverloaded
	}
	e.queue = append(e.queue, s)
	e.room.Broadcast()
	return nil
}

func (e *wireEnd) Wait(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { e.mu.Lock(); defer e.mu.Unlock(); e.room.Broadcast() })
	defer stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.queue) >= e.w.limit && !e.gone && ctx.Err() == nil {
		e.room.Wait()
	}
	if e.gone {
		return actor.NoConnection
	}
	return ctx.Err()
}

// pump moves what is on the way.
func (e *wireEnd) pump() {
	for {
		e.mu.Lock()
		for !e.gone && (e.held || len(e.queue) == 0) {
			e.room.Wait()
		}
		if e.gone {
			e.mu.Unlock()
			return
		}
		s := e.queue[0]
		e.mu.Unlock()
		e.peer.edge.Arrive(e.peer.translate(s))
		e.mu.Lock()
		if len(e.queue) > 0 {
			e.queue = e.queue[1:]
		}
		e.room.Broadcast()
		e.mu.Unlock()
	}
}

// step moves one signal from here, if there is one.
func (e *wireEnd) step() bool {
	e.mu.Lock()
	if len(e.queue) == 0 {
		e.mu.Unlock()
		return false
	}
	s := e.queue[0]
	e.queue = e.queue[1:]
	e.mu.Unlock()
	e.peer.edge.Arrive(e.peer.translate(s))
	return true
}

// translate makes a signal of the other System one of this.
func (e *wireEnd) translate(s actor.Signal) actor.Signal {
	mine := func(p actor.PID) actor.PID { return e.sys.PIDOf(p.Address()) }
	s.From, s.To, s.Reply = mine(s.From), mine(s.To), mine(s.Reply)
	switch m := s.Message.(type) {
	case actor.PID:
		s.Message = mine(m)
	case handOver:
		pid, ok := e.peer.edge.ReplyPID(m.to)
		if !ok || !e.sys.ReplyTo(mine(pid), &m.to) {
			e.w.t.Error("the ReplyTo did not travel")
		}
		s.Message = m
	}
	return s
}

// hold keeps what is sent from e on the way until the returned function is called.
func (e *wireEnd) hold() (release func()) {
	e.mu.Lock()
	e.held = true
	e.mu.Unlock()
	return func() {
		e.mu.Lock()
		e.held = false
		e.room.Broadcast()
		e.mu.Unlock()
	}
}

// cut ends the connection: what is on the way is lost, and both ends are told.
func (w *wire) cut() {
	for _, e := range w.ends {
		e.mu.Lock()
		e.gone = true
		lost := e.queue
		e.queue = nil
		e.room.Broadcast()
		e.mu.Unlock()
		for _, s := range lost {
			e.edge.Undelivered(s, errCut)
		}
		e.edge.Lost(actor.NoConnection)
	}
}

var errCut = errors.New("connection lost")

// handOver carries the duty to answer.
type handOver struct{ to actor.ReplyTo[int] }

func namedSys(t *testing.T, name string) *actor.System {
	t.Helper()
	s, err := actor.NewSystem(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

func couple(t *testing.T) (a, b *actor.System, w *wire) {
	a, b = namedSys(t, "a"), namedSys(t, "b")
	return a, b, join(t, a, b, false)
}

// remote is a process of another System as s sees it.
func remote(s *actor.System, pid actor.PID) actor.PID { return s.PIDOf(pid.Address()) }
