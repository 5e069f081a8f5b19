package registry_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/internal/fakenet"
	"github.com/foundation-runtime/foundation/registry"
)

var quiet = slog.New(slog.DiscardHandler)

// waitLimit bounds what must happen soon.
const waitLimit = 30 * time.Second

// lan is a cluster with registries on a network in memory, one host a node: 10.0.0.1 and so on.
type lan struct {
	t     *testing.T
	net   *fakenet.Network
	conf  func(i int, c *registry.Config)
	nodes []*node
}

type node struct {
	*registry.Registry
	sys  *actor.System
	node *cluster.Node
	name string
}

func host(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }
func addr(i int) string { return host(i) + ":7946" }

// newLAN starts n nodes and waits until all have all.
func newLAN(t *testing.T, n int, conf func(i int, c *registry.Config)) *lan {
	t.Helper()
	l := &lan{t: t, net: fakenet.New(fakenet.Config{Latency: 100 * time.Microsecond}), conf: conf}
	t.Cleanup(func() {
		l.net.Close()
		<-time.After(time.Minute) // memberlist's probes end some time after it was shut down
	})
	for i := range n {
		l.add(i)
	}
	l.whole()
	return l
}

// add starts the node of host i.
func (l *lan) add(i int) *node {
	l.t.Helper()
	sys, err := actor.NewSystem(fmt.Sprintf("n%d", i+1), actor.WithLogger(quiet))
	if err != nil {
		l.t.Fatal(err)
	}
	var seeds []string
	for k := range i {
		seeds = append(seeds, addr(k))
	}
	joined, err := cluster.Join(within(l.t), sys, cluster.Config{
		Network: l.net.Host(host(i)), Listen: addr(i), Seeds: seeds, Types: append(registry.Types(), cluster.TypeOf[hello]("hello")), Logger: quiet,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	x := &node{sys: sys, node: joined, name: sys.Name()}
	x.Registry = l.open(i, x)
	l.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_ = x.Registry.Close(ctx)
		_ = joined.Leave(ctx)
		if err := sys.Shutdown(ctx); err != nil {
			l.t.Error(err)
		}
	})
	if i < len(l.nodes) {
		l.nodes[i] = x
	} else {
		l.nodes = append(l.nodes, x)
	}
	return x
}

func (l *lan) open(i int, x *node) *registry.Registry {
	l.t.Helper()
	cfg := registry.Config{Logger: quiet}
	if l.conf != nil {
		l.conf(i, &cfg)
	}
	r, err := registry.New(x.node, cfg)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

// whole waits until all see all up, and have all that they registered.
func (l *lan) whole() {
	l.t.Helper()
	until(l.t, "all are up everywhere", func() bool {
		for _, x := range l.nodes {
			up := 0
			for _, m := range x.node.Members() {
				if m.State == cluster.Up {
					up++
				}
			}
			if up != len(l.nodes) {
				return false
			}
		}
		return true
	})
	for _, x := range l.nodes {
		if err := x.Ready(within(l.t)); err != nil {
			l.t.Fatal(x.name, err, x.Stats())
		}
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
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		<-tick.C
	}
}

func idle(*actor.Context, any) error { return nil }

// process starts one that does nothing.
func (x *node) process(t testing.TB) actor.PID {
	t.Helper()
	pid, err := x.sys.Spawn(actor.Func(idle))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// register fails the test if it fails.
func (x *node) register(t testing.TB, name string, opts ...registry.Option) actor.PID {
	t.Helper()
	pid := x.process(t)
	if err := x.Register(within(t), name, pid, opts...); err != nil {
		t.Fatal(err)
	}
	return pid
}

// holds reports whether x sees pid, of any node, as the holder.
func (x *node) holds(name string, pid actor.PID) bool {
	got, ok := x.Whereis(name)
	return ok && got.String() == pid.String()
}

// nobody reports whether no node sees a holder.
func (l *lan) nobody(name string) bool {
	for _, x := range l.nodes {
		if _, ok := x.Whereis(name); ok {
			return false
		}
	}
	return true
}

func (l *lan) everywhere(name string, pid actor.PID) bool {
	for _, x := range l.nodes {
		if !x.holds(name, pid) {
			return false
		}
	}
	return true
}
