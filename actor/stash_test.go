package actor_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/mailbox"
)

// shop stashes everything until it opens.
type shop struct {
	open bool
	got  chan string
}

func (a *shop) Receive(c *actor.Context, msg any) error {
	switch {
	case msg == "open":
		a.open = true
		c.Unstash()
	case !a.open:
		c.Stash()
	default:
		a.got <- fmt.Sprint(msg, " ", c.Sender())
		if m, ok := msg.(askDouble); ok {
			actor.Reply(c, m, 2*m.n)
		}
	}
	return nil
}

func TestStashIsFIFOBeforeTheQueue(t *testing.T) {
	for name, opts := range map[string][]actor.SpawnOption{"plain": nil, "bounded": {actor.WithMailbox(mailbox.Spec{Capacity: 100})}} {
		t.Run(name, func(t *testing.T) {
			s := sysOf(t)
			a := &shop{got: make(chan string, 16)}
			pid := spawnActor(t, s, a, opts...)
			me := spawnFn(t, s, func(c *actor.Context, msg any) error { c.Send(pid, msg); return nil })
			s.Send(me, "a")
			until(t, "it is stashed", func() bool { i, _ := s.Info(pid); return i.Stashed == 1 })
			answers := make(chan int, 1)
			go func() {
				n, err := actor.Ask(within(t), pid, askDouble{n: 4})
				if err != nil {
					t.Error(err)
				}
				answers <- n
			}()
			until(t, "the request is stashed", func() bool { i, _ := s.Info(pid); return i.Stashed == 2 })
			if err := s.Suspend(pid); err != nil {
				t.Fatal(err)
			}
			s.Send(pid, "open")
			s.Send(pid, "after")
			if err := s.Resume(pid); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"a " + me.String(), "{{} 4} <nobody>", "after <nobody>"} {
				recvEq(t, a.got, want, "a message")
			}
			recvEq(t, answers, 8, "the answer")
			books(t, s, 5, 5, 0)
		})
	}
}

func TestStashedMessagesAreDeadLettersAtTheEnd(t *testing.T) {
	for _, reason := range []error{actor.Shutdown, actor.Kill} {
		s := sysOf(t)
		log := recordEvents(t, s)
		a := &shop{got: make(chan string, 4)}
		pid := spawnActor(t, s, a)
		s.Send(pid, 1)
		errs := make(chan error, 1)
		go func() {
			_, err := actor.Ask(within(t), pid, askDouble{n: 4})
			errs <- err
		}()
		until(t, "both are stashed", func() bool { i, _ := s.Info(pid); return i.Stashed == 2 })
		if st := s.Stats(); st.Queued != 2 {
			t.Fatalf("%+v", st)
		}
		s.Exit(pid, reason)
		if reason == actor.Kill {
			reason = actor.Killed
		}
		wantExit(t, recv(t, errs, "the asker"), pid, reason)
		deadLetterOf(t, log, 1, actor.ErrExited)
		deadLetterOf(t, log, askDouble{n: 4}, actor.ErrExited)
		books(t, s, 2, 0, 2)
	}
}

func TestUnstashTwiceKeepsOrder(t *testing.T) {
	s := sysOf(t)
	got := make(chan any, 16)
	round := 0
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		if msg == "go" {
			round++
			c.Unstash()
			c.Unstash() // nothing more
			return nil
		}
		if n := msg.(int); round == 0 || round == 1 && n > 2 {
			c.Stash()
			c.Stash() // once
			return nil
		}
		got <- msg
		return nil
	})
	for _, m := range []any{1, 2, 3, 4, "go", 5, "go", 6} {
		s.Send(pid, m)
	}
	for i := 1; i <= 6; i++ {
		recvEq(t, got, any(i), "a message")
	}
	books(t, s, 8, 8, 0)
}

// stages counts its Init and Terminate.
type stages struct {
	name   string
	inits  *int
	ends   chan string
	others []actor.Actor
}

func (a *stages) Init(*actor.Context) error { *a.inits++; return nil }
func (a *stages) Receive(c *actor.Context, msg any) error {
	switch m := msg.(type) {
	case int:
		c.Become(a.others[m])
	case askDouble:
		actor.Reply(c, m, len(a.name))
	case string:
		c.Unbecome()
	case error:
		return m
	}
	return nil
}
func (a *stages) Terminate(*actor.Context, error) { a.ends <- a.name }

func TestBecomeCallsNeitherInitNorTerminate(t *testing.T) {
	s := sysOf(t)
	inits, ends := 0, make(chan string, 4)
	var nothing *stages
	long := &stages{"long", &inits, ends, nil}
	first := &stages{"a", &inits, ends, []actor.Actor{long, nil, nothing}}
	long.others = first.others
	pid := spawnActor(t, s, first)
	ask := func(want int) {
		t.Helper()
		if n, err := actor.Ask(within(t), pid, askDouble{}); n != want || err != nil {
			t.Fatal(n, err)
		}
	}
	ask(1)
	s.Send(pid, 0)
	ask(4)
	s.Send(pid, 1) // Become(nil) does nothing
	s.Send(pid, 2)
	ask(4)
	s.Send(pid, "back")
	ask(1)
	s.Send(pid, "back") // nothing to go back to
	ask(1)
	s.Send(pid, 0)
	s.Send(pid, errors.New("boom"))
	recvEq(t, ends, "a", "Terminate of the one that was spawned")
	untilGone(t, s, pid)
	if inits != 1 || len(ends) != 0 {
		t.Fatal(inits, len(ends))
	}
}
