package actor_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/mailbox"
)

// node is the System of the examples.
func node() (s *actor.System, stop func()) {
	s, err := actor.NewSystem("example")
	if err != nil {
		panic(err)
	}
	return s, func() {
		if err := s.Shutdown(context.Background()); err != nil {
			panic(err)
		}
	}
}

type balance struct {
	actor.Replies[int]
	account string
}

// bank answers balance.
func bank(c *actor.Context, msg any) error {
	if m, ok := msg.(balance); ok {
		actor.Reply(c, m, len(m.account))
	}
	return nil
}

func ExampleSystem_Spawn() {
	s, stop := node()
	defer stop()
	done := make(chan struct{})
	pid, err := s.Spawn(actor.Func(func(c *actor.Context, msg any) error {
		fmt.Println("got", msg)
		close(done)
		return nil
	}))
	if err != nil {
		panic(err)
	}
	s.Send(pid, "hello")
	<-done
	// Output: got hello
}

func ExampleAsk() {
	s, stop := node()
	defer stop()
	pid, _ := s.Spawn(actor.Func(bank))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	n, err := actor.Ask(ctx, pid, balance{account: "joe"}) // n is an int
	fmt.Println(n, err)
	// Output: 3 <nil>
}

func ExampleAskAsync() {
	s, stop := node()
	defer stop()
	to, _ := s.Spawn(actor.Func(bank))
	front, _ := s.Spawn(actor.Func(func(c *actor.Context, msg any) error {
		m := msg.(balance)
		actor.AskAsync(c, to, balance{account: m.account}, func(c *actor.Context, n int, err error) error {
			actor.Reply(c, m, n+100) // part of the request m; messages were handled meanwhile
			return err
		})
		return nil
	}))
	fmt.Println(actor.Ask(context.Background(), front, balance{account: "joe"}))
	// Output: 103 <nil>
}

func ExampleDeferReply() {
	s, stop := node()
	defer stop()
	pid, _ := s.Spawn(actor.Func(func(c *actor.Context, msg any) error {
		duty := actor.DeferReply(c, msg.(balance))
		go duty.Reply(7) // from anywhere, once
		return nil
	}))
	fmt.Println(actor.Ask(context.Background(), pid, balance{}))
	// Output: 7 <nil>
}

func ExampleFail() {
	s, stop := node()
	defer stop()
	pid, _ := s.Spawn(actor.Func(func(c *actor.Context, msg any) error {
		actor.Fail(c, errors.New("no such account"))
		return nil
	}))
	_, err := actor.Ask(context.Background(), pid, balance{})
	fmt.Println(err)
	// Output: no such account
}

func ExampleSpawnTyped() {
	s, stop := node()
	defer stop()
	sums := make(chan int)
	sum := 0
	ref, _ := actor.SpawnTyped(s, actor.TypedFunc[int](func(c *actor.Context, n int) error {
		if sum += n; sum == 10 {
			sums <- sum
		}
		return nil
	}))
	for i := range 5 {
		ref.Send(s, i) // unboxed
	}
	fmt.Println(<-sums)
	// Output: 10
}

func ExampleSystem_Named() {
	s, stop := node()
	defer stop()
	address := s.Named("bank")
	_, err := actor.Ask(context.Background(), address, balance{})
	fmt.Println(err)
	_, _ = s.Spawn(actor.Func(bank), actor.WithName("bank"))
	fmt.Println(actor.Ask(context.Background(), address, balance{account: "ann"}))
	// Output:
	// noproc
	// 3 <nil>
}

func ExampleProcess_ReceiveMatch() {
	s, stop := node()
	defer stop()
	done := make(chan struct{})
	pid, _ := s.Go(func(p *actor.Process) error {
		defer close(done)
		text, err := p.ReceiveMatch(p.Context(), func(msg any) bool { _, ok := msg.(string); return ok })
		if err != nil {
			return err
		}
		number, err := p.Receive(p.Context()) // what was skipped
		fmt.Println(text, number)
		return err
	})
	s.Send(pid, 1)
	s.Send(pid, "one")
	<-done
	// Output: one 1
}

func ExampleContext_Monitor() {
	s, stop := node()
	defer stop()
	done := make(chan struct{})
	worker, _ := s.Spawn(actor.Func(func(*actor.Context, any) error { return errors.New("out of work") }))
	watcher, _ := s.Spawn(actor.Func(func(c *actor.Context, msg any) error {
		switch m := msg.(type) {
		case actor.Down:
			fmt.Println("down:", m.Reason)
			close(done)
		case actor.PID:
			c.Monitor(m)
			c.Send(m, "work")
		}
		return nil
	}))
	s.Send(watcher, worker)
	<-done
	// Output: down: out of work
}

func ExampleContext_TrapExit() {
	s, stop := node()
	defer stop()
	done := make(chan struct{})
	parent, _ := s.Spawn(actor.Func(func(c *actor.Context, msg any) error {
		if m, ok := msg.(actor.ExitSignal); ok {
			fmt.Println("a child ended:", m.Reason)
			close(done)
			return nil
		}
		c.TrapExit(true)
		child, err := c.SpawnLink(actor.Func(func(*actor.Context, any) error { return errors.New("boom") }))
		c.Send(child, msg)
		return err
	}))
	s.Send(parent, "go")
	<-done
	// Output: a child ended: boom
}

func ExampleContext_Stash() {
	s, stop := node()
	defer stop()
	done := make(chan struct{})
	open := false
	pid, _ := s.Spawn(actor.Func(func(c *actor.Context, msg any) error {
		switch {
		case msg == "open":
			open = true
			c.Unstash()
		case !open:
			c.Stash()
		default:
			fmt.Println(msg)
			if msg == "last" {
				close(done)
			}
		}
		return nil
	}))
	for _, m := range []string{"first", "second", "open", "last"} {
		s.Send(pid, m)
	}
	<-done
	// Output:
	// first
	// second
	// last
}

func ExampleContext_Become() {
	s, stop := node()
	defer stop()
	done := make(chan struct{})
	pid, _ := s.Spawn(actor.Func(func(c *actor.Context, msg any) error {
		fmt.Println("before:", msg)
		c.Become(actor.Func(func(c *actor.Context, msg any) error {
			fmt.Println("after:", msg)
			close(done)
			return nil
		}))
		return nil
	}))
	s.Send(pid, 1)
	s.Send(pid, 2)
	<-done
	// Output:
	// before: 1
	// after: 2
}

func ExampleContext_SendAfter() {
	s, stop := node()
	defer stop()
	done := make(chan struct{})
	pid, _ := s.Spawn(actor.Func(func(c *actor.Context, msg any) error {
		if msg == "start" {
			c.SendAfter(time.Hour, c.Self(), "never").Stop()
			c.SendAfter(time.Millisecond, c.Self(), "soon")
			return nil
		}
		fmt.Println(msg)
		close(done)
		return nil
	}))
	s.Send(pid, "start")
	<-done
	// Output: soon
}

func ExampleWithBaggage() {
	s, stop := node()
	defer stop()
	done := make(chan struct{})
	pid, _ := s.Spawn(actor.Func(func(c *actor.Context, msg any) error {
		for k, v := range actor.Baggage(c) {
			fmt.Println(k, v)
		}
		close(done)
		return nil
	}))
	s.With(actor.WithBaggage(context.Background(), "tenant", "acme")).Send(pid, "hello")
	<-done
	// Output: tenant acme
}

func ExampleSystem_Subscribe() {
	s, stop := node()
	defer stop()
	defer s.Subscribe(func(e actor.Event) {
		if d, ok := e.(actor.DeadLetter); ok {
			fmt.Println(d.Message, "for", d.To, "is lost:", d.Reason)
		}
	})()
	s.Send(s.Named("nobody"), "hello")
	// Output: hello for <example/"nobody"> is lost: noproc
}

func ExampleWithMailbox() {
	s, stop := node()
	defer stop()
	busy, done := make(chan struct{}), make(chan struct{})
	pid, _ := s.Spawn(actor.Func(func(c *actor.Context, msg any) error {
		busy <- struct{}{}
		<-done
		return nil
	}), actor.WithMailbox(mailbox.Spec{Capacity: 1, Overflow: mailbox.Fail}))
	s.Send(pid, 1)
	<-busy
	fmt.Println(s.TrySend(pid, 2))
	fmt.Println(s.TrySend(pid, 3))
	close(done)
	<-busy
	// Output:
	// <nil>
	// mailbox full
}
