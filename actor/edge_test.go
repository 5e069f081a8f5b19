package actor_test

import (
	"context"
	"errors"
	"fmt"
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

func TestFarMessagesAndSenders(t *testing.T) {
	a, b, _ := couple(t)
	got := make(chan string, 200)
	far := spawnFn(t, b, func(c *actor.Context, msg any) error {
		for k, v := range actor.Baggage(c) {
			msg = fmt.Sprint(msg, k, v)
		}
		got <- fmt.Sprint(msg, " ", c.Sender())
		c.Send(c.Sender(), fmt.Sprint("re ", msg))
		return nil
	}, actor.WithName("far"))
	pid := remote(a, far)
	if pid == far || pid.String() != far.String() || pid.Node() != "b" {
		t.Fatal(pid, far)
	}
	if back, err := a.ParsePID(far.String()); err != nil || back != pid {
		t.Fatal(back, err)
	}
	back := make(chan string, 200)
	near := spawnFn(t, a, func(c *actor.Context, msg any) error {
		if m, ok := msg.(int); ok {
			if m%2 == 0 {
				c.Send(pid, m)
			} else {
				c.With(actor.WithBaggage(c, "k", "v")).Send(far, m) // a PID of the other System travels like any other
			}
			return nil
		}
		back <- fmt.Sprint(msg, c.Sender() == pid)
		return nil
	})
	for i := range 100 {
		a.Send(near, i)
	}
	for i := range 100 {
		text := fmt.Sprint(i)
		if i%2 == 1 {
			text += "kv"
		}
		recvEq(t, got, text+" "+near.String(), "a message")
		recvEq(t, back, "re "+text+"true", "an answer")
	}
	a.Send(a.PIDOf(actor.Address{Node: "b", Name: "far"}), "by name")
	recvEq(t, got, "by name <nobody>", "a message to a name")
	if st := a.Stats(); st.Conveyed != 101 || st.Arrived != 100 {
		t.Fatalf("%+v", st)
	}
}

func TestFarSendToNobody(t *testing.T) {
	a, b, w := couple(t)
	logA, logB := recordEvents(t, a), recordEvents(t, b)
	a.Send(a.PIDOf(actor.Address{Node: "b", Incarnation: b.Incarnation(), ID: 1<<28 + 77}), "x")
	deadLetterOf(t, logB, "x", actor.NoProc)
	a.Send(a.PIDOf(actor.Address{Node: "b", Incarnation: 99, ID: 1<<28 + 1}), "y")
	deadLetterOf(t, logA, "y", actor.NoConnection)
	a.Send(a.PIDOf(actor.Address{Node: "c", Name: "z"}), "z")
	deadLetterOf(t, logA, "z", actor.NoConnection)
	w.cut()
	a.Send(a.PIDOf(actor.Address{Node: "b", Name: "far"}), "late")
	deadLetterOf(t, logA, "late", actor.NoConnection)
	if err := a.TrySend(a.PIDOf(actor.Address{Node: "b", Name: "far"}), 1); err != actor.NoConnection {
		t.Fatal(err)
	}
}

func TestFarAsk(t *testing.T) {
	a, b, w := couple(t)
	var owed actor.ReplyTo[int]
	deferred := make(chan struct{}, 1)
	far := spawnFn(t, b, func(c *actor.Context, msg any) error {
		m := msg.(askDouble)
		switch {
		case m.n < 0:
			actor.Fail(c, fmt.Errorf("negative: %w", errBoom))
		case m.n == 0:
			return nil
		case m.n == 99:
			return errBoom
		case m.n == 7:
			owed = actor.DeferReply(c, m)
			deferred <- struct{}{}
		default:
			actor.Reply(c, m, 2*m.n)
		}
		return nil
	}, actor.WithName("far"))
	pid := remote(a, far)
	for i := 1; i < 7; i++ {
		if n, err := actor.Ask(within(t), pid, askDouble{n: i}); n != 2*i || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := actor.Ask(within(t), pid, askDouble{n: -1}); !errors.Is(err, errBoom) {
		t.Fatal(err)
	}
	if _, err := actor.Ask(within(t), pid, askDouble{}); err != actor.ErrNoReply {
		t.Fatal(err)
	}
	// Answered later, from anywhere.
	answered := make(chan struct{})
	go func() { defer close(answered); <-deferred; owed.Reply(1); owed.Reply(2) }()
	if n, err := actor.Ask(within(t), pid, askDouble{n: 7}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	<-answered
	// A deadline ends it here, whatever happens there.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := actor.Ask(ctx, pid, askDouble{n: 7}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	<-deferred
	owed.Reply(3)
	until(t, "the late answer is counted", func() bool { return a.Stats().LateReplies+b.Stats().LateReplies == 2 })
	// Between processes.
	type both struct {
		n   int
		err error
	}
	got := make(chan both, 4)
	asker := spawnFn(t, a, func(c *actor.Context, msg any) error {
		actor.AskAsync(c, pid, askDouble{n: msg.(int)}, func(_ *actor.Context, n int, err error) error {
			got <- both{n, err}
			return nil
		})
		return nil
	})
	a.Send(asker, 4)
	if r := recv(t, got, "an answer"); r.n != 8 || r.err != nil {
		t.Fatal(r)
	}
	a.Send(asker, 99)
	r := recv(t, got, "the end of the asked")
	var exit *actor.ExitError
	if !errors.As(r.err, &exit) || exit.Reason != errBoom {
		t.Fatal(r.err)
	}
	if _, err := actor.Ask(within(t), pid, askDouble{n: 1}); err != actor.NoProc {
		t.Fatal(err)
	}
	// The end of the connection ends what is under way, at once.
	release := w.ends[0].hold()
	errs := make(chan error, 1)
	go func() { _, err := actor.Ask(context.Background(), pid, askDouble{n: 1}); errs <- err }()
	until(t, "the request is on the way", func() bool { w.ends[0].mu.Lock(); defer w.ends[0].mu.Unlock(); return len(w.ends[0].queue) == 1 })
	w.cut()
	release()
	if err := recv(t, errs, "the asker"); err != actor.NoConnection {
		t.Fatal(err)
	}
}

// A request that is forwarded, or whose ReplyTo is handed over, is answered by whoever has it, on whichever node.
func TestFarForwardAndReplyTo(t *testing.T) {
	a, b, _ := couple(t)
	worker := spawnFn(t, a, func(c *actor.Context, msg any) error {
		switch m := msg.(type) {
		case askDouble:
			actor.Reply(c, m, 2*m.n)
		case handOver:
			m.to.Reply(77)
		}
		return nil
	})
	far := spawnFn(t, b, func(c *actor.Context, msg any) error {
		m := msg.(askDouble)
		if m.n == 0 {
			c.Send(remote(b, worker), handOver{actor.DeferReply(c, m)})
			return nil
		}
		c.Forward(remote(b, worker))
		return nil
	})
	if n, err := actor.Ask(within(t), remote(a, far), askDouble{n: 21}); n != 42 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := actor.Ask(within(t), remote(a, far), askDouble{}); n != 77 || err != nil {
		t.Fatal(n, err)
	}
}

func TestFarSendWaitsForRoom(t *testing.T) {
	a, b, w := couple(t)
	w.limit = 3
	release := w.ends[0].hold()
	got := make(chan int, 100)
	far := remote(a, spawnFn(t, b, func(c *actor.Context, msg any) error { got <- msg.(int); return nil }))
	sender := spawnFn(t, a, func(c *actor.Context, msg any) error {
		for i := range 20 {
			c.Send(far, i)
		}
		return nil
	})
	a.Send(sender, "go")
	until(t, "it is full", func() bool { return a.TrySend(far, -1) == actor.ErrOverloaded })
	other := spawnFn(t, a, func(c *actor.Context, msg any) error { actor.Reply(c, msg.(askDouble), 1); return nil })
	if _, err := actor.Ask(within(t), other, askDouble{}); err != nil {
		t.Fatal("others are held up", err)
	}
	release()
	for i := 0; i < 20; {
		if n := recv(t, got, "a message"); n == i {
			i++
		} else if n != -1 {
			t.Fatalf("%d came, want %d", n, i)
		}
	}
}

func TestFarCountsAddUp(t *testing.T) {
	a, b, w := couple(t)
	far := remote(a, spawnFn(t, b, func(c *actor.Context, msg any) error { return nil }))
	w.ends[0].hold()
	for i := range 10 {
		a.Send(far, i)
	}
	w.cut()
	for i := range 5 {
		a.Send(far, i)
	}
	sa, sb := a.Stats(), b.Stats()
	if sa.Conveyed != 10 || sa.ConveyLost+sb.Arrived != 10 || sa.Dead != sa.ConveyLost+5 || sa.Sent != sa.Dead {
		t.Fatalf("%+v\n%+v", sa, sb)
	}
}

func TestAttach(t *testing.T) {
	a, b, w := couple(t)
	if err := a.Attach(w.ends[0], 5); err == nil {
		t.Fatal("attached twice")
	}
	c := namedSys(t, "c")
	if c.Attach(nil, 1) == nil || c.Attach(w.ends[0], 0) == nil {
		t.Fatal("attached to nothing")
	}
	a.Detach(w.ends[1]) // not who attached it
	if a.Incarnation() == 0 {
		t.Fatal("detached by another")
	}
	a.Detach(w.ends[0])
	if err := a.TrySend(a.PIDOf(actor.Address{Node: "b", Incarnation: b.Incarnation(), ID: 1 << 28}), 1); err != actor.NoConnection {
		t.Fatal(err)
	}
}

// A request to an idle inline process is handled by whoever brings it; messages and busy ones take the ordinary way.
func TestFarInlineRequests(t *testing.T) {
	a, b, _ := couple(t)
	far := spawnFn(t, b, func(c *actor.Context, msg any) error {
		switch m := msg.(type) {
		case askDouble:
			if m.n == 99 {
				return errBoom
			}
			actor.Reply(c, m, 2*m.n)
		}
		return nil
	}, actor.WithInline())
	pid := remote(a, far)
	for i := range 50 {
		a.Send(pid, "between")
		if n, err := actor.Ask(within(t), pid, askDouble{n: i}); n != 2*i || err != nil {
			t.Fatal(n, err)
		}
	}
	_, err := actor.Ask(within(t), pid, askDouble{n: 99})
	var exit *actor.ExitError
	if !errors.As(err, &exit) || exit.Reason != errBoom {
		t.Fatal(err)
	}
	until(t, "the counts are right", func() bool { st := b.Stats(); return st.Handled == 101 && st.Sent == 101 })
}
