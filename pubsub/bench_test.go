package pubsub_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/pubsub"
)

// BenchmarkChan is the unit: one message through a buffered channel.
func BenchmarkChan(b *testing.B) {
	c := make(chan any, 1024)
	done := make(chan struct{})
	go func() {
		for range c {
		}
		close(done)
	}()
	var msg any = "x"
	for b.Loop() {
		c <- msg
	}
	close(c)
	<-done
}

func fanOut(b *testing.B, subs int, typed bool) {
	x := newLocal(b)
	var got atomic.Int64
	full := make(chan struct{}, 1)
	var target atomic.Int64
	count := func() {
		if got.Add(1) == target.Load() {
			full <- struct{}{}
		}
	}
	for range subs {
		var pid actor.PID
		var err error
		if typed {
			var ref actor.Ref[pubsub.Event]
			ref, err = actor.SpawnTyped[pubsub.Event](x.sys, actor.TypedFunc[pubsub.Event](func(*actor.Context, pubsub.Event) error { count(); return nil }))
			pid = ref.PID
		} else {
			pid, err = x.sys.Spawn(actor.Func(func(*actor.Context, any) error { count(); return nil }))
		}
		if err != nil {
			b.Fatal(err)
		}
		if err := x.Subscribe(b.Context(), "t.x", pid); err != nil {
			b.Fatal(err)
		}
	}
	// As many publishes in one go as make about 1,000,000 deliveries, or 1,000.
	batch := max(1, min(1000, 1_000_000/subs))
	b.ReportAllocs()
	var msg any = "x"
	n := 0
	b.ResetTimer()
	for b.Loop() {
		target.Store(got.Load() + int64(batch*subs))
		for range batch {
			if err := x.Publish(b.Context(), "t.x", msg); err != nil {
				b.Fatal(err)
			}
		}
		<-full
		n += batch * subs
	}
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/delivery")
}

func BenchmarkFanOut(b *testing.B) {
	for _, subs := range []int{1, 1000, 100_000} {
		for _, typed := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/typed=%v", subs, typed), func(b *testing.B) { fanOut(b, subs, typed) })
		}
	}
}

// BenchmarkPublisher is how long a publisher is occupied by a topic with 100,000 subscribers, one event at a time.
func BenchmarkPublisher(b *testing.B) {
	x := newLocal(b)
	const subs = 100_000
	var got atomic.Int64
	full := make(chan struct{}, 1)
	for range subs {
		pid, err := x.sys.Spawn(actor.Func(func(*actor.Context, any) error {
			if got.Add(1)%subs == 0 {
				full <- struct{}{}
			}
			return nil
		}))
		if err != nil {
			b.Fatal(err)
		}
		if err := x.Subscribe(b.Context(), "t", pid); err != nil {
			b.Fatal(err)
		}
	}
	var occupied time.Duration
	for b.Loop() {
		began := time.Now()
		if err := x.Publish(b.Context(), "t", 1); err != nil {
			b.Fatal(err)
		}
		occupied += time.Since(began)
		<-full
	}
	b.ReportMetric(float64(occupied.Nanoseconds())/float64(b.N), "ns/publish")
}

func BenchmarkPublishNobody(b *testing.B) {
	x := newLocal(b)
	for b.Loop() {
		_ = x.Publish(b.Context(), "orders.7.created", 1)
	}
}

// BenchmarkPatterns publishes to a topic that one of 100,000 patterns matches.
func BenchmarkPatterns(b *testing.B) {
	x := newLocal(b)
	pid, err := x.sys.Spawn(actor.Func(func(*actor.Context, any) error { return nil }))
	if err != nil {
		b.Fatal(err)
	}
	for i := range 100_000 {
		if err := x.Subscribe(b.Context(), fmt.Sprintf("orders.%d.*", i), pid); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		_ = x.Publish(b.Context(), "orders.500.created", 1)
	}
}

// BenchmarkChurn is one subscribe and unsubscribe, to a topic of its own, and to one with 100,000 subscribers.
func BenchmarkChurn(b *testing.B) {
	for _, others := range []int{0, 100_000} {
		b.Run(fmt.Sprint(others), func(b *testing.B) {
			x := newLocal(b)
			var pid actor.PID
			for range others + 1 {
				var err error
				if pid, err = x.sys.Spawn(actor.Func(func(*actor.Context, any) error { return nil })); err != nil {
					b.Fatal(err)
				}
				if err := x.Subscribe(b.Context(), "t", pid); err != nil {
					b.Fatal(err)
				}
			}
			if err := x.Subscribe(b.Context(), "other", pid); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := x.Unsubscribe(b.Context(), "t", pid); err != nil {
					b.Fatal(err)
				}
				if err := x.Subscribe(b.Context(), "t", pid); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
