package actor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

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
