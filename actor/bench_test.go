package actor

import (
	"context"
	"testing"
	"time"
)

func newTestSystem(t testing.TB, opts ...Option) *System {
	t.Helper()
	s, err := NewSystem("test", opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return s
}

type ping struct {
	Replies[int]
	n int
}

func BenchmarkSend(b *testing.B) {
	s := newTestSystem(b)
	done := make(chan struct{})
	n := 0
	pid, _ := s.Spawn(Func(func(c *Context, msg any) error {
		if n++; n == b.N {
			close(done)
		}
		return nil
	}))
	msg := any(&n)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		s.Send(pid, msg)
	}
	<-done
}

func BenchmarkPingPong(b *testing.B) {
	s := newTestSystem(b)
	done := make(chan struct{})
	n := 0
	f := Func(func(c *Context, msg any) error {
		if n++; n >= b.N {
			if n == b.N {
				close(done)
			}
			return nil
		}
		c.Send(c.Sender(), msg)
		return nil
	})
	p1, _ := s.Spawn(f)
	p2, _ := s.Spawn(f)
	b.ReportAllocs()
	b.ResetTimer()
	s.deliver(context.Background(), p1, envelope{msg: &n, from: p2}, nil)
	<-done
}

func BenchmarkAsk(b *testing.B) {
	s := newTestSystem(b)
	for _, inline := range []bool{false, true} {
		var o []SpawnOption
		if inline {
			o = append(o, WithInline())
		}
		pid, _ := s.Spawn(Func(func(c *Context, msg any) error {
			Reply(c, msg.(ping), 1)
			return nil
		}), o...)
		b.Run("", func(b *testing.B) {
			b.ReportAllocs()
			ctx := context.Background()
			for b.Loop() {
				Ask(ctx, pid, ping{n: 1})
			}
		})
		b.Run("deadline", func(b *testing.B) {
			b.ReportAllocs()
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			for b.Loop() {
				Ask(ctx, pid, ping{n: 1})
			}
		})
	}
}

func BenchmarkSpawn(b *testing.B) {
	s := newTestSystem(b)
	b.ReportAllocs()
	for b.Loop() {
		pid, _ := s.Spawn(Func(func(c *Context, msg any) error { return Normal }))
		s.Send(pid, nil)
	}
}
func BenchmarkChan(b *testing.B) {
	c := make(chan any, 128)
	d := make(chan bool)
	n := b.N
	go func() {
		for i := 0; i < n; i++ {
			<-c
		}
		d <- true
	}()
	for i := 0; i < n; i++ {
		c <- &n
	}
	<-d
}
func BenchmarkHop(b *testing.B) {
	c := make(chan int)
	r := make(chan int)
	go func() {
		for range c {
			r <- 1
		}
	}()
	for i := 0; i < b.N/2; i++ {
		c <- i
		<-r
	}
	close(c)
}
