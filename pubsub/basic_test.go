package pubsub_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/pubsub"
)

func TestClusterWide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		a, b, c := l.nodes[0], l.nodes[1], l.nodes[2]
		onB, onA := b.on(t, "orders.*.created"), a.on(t, "orders.>")
		before := c.Stats().Received
		a.say(t, "orders.7.created", order{N: 7, By: onB.pid})
		e := onB.next(t)
		if o, ok := e.Message.(order); !ok || o.N != 7 || o.By != onB.pid || e.Topic != "orders.7.created" || e.Node != "n1" || e.Seq == 0 {
			t.Fatalf("%+v", e)
		}
		onA.next(t)
		synctest.Wait()
		if got := c.Stats().Received; got != before {
			t.Fatal("a node without interest got it")
		}
		if n, err := c.Subscribers(within(t), "orders.7.created"); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		if err := a.PublishLocal(within(t), "orders.7.created", 1); err != nil {
			t.Fatal(err)
		}
		onA.next(t)
		if err := c.PublishTo(within(t), b.node.Self(), "orders.7.created", 2); err != nil {
			t.Fatal(err)
		}
		if e := onB.next(t); e.Message != 2 {
			t.Fatal(e)
		}
		if err := a.PublishFrom(within(t), onB.pid, "orders.7.created", 3); err != nil {
			t.Fatal(err)
		}
		onA.next(t)
		<-time.After(time.Second)
		onA.silent(t)
		onB.silent(t)
	})
}

// Interest is withdrawn a second after the last subscriber is gone.
func TestWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		x := b.on(t, "t")
		if err := b.Unsubscribe(within(t), "t", x.pid); err != nil {
			t.Fatal(err)
		}
		a.say(t, "t", 1)
		<-time.After(100 * time.Millisecond)
		if got := b.Stats().Received; got != 1 {
			t.Fatal("interest was withdrawn at once:", got)
		}
		<-time.After(1500 * time.Millisecond)
		a.say(t, "t", 2)
		<-time.After(100 * time.Millisecond)
		if got := b.Stats().Received; got != 1 {
			t.Fatal("interest was not withdrawn:", got)
		}
		x.silent(t)
		if topics := append(a.Topics(), b.Topics()...); len(topics) != 0 {
			t.Fatal(topics)
		}
	})
}

func TestEndOfSubscriber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		x := b.on(t, "t")
		if err := b.Subscribe(within(t), "u.*", x.pid); err != nil {
			t.Fatal(err)
		}
		b.sys.Exit(x.pid, actor.Kill)
		until(t, "it is gone", func() bool { return b.Stats().Subscriptions == 0 })
		until(t, "interest is gone", func() bool { return len(a.Topics()) == 0 })
		if err := b.Subscribe(within(t), "t", x.pid); !errors.Is(err, actor.NoProc) {
			t.Fatal(err)
		}
	})
}

func TestBadInput(t *testing.T) {
	x := newLocal(t)
	ctx := within(t)
	l := x.on(t, "ok")
	for _, topic := range []string{"", ".", "a..b", ".a", "a.", "a b", "a\n", "a\xff", "\u00a0", strings.Repeat("x", pubsub.MaxTopic+1), "a.*", "*", ">", "a.>", "a*b"} {
		if err := x.Publish(ctx, topic, 1); !errors.Is(err, pubsub.ErrTopic) {
			t.Errorf("Publish(%q): %v", topic, err)
		}
	}
	for _, topic := range []string{"", "a..b", "a.", "a b", "a*", "*a", ">.a", "a.>.b", "a>", "**", "ä.*x", strings.Repeat("x", pubsub.MaxTopic+1)} {
		if err := x.Subscribe(ctx, topic, l.pid); !errors.Is(err, pubsub.ErrTopic) {
			t.Errorf("Subscribe(%q): %v", topic, err)
		}
		if err := x.Unsubscribe(ctx, topic, l.pid); !errors.Is(err, pubsub.ErrTopic) {
			t.Errorf("Unsubscribe(%q): %v", topic, err)
		}
	}
	for _, topic := range []string{"a", "ä.ö", "room:7/x", strings.Repeat("x", pubsub.MaxTopic)} {
		if err := x.Publish(ctx, topic, 1); err != nil {
			t.Error(err)
		}
	}
	if err := x.Subscribe(ctx, "t", actor.PID{}); !errors.Is(err, actor.NoProc) {
		t.Error(err)
	}
	if err := x.Subscribe(ctx, "t", x.sys.Named("x")); !errors.Is(err, pubsub.ErrNotLocal) {
		t.Error(err)
	}
	other := newSystem(t, "other")
	far, err := other.Spawn(actor.Func(func(*actor.Context, any) error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Subscribe(ctx, "t", far); !errors.Is(err, pubsub.ErrNotLocal) {
		t.Error(err)
	}
	if err := x.Subscribe(ctx, "t", l.pid, pubsub.WithBuffer(-1, pubsub.DropOldest)); err == nil {
		t.Error("a negative buffer is taken")
	}
	if err := x.PublishTo(ctx, cluster.Member{Name: "y"}, "t", 1); !errors.Is(err, pubsub.ErrLocal) {
		t.Error(err)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := x.Publish(over, "t", 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := pubsub.New(nil, pubsub.Config{}); err == nil {
		t.Error("New(nil)")
	}
	if _, err := pubsub.NewLocal(nil, pubsub.Config{}); err == nil {
		t.Error("NewLocal(nil)")
	}
	if _, err := pubsub.NewLocal(x.sys, pubsub.Config{Wait: -1, Dispatchers: 99}); err == nil || !strings.Contains(err.Error(), "Wait") || !strings.Contains(err.Error(), "Dispatchers") {
		t.Error(err)
	}
	closeAll(t, x.PubSub)
	if err := x.Publish(ctx, "t", 1); !errors.Is(err, pubsub.ErrClosed) {
		t.Error(err)
	}
	if err := x.Subscribe(ctx, "t", l.pid); !errors.Is(err, pubsub.ErrClosed) {
		t.Error(err)
	}
	if x.Stats().Subscriptions != 0 {
		t.Error("subscriptions are left")
	}
}

func TestTyped(t *testing.T) {
	x := newLocal(t)
	got := make(chan pubsub.Event, 1)
	ref, err := actor.SpawnTyped[pubsub.Event](x.sys, actor.TypedFunc[pubsub.Event](func(_ *actor.Context, e pubsub.Event) error {
		got <- e
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Subscribe(within(t), "t", ref.PID); err != nil {
		t.Fatal(err)
	}
	x.say(t, "t", "hello")
	if e := <-got; e.Message != "hello" || e.Seq != 1 {
		t.Fatal(e)
	}
}

// A process that publishes is the From of the event, and keeps its baggage.
func TestFromProcess(t *testing.T) {
	x := newLocal(t)
	got := make(chan string, 1)
	sub, err := x.sys.Spawn(actor.Func(func(c *actor.Context, msg any) error {
		text := msg.(pubsub.Event).From.String()
		for k, v := range actor.Baggage(c) {
			text += " " + k + "=" + v
		}
		got <- text
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Subscribe(within(t), "t", sub); err != nil {
		t.Fatal(err)
	}
	pub, err := x.sys.Spawn(actor.Func(func(c *actor.Context, msg any) error { return x.Publish(c, "t", msg) }))
	if err != nil {
		t.Fatal(err)
	}
	x.sys.With(actor.WithBaggage(t.Context(), "user", "7")).Send(pub, 1)
	if text := <-got; text != pub.String()+" user=7" {
		t.Fatal(text)
	}
}

func TestFilterAndLocal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		even := b.on(t, "t", pubsub.WithFilter(func(e pubsub.Event) bool { return e.Message.(int)%2 == 0 }))
		near := b.listener(t)
		if err := b.SubscribeLocal(within(t), "t", near.pid); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			a.say(t, "t", i)
			b.say(t, "t", 10+i)
		}
		a.say(t, "t", "not an int: the filter panics")
		<-time.After(time.Second)
		if n := len(even.got); n != 4 {
			t.Error(n, "of 4 even numbers")
		}
		if n := len(near.got); n != 4 {
			t.Error(n, "of 4 local ones")
		}
		if s := b.Stats(); s.Filtered != 5 {
			t.Error(s)
		}
	})
}

// A message that cannot travel is an error, and nobody gets it.
func TestCannotTravel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type secret struct{ N int }
		l := newLAN(t, 2, nil)
		here, there := l.nodes[0].on(t, "t"), l.nodes[1].on(t, "t")
		if err := l.nodes[0].Publish(within(t), "t", secret{1}); err == nil {
			t.Error("a type that is not registered is sent")
		}
		if err := l.nodes[0].Publish(within(t), "t", make([]byte, 64<<20)); err == nil {
			t.Error("64 MB are sent")
		}
		l.nodes[0].say(t, "t", "after")
		if e := there.next(t); e.Message != "after" {
			t.Fatal(e)
		}
		here.next(t)
		here.silent(t)
	})
}
