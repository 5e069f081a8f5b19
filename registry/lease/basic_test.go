package lease_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/lease"
)

func TestNamesOfTwoNodes(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		a, b := c.start(t, "a", lease.Config{}), c.start(t, "b", lease.Config{})
		h := a.take("bank", lease.WithMeta("blue"))
		if h.Err() != nil || h.Name() != "bank" || h.Token() == 0 || time.Until(h.Until()) > 9*time.Second {
			t.Fatal(h, h.Err(), h.Token(), time.Until(h.Until()))
		}
		if k := c.key("bank"); k.ModifyIndex != uint64(h.Token()) || k.Session != a.Stats().Session {
			t.Fatalf("%+v, token %v", k, h.Token())
		}
		for _, s := range c.sessions {
			if s.checks || s.ttl != 10*time.Second || s.lockDelay != 15*time.Second || s.behavior != "release" {
				t.Errorf("a session: %+v", s)
			}
		}
		if pid, err := b.Await(within(t, time.Minute), "bank"); err != nil || pid.String() != h.PID().String() {
			t.Fatal(pid, err)
		}
		err := b.refused("bank", lease.ErrTaken)
		taken, _ := errors.AsType[*lease.TakenError](err)
		if e := taken.Owner; e.Node != "a" || e.Meta != "blue" || e.Token != h.Token() || e.PID.String() != h.PID().String() {
			t.Fatalf("%+v", taken)
		}
		a.refused("bank", lease.ErrTaken) // another process of the same node
		if again, err := a.Register(t.Context(), "bank", h.PID()); again != h || err != nil {
			t.Fatal(again, err)
		}
		if err := b.Unregister(t.Context(), "bank"); !errors.Is(err, lease.ErrNotLocal) {
			t.Fatal(err)
		}
		if err := a.Unregister(t.Context(), "bank"); err != nil || h.Err() != lease.ErrExpired || !a.sys.Alive(h.PID()) {
			t.Fatal(err, h.Err())
		}
		if err := a.Unregister(t.Context(), "bank"); !errors.Is(err, lease.ErrNotFound) {
			t.Fatal(err)
		}
		next := b.take("bank") // at once: it was given back
		if next.Token() <= h.Token() {
			t.Fatalf("token %v after %v", next.Token(), h.Token())
		}
		pass(time.Second)
		if got := slices.Collect(func(yield func(string) bool) {
			for name := range a.Names() {
				yield(name)
			}
		}); !slices.Equal(got, []string{"bank"}) {
			t.Fatal(got)
		}
	})
}

func TestEndOfTheProcessFreesItsNames(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		a, b := c.start(t, "a", lease.Config{}), c.start(t, "b", lease.Config{})
		h := a.take("x")
		if _, err := a.Register(t.Context(), "y", h.PID()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		a.exit(h.PID())
		b.take("x", lease.Wait())
		b.take("y", lease.Wait())
		if took := time.Since(began); took > time.Second {
			t.Errorf("free after %v", took)
		}
		pass(time.Second)
		if pid, ok := a.Whereis("x"); !ok || pid.Node() != "b" {
			t.Error(pid, ok)
		}
	})
}

// A restart on the same node does not give the name up between, and has a greater token.
func TestRestartOnTheSameNode(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		a := c.start(t, "a", lease.Config{})
		last := lease.Token(0)
		for range 20 {
			h := a.take("x")
			if h.Token() <= last {
				t.Fatalf("token %v after %v", h.Token(), last)
			}
			last = h.Token()
			a.exit(h.PID())
		}
		synctest.Wait()
		if k := c.key("x"); k.Session != "" {
			t.Errorf("still locked: %+v", k)
		}
	})
}

func TestManyWaitAndEachIsServed(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		nodes := []*node{c.start(t, "a", lease.Config{}), c.start(t, "b", lease.Config{}), c.start(t, "c", lease.Config{})}
		s := &record{}
		type got struct {
			n *node
			h *lease.Hold
		}
		served := make(chan got)
		for i := range 9 {
			n := nodes[i%3]
			pid := n.process()
			ctx := within(t, 10*time.Minute)
			go func() {
				h, err := n.Register(ctx, "x", pid, lease.Wait())
				if err != nil {
					t.Error(err)
				}
				served <- got{n, h}
			}()
		}
		for range 9 {
			x := <-served
			select {
			case y := <-served:
				t.Fatalf("two at a time: %v %v", x.h.Token(), y.h.Token())
			case <-time.After(20 * time.Second):
			}
			if err := s.write("", x.h.Token()); err != nil || x.h.Err() != nil {
				t.Fatal(err, x.h.Err())
			}
			x.n.exit(x.h.PID())
		}
	})
}

func TestNamed(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		a := c.start(t, "a", lease.Config{})
		to := a.Named("echo")
		if to != a.Named("echo") {
			t.Error("two PIDs for one name")
		}
		ask := func() (string, error) {
			return actor.Ask(within(t, time.Minute), to, question{})
		}
		if _, err := ask(); !errors.Is(err, actor.NoProc) {
			t.Error("without a holder:", err)
		}
		for _, who := range []string{"first", "second"} {
			pid, err := a.sys.Spawn(a.Actor("echo", func(h *lease.Hold) (actor.Actor, error) {
				return actor.Func(func(ctx *actor.Context, msg any) error {
					if q, ok := msg.(question); ok {
						actor.Reply(ctx, q, who)
					}
					return h.Err()
				}), nil
			}))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ask(); got != who || err != nil {
				t.Error(got, err)
			}
			a.exit(pid)
		}
	})
}

type question struct{ actor.Replies[string] }

func TestActor(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		a, b := c.start(t, "a", lease.Config{}), c.start(t, "b", lease.Config{})
		ended := make(chan error, 3)
		start := func(h *lease.Hold) (actor.Actor, error) { return &worker{hold: h, ended: ended}, nil }
		pid, err := a.sys.Spawn(a.Actor("x", start))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.sys.Spawn(b.Actor("x", start)); !errors.Is(err, lease.ErrTaken) {
			t.Fatal(err)
		}
		a.sys.Send(pid, errors.New("done"))
		a.gone(pid)
		if reason := <-ended; reason.Error() != "done" {
			t.Fatal(reason)
		}
		boom := errors.New("boom")
		if _, err := b.sys.Spawn(b.Actor("x", func(*lease.Hold) (actor.Actor, error) { return nil, boom }, lease.Wait())); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		if _, err := b.sys.Spawn(b.Actor("x", func(*lease.Hold) (actor.Actor, error) { return nil, nil }, lease.Wait())); err == nil {
			t.Fatal("an actor that is nil")
		}
		pid, err = a.sys.Spawn(a.Actor("x", start, lease.Wait()))
		if err != nil {
			t.Fatal(err)
		}
		a.Cut()
		a.gone(pid)
		select {
		case reason := <-ended:
			t.Fatal("Terminate was called after the lease was over:", reason)
		default:
		}
	})
}

type worker struct {
	hold  *lease.Hold
	ended chan error
	begun bool
}

func (w *worker) Init(*actor.Context) error {
	w.begun = true
	return w.hold.Err()
}

func (w *worker) Receive(_ *actor.Context, msg any) error {
	err, _ := msg.(error)
	if !w.begun {
		return errors.New("Init was not called")
	}
	return err
}

func (w *worker) Terminate(_ *actor.Context, reason error) { w.ended <- reason }

// Close frees at once what ended before it; what it kills is held back.
func TestClose(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		a, b := c.start(t, "a", lease.Config{}), c.start(t, "b", lease.Config{})
		ended, living := a.take("ended"), a.take("living")
		a.exit(ended.PID())
		began := time.Now()
		if err := a.Close(within(t, time.Minute)); err != nil {
			t.Fatal(err)
		}
		if a.sys.Alive(living.PID()) || living.Err() == nil || len(c.sessions) != 1 {
			t.Fatal("Close left", a.sys.Alive(living.PID()), living.Err(), len(c.sessions))
		}
		b.take("ended", lease.Wait())
		if took := time.Since(began); took > time.Second {
			t.Errorf("given back after %v", took)
		}
		err := b.refused("living", lease.ErrTaken)
		contains(t, err, "lock delay")
		b.take("living", lease.Wait())
		if took := time.Since(began); took < 15*time.Second || took > 17*time.Second {
			t.Errorf("free after %v", took)
		}
		_, err = a.Register(t.Context(), "x", a.process())
		_, err2 := a.Await(t.Context(), "x")
		for i, err := range []error{err, err2, a.Unregister(t.Context(), "x"), a.Ready(t.Context()), a.EndSession(t.Context(), "y")} {
			if !errors.Is(err, lease.ErrClosed) {
				t.Error(i, err)
			}
		}
		if _, ok := a.Whereis("living"); ok || a.Close(t.Context()) != nil {
			t.Error("after Close")
		}
	})
}

func TestCloseWithoutConsul(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		a := c.start(t, "a", lease.Config{})
		h := a.take("x")
		a.Cut()
		began := time.Now()
		if err := a.Close(within(t, time.Minute)); err != nil || a.sys.Alive(h.PID()) {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("Close took %v", took)
		}
		b := c.open(t, "b", lease.Config{})
		b.Cut()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := b.Close(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestSystemEnds(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		a, b := c.start(t, "a", lease.Config{}), c.start(t, "b", lease.Config{})
		a.take("x")
		if err := a.sys.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		b.take("x", lease.Wait())
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("free %v after the System ended", took)
		}
	})
}

func TestBadInput(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		a, other := c.start(t, "a", lease.Config{}), c.start(t, "b", lease.Config{})
		pid, dead := a.process(), a.process()
		a.exit(dead)
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		for _, x := range []struct {
			ctx  context.Context
			name string
			pid  actor.PID
			opt  lease.Option
			want error
			says string
		}{
			{t.Context(), "", pid, nil, lease.ErrLimit, "1 to 256 bytes"},
			{t.Context(), strings.Repeat("x", 257), pid, nil, lease.ErrLimit, "1 to 256 bytes"},
			{t.Context(), "\xff", pid, nil, lease.ErrLimit, "UTF-8"},
			{t.Context(), "x", pid, lease.WithMeta(strings.Repeat("x", 4097)), lease.ErrLimit, "4096"},
			{t.Context(), "x", actor.PID{}, nil, nil, "nobody"},
			{t.Context(), "x", a.sys.Named("x"), nil, nil, "address"},
			{t.Context(), "x", other.process(), nil, lease.ErrNotLocal, "do it there"},
			{t.Context(), "x", dead, nil, actor.NoProc, ""},
			{canceled, "x", pid, lease.Wait(), context.Canceled, ""},
		} {
			h, err := a.Register(x.ctx, x.name, x.pid, x.opt)
			if h != nil || err == nil || x.want != nil && !errors.Is(err, x.want) {
				t.Errorf("Register(%q, %v): %v, %v", x.name, x.pid, h, err)
			}
			contains(t, err, x.says)
		}
		if _, err := a.Await(canceled, "x"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := a.EndSession(t.Context(), a.Stats().Session); err == nil {
			t.Error("the own session was destroyed")
		}
		if err := a.EndSession(t.Context(), ""); err == nil {
			t.Error("no session was destroyed")
		}
		if n := c.requests("acquire"); n != 0 {
			t.Errorf("%d requests were sent for it", n)
		}
	})
	if _, err := lease.New(nil, lease.Config{}); err == nil {
		t.Error("New without a System")
	}
}

// Two registries of one System see what the other holds, and do not take it.
func TestTwoRegistriesOfOneSystem(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		a := c.start(t, "a", lease.Config{})
		second := *a
		var err error
		if second.Registry, err = lease.New(a.sys, lease.Config{Client: a.client, Logger: slog.New(slog.DiscardHandler)}); err != nil {
			t.Fatal(err)
		}
		defer second.Close(t.Context())
		h := a.take("x")
		if pid, err := second.Await(within(t, time.Minute), "x"); err != nil || pid != h.PID() {
			t.Fatal(pid, err)
		}
		second.refused("x", lease.ErrTaken)
		a.exit(h.PID())
		if next := second.take("x", lease.Wait()); next.Token() <= h.Token() {
			t.Errorf("token %v after %v", next.Token(), h.Token())
		}
	})
}
