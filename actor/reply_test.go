package actor_test

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

func TestDeferredReplyFromAnywhere(t *testing.T) {
	s := sysOf(t)
	duties := make(chan actor.ReplyTo[int], 4)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		duties <- actor.DeferReply(c, msg.(askDouble))
		return nil
	})
	answers := make(chan int, 4)
	ask := func() {
		n, err := actor.Ask(within(t), pid, askDouble{})
		if err != nil {
			n = -1
		}
		answers <- n
	}
	go ask()
	first := recv(t, duties, "the first duty")
	go ask()
	second := recv(t, duties, "the second duty")
	second.Reply(2) // in any order
	recvEq(t, answers, 2, "the second answer")
	first.Reply(1)
	recvEq(t, answers, 1, "the first answer")

	first.Reply(3) // once
	second.Fail(errors.New("late"))
	if n := s.Stats().LateReplies; n != 2 {
		t.Fatal("late replies:", n)
	}
	go ask()
	recv(t, duties, "the third duty").Fail(errors.New("no"))
	recvEq(t, answers, -1, "the failure")

	var nobody actor.ReplyTo[int]
	nobody.Reply(1)
	nobody.Fail(nil)
}

func TestDeferredReplyIsOwedOnExit(t *testing.T) {
	boom := errors.New("boom")
	for name, end := range map[string]error{"error": boom, "shutdown": actor.Shutdown, "kill": actor.Kill} {
		t.Run(name, func(t *testing.T) {
			s := sysOf(t)
			duties := make(chan actor.ReplyTo[int], 1)
			pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
				if m, ok := msg.(askDouble); ok {
					duties <- actor.DeferReply(c, m)
				}
				return nil
			})
			errs := make(chan error, 1)
			go func() {
				_, err := actor.Ask(within(t), pid, askDouble{})
				errs <- err
			}()
			duty := recv(t, duties, "the duty")
			s.Exit(pid, end)
			if end == actor.Kill {
				end = actor.Killed
			}
			wantExit(t, recv(t, errs, "the asker"), pid, end)
			duty.Reply(1)
			if n := s.Stats().LateReplies; n != 1 {
				t.Fatal("late replies:", n)
			}
		})
	}
}

func TestForwardKeepsSenderAndAsker(t *testing.T) {
	s := sysOf(t)
	senders := make(chan actor.PID, 4)
	last := spawnFn(t, s, func(c *actor.Context, msg any) error {
		senders <- c.Sender()
		return doubler(c, msg)
	})
	middle := spawnFn(t, s, func(c *actor.Context, msg any) error { c.Forward(last); return nil })
	sent := make(chan error, 2)
	first := spawnFn(t, s, func(c *actor.Context, msg any) error {
		c.Send(middle, "plain")
		n, err := actor.Ask(c, middle, askDouble{n: 4})
		if n != 8 {
			err = errors.New("wrong answer")
		}
		sent <- err
		return nil
	})
	s.Send(first, 1)
	recvEq(t, senders, first, "the sender of the message")
	recvEq(t, senders, first, "the sender of the request")
	wantErr(t, recv(t, sent, "the answer"), nil)

	n, err := actor.Ask(within(t), middle, askDouble{n: 5})
	if n != 10 || err != nil {
		t.Fatal(n, err)
	}
	s.Exit(last, actor.Kill)
	untilGone(t, s, last)
	_, err = actor.Ask(within(t), middle, askDouble{})
	wantErr(t, err, actor.NoProc)
	conserved(t, s)
}

func TestForwardingOutlivesTheForwarder(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	last := spawnFn(t, s, func(c *actor.Context, msg any) error { g.pass(); return doubler(c, msg) })
	middle := spawnFn(t, s, func(c *actor.Context, msg any) error { c.Forward(last); return actor.Normal })
	answer := make(chan int, 1)
	go func() {
		n, err := actor.Ask(within(t), middle, askDouble{n: 4})
		if err != nil {
			t.Error(err)
		}
		answer <- n
	}()
	recv(t, g.arrived, "the receiver")
	untilGone(t, s, middle)
	g.unlock()
	recvEq(t, answer, 8, "the answer")
}

func TestUnhandledIsADeadLetter(t *testing.T) {
	s := sysOf(t)
	log := recordEvents(t, s)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		_ = c.Unhandled()
		c.Stash() // it is dealt with already
		c.Unstash()
		return c.Unhandled() // once
	})
	s.Send(pid, "what?")
	deadLetterOf(t, log, "what?", actor.ErrUnhandled)
	_, err := actor.Ask(within(t), pid, askDouble{n: 1})
	wantErr(t, err, actor.ErrUnhandled)
	books(t, s, 2, 0, 2)
}

func TestUnhandledAfterTheAnswerOrTheStash(t *testing.T) {
	s := sysOf(t)
	n := 0
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		if m, ok := msg.(askDouble); ok {
			actor.Reply(c, m, 1)
			return c.Unhandled()
		}
		if n++; n == 1 {
			c.Stash()
			return c.Unhandled() // it is put aside, not unhandled
		}
		c.Unstash()
		return nil
	})
	if n, err := actor.Ask(within(t), pid, askDouble{}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	s.Send(pid, "aside")
	s.Send(pid, "back")
	until(t, "both are handled", func() bool { return s.Stats().Handled == 2 })
	conserved(t, s)
}

// relay answers with the answer of somebody else, without waiting for it.
func relay(to actor.PID) actor.Func {
	return func(c *actor.Context, msg any) error {
		if m, ok := msg.(askDouble); ok {
			actor.AskAsync(c, to, askDouble{n: m.n}, func(c *actor.Context, n int, err error) error {
				if err != nil {
					actor.Fail(c, err)
				} else {
					actor.Reply(c, m, n+1)
				}
				return nil
			})
		}
		return nil
	}
}

func TestAskAsyncIsPartOfTheRequest(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	slow := spawnFn(t, s, func(c *actor.Context, msg any) error { g.pass(); return doubler(c, msg) })
	mid := spawnActor(t, s, relay(slow))
	answer := make(chan int, 1)
	go func() {
		n, err := actor.Ask(within(t), mid, askDouble{n: 10})
		if err != nil {
			t.Error(err)
		}
		answer <- n
	}()
	recv(t, g.arrived, "the slow one")
	seen, err := s.Info(mid)
	if !err || seen.Status == actor.StatusBusy && seen.Queued > 0 {
		t.Fatalf("AskAsync made its process wait: %+v", seen)
	}
	g.unlock()
	recvEq(t, answer, 21, "the answer")
	conserved(t, s)
}

func TestAskAsyncContinuesWithDeadlineBaggageAndSender(t *testing.T) {
	s := sysOf(t)
	helper := spawnFn(t, s, doubler)
	type seen struct {
		deadline time.Time
		baggage  map[string]string
		trace    string
		sender   actor.PID
	}
	got := make(chan seen, 2)
	mid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		m := msg.(askDouble)
		actor.AskAsync(c, helper, askDouble{n: 1}, func(c *actor.Context, n int, err error) error {
			d, _ := c.Deadline()
			got <- seen{d, maps.Collect(actor.Baggage(c)), actor.Trace(c), c.Sender()}
			actor.Reply(c, m, n)
			return err
		})
		return nil
	})
	deadline := time.Now().Add(time.Hour)
	errs := make(chan error, 1)
	asker := spawnFn(t, s, func(c *actor.Context, msg any) error {
		ctx, cancel := context.WithDeadline(actor.WithTrace(actor.WithBaggage(c, "user", "joe"), "00-1"), deadline)
		defer cancel()
		_, err := actor.Ask(ctx, mid, askDouble{})
		errs <- err
		return nil
	})
	s.Send(asker, 1)
	wantErr(t, recv(t, errs, "the answer"), nil)
	x := recv(t, got, "the continuation")
	if !x.deadline.Equal(deadline) || x.baggage["user"] != "joe" || x.trace != "00-1" || x.sender != asker {
		t.Fatalf("%+v", x)
	}
}

func TestSeveralAskAsync(t *testing.T) {
	s := sysOf(t)
	helper := spawnFn(t, s, doubler)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		m, ok := msg.(askDouble)
		if !ok {
			return nil
		}
		left, sum := m.n, 0
		for i := range m.n {
			actor.AskAsync(c, helper, askDouble{n: i}, func(c *actor.Context, n int, err error) error {
				sum += n
				if left--; left == 0 {
					actor.Reply(c, m, sum)
				}
				return err
			})
		}
		return nil
	})
	if n, err := actor.Ask(within(t), pid, askDouble{n: 10}); n != 90 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := actor.Ask(within(t), pid, askDouble{n: 0}); !errors.Is(err, actor.ErrNoReply) {
		t.Fatal(err)
	}
	conserved(t, s)
}

func TestAskAsyncWithoutAnAnswerFailsTheAsker(t *testing.T) {
	s := sysOf(t)
	helper := spawnFn(t, s, doubler)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		actor.AskAsync(c, helper, askDouble{}, func(*actor.Context, int, error) error { return nil })
		return nil
	})
	_, err := actor.Ask(within(t), pid, askDouble{})
	wantErr(t, err, actor.ErrNoReply)
}

func TestAskAsyncErrors(t *testing.T) {
	s := sysOf(t)
	boom := errors.New("boom")
	dead := spawnFn(t, s, doubler)
	s.Exit(dead, actor.Kill)
	untilGone(t, s, dead)
	failing := spawnFn(t, s, func(c *actor.Context, msg any) error { return boom })
	mute := spawnFn(t, s, func(*actor.Context, any) error { return nil })
	for _, x := range []struct {
		to   actor.PID
		want error
	}{{dead, actor.NoProc}, {actor.PID{}, actor.NoProc}, {mute, actor.ErrNoReply}, {failing, boom}} {
		_, err := actor.Ask(within(t), spawnActor(t, s, relay(x.to)), askDouble{})
		wantErr(t, err, x.want)
	}
	errs := make(chan error, 1)
	self := spawnFn(t, s, func(c *actor.Context, msg any) error {
		actor.AskAsync(c, c.Self(), askDouble{}, func(_ *actor.Context, _ int, err error) error { errs <- err; return nil })
		return nil
	})
	s.Send(self, "not a request")
	wantErr(t, recv(t, errs, "the continuation"), actor.ErrSelfAsk)
	conserved(t, s)
}

func TestAskAsyncOfAProcessThatEnds(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	slow := spawnFn(t, s, func(c *actor.Context, msg any) error { g.pass(); return doubler(c, msg) })
	mid := spawnActor(t, s, relay(slow))
	errs := make(chan error, 1)
	go func() {
		_, err := actor.Ask(within(t), mid, askDouble{})
		errs <- err
	}()
	recv(t, g.arrived, "the slow one")
	s.Exit(mid, actor.Shutdown)
	wantExit(t, recv(t, errs, "the asker"), mid, actor.Shutdown)
	g.unlock()
	until(t, "the answer is late", func() bool { return s.Stats().LateReplies == 1 })
	conserved(t, s)
}

func TestErrorOfAContinuationEndsTheProcess(t *testing.T) {
	s := sysOf(t)
	boom := errors.New("boom")
	helper := spawnFn(t, s, doubler)
	for _, crash := range []func() error{func() error { return boom }, func() error { panic(boom) }} {
		pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
			actor.AskAsync(c, helper, askDouble{}, func(*actor.Context, int, error) error { return crash() })
			return nil
		})
		_, err := actor.Ask(within(t), pid, askDouble{})
		wantExit(t, err, pid, boom)
	}
	conserved(t, s)
}

func TestAskAsyncMeetsTheDeadline(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	slow := spawnFn(t, s, func(c *actor.Context, msg any) error { g.pass(); return nil })
	errs := make(chan error, 100)
	mid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		actor.AskAsync(c, slow, askDouble{}, func(_ *actor.Context, _ int, err error) error { errs <- err; return nil })
		return nil
	})
	ask := func(d time.Duration) {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		// Without an answer: the continuation may notice before the asker.
		if _, err := actor.Ask(ctx, mid, askDouble{}); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, actor.ErrNoReply) {
			t.Error(err)
		}
	}
	for range 20 {
		ask(50 * time.Microsecond) // some find the deadline passed when they ask
	}
	ask(20 * time.Millisecond)
	wantErr(t, recv(t, errs, "a continuation"), context.DeadlineExceeded)
	g.unlock()
	conserved(t, s)
}

func TestUnhandledInAContinuation(t *testing.T) {
	s := sysOf(t)
	helper := spawnFn(t, s, doubler)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		actor.AskAsync(c, helper, askDouble{}, func(c *actor.Context, _ int, _ error) error { return c.Unhandled() })
		return nil
	})
	_, err := actor.Ask(within(t), pid, askDouble{})
	wantErr(t, err, actor.ErrUnhandled)
	books(t, s, 2, 2, 0) // what was handled is no dead letter as well
}
