package actor_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

func TestInlineIsHandledLikeAnyRequest(t *testing.T) {
	s := sysOf(t)
	boom := errors.New("boom")
	duties := make(chan actor.ReplyTo[int], 1)
	other := spawnFn(t, s, doubler)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		m, ok := msg.(askDouble)
		switch {
		case !ok, m.n == 0:
			return nil
		case m.n == 1:
			actor.Fail(c, boom)
		case m.n == 2:
			duties <- actor.DeferReply(c, m)
		case m.n == 3:
			c.Forward(other)
		case m.n == 4:
			return c.Unhandled()
		case m.n == 5:
			actor.AskAsync(c, other, askDouble{n: 5}, func(c *actor.Context, n int, err error) error {
				actor.Reply(c, m, n)
				return err
			})
		case m.n == 6:
			c.Stash()
		case m.n == 7:
			c.Unstash()
			actor.Reply(c, m, 7)
		default:
			actor.Reply(c, m, 2*m.n)
		}
		return nil
	}, actor.WithInline())
	want := map[int]struct {
		n   int
		err error
	}{0: {0, actor.ErrNoReply}, 1: {0, boom}, 3: {6, nil}, 4: {0, actor.ErrUnhandled}, 5: {10, nil}, 8: {16, nil}}
	for n, x := range want {
		if got, err := actor.Ask(within(t), pid, askDouble{n: n}); got != x.n || !errors.Is(err, x.err) {
			t.Errorf("%d: %d, %v", n, got, err)
		}
	}
	answer := make(chan int, 1)
	go func() {
		n, _ := actor.Ask(within(t), pid, askDouble{n: 2})
		answer <- n
	}()
	recv(t, duties, "the duty").Reply(5)
	recvEq(t, answer, 5, "the deferred answer")
	conserved(t, s)
}

func TestInlineNestedAndBusy(t *testing.T) {
	s := sysOf(t)
	inner := spawnFn(t, s, doubler, actor.WithInline())
	outer := spawnFn(t, s, func(c *actor.Context, msg any) error {
		n, err := actor.Ask(c, inner, askDouble{n: 1})
		if err == nil {
			actor.Reply(c, msg.(askDouble), n)
		}
		return err
	}, actor.WithInline())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if n, err := actor.Ask(within(t), outer, askDouble{}); n != 2 || err != nil {
					t.Error(n, err)
					return
				}
			}
		})
	}
	wg.Wait()
	books(t, s, 3200, 3200, 0)
	if info, _ := s.Info(inner); info.Handled != 1600 {
		t.Fatalf("%+v", info)
	}
}

func TestInlineCrashIsItsOwn(t *testing.T) {
	s := sysOf(t)
	boom := errors.New("boom")
	for _, crash := range []func(c *actor.Context) error{
		func(*actor.Context) error { panic(boom) },
		func(*actor.Context) error { return boom },
	} {
		target := spawnFn(t, s, func(c *actor.Context, _ any) error { return crash(c) }, actor.WithInline())
		_, err := actor.Ask(within(t), target, askDouble{})
		wantExit(t, err, target, boom)
		if s.Alive(target) {
			t.Fatal("it lives")
		}
		target = spawnFn(t, s, func(c *actor.Context, _ any) error { return crash(c) }, actor.WithInline())
		asker := spawnFn(t, s, func(c *actor.Context, msg any) error {
			if m, ok := msg.(askDouble); ok {
				_, err := actor.Ask(c, target, askDouble{})
				var exit *actor.ExitError
				if !errors.As(err, &exit) {
					t.Error(err)
				}
				actor.Reply(c, m, 3)
			}
			return nil
		})
		if n, err := actor.Ask(within(t), asker, askDouble{}); n != 3 || err != nil {
			t.Fatal(n, err)
		}
		if !s.Alive(asker) {
			t.Fatal("the crash of the target ended its asker")
		}
	}
	conserved(t, s)
}

func TestInlineOrderAndSuspension(t *testing.T) {
	s := sysOf(t)
	n := 0
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		n++
		if m, ok := msg.(askDouble); ok {
			actor.Reply(c, m, n)
		}
		return nil
	}, actor.WithInline())
	for i := range 200 { // a request never overtakes what its sender sent before
		s.Send(pid, i)
		if got, err := actor.Ask(within(t), pid, askDouble{}); got != 2*i+2 || err != nil {
			t.Fatal(i, got, err)
		}
	}
	if err := s.Suspend(pid); err != nil {
		t.Fatal(err)
	}
	answer := make(chan int, 1)
	go func() {
		n, err := actor.Ask(within(t), pid, askDouble{})
		if err != nil {
			t.Error(err)
		}
		answer <- n
	}()
	until(t, "the request waits", func() bool { i, _ := s.Info(pid); return i.Queued == 1 })
	if err := s.Resume(pid); err != nil {
		t.Fatal(err)
	}
	recvEq(t, answer, 401, "the answer")
}
