package transport

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// counter is a Handler that counts, and answers if it is told to.
type counter struct {
	answer bool
	n      atomic.Int64
	want   int64
	done   chan struct{}
	back   chan struct{}
}

func (*counter) Up(*Session)                  {}
func (*counter) Down(*Session, error, []Lost) {}
func (*counter) Refused(string, Hello, error) {}
func (c *counter) Record(s *Session, lane Lane, rec []byte) {
	switch {
	case c.answer:
		s.Send(lane, rec, true)
	case c.back != nil:
		c.back <- struct{}{}
	default:
		if c.n.Add(1) == c.want {
			close(c.done)
		}
	}
}

// BenchmarkOneWay sends records of 30 bytes, as fast as the lane takes them.
func BenchmarkOneWay(b *testing.B) {
	hb := &counter{want: int64(b.N), done: make(chan struct{})}
	from, to := startNode(b, "a", &counter{}), startNode(b, "b", hb)
	s := pair(b, from, to)
	rec := make([]byte, 30)
	b.ResetTimer()
	for range b.N {
		for s.Send(Default, rec, false) != nil {
			if err := s.Wait(context.Background(), Default); err != nil {
				b.Fatal(err)
			}
		}
	}
	<-hb.done
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "M/s")
}

// BenchmarkSend is what Send costs its caller, when there is always room and somebody reads.
func BenchmarkSend(b *testing.B) {
	hb := &counter{want: -1}
	from, to := startNode(b, "a", &counter{}, func(c *Config) { c.Limits.Lane = 1 << 30 }), startNode(b, "b", hb)
	s := pair(b, from, to)
	rec := make([]byte, 30)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := s.Send(Default, rec, false); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRoundTrip is a record there and one back; beside it the same over a bare connection.
func BenchmarkRoundTrip(b *testing.B) {
	b.Run("session", func(b *testing.B) {
		ha := &counter{back: make(chan struct{}, 1)}
		from, to := startNode(b, "a", ha), startNode(b, "b", &counter{answer: true})
		s := pair(b, from, to)
		rec := make([]byte, 30)
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			s.Send(Default, rec, true)
			<-ha.back
		}
	})
	b.Run("tcp", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		go func() {
			c, err := l.Accept()
			if err == nil {
				io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
				c.Close()
			}
		}()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		rec := make([]byte, 30)
		b.ResetTimer()
		for range b.N {
			c.Write(rec)
			if _, err := io.ReadFull(c, rec); err != nil {
				b.Fatal(err)
			}
		}
	})
}
