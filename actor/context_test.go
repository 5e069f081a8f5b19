package actor_test

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

func TestContextEndsWithItsHandler(t *testing.T) {
	s := sysOf(t)
	kept := make(chan *actor.Context, 2)
	pid := spawnFn(t, s, func(c *actor.Context, _ any) error {
		if c.Err() != nil {
			t.Error("a fresh Context has ended:", c.Err())
		}
		c.Done()
		kept <- c
		return nil
	})
	s.Send(pid, 1)
	first := recv(t, kept, "a Context")
	recvEnd(t, first.Done(), "its end")
	wantErr(t, first.Err(), context.Canceled)
	s.Send(pid, 2)
	if recv(t, kept, "another Context") == first {
		t.Fatal("a Context that was used came back")
	}
}

func TestContextIsReusedWhenNotUsed(t *testing.T) {
	s := sysOf(t, actor.WithWorkers(1))
	seen := make(chan *actor.Context, 100)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error { seen <- c; return nil })
	var first *actor.Context
	for i := range 50 {
		s.Send(pid, i)
		if c := recv(t, seen, "a Context"); first == nil {
			first = c
		} else if c != first {
			t.Fatal("a Context was given up without need")
		}
	}
}

func TestContextEndsWithAnExit(t *testing.T) {
	for _, reason := range []error{actor.Shutdown, actor.Kill, errors.New("boom")} {
		s := sysOf(t)
		ready, got := make(chan struct{}), make(chan error, 1)
		pid := spawnFn(t, s, func(c *actor.Context, _ any) error {
			ctx, cancel := context.WithCancel(c)
			defer cancel()
			close(ready)
			<-ctx.Done()
			got <- c.Err()
			return nil
		})
		s.Send(pid, 1)
		recvEnd(t, ready, "the handler")
		s.Exit(pid, reason)
		recvEq(t, got, context.Canceled, "the end of the Context")
	}
}

func TestContextEndsWithTheDeadline(t *testing.T) {
	s := sysOf(t)
	got := make(chan error, 1)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		ctx, cancel := context.WithTimeout(c, time.Hour)
		defer cancel()
		<-ctx.Done()
		got <- ctx.Err()
		return nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
	defer cancel()
	if _, err := actor.Ask(ctx, pid, askDouble{}); err == nil { // the deadline, or no reply if the handler is faster
		t.Error("there was an answer")
	}
	recvEq(t, got, context.DeadlineExceeded, "the end of the Context")
}

func TestDerivingStartsNoGoroutine(t *testing.T) {
	s := sysOf(t)
	check := func(c context.Context) error {
		before := runtime.NumGoroutine()
		var cancels []context.CancelFunc
		for range 100 {
			x, cancel := context.WithCancel(c)
			y, cancel2 := context.WithTimeout(actor.WithBaggage(x, "a", "b"), time.Hour)
			cancels = append(cancels, cancel, cancel2)
			context.AfterFunc(y, func() {})
			z, cancel3 := context.WithCancel(actor.WithTrace(c, "t"))
			context.AfterFunc(z, func() {})
			cancels = append(cancels, cancel3)
		}
		n := runtime.NumGoroutine()
		for _, cancel := range cancels {
			cancel()
		}
		if n > before+10 {
			return errors.New("deriving starts goroutines")
		}
		return nil
	}
	got := make(chan error, 8)
	pid := spawnFn(t, s, func(c *actor.Context, _ any) error {
		got <- check(c)
		got <- check(c.Detach())
		got <- check(c.With(c))
		return nil
	})
	s.Send(pid, 1)
	for range 3 {
		wantErr(t, recv(t, got, "a check of a Context"), nil)
	}
	script(t, s, func(p *actor.Process) error {
		got <- check(p)
		got <- check(p.Context())
		return nil
	})
	for range 2 {
		wantErr(t, recv(t, got, "a check of a Process"), nil)
	}
}

func TestDetachOutlivesTheHandler(t *testing.T) {
	s := sysOf(t)
	scopes := make(chan actor.Scope, 1)
	pid := spawnFn(t, s, func(c *actor.Context, _ any) error { scopes <- c.Detach(); return nil })
	ctx, cancel := context.WithTimeout(actor.WithBaggage(context.Background(), "a", "b"), time.Hour)
	defer cancel()
	_, err := actor.Ask(ctx, pid, askDouble{})
	wantErr(t, err, actor.ErrNoReply)
	x := recv(t, scopes, "the scope")
	if _, ok := x.Deadline(); ok || x.Err() != nil {
		t.Fatal("it ended, or will")
	}
	from := make(chan actor.PID, 1)
	baggage := make(chan map[string]string, 1)
	to := spawnFn(t, s, func(c *actor.Context, msg any) error {
		from <- c.Sender()
		baggage <- maps.Collect(actor.Baggage(c))
		if m, ok := msg.(askDouble); ok {
			actor.Reply(c, m, 1)
		}
		return nil
	})
	x.Send(to, 1)
	recvEq(t, from, pid, "the sender")
	if b := recv(t, baggage, "the baggage"); b["a"] != "b" {
		t.Fatal(b)
	}
	if n, err := actor.Ask(x, to, askDouble{}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	s.Exit(pid, actor.Shutdown)
	recvEnd(t, x.Done(), "the end of the scope with its process")
	wantErr(t, x.Err(), context.Canceled)
	_, err = actor.Ask(x, to, askDouble{})
	wantErr(t, err, context.Canceled)
}

type privateKey struct{}

func TestBaggageAndTraceTravel(t *testing.T) {
	s := sysOf(t)
	type seen struct{ a, b, trace string }
	got := make(chan seen, 16)
	look := func(c context.Context) seen {
		x := seen{trace: actor.Trace(c)}
		for k, v := range actor.Baggage(c) {
			switch k {
			case "a":
				x.a += v
			case "b":
				x.b += v
			}
		}
		if c.Value(privateKey{}) != nil {
			t.Error("a value that is no baggage travelled")
		}
		return x
	}
	last := spawnFn(t, s, func(c *actor.Context, msg any) error {
		got <- look(c)
		if m, ok := msg.(askDouble); ok {
			actor.Reply(c, m, 1)
		}
		return nil
	})
	mid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		c.Send(last, "sent")
		c.SendAfter(0, last, "timed")
		if _, err := actor.Ask(c, last, askDouble{}); err != nil {
			return err
		}
		if _, err := c.Spawn(&initLooks{func(c *actor.Context) { got <- look(c) }}); err != nil {
			return err
		}
		c.Forward(last)
		ctx := actor.WithTrace(actor.WithBaggage(actor.WithBaggage(c, "b", "2"), "a", "1+"), "other")
		c.With(ctx).Send(last, "with more")
		return nil
	})
	ctx := context.WithValue(context.Background(), privateKey{}, "secret")
	ctx = actor.WithTrace(actor.WithBaggage(ctx, "a", "1"), "00-trace")
	s.With(ctx).Send(mid, "go")
	counts := map[seen]int{}
	for range 6 {
		counts[recv(t, got, "what travelled")]++
	}
	if !maps.Equal(counts, map[seen]int{{"1", "", "00-trace"}: 5, {"1+", "2", "other"}: 1}) {
		t.Fatal(counts)
	}
	s.Send(last, "plain")
	recvEq(t, got, seen{}, "what does not stick")
}

type initLooks struct{ look func(c *actor.Context) }

func (a *initLooks) Init(c *actor.Context) error       { a.look(c); return nil }
func (a *initLooks) Receive(*actor.Context, any) error { return nil }

// asksInInitAndTerminate asks at both ends of its life.
type asksAtBothEnds struct {
	to  actor.PID
	got chan error
}

func (a *asksAtBothEnds) Init(c *actor.Context) error {
	_, err := actor.Ask(c, a.to, askDouble{})
	a.got <- err
	return err
}
func (a *asksAtBothEnds) Receive(_ *actor.Context, msg any) error { return msg.(error) }
func (a *asksAtBothEnds) Terminate(c *actor.Context, _ error) {
	_, err := actor.Ask(c, a.to, askDouble{})
	a.got <- err
}

func TestAskInInitAndTerminate(t *testing.T) {
	for _, workers := range []int{1, 2} {
		s := sysOf(t, actor.WithWorkers(workers))
		to := spawnFn(t, s, doubler)
		got := make(chan error, 4)
		for _, end := range []func(actor.PID){
			func(pid actor.PID) { s.Exit(pid, actor.Shutdown) },
			func(pid actor.PID) { s.Send(pid, errors.New("boom")) },
		} {
			pid := spawnActor(t, s, &asksAtBothEnds{to, got})
			recvEq(t, got, nil, "the answer in Init")
			end(pid)
			recvEq(t, got, nil, "the answer in Terminate")
			untilGone(t, s, pid)
		}
		from := spawnFn(t, s, func(c *actor.Context, _ any) error { // its Init runs within this handler
			_, err := c.SpawnLink(&asksAtBothEnds{to, got})
			return err
		})
		s.Send(from, 1)
		recvEq(t, got, nil, "the answer in the Init of a child")
	}
}

// Who ends by itself is told as dying while it terminates.
func TestAskOfATerminatingProcess(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	boom := errors.New("boom")
	pid := spawnActor(t, s, slowEnd{g})
	s.Send(pid, boom)
	recv(t, g.arrived, "Terminate")
	if !s.Alive(pid) {
		t.Error("it is not alive in Terminate")
	}
	_, err := actor.Ask(within(t), pid, askDouble{})
	wantExit(t, err, pid, boom)
	g.unlock()
	untilGone(t, s, pid)
}

type slowEnd struct{ g *barrier }

func (a slowEnd) Receive(_ *actor.Context, msg any) error { return msg.(error) }
func (a slowEnd) Terminate(*actor.Context, error)         { a.g.pass() }
