package actor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/mailbox"
)

type big struct {
	n     int
	bytes [4096]byte
	next  *big
}

// spawnTyped starts a typed process of a function.
func spawnTyped[M any](t testing.TB, s actor.Spawner, f func(c *actor.Context, m M) error, opts ...actor.SpawnOption) actor.Ref[M] {
	t.Helper()
	ref, err := actor.SpawnTyped(s, actor.TypedFunc[M](f), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestTypedMessagesOfEveryShape(t *testing.T) {
	s := sysOf(t)
	bigs := make(chan big, 4)
	ofBig := spawnTyped(t, s, func(_ *actor.Context, m big) error { bigs <- m; return nil })
	x := big{n: 1, next: &big{}}
	x.bytes[4095] = 7
	ofBig.Send(s, x)
	s.Send(ofBig.PID, x) // untyped
	recvEq(t, bigs, x, "the big one")
	recvEq(t, bigs, x, "the big one, sent untyped")

	errs := make(chan error, 4)
	ofError := spawnTyped(t, s, func(_ *actor.Context, m error) error { errs <- m; return nil })
	boom := errors.New("boom")
	ofError.Send(s, boom)
	s.Send(ofError.PID, boom)
	ofError.Send(s, nil)
	s.Send(ofError.PID, nil)
	for _, want := range []error{boom, boom, nil, nil} {
		recvEq(t, errs, want, "an interface")
	}

	zeros := make(chan struct{}, 4)
	ofNothing := spawnTyped(t, s, func(_ *actor.Context, m struct{}) error { zeros <- m; return nil })
	ofNothing.Send(s, struct{}{})
	recv(t, zeros, "the empty message")
	conserved(t, s)
}

func TestTypedRejectsOtherTypes(t *testing.T) {
	for name, opts := range map[string][]actor.SpawnOption{
		"plain":   nil,
		"inline":  {actor.WithInline()},
		"bounded": {actor.WithMailbox(mailbox.Spec{Capacity: 8})},
	} {
		t.Run(name, func(t *testing.T) {
			s := sysOf(t)
			log := recordEvents(t, s)
			got := make(chan int, 4)
			ref := spawnTyped(t, s, func(_ *actor.Context, m int) error { got <- m; return nil }, opts...)
			s.Send(ref.PID, "no int")
			s.Send(ref.PID, nil)
			deadLetterOf(t, log, "no int", actor.ErrWrongType)
			deadLetterOf(t, log, nil, actor.ErrWrongType)
			_, err := actor.Ask(within(t), ref.PID, askDouble{n: 1})
			wantErr(t, err, actor.ErrWrongType)
			deadLetterOf(t, log, askDouble{n: 1}, actor.ErrWrongType)
			if name == "plain" {
				wantErr(t, s.TrySend(ref.PID, "no int"), actor.ErrWrongType)
			}
			ref.Send(s, 3)
			recvEq(t, got, 3, "the message after")
			books(t, s, 4, 1, 3)
		})
	}
}

// sensor is a typed actor with everything.
type sensor struct {
	sigs chan any
	got  chan int
	end  chan error
}

func (a *sensor) Init(c *actor.Context) error { c.TrapExit(true); a.got <- -1; return nil }
func (a *sensor) Receive(c *actor.Context, n int) error {
	a.got <- n
	if n == 0 {
		return errors.New("zero")
	}
	return nil
}
func (a *sensor) ReceiveSignal(_ *actor.Context, sig any) error { a.sigs <- sig; return nil }
func (a *sensor) Terminate(_ *actor.Context, reason error)      { a.end <- reason }

func TestTypedSignalReceiver(t *testing.T) {
	s := sysOf(t)
	a := &sensor{make(chan any, 4), make(chan int, 4), make(chan error, 1)}
	ref, err := actor.SpawnTyped[int](s, a)
	if err != nil {
		t.Fatal(err)
	}
	recvEq(t, a.got, -1, "Init")
	s.Exit(ref.PID, actor.Shutdown)
	if sig := recv(t, a.sigs, "the signal"); sig != (actor.ExitSignal{Reason: actor.Shutdown}) {
		t.Fatalf("%+v", sig)
	}
	ref.Send(s, 0)
	if err := recv(t, a.end, "Terminate"); err.Error() != "zero" {
		t.Fatal(err)
	}
}

func TestTypedWithoutSignalReceiver(t *testing.T) {
	s := sysOf(t)
	log := recordEvents(t, s)
	ready := make(chan struct{})
	ref := spawnTyped(t, s, func(c *actor.Context, m string) error { c.TrapExit(true); close(ready); return nil })
	ref.Send(s, "trap")
	recvEnd(t, ready, "the handler")
	s.Exit(ref.PID, actor.Shutdown)
	deadLetterOf(t, log, actor.ExitSignal{Reason: actor.Shutdown}, actor.ErrUnhandled)
	conserved(t, s)
}

func TestRefIsComparableAndOutlivesRestarts(t *testing.T) {
	s := sysOf(t)
	got := make(chan int, 4)
	handler := func(_ *actor.Context, m int) error { got <- m; return nil }
	ref := actor.RefOf[int](s.Named("typed"))
	if ref != actor.RefOf[int](s.Named("typed")) || ref == actor.RefOf[int](s.Named("other")) {
		t.Fatal("Refs do not compare as their PIDs do")
	}
	for i := range 3 {
		x := spawnTyped(t, s, handler, actor.WithName("typed"))
		if x == ref || actor.RefOf[int](x.PID) != x {
			t.Fatal("an address is not the process")
		}
		ref.Send(s, i)
		recvEq(t, got, i, "the message")
		s.Exit(x.PID, actor.Kill)
		until(t, "the name is free", func() bool { _, taken := s.Whereis("typed"); return !taken })
	}
	log := recordEvents(t, s)
	ref.Send(s, 9)
	deadLetterOf(t, log, 9, actor.NoProc)
	var nobody actor.Ref[int]
	nobody.Send(s, 10)
	deadLetterOf(t, log, 10, actor.NoProc)
	conserved(t, s)
}

func TestTypedSendKeepsSenderAndBaggage(t *testing.T) {
	s := sysOf(t)
	type seen struct {
		from    actor.PID
		baggage string
	}
	got := make(chan seen, 8)
	ref := spawnTyped(t, s, func(c *actor.Context, m int) error {
		var b string
		for k, v := range actor.Baggage(c) {
			b += k + "=" + v
		}
		got <- seen{c.Sender(), b}
		return nil
	})
	with := actor.WithBaggage(context.Background(), "a", "b")
	ref.Send(s, 1)
	recvEq(t, got, seen{}, "from nobody")
	ref.Send(s.With(with), 1)
	recvEq(t, got, seen{baggage: "a=b"}, "from nobody with baggage")
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		ref.Send(c, 2)
		ref.Send(c.With(with), 3)
		return nil
	})
	s.Send(pid, 1)
	recvEq(t, got, seen{from: pid}, "from a process")
	recvEq(t, got, seen{pid, "a=b"}, "from a process with baggage")
	script, err := s.Go(func(p *actor.Process) error { ref.Send(p, 4); return nil })
	if err != nil {
		t.Fatal(err)
	}
	recvEq(t, got, seen{from: script}, "from a Blocking")
}

func TestTypedBecomeAndStash(t *testing.T) {
	s := sysOf(t)
	got := make(chan string, 16)
	var open func(c *actor.Context, m any) error
	shut := func(c *actor.Context, m any) error {
		if m == "open" {
			c.Become(actor.Typed[any](actor.TypedFunc[any](open)))
			c.Unstash()
			return nil
		}
		c.Stash()
		return nil
	}
	open = func(c *actor.Context, m any) error {
		if m == "shut" {
			c.Unbecome()
			return nil
		}
		got <- fmt.Sprint(m, c.Sender() == c.Self())
		return nil
	}
	ref := spawnTyped(t, s, shut)
	for _, m := range []any{1, nil, "open", 2, nil, "shut", 3, "open", nil} { // the nil of an interface type is a message, too
		ref.Send(s, m)
	}
	for _, want := range []string{"1 false", "<nil> false", "2 false", "<nil> false", "3 false", "<nil> false"} {
		recvEq(t, got, want, "a message")
	}
	conserved(t, s)
}

func TestTypedBecomesUntyped(t *testing.T) {
	s := sysOf(t)
	got := make(chan any, 4)
	ref := spawnTyped(t, s, func(c *actor.Context, m int) error {
		c.Become(actor.Func(func(_ *actor.Context, msg any) error { got <- msg; return nil }))
		return nil
	})
	ref.Send(s, 1)
	ref.Send(s, 2)
	recvEq(t, got, any(2), "the message after")
}

func TestTypedStashKeepsAskers(t *testing.T) {
	s := sysOf(t)
	ready := false
	ref := spawnTyped(t, s, func(c *actor.Context, m askDouble) error {
		if m.n == 0 {
			ready = true
			c.Unstash()
		} else if !ready {
			c.Stash()
			return nil
		}
		actor.Reply(c, m, 2*m.n)
		return nil
	})
	answers := make(chan int, 1)
	go func() {
		n, err := actor.Ask(within(t), ref.PID, askDouble{n: 4})
		if err != nil {
			t.Error(err)
		}
		answers <- n
	}()
	until(t, "it is stashed", func() bool { i, _ := s.Info(ref.PID); return i.Stashed == 1 })
	if n, err := actor.Ask(within(t), ref.PID, askDouble{}); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	recvEq(t, answers, 8, "the stashed request")
}

// A worker's Context goes from process to process: what an untyped one had must not reach a typed one.
func TestTypedNeverSeesAnothersMessage(t *testing.T) {
	s := sysOf(t, actor.WithWorkers(1))
	got := make(chan any, 64)
	ref := spawnTyped(t, s, func(c *actor.Context, m any) error { got <- m; return nil })
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		c.With(actor.WithBaggage(c, "k", "v")).Send(ref.PID, 1)
		return nil
	})
	for range 20 {
		s.Send(pid, "of the untyped one")
		recvEq(t, got, any(1), "the message")
	}
}
