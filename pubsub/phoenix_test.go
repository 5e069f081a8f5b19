package pubsub_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/pubsub"
)

// Cases of Phoenix.PubSub's suite for adapters. Its sizes of pools are numbers of dispatchers here. The process that tests there is a
// listener here.
func TestPhoenixShared(t *testing.T) {
	for _, size := range []int{1, 8} {
		sys := newSystem(t, "phoenix")
		p, err := pubsub.NewLocal(sys, pubsub.Config{Logger: quiet, Dispatchers: size})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closeAll(t, p) })
		x := &node{PubSub: p, sys: sys, name: "phoenix"}
		for name, test := range map[string]func(*testing.T, *node, string){
			"subscribe and unsubscribe":                                         phoenixSubscribe,
			"subscribe and unsubscribe with metadata":                           phoenixMetadata,
			"broadcast/3 and broadcast!/3 publishes message to each subscriber": phoenixBroadcast,
			"broadcast/3 does not publish message to other topic subscribers":   phoenixOtherTopic,
			"broadcast_from/4 and broadcast_from!/4 skips sender":               phoenixFrom,
			"unsubscribe on not subscribed topic noops":                         phoenixNoop,
			"local_broadcast sends to the current node":                         phoenixLocal,
			"local_broadcast_from/5 skips sender":                               phoenixLocalFrom,
			"group_by: one message per subscription":                            phoenixTwice,
		} {
			t.Run(name, func(t *testing.T) { test(t, x, "topic."+t.Name()[:7]+string(rune('a'+len(name)%26))+name[:3]) })
		}
	}
}

func subscribers(x *node, topic string) (all []pubsub.Subscription) {
	return slices.AppendSeq(all, x.Local(topic))
}

func phoenixSubscribe(t *testing.T, x *node, topic string) {
	if len(subscribers(x, topic)) != 0 {
		t.Fatal("there are some already")
	}
	l := x.on(t, topic)
	if got := subscribers(x, topic); len(got) != 1 || got[0] != (pubsub.Subscription{PID: l.pid, Topic: topic}) {
		t.Fatal(got)
	}
	if err := x.Unsubscribe(within(t), topic, l.pid); err != nil || len(subscribers(x, topic)) != 0 {
		t.Fatal(err, subscribers(x, topic))
	}
}

func phoenixMetadata(t *testing.T, x *node, topic string) {
	a := x.on(t, topic, pubsub.WithMetadata("custom"))
	if err := x.Subscribe(within(t), topic, a.pid, pubsub.WithMetadata("other")); err != nil {
		t.Fatal(err)
	}
	b := x.on(t, topic)
	has := func(l *listener, meta any) bool {
		return slices.Contains(subscribers(x, topic), pubsub.Subscription{PID: l.pid, Topic: topic, Metadata: meta})
	}
	if len(subscribers(x, topic)) != 3 || !has(a, "custom") || !has(a, "other") || !has(b, nil) {
		t.Fatal(subscribers(x, topic))
	}
	if err := x.UnsubscribeMatch(within(t), topic, a.pid, "custom"); err != nil {
		t.Fatal(err)
	}
	if len(subscribers(x, topic)) != 2 || has(a, "custom") || !has(a, "other") || !has(b, nil) {
		t.Fatal(subscribers(x, topic))
	}
}

func phoenixBroadcast(t *testing.T, x *node, topic string) {
	a, b := x.on(t, topic), x.on(t, topic)
	x.say(t, topic, "ping")
	if a.next(t).Message != "ping" || b.next(t).Message != "ping" {
		t.Fatal("not the ping")
	}
}

func phoenixOtherTopic(t *testing.T, x *node, topic string) {
	other := x.on(t, "unknown")
	var l *listener
	for range 11 {
		l = x.on(t, topic)
	}
	x.say(t, topic, "ping")
	l.next(t)
	other.silent(t)
}

func phoenixFrom(t *testing.T, x *node, topic string) {
	self, other := x.on(t, topic), x.on(t, topic)
	if err := x.PublishFrom(within(t), self.pid, topic, "ping"); err != nil {
		t.Fatal(err)
	}
	if e := other.next(t); e.From != self.pid {
		t.Fatal(e)
	}
	self.silent(t)
}

func phoenixNoop(t *testing.T, x *node, topic string) {
	if err := x.Unsubscribe(within(t), topic, x.listener(t).pid); err != nil || len(subscribers(x, topic)) != 0 {
		t.Fatal(err)
	}
}

func phoenixLocal(t *testing.T, x *node, topic string) {
	l := x.on(t, topic)
	if err := x.PublishLocal(within(t), topic, "ping"); err != nil {
		t.Fatal(err)
	}
	l.next(t)
}

func phoenixLocalFrom(t *testing.T, x *node, topic string) {
	self, other := x.on(t, topic), x.on(t, topic)
	if err := x.PublishLocalFrom(within(t), self.pid, topic, "ping"); err != nil {
		t.Fatal(err)
	}
	other.next(t)
	self.silent(t)
}

func phoenixTwice(t *testing.T, x *node, topic string) {
	l := x.on(t, topic)
	if err := x.Subscribe(within(t), topic, l.pid); err != nil {
		t.Fatal(err)
	}
	x.say(t, topic, "hello")
	l.next(t)
	l.next(t)
	l.silent(t)
}

// Cases that need a cluster: direct_broadcast to a node and to an unknown one, and those of the suite with a second node.
func TestPhoenixDistributed(t *testing.T) {
	inCluster(t, func(t *testing.T, l *lan) {
		a, b := l.nodes[0], l.nodes[1]
		here, there := a.on(t, "topic"), b.on(t, "topic")
		if err := a.PublishTo(within(t), a.node.Self(), "topic", "direct"); err != nil {
			t.Fatal(err)
		}
		here.next(t)
		if err := a.PublishTo(within(t), b.node.Self(), "topic", "direct"); err != nil {
			t.Fatal(err)
		}
		there.next(t)
		if err := a.PublishTo(within(t), cluster.Member{Name: "idontknow"}, "topic", "ping"); err != nil {
			t.Fatal(err)
		}
		a.say(t, "topic", "broadcast")
		if there.next(t).Message != "broadcast" || here.next(t).Message != "broadcast" {
			t.Fatal("not the broadcast")
		}
		if err := b.PublishFrom(within(t), here.pid, "topic", "from"); err != nil {
			t.Fatal(err)
		}
		there.next(t)
		if err := b.PublishLocal(within(t), "topic", "local"); err != nil {
			t.Fatal(err)
		}
		there.next(t)
		<-time.After(time.Second)
		here.silent(t)
		there.silent(t)
		// "node_name/1 returns the node name": it is in every event.
		a.say(t, "topic", "name")
		if e := there.next(t); e.Node != a.name {
			t.Fatal(e)
		}
	})
}

// Phoenix.PubSub #59 and #197: nodes with pools of different sizes lose nothing. Here sizes are a matter of each node.
func TestPhoenixIssue59(t *testing.T) {
	inCluster(t, func(t *testing.T, l *lan) {
		b := l.bare(2)
		p, err := pubsub.New(b.node, pubsub.Config{Logger: quiet, Dispatchers: 16})
		if err != nil {
			t.Fatal(err)
		}
		defer closeAll(t, p)
		b.PubSub = p
		there, here := b.on(t, "topic"), l.nodes[0].on(t, "topic")
		b.say(t, "topic", 1)
		l.nodes[0].say(t, "topic", 2)
		for range 2 {
			there.next(t)
			here.next(t)
		}
	})
}

// Phoenix.PubSub #152 asks for wildcards; #125 for nodes that only publish, which are sent nothing here.
func TestPhoenixIssue125(t *testing.T) {
	inCluster(t, func(t *testing.T, l *lan) {
		a, b := l.nodes[0], l.nodes[1]
		x := b.on(t, "room.*")
		for i := range 10 {
			a.say(t, "room.1", i)
			x.next(t)
		}
		b.say(t, "room.1", 0)
		x.next(t)
		if s := a.Stats(); s.Received != 0 {
			t.Fatal("the publisher was sent something:", s)
		}
		// phoenix #671 asks for subscribers in the whole cluster.
		if n, err := a.Subscribers(within(t), "room.1"); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if _, err := a.Subscribers(within(t), "room.*"); !errors.Is(err, pubsub.ErrTopic) {
			t.Fatal(err)
		}
	})
}
