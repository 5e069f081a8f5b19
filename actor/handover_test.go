package actor_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

type heldQuestion struct{ actor.Replies[int] }

// TestInterject runs functions within processes, in order with their messages, whatever their behaviour is.
func TestInterject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys, err := actor.NewSystem("x")
		if err != nil {
			t.Fatal(err)
		}
		defer sys.Shutdown(context.Background())
		var log []any
		pid, err := sys.Spawn(actor.Func(func(_ *actor.Context, msg any) error { log = append(log, msg); return nil }))
		if err != nil {
			t.Fatal(err)
		}
		typed, err := actor.SpawnTyped(sys, actor.TypedFunc[int](func(_ *actor.Context, n int) error { log = append(log, n); return nil }))
		if err != nil {
			t.Fatal(err)
		}
		sys.Send(pid, "a")
		err = sys.Interject(pid, func(c *actor.Context) error {
			log = append(log, c.Self() == pid)
			c.Become(actor.Func(func(c *actor.Context, msg any) error { c.Stash(); return nil }))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		sys.Send(pid, "b")
		sys.Send(pid, "c")
		synctest.Wait()
		if !slices.Equal(log, []any{"a", true}) {
			t.Fatal(log)
		}
		if err := sys.Interject(pid, func(c *actor.Context) error { c.Unbecome(); c.Unstash(); return nil }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		sys.Send(typed.PID, 1)
		if err := sys.Interject(typed.PID, func(*actor.Context) error { log = append(log, "typed"); return nil }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !slices.Equal(log, []any{"a", true, "b", "c", 1, "typed"}) {
			t.Fatal(log)
		}
		if err := sys.Interject(pid, func(*actor.Context) error { return errors.New("ended by it") }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := sys.Interject(pid, func(*actor.Context) error { return nil }); !errors.Is(err, actor.NoProc) || sys.Alive(pid) {
			t.Fatal(err)
		}
		if err := sys.Interject(typed.PID, nil); err == nil {
			t.Fatal("no function")
		}
		blocking, _ := sys.Go(func(p *actor.Process) error { _, err := p.Receive(p.Context()); return err })
		if err := sys.Interject(blocking, func(*actor.Context) error { return nil }); err == nil {
			t.Fatal("a blocking process has no handlers")
		}
	})
}

// holder sends in Init what is held back.
type holder struct {
	to  actor.PID
	err error
}

func (h *holder) Init(c *actor.Context) error {
	c.Hold()
	c.Send(h.to, "sent")
	if err := c.TrySend(h.to, "tried"); err != nil {
		return err
	}
	actor.RefOf[string](h.to).Send(c, "typed")
	c.SendAfter(time.Second, h.to, "timed")
	if _, err := actor.Ask(c, h.to, heldQuestion{}); !errors.Is(err, actor.ErrHeld) {
		return err
	}
	actor.AskAsync(c, h.to, heldQuestion{}, func(_ *actor.Context, _ int, err error) error { h.err = err; return nil })
	return nil
}

func (h *holder) Receive(c *actor.Context, msg any) error { return nil }

func TestHold(t *testing.T) {
	for _, release := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			sys, err := actor.NewSystem("x")
			if err != nil {
				t.Fatal(err)
			}
			defer sys.Shutdown(context.Background())
			var log []any
			to, err := sys.Spawn(actor.Func(func(_ *actor.Context, msg any) error { log = append(log, msg); return nil }))
			if err != nil {
				t.Fatal(err)
			}
			h := &holder{to: to}
			pid, err := sys.Spawn(h)
			if err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Minute)
			if len(log) != 0 || !errors.Is(h.err, actor.ErrHeld) || !sys.Alive(pid) {
				t.Fatal(log, h.err)
			}
			if !release {
				sys.Exit(pid, actor.Kill)
				<-time.After(time.Minute)
				if len(log) != 0 || sys.Alive(pid) {
					t.Fatal(log)
				}
				return
			}
			if err := sys.Interject(pid, func(c *actor.Context) error { c.Release(); c.Send(to, "free"); return nil }); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Minute)
			if !slices.Equal(log, []any{"sent", "tried", "typed", "free", "timed"}) {
				t.Fatal(log)
			}
			if st := sys.Stats(); st.Sent != st.Handled+st.Dead {
				t.Fatalf("%+v", st)
			}
			sys.Exit(pid, actor.Shutdown)
			synctest.Wait()
			if sys.Alive(pid) {
				t.Fatal("it does not end")
			}
		})
	}
}
