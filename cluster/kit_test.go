package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
)

type note struct {
	N    int
	Text string
	From actor.PID
}

type double struct {
	actor.Replies[int]
	N int
}

type give struct{ To actor.ReplyTo[int] }

var types = []cluster.Type{
	cluster.TypeOf[note]("note"), cluster.TypeOf[double]("double"), cluster.TypeOf[give]("give"),
	cluster.ErrorOf("boom", errBoom),
}

var errBoom = fmt.Errorf("boom")

var quiet = slog.New(slog.DiscardHandler)

// waitLimit bounds what must happen soon.
const waitLimit = 20 * time.Second

func newSystem(t testing.TB, name string) *actor.System {
	t.Helper()
	sys, err := actor.NewSystem(name, actor.WithLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
		defer cancel()
		if err := sys.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return sys
}

func start(t testing.TB, name string, cfg cluster.Config) *cluster.Node {
	t.Helper()
	n, err := tryStart(t, name, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func tryStart(t testing.TB, name string, cfg cluster.Config) (*cluster.Node, error) {
	sys := newSystem(t, name)
	if cfg.Types == nil {
		cfg.Types = types
	}
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	n, err := cluster.Join(ctx, sys, cfg)
	if err == nil {
		t.Cleanup(func() { leave(t, n) })
	}
	return n, err
}

func leave(t testing.TB, n *cluster.Node) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := n.Leave(ctx); err != nil {
		t.Log("leave:", err)
	}
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	t.Cleanup(cancel)
	return ctx
}

func recv[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	timer := time.NewTimer(waitLimit)
	defer timer.Stop()
	select {
	case x := <-c:
		return x
	case <-timer.C:
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(waitLimit)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		<-tick.C
	}
}

func spawn(t testing.TB, sys *actor.System, f func(c *actor.Context, msg any) error, opts ...actor.SpawnOption) actor.PID {
	t.Helper()
	pid, err := sys.Spawn(actor.Func(f), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func upAt(n *cluster.Node) (names []string) {
	for _, m := range n.Members() {
		if m.State == cluster.Up {
			names = append(names, m.Name)
		}
	}
	return names
}
