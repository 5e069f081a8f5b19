package actor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/mailbox"
)

func TestAskIsTypedByItsRequest(t *testing.T) {
	s := sysOf(t)
	pid := spawnFn(t, s, doubler)
	n, err := actor.Ask(within(t), pid, askDouble{n: 21})
	if n != 42 || err != nil {
		t.Fatal(n, err)
	}
	n, err = actor.Ask(context.Background(), pid, askDouble{n: 4})
	if n != 8 || err != nil {
		t.Fatal(n, err)
	}
}

type stringer string

func (s stringer) String() string { return string(s) }

func TestReplyOfAnInterface(t *testing.T) {
	s := sysOf(t)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		m := msg.(askGreet)
		if m.name == "" {
			actor.Reply[fmt.Stringer](c, m, nil)
		} else {
			actor.Reply[fmt.Stringer](c, m, stringer("hello "+m.name))
		}
		return nil
	})
	got, err := actor.Ask(within(t), pid, askGreet{name: "joe"})
	if err != nil || got.String() != "hello joe" {
		t.Fatal(got, err)
	}
	if got, err = actor.Ask(within(t), pid, askGreet{}); got != nil || err != nil {
		t.Fatal("a nil answer:", got, err)
	}
}

func TestAskOfNobody(t *testing.T) {
	s := sysOf(t)
	var zero actor.PID
	_, err := actor.Ask(within(t), zero, askDouble{})
	wantErr(t, err, actor.NoProc)

	log := recordEvents(t, s)
	_, err = actor.Ask(s.With(within(t)), zero, askDouble{n: 1})
	wantErr(t, err, actor.NoProc)
	deadLetterOf(t, log, askDouble{n: 1}, actor.NoProc)

	_, err = actor.Ask(within(t), s.Named("nobody"), askDouble{})
	wantErr(t, err, actor.NoProc)

	far, err := s.ParsePID("<far/1.1>")
	if err != nil {
		t.Fatal(err)
	}
	_, err = actor.Ask(within(t), far, askDouble{})
	wantErr(t, err, actor.NoConnection)
	conserved(t, s)
}

func TestAskOfADeadProcess(t *testing.T) {
	s := sysOf(t)
	pid := spawnFn(t, s, doubler)
	s.Send(pid, errors.New("boom"))
	untilGone(t, s, pid)
	_, err := actor.Ask(within(t), pid, askDouble{n: 1})
	wantErr(t, err, actor.NoProc)
	var exit *actor.ExitError
	if errors.As(err, &exit) {
		t.Fatal("a process that is gone is NoProc, not", exit)
	}
}

func TestAskOfADyingProcessFailsAtOnce(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error { g.pass(); return nil })
	s.Send(pid, 1)
	recv(t, g.arrived, "the handler")
	reason := errors.New("told to go")
	s.Exit(pid, reason)
	_, err := actor.Ask(context.Background(), pid, askDouble{}) // its handler is still running
	wantExit(t, err, pid, reason)
	g.unlock()
	untilGone(t, s, pid)
	conserved(t, s)
}

func TestAskFailsWhenItsTargetEnds(t *testing.T) {
	boom := errors.New("boom")
	for name, end := range map[string]struct {
		f      func(c *actor.Context) error
		reason error
	}{
		"error":  {func(*actor.Context) error { return boom }, boom},
		"normal": {func(*actor.Context) error { return actor.Normal }, actor.Normal},
		"panic":  {func(*actor.Context) error { panic(boom) }, boom},
		"exit":   {func(c *actor.Context) error { c.Exit(c.Self(), boom); return nil }, boom},
		"kill":   {func(c *actor.Context) error { c.Exit(c.Self(), actor.Kill); return nil }, actor.Killed},
	} {
		t.Run(name, func(t *testing.T) {
			s := sysOf(t)
			pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
				actor.DeferReply(c, msg.(askDouble))
				return end.f(c)
			})
			_, err := actor.Ask(within(t), pid, askDouble{})
			wantExit(t, err, pid, end.reason)
			if name == "normal" && actor.IsNormal(err) {
				t.Fatal("the error of an Ask counts as a normal end")
			}
		})
	}
}

func TestAskQueuedWhenItsTargetEnds(t *testing.T) {
	s := sysOf(t)
	log := recordEvents(t, s)
	g := newBarrier(t)
	boom := errors.New("boom")
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error { g.pass(); return boom })
	s.Send(pid, 1)
	recv(t, g.arrived, "the handler")
	errs := make(chan error, 3)
	for i := range 3 {
		go func() {
			_, err := actor.Ask(within(t), pid, askDouble{n: i})
			errs <- err
		}()
	}
	until(t, "all are queued", func() bool { i, _ := s.Info(pid); return i.Queued == 3 })
	g.unlock()
	for range 3 {
		wantExit(t, recv(t, errs, "the askers"), pid, boom)
	}
	for i := range 3 {
		deadLetterOf(t, log, askDouble{n: i}, actor.ErrExited)
	}
}

func TestUnansweredRequestFails(t *testing.T) {
	s := sysOf(t)
	pid := spawnFn(t, s, func(*actor.Context, any) error { return nil })
	_, err := actor.Ask(within(t), pid, askSilent{})
	wantErr(t, err, actor.ErrNoReply)
}

func TestFailIsReturnedAsItIs(t *testing.T) {
	s := sysOf(t)
	boom := errors.New("boom")
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		if msg.(askDouble).n == 0 {
			actor.Fail(c, nil)
		} else {
			actor.Fail(c, boom)
		}
		return nil
	})
	if _, err := actor.Ask(within(t), pid, askDouble{n: 1}); err != boom {
		t.Fatal(err)
	}
	if _, err := actor.Ask(within(t), pid, askDouble{}); err == nil {
		t.Fatal("Fail(nil) must not be an answer")
	}
}

func TestFirstAnswerCountsOthersAreLate(t *testing.T) {
	s := sysOf(t)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		m, ok := msg.(askDouble)
		if !ok {
			actor.Reply(c, askDouble{}, 1) // not a request
			return nil
		}
		actor.Reply(c, m, 1)
		actor.Reply(c, m, 2)
		actor.Fail(c, errors.New("late"))
		return nil
	})
	if n, err := actor.Ask(within(t), pid, askDouble{}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	until(t, "two answers are late", func() bool { return s.Stats().LateReplies == 2 })
	s.Send(pid, "no request")
	until(t, "an answer to nobody is late", func() bool { return s.Stats().LateReplies == 3 })
}

func TestAskEndsWithItsContext(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		g.pass()
		actor.Reply(c, msg.(askDouble), 1)
		return nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := actor.Ask(ctx, pid, askDouble{})
	wantErr(t, err, context.DeadlineExceeded)

	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(time.Millisecond, cancel)
	_, err = actor.Ask(ctx, pid, askDouble{n: 2})
	wantErr(t, err, context.Canceled)
	_, err = actor.Ask(ctx, pid, askDouble{n: 3})
	wantErr(t, err, context.Canceled)

	log := recordEvents(t, s)
	g.unlock()
	deadLetterOf(t, log, askDouble{n: 2}, actor.ErrExpired) // its asker gave up before it was handled
	until(t, "the answer to the first is late", func() bool { return s.Stats().LateReplies == 1 })
	books(t, s, 2, 1, 1) // the request with an ended context is not sent
}

func TestExpiredRequestsAreNotHandled(t *testing.T) {
	s := sysOf(t)
	log := recordEvents(t, s)
	g := newBarrier(t)
	handled := make(chan any, 10)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		if msg == "wait" {
			g.pass()
			return nil
		}
		handled <- msg
		return nil
	})
	s.Send(pid, "wait")
	recv(t, g.arrived, "the handler")
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := actor.Ask(ctx, pid, askDouble{n: 9})
	wantErr(t, err, context.DeadlineExceeded)
	s.Send(pid, "after")
	g.unlock()
	deadLetterOf(t, log, askDouble{n: 9}, actor.ErrExpired)
	recvEq(t, handled, any("after"), "what came after")
	if st := conserved(t, s); st.DeadBy["expired"] != 1 {
		t.Fatalf("%+v", st)
	}
}

func TestDeadlineTravels(t *testing.T) {
	s := sysOf(t)
	want := time.Now().Add(time.Hour)
	deadlines := make(chan time.Time, 4)
	last := spawnFn(t, s, func(c *actor.Context, msg any) error {
		d, _ := c.Deadline()
		deadlines <- d
		if m, ok := msg.(askDouble); ok {
			actor.Reply(c, m, 0)
		}
		return nil
	})
	first := spawnFn(t, s, func(c *actor.Context, msg any) error {
		c.Send(last, "plain")
		if _, err := actor.Ask(c, last, askDouble{}); err != nil {
			return err
		}
		tight, cancel := context.WithTimeout(c, time.Minute)
		defer cancel()
		n, err := actor.Ask(tight, last, askDouble{})
		if err != nil {
			return err
		}
		actor.Reply(c, msg.(askDouble), n)
		return nil
	})
	ctx, cancel := context.WithDeadline(context.Background(), want)
	defer cancel()
	if _, err := actor.Ask(ctx, first, askDouble{}); err != nil {
		t.Fatal(err)
	}
	if d := recv(t, deadlines, "the plain message"); !d.IsZero() {
		t.Fatal("a plain message has a deadline:", d)
	}
	if d := recv(t, deadlines, "the request"); !d.Equal(want) {
		t.Fatal(d, want)
	}
	if d := recv(t, deadlines, "the tighter request"); d.IsZero() || d.After(want.Add(-time.Minute)) {
		t.Fatal(d, want)
	}
}

func TestAskOneselfIsAnError(t *testing.T) {
	s := sysOf(t)
	errs := make(chan error, 1)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		_, err := actor.Ask(c, msg.(actor.PID), askDouble{})
		errs <- err
		return nil
	}, actor.WithName("me"))
	s.Send(pid, pid)
	wantErr(t, recv(t, errs, "the answer"), actor.ErrSelfAsk)
	s.Send(pid, s.Named("me"))
	wantErr(t, recv(t, errs, "the answer"), actor.ErrSelfAsk)
	blocking, err := s.Go(func(p *actor.Process) error {
		_, err := actor.Ask(p, p.Self(), askDouble{})
		errs <- err
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, recv(t, errs, "the answer of "+blocking.String()), actor.ErrSelfAsk)
}

func TestAskOfAnAddress(t *testing.T) {
	s := sysOf(t)
	name := s.Named("doubler")
	for i := range 3 { // it outlives restarts
		pid := spawnFn(t, s, doubler, actor.WithName("doubler"))
		if n, err := actor.Ask(within(t), name, askDouble{n: i}); n != 2*i || err != nil {
			t.Fatal(n, err)
		}
		s.Exit(pid, actor.Kill)
		until(t, "the name is free", func() bool { _, ok := s.Whereis("doubler"); return !ok })
	}
}

func TestAskEndsWhenTheAskerIsToldToExit(t *testing.T) {
	for _, reason := range []error{actor.Shutdown, actor.Kill} {
		s := sysOf(t)
		g := newBarrier(t)
		target := spawnFn(t, s, func(c *actor.Context, msg any) error { g.pass(); return nil })
		errs := make(chan error, 1)
		asker := spawnFn(t, s, func(c *actor.Context, msg any) error {
			_, err := actor.Ask(c, target, askDouble{})
			errs <- err
			return nil
		})
		s.Send(asker, 1)
		recv(t, g.arrived, "the target")
		s.Exit(asker, reason)
		wantErr(t, recv(t, errs, "the asker"), context.Canceled)
	}
}

func TestAskWaitsForRoom(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		if msg == "wait" {
			g.pass()
		}
		return doubler(c, msg)
	}, actor.WithMailbox(mailbox.Spec{Capacity: 1, Overflow: mailbox.Block}))
	s.Send(pid, "wait")
	recv(t, g.arrived, "the handler")
	s.Send(pid, "fills it")
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := actor.Ask(ctx, pid, askDouble{})
	wantErr(t, err, context.DeadlineExceeded)
	answer := make(chan int, 1)
	go func() {
		n, err := actor.Ask(within(t), pid, askDouble{n: 3})
		if err != nil {
			t.Error(err)
		}
		answer <- n
	}()
	g.unlock()
	recvEq(t, answer, 6, "the answer")
	conserved(t, s)
}
