package cluster_test

import (
	"fmt"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
)

func TestTwoNodes(t *testing.T) {
	a := start(t, "a", cluster.Config{})
	b := start(t, "b", cluster.Config{Seeds: []string{a.Self().Addr}})
	until(t, "both are up", func() bool { return fmt.Sprint(upAt(a), upAt(b)) == "[a b] [a b]" })
	got := make(chan any, 10)
	echo := spawn(t, b.System(), func(c *actor.Context, msg any) error {
		switch m := msg.(type) {
		case double:
			actor.Reply(c, m, 2*m.N)
		case error:
			return m
		default:
			got <- msg
			c.Send(c.Sender(), note{Text: "re", From: c.Self()})
		}
		return nil
	}, actor.WithName("echo"))
	mb, _ := a.Member("b")
	pid, ok, err := a.Whereis(within(t), mb, "echo")
	if err != nil || !ok || pid.String() != echo.String() {
		t.Fatal(pid, ok, err, echo)
	}
	back := make(chan any, 10)
	me := spawn(t, a.System(), func(c *actor.Context, msg any) error {
		if msg == "go" {
			c.Send(pid, note{N: 1, Text: "hi", From: c.Self()})
			c.Monitor(pid)
			return nil
		}
		back <- msg
		return nil
	})
	a.System().Send(me, "go")
	if n := recv(t, got, "the note").(note); n.N != 1 || n.Text != "hi" || n.From.String() != me.String() {
		t.Fatal(n)
	}
	if n := recv(t, back, "the answer").(note); n.From != pid {
		t.Fatal(n, pid)
	}
	if n, err := actor.Ask(within(t), pid, double{N: 21}); n != 42 || err != nil {
		t.Fatal(n, err)
	}
	a.System().Send(a.Named(mb, "echo"), errBoom)
	if d := recv(t, back, "the Down").(actor.Down); d.PID != pid || d.Reason != errBoom {
		t.Fatal(d)
	}
}
