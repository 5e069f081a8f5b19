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

// benchPair starts two nodes, with TLS or without.
func benchPair(b *testing.B, secure bool, ha, hb Handler) (from, to *Transport) {
	if !secure {
		return startNode(b, "a", ha), startNode(b, "b", hb)
	}
	ca := newAuthority(b)
	return startNode(b, "a", ha, ca.node(b, "a")), startNode(b, "b", hb, ca.node(b, "b"))
}

// BenchmarkOneWay sends records of 30 bytes, as fast as the lane takes them.
func BenchmarkOneWay(b *testing.B) {
	b.Run("clear", func(b *testing.B) { oneWay(b, false) })
	b.Run("tls", func(b *testing.B) { oneWay(b, true) })
}

func oneWay(b *testing.B, secure bool) {
	hb := &counter{want: int64(b.N), done: make(chan struct{})}
	from, to := benchPair(b, secure, &counter{}, hb)
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
	b.Run("session", func(b *testing.B) { roundTrip(b, false) })
	b.Run("session with tls", func(b *testing.B) { roundTrip(b, true) })
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

func roundTrip(b *testing.B, secure bool) {
	ha := &counter{back: make(chan struct{}, 1)}
	from, to := benchPair(b, secure, ha, &counter{answer: true})
	s := pair(b, from, to)
	rec := make([]byte, 30)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		s.Send(Default, rec, true)
		<-ha.back
	}
}
