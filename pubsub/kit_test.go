package pubsub_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/internal/fakenet"
	"github.com/foundation-runtime/foundation/pubsub"
)

var quiet = slog.New(slog.DiscardHandler)

// waitLimit bounds what must happen soon.
const waitLimit = 30 * time.Second

type order struct {
	N  int
	By actor.PID
}

// lan is a cluster with topics on a network in memory, one host a node: 10.0.0.1 and so on.
type lan struct {
	t     testing.TB
	net   *fakenet.Network
	conf  func(i int, c *cluster.Config)
	nodes []*node
}

type node struct {
	*pubsub.PubSub
	sys  *actor.System
	node *cluster.Node
	name string
}

func host(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }
func addr(i int) string { return host(i) + ":7946" }

// newLAN starts n nodes and waits until all see all up.
func newLAN(t testing.TB, n int, conf func(i int, c *cluster.Config)) *lan {
	t.Helper()
	return newSlowLAN(t, n, 100*time.Microsecond, conf)
}

func newSlowLAN(t testing.TB, n int, latency time.Duration, conf func(i int, c *cluster.Config)) *lan {
	t.Helper()
	l := &lan{t: t, net: fakenet.New(fakenet.Config{Latency: latency}), conf: conf}
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

// bare starts the node of host i without topics.
func (l *lan) bare(i int) *node {
	l.t.Helper()
	sys := newSystem(l.t, fmt.Sprintf("n%d", i+1))
	c := cluster.Config{
		Network: l.net.Host(host(i)), Listen: addr(i), Types: []cluster.Type{cluster.TypeOf[order]("order")}, Logger: quiet,
	}
	for k := range i {
		c.Seeds = append(c.Seeds, addr(k))
	}
	if l.conf != nil {
		l.conf(i, &c)
	}
	joined, err := cluster.Join(within(l.t), sys, c)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_ = joined.Leave(ctx)
	})
	return &node{sys: sys, node: joined, name: sys.Name()}
}

// add starts the node of host i.
func (l *lan) add(i int) *node {
	l.t.Helper()
	x := l.bare(i)
	x.open(l.t)
	if i < len(l.nodes) {
		l.nodes[i] = x
	} else {
		l.nodes = append(l.nodes, x)
	}
	return x
}

func (x *node) open(t testing.TB) {
	t.Helper()
	p, err := pubsub.New(x.node, pubsub.Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	x.PubSub = p
	t.Cleanup(func() { closeAll(t, p) })
}

func closeAll(t testing.TB, p *pubsub.PubSub) {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Error(err)
	}
}

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

// newLocal is a PubSub without a cluster.
func newLocal(t testing.TB) *node {
	t.Helper()
	sys := newSystem(t, "solo")
	p, err := pubsub.NewLocal(sys, pubsub.Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll(t, p) })
	return &node{PubSub: p, sys: sys, name: "solo"}
}

// whole waits until all see all up, and route by what each other wants.
func (l *lan) whole() {
	l.t.Helper()
	until(l.t, "all are up everywhere, and known", func() bool {
		for _, x := range l.nodes {
			up, complete := 0, 0
			for _, m := range x.node.Members() {
				if m.State == cluster.Up {
					up++
				}
			}
			for _, q := range x.Stats().Nodes {
				if q.Connected && q.Complete {
					complete++
				}
			}
			if up != len(l.nodes) || complete != len(l.nodes)-1 {
				return false
			}
		}
		return true
	})
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	t.Cleanup(cancel)
	return ctx
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

// listener is a process that hands on what it gets.
type listener struct {
	pid actor.PID
	got chan any
}

func (x *node) listener(t testing.TB) *listener {
	t.Helper()
	l := &listener{got: make(chan any, 100_000)}
	pid, err := x.sys.Spawn(actor.Func(func(_ *actor.Context, msg any) error {
		l.got <- msg
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	l.pid = pid
	return l
}

// on subscribes a new listener.
func (x *node) on(t testing.TB, topic string, opts ...pubsub.Option) *listener {
	t.Helper()
	l := x.listener(t)
	if err := x.Subscribe(within(t), topic, l.pid, opts...); err != nil {
		t.Fatalf("Subscribe(%q) at %s: %v", topic, x.name, err)
	}
	return l
}

func (x *node) say(t testing.TB, topic string, msg any) {
	t.Helper()
	if err := x.Publish(within(t), topic, msg); err != nil {
		t.Fatal(err)
	}
}

// next is the next event.
func (l *listener) next(t testing.TB) pubsub.Event {
	t.Helper()
	timer := time.NewTimer(waitLimit)
	defer timer.Stop()
	select {
	case msg := <-l.got:
		e, ok := msg.(pubsub.Event)
		if !ok {
			t.Fatalf("got %#v, not an event", msg)
		}
		return e
	case <-timer.C:
		t.Fatal("waited in vain for an event")
	}
	panic("unreachable")
}

// silent fails if something more is there; what is under way has arrived before.
func (l *listener) silent(t testing.TB) {
	t.Helper()
	select {
	case msg := <-l.got:
		t.Fatalf("got %#v, want nothing", msg)
	default:
	}
}

// inCluster runs f in virtual time with two nodes.
func inCluster(t *testing.T, f func(t *testing.T, l *lan)) {
	synctest.Test(t, func(t *testing.T) { f(t, newLAN(t, 2, nil)) })
}
