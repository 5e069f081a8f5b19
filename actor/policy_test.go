package actor_test

import (
	"context"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/mailbox"
)

// stuffed is a process that is busy with its first message and has n more, which is all its mailbox holds.
func stuffed(t testing.TB, s *actor.System, spec mailbox.Spec, got chan any) (actor.PID, *barrier) {
	t.Helper()
	g := newBarrier(t)
	pid := spawnFn(t, s, func(_ *actor.Context, msg any) error {
		if msg == "first" {
			g.pass()
		} else {
			got <- msg
		}
		return nil
	}, actor.WithMailbox(spec))
	s.Send(pid, "first")
	recv(t, g.arrived, "the handler")
	for i := range spec.Capacity {
		s.Send(pid, i)
	}
	return pid, g
}

func TestFullMailboxPolicies(t *testing.T) {
	for _, x := range []struct {
		overflow mailbox.Overflow
		lost     any
		want     []any
	}{
		{mailbox.DropNewest, "more", []any{0, 1}},
		{mailbox.Fail, "more", []any{0, 1}},
		{mailbox.DropOldest, 0, []any{1, "more"}},
	} {
		t.Run(x.overflow.String(), func(t *testing.T) {
			s := sysOf(t)
			log := recordEvents(t, s)
			got := make(chan any, 8)
			pid, g := stuffed(t, s, mailbox.Spec{Capacity: 2, Overflow: x.overflow}, got)
			s.Send(pid, "more")
			deadLetterOf(t, log, x.lost, actor.ErrMailboxFull)
			if x.overflow != mailbox.DropOldest {
				wantErr(t, s.TrySend(pid, "try"), actor.ErrMailboxFull)
				_, err := actor.Ask(within(t), pid, askDouble{})
				wantErr(t, err, actor.ErrMailboxFull)
			}
			g.unlock()
			for _, want := range x.want {
				recvEq(t, got, want, "a message that was kept")
			}
			conserved(t, s)
		})
	}
}

func TestEvictedRequestFails(t *testing.T) {
	s := sysOf(t)
	got := make(chan any, 8)
	pid, _ := stuffed(t, s, mailbox.Spec{Capacity: 1, Overflow: mailbox.DropOldest}, got)
	errs := make(chan error, 1)
	go func() {
		_, err := actor.Ask(within(t), pid, askDouble{})
		errs <- err
	}()
	until(t, "the request evicted a message", func() bool { return s.Stats().Dead == 1 })
	s.Send(pid, "evicts the request")
	wantErr(t, recv(t, errs, "the asker"), actor.ErrMailboxFull)
	conserved(t, s)
}

// Senders that wait for room must not keep a worker.
func TestBlockParksTheSenderOnly(t *testing.T) {
	s := sysOf(t, actor.WithWorkers(1))
	got := make(chan any, 8)
	pid, g := stuffed(t, s, mailbox.Spec{Capacity: 1}, got)
	waiting := make(chan struct{}, 8)
	through := make(chan struct{}, 8)
	for i := range 4 {
		x := spawnFn(t, s, func(c *actor.Context, _ any) error {
			waiting <- struct{}{}
			c.Send(pid, 10+i)
			through <- struct{}{}
			return nil
		})
		s.Send(x, 1)
	}
	for range 4 {
		recv(t, waiting, "a sender")
	}
	pinged := spawnFn(t, s, doubler)
	if n, err := actor.Ask(within(t), pinged, askDouble{n: 3}); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	if len(through) != 0 {
		t.Fatal("a sender did not wait")
	}
	g.unlock()
	for range 4 {
		recv(t, through, "a sender that had to wait")
	}
	for range 5 {
		recv(t, got, "a message")
	}
	books(t, s, 11, 11, 0)
}

func TestBlockHonoursTheSendersContext(t *testing.T) {
	s := sysOf(t)
	log := recordEvents(t, s)
	pid, g := stuffed(t, s, mailbox.Spec{Capacity: 1}, make(chan any, 8))
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	s.With(ctx).Send(pid, "of a scope")
	deadLetterOf(t, log, "of a scope", actor.ErrMailboxFull)
	actor.RefOf[any](pid).Send(s.With(ctx), "of a typed send")
	deadLetterOf(t, log, "of a typed send", actor.ErrMailboxFull)
	wantErr(t, s.TrySend(pid, 1), actor.ErrMailboxFull)

	began := make(chan struct{})
	sender := spawnFn(t, s, func(c *actor.Context, _ any) error { close(began); c.Send(pid, "of a process"); return nil })
	s.Send(sender, 1)
	recvEnd(t, began, "the sender")
	s.Exit(sender, actor.Shutdown)
	deadLetterOf(t, log, "of a process", actor.ErrMailboxFull)
	untilGone(t, s, sender)

	stopped := make(chan struct{})
	go func() { defer close(stopped); s.Send(pid, "of a goroutine") }()
	s.Exit(pid, actor.Kill)
	recvEnd(t, stopped, "the waiting sender, when the receiver ends")
	g.unlock()
	conserved(t, s)
}

func TestSelfSendToAFullMailboxDoesNotDeadlock(t *testing.T) {
	s := sysOf(t)
	log := recordEvents(t, s)
	done := make(chan struct{})
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		if msg == "go" {
			c.Send(c.Self(), "fits")
			c.Send(c.Self(), "by itself")
			c.With(context.Background()).Send(c.Self(), "by a scope")
			c.Forward(c.Self())
			close(done)
		}
		return nil
	}, actor.WithMailbox(mailbox.Spec{Capacity: 1}))
	s.Send(pid, "go")
	recvEnd(t, done, "the handler")
	deadLetterOf(t, log, "by itself", actor.ErrMailboxFull)
	deadLetterOf(t, log, "by a scope", actor.ErrMailboxFull)
	deadLetterOf(t, log, "go", actor.ErrMailboxFull)
	books(t, s, 5, 2, 3)
}

func TestSignalsNeedNoRoom(t *testing.T) {
	for _, overflow := range []mailbox.Overflow{mailbox.Block, mailbox.DropNewest, mailbox.DropOldest, mailbox.Fail} {
		s := sysOf(t)
		g := newBarrier(t)
		got := make(chan any, 8)
		victim := spawnFn(t, s, doubler)
		pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
			if msg == "first" {
				c.TrapExit(true)
				c.Monitor(victim)
				g.pass()
			} else {
				got <- msg
			}
			return nil
		}, actor.WithMailbox(mailbox.Spec{Capacity: 1, Overflow: overflow}))
		s.Send(pid, "first")
		recv(t, g.arrived, "the handler")
		s.Send(pid, "fills it")
		s.Exit(pid, actor.Shutdown)
		s.Exit(victim, actor.Kill)
		until(t, "both signals are queued", func() bool { i, _ := s.Info(pid); return i.Queued == 3 })
		if overflow == mailbox.DropOldest {
			s.Send(pid, "evicts the other")
		}
		g.unlock()
		seen := map[string]int{}
		for range 3 {
			switch m := recv(t, got, "a message").(type) {
			case actor.ExitSignal:
				seen["exit"]++
			case actor.Down:
				seen["down"]++
			case string:
				seen[m]++
			}
		}
		if seen["exit"] != 1 || seen["down"] != 1 {
			t.Fatal(overflow, seen)
		}
	}
}

func TestPriority(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	got := make(chan any, 16)
	pid := spawnFn(t, s, func(_ *actor.Context, msg any) error {
		if msg == "first" {
			g.pass()
		} else {
			got <- msg
		}
		return nil
	}, actor.WithMailbox(mailbox.Spec{Levels: 3, Level: func(msg any) int {
		if n, ok := msg.(int); ok {
			return n % 10
		}
		return 0
	}}))
	s.Send(pid, "first")
	recv(t, g.arrived, "the handler")
	for _, n := range []int{12, 11, 10, 22, 21, 20} {
		s.Send(pid, n)
	}
	g.unlock()
	for _, want := range []int{10, 20, 11, 21, 12, 22} {
		recvEq(t, got, any(want), "a message")
	}
}
