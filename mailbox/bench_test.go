package mailbox

import (
	"context"
	"runtime"
	"testing"
)

// message is of the size of what an actor's mailbox carries.
type message struct {
	_ any
	a uintptr
	_ [2]uintptr
}

// chanQueue is a Go channel as a Queue, to compare with.
type chanQueue chan message

func (c chanQueue) Push(v message) (lost message, err error) {
	select {
	case c <- v:
		return lost, nil
	default:
		return lost, ErrFull
	}
}

func (c chanQueue) PushWait(ctx context.Context, v message) error {
	select {
	case c <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c chanQueue) Pop() (v message, ok bool) {
	select {
	case v = <-c:
		return v, true
	default:
		return v, false
	}
}

func (c chanQueue) Len() int { return len(c) }
func (c chanQueue) Close()   { close(c) }

// benchCapacity is that of the bounded queues and of the channel.
const benchCapacity = 1024

var benchQueues = []struct {
	name string
	make func() Queue[message]
}{
	{"Channel", func() Queue[message] { return make(chanQueue, benchCapacity) }},
	{"Unbounded", func() Queue[message] { return new(Unbounded[message]) }},
	{"Bounded", func() Queue[message] { return NewBounded[message](benchCapacity, Block) }},
	{"Priority", func() Queue[message] {
		return NewPriority(4, func(m message) int { return int(m.a) & 3 }, benchCapacity, Block)
	}},
}

func forQueues(b *testing.B, f func(b *testing.B, q Queue[message])) {
	for _, bq := range benchQueues {
		b.Run(bq.name, func(b *testing.B) {
			b.ReportAllocs()
			f(b, bq.make())
		})
	}
}

// BenchmarkPushPop is one value in and out.
func BenchmarkPushPop(b *testing.B) {
	forQueues(b, func(b *testing.B, q Queue[message]) {
		for b.Loop() {
			q.Push(message{})
			q.Pop()
		}
	})
}

// BenchmarkBurst is 100 values in and then out, for each value.
func BenchmarkBurst(b *testing.B) {
	const burst = 100
	forQueues(b, func(b *testing.B, q Queue[message]) {
		for n := 0; n < b.N; n += burst {
			for i := range burst {
				q.Push(message{a: uintptr(i)})
			}
			for range burst {
				q.Pop()
			}
			q.Pop() // finds it empty, as a consumer does
		}
	})
}

// BenchmarkPush and BenchmarkPop are the halves of bursts; the timer rests
// during the other half.
func BenchmarkPush(b *testing.B) {
	forQueues(b, func(b *testing.B, q Queue[message]) {
		for n := 0; n < b.N; n += benchCapacity {
			for range min(benchCapacity, b.N-n) {
				q.Push(message{})
			}
			b.StopTimer()
			drain(q)
			b.StartTimer()
		}
	})
}

func BenchmarkPop(b *testing.B) {
	forQueues(b, func(b *testing.B, q Queue[message]) {
		for n := 0; n < b.N; n += benchCapacity {
			b.StopTimer()
			for range min(benchCapacity, b.N-n) {
				q.Push(message{})
			}
			b.StartTimer()
			drain(q)
		}
	})
}

func drain(q Queue[message]) {
	for {
		if _, ok := q.Pop(); !ok {
			return
		}
	}
}

func consume(q Queue[message], n int) {
	for n > 0 {
		if _, ok := q.Pop(); ok {
			n--
		} else {
			runtime.Gosched()
		}
	}
}

// BenchmarkTransfer is from one producer to one consumer, with the producer
// waiting for room and the consumer yielding when it finds nothing.
func BenchmarkTransfer(b *testing.B) {
	forQueues(b, func(b *testing.B, q Queue[message]) {
		ctx := context.Background()
		go func() {
			for range b.N {
				if q.PushWait(ctx, message{}) != nil {
					return
				}
			}
		}()
		consume(q, b.N)
	})
}

// BenchmarkContendedPush is all processors pushing to one consumer.
func BenchmarkContendedPush(b *testing.B) {
	forQueues(b, func(b *testing.B, q Queue[message]) {
		ctx := context.Background()
		consumed := make(chan struct{})
		go func() {
			defer close(consumed)
			consume(q, b.N)
		}()
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := q.PushWait(ctx, message{}); err != nil {
					b.Error(err)
				}
			}
		})
		<-consumed
	})
}
