package actor_test

import (
	"context"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

type greeting struct {
	actor.Replies[actor.PID]
	n int
}

// A process of one System reaches one of another System of this OS process. The sender arrives whole, also when the message waits in a
// segment, carries baggage or is a request.
func TestSenderOfAnotherSystem(t *testing.T) {
	here, there := sysOf(t), sysOf(t)
	type seen struct {
		from actor.PID
		bag  string
	}
	got := make(chan seen, 100)
	look := func(c *actor.Context) {
		s := seen{from: c.Sender()}
		for k, v := range actor.Baggage(c) {
			s.bag += k + "=" + v
		}
		got <- s
	}
	plain, err := there.Spawn(actor.Func(func(c *actor.Context, msg any) error {
		if g, ok := msg.(greeting); ok {
			actor.Reply(c, g, c.Sender())
			return nil
		}
		look(c)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	typed, err := actor.SpawnTyped(there, actor.TypedFunc[int](func(c *actor.Context, _ int) error { look(c); return nil }))
	if err != nil {
		t.Fatal(err)
	}
	const n = 40
	answer := make(chan actor.PID, 1)
	sender, err := here.Go(func(p *actor.Process) error {
		bag := p.With(actor.WithBaggage(p, "k", "v"))
		for range n / 2 {
			p.Send(plain, 1)
			bag.Send(plain, 1)
			typed.Send(p, 1)
			typed.Send(bag, 1)
		}
		from, err := actor.Ask(p, plain, greeting{n: 1})
		answer <- from
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if from := <-answer; from != sender {
		t.Errorf("the request came from %v, want %v", from, sender)
	}
	bags := 0
	for range 2 * n {
		s := <-got
		if s.from != sender {
			t.Fatalf("a message came from %v, want %v", s.from, sender)
		}
		if s.bag == "k=v" {
			bags++
		}
	}
	if bags != n {
		t.Errorf("%d messages carried the baggage, want %d", bags, n)
	}
	there.Send(plain, "from nobody")
	if s := <-got; !s.from.IsZero() {
		t.Errorf("nobody is %v", s.from)
	}
	if _, err := actor.Ask(context.Background(), plain, greeting{}); err != nil {
		t.Error(err)
	}
}

// What a process of one System makes run in another belongs to that other System: its Context, its sends and its counts.
func TestHandlersRunInTheirOwnSystem(t *testing.T) {
	for _, inline := range []bool{false, true} {
		here, there := sysOf(t), sysOf(t)
		type seen struct{ from, self actor.PID }
		got := make(chan seen, 10)
		collector, err := there.Spawn(actor.Func(func(c *actor.Context, msg any) error {
			got <- seen{c.Sender(), msg.(actor.PID)}
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		var opts []actor.SpawnOption
		if inline {
			opts = append(opts, actor.WithInline())
		}
		target, err := there.Spawn(actor.Func(func(c *actor.Context, msg any) error {
			if c.System() != there {
				t.Error("the handler's System is that of its sender")
			}
			c.Send(collector, c.Self())
			if g, ok := msg.(greeting); ok {
				actor.Reply(c, g, c.Sender())
			}
			return nil
		}), opts...)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		asker, err := here.Spawn(actor.Func(func(c *actor.Context, _ any) error {
			c.Send(target, 1)
			from, err := actor.Ask(c, target, greeting{n: 1})
			if from != c.Self() {
				t.Errorf("the request came from %v, want %v", from, c.Self())
			}
			done <- err
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		here.Send(asker, 1)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if s := <-got; s.from != target || s.self != target {
				t.Errorf("inline %v: sent by %v as %v, want %v", inline, s.from, s.self, target)
			}
		}
		until(t, "both Systems counted their own", func() bool {
			return here.Stats().Handled == 1 && there.Stats().Handled == 4
		})
	}
}
