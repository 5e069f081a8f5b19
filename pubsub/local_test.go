package pubsub_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/pubsub"
)

// A topic with many subscribers is delivered to by others than the publisher; order per publisher holds, also while the number of
// subscribers goes above and below the limit.
func TestManySubscribersInOrder(t *testing.T) {
	x := newLocal(t)
	const subs, events, publishers = 1500, 60, 3
	var wrong, total atomic.Int64
	start := func() actor.PID {
		var last [publishers]int
		pid, err := x.sys.Spawn(actor.Func(func(_ *actor.Context, msg any) error {
			v := msg.(pubsub.Event).Message.([2]int)
			if v[1] <= last[v[0]] {
				wrong.Add(1)
			}
			last[v[0]] = v[1]
			total.Add(1)
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Subscribe(within(t), "t", pid); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	for range 400 {
		start()
	}
	var wg sync.WaitGroup
	for who := range publishers {
		wg.Go(func() {
			for i := range events {
				if err := x.Publish(t.Context(), "t", [2]int{who, i + 1}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		var some []actor.PID
		for range subs - 400 {
			some = append(some, start())
		}
		for _, pid := range some {
			if err := x.Unsubscribe(t.Context(), "t", pid); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	until(t, "the first have all", func() bool { return total.Load() >= 400*publishers*events })
	if wrong.Load() != 0 {
		t.Fatal(wrong.Load(), "events out of order")
	}
	if s := x.Stats(); s.Subscriptions != 400 {
		t.Fatal(s)
	}
}

func TestBuffer(t *testing.T) {
	for _, c := range []struct {
		overflow pubsub.Overflow
		want     func(got []int) bool
	}{
		{pubsub.DropOldest, func(got []int) bool { return got[len(got)-1] == 99 }},
		{pubsub.DropNewest, func(got []int) bool { return got[len(got)-1] < 20 }},
	} {
		t.Run(fmt.Sprint(c.overflow), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newLocal(t)
				hold, got := make(chan struct{}), make(chan any, 200)
				pid, err := x.sys.Spawn(actor.Blocking(func(p *actor.Process) error {
					<-hold
					for {
						msg, err := p.Receive(p.Context())
						if err != nil {
							return err
						}
						got <- msg
					}
				}))
				if err != nil {
					t.Fatal(err)
				}
				if err := x.Subscribe(within(t), "t", pid, pubsub.WithBuffer(10, c.overflow), pubsub.WithGaps()); err != nil {
					t.Fatal(err)
				}
				for i := range 100 {
					x.say(t, "t", i)
				}
				<-time.After(time.Second)
				close(hold)
				<-time.After(time.Second)
				x.say(t, "t", 99)
				<-time.After(time.Second)
				var events []int
				lost, seq := uint64(0), uint64(0)
				for len(got) > 0 {
					switch m := (<-got).(type) {
					case pubsub.Event:
						if m.Seq <= seq {
							t.Error("out of order", m)
						}
						events, seq = append(events, m.Message.(int)), m.Seq
					case pubsub.Gap:
						lost += m.Lost
					}
				}
				if len(events) < 10 || len(events) > 12 || len(events)+int(lost) != 101 || x.Stats().Dropped != lost {
					t.Error(events, lost, x.Stats())
				}
				if c.want(events[:len(events)-1]) != true {
					t.Error(events)
				}
				x.sys.Exit(pid, actor.Kill)
				until(t, "it is gone, and what bounded it", func() bool {
					return x.Stats().Subscriptions == 0 && x.sys.Stats().Processes <= 1+1+1+16
				})
			})
		})
	}
}

// The trie finds what a plain comparison finds, while patterns come and go.
func TestPatternsAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	x := newLocal(t)
	parts := []string{"a", "b", "c", "*", ">"}
	name := func(wild bool) string {
		for {
			var tokens []string
			for range 1 + rnd.IntN(4) {
				tokens = append(tokens, parts[rnd.IntN(len(parts))])
			}
			s := strings.Join(tokens, ".")
			if wild && pubsub.CheckPattern(s) == nil || pubsub.CheckTopic(s) == nil {
				return s
			}
		}
	}
	type sub struct {
		*listener
		pattern string
	}
	var subs []*sub
	for n := range 3000 {
		switch k := rnd.IntN(10); {
		case k < 2:
			p := name(true)
			subs = append(subs, &sub{listener: x.on(t, p), pattern: p})
		case k < 4 && len(subs) > 0:
			i := rnd.IntN(len(subs))
			s := subs[i]
			subs = slices.Delete(subs, i, i+1)
			if err := x.Unsubscribe(within(t), s.pattern, s.pid); err != nil {
				t.Fatal(err)
			}
		default:
			topic := name(false)
			before := x.Stats().Delivered
			want := uint64(0)
			for _, s := range subs {
				if pubsub.Match(s.pattern, topic) {
					want++
				}
			}
			x.say(t, topic, n)
			if got := x.Stats().Delivered - before; got != want {
				t.Fatalf("%q reached %d, want %d", topic, got, want)
			}
		}
	}
	for _, s := range subs {
		if err := x.Unsubscribe(within(t), s.pattern, s.pid); err != nil {
			t.Fatal(err)
		}
	}
	if topics := x.Topics(); len(topics) != 0 {
		t.Fatal("left behind:", topics)
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, topic string
		want           bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a", "a.b", false}, {"a.b", "a", false}, {"*", "a", true}, {"*", "a.b", false},
		{">", "a", true}, {">", "a.b.c", true}, {"a.>", "a", false}, {"a.>", "a.b", true}, {"a.>", "a.b.c", true},
		{"a.*.c", "a.b.c", true}, {"a.*.c", "a.b.d", false}, {"a.*.>", "a.b", false}, {"a.*.>", "a.b.c", true}, {"*.*", "a.b", true},
	} {
		if got := pubsub.Match(c.pattern, c.topic); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.topic, got)
		}
	}
}

// A subscriber that has stopped to exist, a full one and one of another type cost only themselves.
func TestUnwilling(t *testing.T) {
	x := newLocal(t)
	wrong, err := actor.SpawnTyped[int](x.sys, actor.TypedFunc[int](func(*actor.Context, int) error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	dead := make(chan actor.DeadLetter, 1)
	defer x.sys.Subscribe(func(e actor.Event) {
		if d, ok := e.(actor.DeadLetter); ok {
			select {
			case dead <- d:
			default:
			}
		}
	})()
	if err := x.Subscribe(within(t), "t", wrong.PID); err != nil {
		t.Fatal(err)
	}
	l := x.on(t, "t")
	x.say(t, "t", 1)
	l.next(t)
	if d := <-dead; d.To != wrong.PID || d.Reason != actor.ErrWrongType {
		t.Fatal(d)
	}
	if s := x.Stats(); s.Delivered != 1 || s.Dropped != 1 {
		t.Fatal(s)
	}
}
