package actor_test

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/mailbox"
)

// script starts a process with its own goroutine.
func script(t testing.TB, s *actor.System, f func(p *actor.Process) error, opts ...actor.SpawnOption) actor.PID {
	t.Helper()
	pid, err := s.Go(f, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestReceive(t *testing.T) {
	s := sysOf(t)
	type seen struct {
		msg  any
		from actor.PID
	}
	got := make(chan seen, 4)
	pid := script(t, s, func(p *actor.Process) error {
		for range 2 {
			msg, err := p.Receive(context.Background())
			if err != nil {
				return err
			}
			got <- seen{msg, p.Sender()}
		}
		return nil
	})
	s.Send(pid, 1)
	recvEq(t, got, seen{msg: 1}, "the message of nobody")
	from := spawnFn(t, s, func(c *actor.Context, _ any) error { c.Send(pid, 2); return nil })
	s.Send(from, 1)
	recvEq(t, got, seen{2, from}, "the message of a process")
	untilGone(t, s, pid)
	books(t, s, 3, 3, 0)
}

func TestReceiveEndsWithItsContext(t *testing.T) {
	s := sysOf(t)
	got := make(chan any, 4)
	pid := script(t, s, func(p *actor.Process) error {
		ctx, cancel := context.WithTimeout(p, time.Millisecond)
		defer cancel()
		_, err := p.Receive(ctx)
		got <- err
		msg, err := p.Receive(context.Background())
		got <- msg
		return err
	})
	recvEq(t, got, any(context.DeadlineExceeded), "the timeout")
	s.Send(pid, "still alive")
	recvEq(t, got, any("still alive"), "the message after")
}

func TestSelectiveReceive(t *testing.T) {
	s := sysOf(t)
	got := make(chan any, 16)
	even := func(msg any) bool { return msg.(int)%2 == 0 }
	pid := script(t, s, func(p *actor.Process) error {
		for range 2 {
			msg, err := p.ReceiveMatch(context.Background(), even)
			if err != nil {
				return err
			}
			got <- msg
		}
		for range 4 {
			msg, err := p.Receive(context.Background())
			if err != nil {
				return err
			}
			got <- msg
		}
		return nil
	})
	for _, n := range []int{1, 3, 2, 5, 4, 6} {
		s.Send(pid, n)
	}
	for _, want := range []int{2, 4, 1, 3, 5, 6} {
		recvEq(t, got, any(want), "a message")
	}
	untilGone(t, s, pid)
	books(t, s, 6, 6, 0)
}

func TestMatchThatPanicsLosesNothing(t *testing.T) {
	s := sysOf(t)
	log := recordEvents(t, s)
	pid := script(t, s, func(p *actor.Process) error {
		_, err := p.ReceiveMatch(context.Background(), func(msg any) bool { panic("match") })
		return err
	})
	s.Send(pid, "in hand")
	deadLetterOf(t, log, "in hand", actor.ErrExited)
	e := findEvent(t, log, "its end", func(e actor.Exited) bool { return e.PID == pid })
	if x, ok := e.Reason.(*actor.PanicError); !ok || x.Value != "match" {
		t.Fatal(e.Reason)
	}
	books(t, s, 1, 0, 1)
}

func TestReceiveWhenToldToExit(t *testing.T) {
	boom := errors.New("boom")
	for _, reason := range []error{boom, actor.Shutdown, actor.Kill} {
		s := sysOf(t)
		log := recordEvents(t, s)
		got := make(chan error, 4)
		ready := make(chan struct{})
		pid := script(t, s, func(p *actor.Process) error {
			close(ready)
			_, err := p.Receive(context.Background())
			got <- err
			<-p.Context().Done()
			_, err = p.Receive(context.Background()) // for ever
			got <- err
			return nil // the reason told wins
		})
		recvEnd(t, ready, "the script")
		s.Exit(pid, reason)
		if reason == actor.Kill {
			reason = actor.Killed
		}
		recvEq(t, got, reason, "Receive")
		recvEq(t, got, reason, "Receive again")
		e := findEvent(t, log, "its end", func(e actor.Exited) bool { return e.PID == pid })
		wantErr(t, e.Reason, reason)
	}
}

func TestBlockingRequests(t *testing.T) {
	s := sysOf(t)
	boom := errors.New("boom")
	pid := script(t, s, func(p *actor.Process) error {
		var owed []actor.ReplyTo[int]
		for {
			msg, err := p.Receive(context.Background())
			if err != nil {
				return err
			}
			m, ok := msg.(askDouble)
			switch {
			case !ok:
				for _, o := range owed {
					o.Reply(7)
				}
			case m.n == 0: // no answer
			case m.n == 1:
				actor.Fail(p, boom)
			case m.n == 2:
				owed = append(owed, actor.DeferReply(p, m))
			case m.n == 3:
				return boom
			default:
				actor.Reply(p, m, 2*m.n)
			}
		}
	})
	if n, err := actor.Ask(within(t), pid, askDouble{n: 8}); n != 16 || err != nil {
		t.Fatal(n, err)
	}
	_, err := actor.Ask(within(t), pid, askDouble{n: 1})
	wantErr(t, err, boom)
	errs := make(chan error, 3)
	go func() { _, err := actor.Ask(within(t), pid, askDouble{n: 0}); errs <- err }()
	until(t, "it waits for its answer", func() bool { i, _ := s.Info(pid); return i.Handled >= 2 && i.Queued == 0 })
	s.Send(pid, "the next receive is the end of the request")
	wantErr(t, recv(t, errs, "the request without an answer"), actor.ErrNoReply)
	answer := make(chan int, 1)
	go func() {
		n, err := actor.Ask(within(t), pid, askDouble{n: 2})
		errs <- err
		answer <- n
	}()
	until(t, "the request is deferred", func() bool { i, _ := s.Info(pid); return i.Handled >= 4 })
	until(t, "the deferred request is answered", func() bool { s.Send(pid, "now"); return len(errs) > 0 })
	wantErr(t, <-errs, nil)
	recvEq(t, answer, 7, "the deferred answer")
	_, err = actor.Ask(within(t), pid, askDouble{n: 3})
	wantExit(t, err, pid, boom)
}

func TestBlockingIgnoresInline(t *testing.T) {
	s := sysOf(t)
	pid := script(t, s, func(p *actor.Process) error {
		msg, err := p.Receive(context.Background())
		if err == nil {
			actor.Reply(p, msg.(askDouble), 1)
		}
		return err
	}, actor.WithInline())
	if n, err := actor.Ask(within(t), pid, askDouble{}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
}

func TestBlockingEnds(t *testing.T) {
	boom := errors.New("boom")
	for name, x := range map[string]struct {
		f    func(p *actor.Process) error
		want error
	}{
		"nil":    {func(*actor.Process) error { return nil }, actor.Normal},
		"error":  {func(*actor.Process) error { return boom }, boom},
		"panic":  {func(*actor.Process) error { panic(boom) }, boom},
		"linked": {func(p *actor.Process) error { return linkedTo(p, boom) }, boom},
	} {
		t.Run(name, func(t *testing.T) {
			s := sysOf(t)
			log := recordEvents(t, s)
			pid := script(t, s, x.f)
			e := findEvent(t, log, "its end", func(e actor.Exited) bool { return e.PID == pid })
			wantErr(t, e.Reason, x.want)
		})
	}
}

func linkedTo(p *actor.Process, reason error) error {
	if _, err := p.SpawnLink(actor.Blocking(func(*actor.Process) error { return reason })); err != nil {
		return err
	}
	_, err := p.Receive(context.Background())
	return err
}

func TestBlockingTrapsAndMonitors(t *testing.T) {
	s := sysOf(t)
	boom := errors.New("boom")
	got := make(chan any, 4)
	script(t, s, func(p *actor.Process) error {
		p.TrapExit(true)
		pid, ref, err := p.SpawnMonitor(actor.Func(func(*actor.Context, any) error { return boom }))
		if err != nil {
			return err
		}
		p.Link(pid)
		p.Send(pid, 1)
		for range 2 {
			msg, err := p.Receive(context.Background())
			if err != nil {
				return err
			}
			if d, ok := msg.(actor.Down); ok && d.Ref != ref {
				msg = "another monitor"
			}
			got <- msg
		}
		return nil
	})
	for range 2 {
		switch m := recv(t, got, "a signal").(type) {
		case actor.Down:
			wantErr(t, m.Reason, boom)
		case actor.ExitSignal:
			wantErr(t, m.Reason, boom)
		default:
			t.Fatal(m)
		}
	}
}

func TestBlockingWithABoundedMailbox(t *testing.T) {
	s := sysOf(t)
	log := recordEvents(t, s)
	start := make(chan struct{})
	got := make(chan any, 4)
	pid := script(t, s, func(p *actor.Process) error {
		<-start
		for {
			msg, err := p.Receive(context.Background())
			if err != nil {
				return err
			}
			got <- msg
		}
	}, actor.WithMailbox(mailbox.Spec{Capacity: 2, Overflow: mailbox.DropNewest}))
	for i := range 3 {
		s.Send(pid, i)
	}
	deadLetterOf(t, log, 2, actor.ErrMailboxFull)
	close(start)
	recvEq(t, got, any(0), "the first")
	recvEq(t, got, any(1), "the second")
}

// A Process is a context.Context that knows the deadline of the request being handled, and keeps it.
func TestBlockingMeetsTheDeadline(t *testing.T) {
	s := sysOf(t)
	got := make(chan error, 4)
	pid := script(t, s, func(p *actor.Process) error {
		if _, ok := p.Deadline(); ok {
			t.Error("a deadline without a request")
		}
		if _, err := p.Receive(context.Background()); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(p, time.Hour)
		defer cancel()
		<-ctx.Done()
		got <- ctx.Err()
		got <- p.Context().Err()
		_, err := p.Receive(p) // the next one: the deadline is no more
		got <- err
		return err
	})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	if _, err := actor.Ask(ctx, pid, askDouble{}); err == nil { // the deadline, or no reply if the process is faster
		t.Error("there was an answer")
	}
	recvEq(t, got, context.DeadlineExceeded, "the derived context")
	recvEq(t, got, nil, "the context of the process")
	s.Send(pid, 1)
	recvEq(t, got, nil, "Receive")
}

func TestBlockingHasTheBaggageOfItsSpawner(t *testing.T) {
	s := sysOf(t)
	got := make(chan map[string]string, 2)
	spawner := spawnFn(t, s, func(c *actor.Context, _ any) error {
		_, err := c.Go(func(p *actor.Process) error {
			got <- maps.Collect(actor.Baggage(p))
			_, err := p.Receive(context.Background())
			got <- maps.Collect(actor.Baggage(p))
			return err
		}, actor.WithName("script"))
		return err
	})
	s.With(actor.WithBaggage(context.Background(), "a", "b")).Send(spawner, 1)
	if b := recv(t, got, "the baggage at the start"); b["a"] != "b" {
		t.Fatal(b)
	}
	s.Send(s.Named("script"), 1)
	if b := recv(t, got, "the baggage of the message"); len(b) != 0 {
		t.Fatal(b)
	}
}
