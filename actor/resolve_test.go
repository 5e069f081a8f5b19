package actor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

type question struct {
	actor.Replies[string]
	N int
}

// Names that belong to no node lead to whoever the resolver says, at the moment.
func TestAddressesOfNoNode(t *testing.T) {
	sys, err := actor.NewSystem("a")
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Shutdown(context.Background())
	bank := sys.PIDOf(actor.Address{Node: actor.AnyNode, Name: "bank"})
	if again, err := sys.ParsePID(bank.String()); err != nil || again != bank || bank.String() != `<*/"bank">` {
		t.Fatal(again, err, bank)
	}
	if bank != sys.PIDOf(bank.Address()) || !sys.PIDOf(actor.Address{Node: actor.AnyNode, ID: 7}).IsZero() {
		t.Fatal("the address does not lead back")
	}
	if _, err := actor.NewSystem(actor.AnyNode); err == nil {
		t.Fatal("a System took the name that stands for none")
	}
	ask := func() (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return actor.Ask(ctx, bank, question{N: 1})
	}
	noProc := func(what string) {
		t.Helper()
		if _, err := ask(); !errors.Is(err, actor.NoProc) {
			t.Fatal(what, err)
		}
		if err := sys.TrySend(bank, "x"); err != actor.NoProc || sys.Alive(bank) {
			t.Fatal(what, err)
		}
	}
	noProc("without a resolver")
	holder := actor.PID{}
	cancel, err := sys.Resolve(func(name string) (actor.PID, bool) { return holder, name == "bank" && !holder.IsZero() })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sys.Resolve(func(string) (actor.PID, bool) { return actor.PID{}, false }); err == nil {
		t.Fatal("a second resolver")
	}
	noProc("without a holder")
	holder = bank
	noProc("held by itself")
	spawn := func(name string) actor.PID {
		pid, err := sys.Spawn(actor.Func(func(c *actor.Context, msg any) error {
			switch m := msg.(type) {
			case question:
				actor.Reply(c, m, name)
			case chan string:
				m <- name
			}
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	for _, name := range []string{"first", "second"} {
		holder = spawn(name)
		if got, err := ask(); err != nil || got != name {
			t.Fatal(got, err)
		}
		heard := make(chan string, 2)
		sys.Send(bank, heard)
		sys.SendAfter(time.Millisecond, bank, heard)
		if a, b := <-heard, <-heard; a != name || b != name || !sys.Alive(bank) {
			t.Fatal(a, b)
		}
		sys.Exit(bank, actor.Kill)
		noProc("after the end of " + name)
	}
	cancel()
	holder = spawn("third")
	noProc("after cancel")
}
