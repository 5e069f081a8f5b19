package fakenet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/internal/fakenet"
)

const (
	a = "10.0.0.1"
	b = "10.0.0.2"
	c = "10.0.0.3"
)

// run is a test in virtual time with a network that is closed at its end.
func run(t *testing.T, cfg fakenet.Config, f func(t *testing.T, n *fakenet.Network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := fakenet.New(cfg)
		defer n.Close()
		f(t, n)
	})
}

func listen(t *testing.T, n *fakenet.Network, host string) net.Listener {
	t.Helper()
	ln, err := n.Host(host).Listen(host + ":0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// pair is a connection from a to b.
func pair(t *testing.T, n *fakenet.Network) (dialled, accepted net.Conn) {
	t.Helper()
	ln := listen(t, n, b)
	dialled, err := n.Host(a).Dial(t.Context(), ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return dialled, accepted
}

func packets(t *testing.T, n *fakenet.Network, host string) net.PacketConn {
	t.Helper()
	p, err := n.Host(host).ListenPacket(host + ":0")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// after runs f d later, in the test's own goroutine tree.
func after(wg *sync.WaitGroup, d time.Duration, f func()) {
	wg.Go(func() { <-time.After(d); f() })
}

func TestStreamIsInOrderAndWhole(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	run(t, fakenet.Config{Seed: seed, Latency: time.Millisecond, Jitter: 5 * time.Millisecond, Buffer: 4096, Bandwidth: 10 << 20},
		func(t *testing.T, n *fakenet.Network) {
			x, y := pair(t, n)
			want := make([]byte, 1<<20)
			rand.NewChaCha8([32]byte{byte(seed)}).Read(want)
			var wg sync.WaitGroup
			wg.Go(func() {
				for rest := want; len(rest) > 0; {
					k := min(len(rest), 1+rand.IntN(9000))
					if _, err := x.Write(rest[:k]); err != nil {
						t.Error(err)
						return
					}
					rest = rest[k:]
				}
				if err := x.Close(); err != nil {
					t.Error(err)
				}
			})
			after(&wg, 30*time.Millisecond, func() { n.Cut(a, b) })
			after(&wg, 60*time.Millisecond, func() { n.Heal(); n.Cut(b, a) })
			after(&wg, 90*time.Millisecond, func() { n.Mend(b, a); n.Pause(b) })
			after(&wg, 120*time.Millisecond, func() { n.Resume(b) })
			got, err := io.ReadAll(y)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d of %d bytes, equal %v, %v", len(got), len(want), bytes.Equal(got, want), err)
			}
			wg.Wait()
			if s := n.Stats(); s.StreamBytes != 1<<20 || s.Conns != 1 || s.Dials != 1 {
				t.Errorf("counted %+v", s)
			}
		})
}

func TestLatencyAndBandwidth(t *testing.T) {
	run(t, fakenet.Config{Latency: 10 * time.Millisecond, Bandwidth: 1000}, func(t *testing.T, n *fakenet.Network) {
		start := time.Now()
		x, y := pair(t, n)
		if d := time.Since(start); d != 20*time.Millisecond {
			t.Errorf("a dial took %v, want a round trip", d)
		}
		start = time.Now()
		if _, err := x.Write(make([]byte, 500)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(y, make([]byte, 500)); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != 510*time.Millisecond {
			t.Errorf("500 bytes at 1000 per second took %v", d)
		}
	})
}

func TestBufferIsBounded(t *testing.T) {
	run(t, fakenet.Config{Buffer: 1000}, func(t *testing.T, n *fakenet.Network) {
		x, y := pair(t, n)
		if err := x.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		k, err := x.Write(make([]byte, 5000))
		if k != 1000 || !isTimeout(err) {
			t.Fatalf("wrote %d, %v", k, err)
		}
		if err := x.SetWriteDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := io.ReadFull(y, make([]byte, 3000)); err != nil {
				t.Error(err)
			}
		})
		if _, err := x.Write(make([]byte, 2000)); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

func TestDeadlines(t *testing.T) {
	run(t, fakenet.Config{}, func(t *testing.T, n *fakenet.Network) {
		x, _ := pair(t, n)
		p := packets(t, n, a)
		for name, r := range map[string]struct {
			set  func(time.Time) error
			read func() error
		}{
			"stream": {x.SetReadDeadline, func() error { _, err := x.Read(make([]byte, 1)); return err }},
			"packet": {p.SetReadDeadline, func() error { _, _, err := p.ReadFrom(make([]byte, 1)); return err }},
		} {
			start := time.Now()
			if err := r.set(start.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			after(&wg, time.Second, func() { _ = r.set(start.Add(2 * time.Second)) })
			if err := r.read(); !isTimeout(err) {
				t.Errorf("%s: %v", name, err)
			}
			if d := time.Since(start); d != 2*time.Second {
				t.Errorf("%s: waited %v", name, d)
			}
			if err := r.read(); !isTimeout(err) {
				t.Errorf("%s: after the deadline: %v", name, err)
			}
			if err := r.set(time.Time{}); err != nil {
				t.Fatal(err)
			}
			wg.Wait()
		}
		var wg sync.WaitGroup
		after(&wg, time.Second, func() { x.Close(); p.Close() })
		if _, err := x.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read of a stream closed meanwhile: %v", err)
		}
		if _, _, err := p.ReadFrom(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read of a socket closed meanwhile: %v", err)
		}
		wg.Wait()
	})
}

func TestCloseWriteAndBytesForNobody(t *testing.T) {
	run(t, fakenet.Config{Latency: time.Millisecond}, func(t *testing.T, n *fakenet.Network) {
		x, y := pair(t, n)
		if _, err := x.Write([]byte("question")); err != nil {
			t.Fatal(err)
		}
		if err := x.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(y); string(got) != "question" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		if _, err := x.Write([]byte("more")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write after CloseWrite: %v", err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := y.Write([]byte("answer")); err != nil {
			t.Errorf("the first write to a closed end fails only later, here: %v", err)
		}
		<-time.After(time.Second)
		if _, err := y.Write([]byte("answer")); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("write to a closed end: %v", err)
		}
	})
}

func TestDialFaults(t *testing.T) {
	run(t, fakenet.Config{Latency: time.Millisecond, DialTimeout: time.Minute}, func(t *testing.T, n *fakenet.Network) {
		ln := listen(t, n, b)
		dial := func(to string, limit time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			conn, err := n.Host(a).Dial(ctx, to)
			if err == nil {
				conn.Close()
			}
			return err
		}
		if err := dial(b+":1", time.Second); !errors.Is(err, syscall.ECONNREFUSED) || isTimeout(err) {
			t.Errorf("without a listener: %v", err)
		}
		for name, cut := range map[string]func(){
			"there": func() { n.Cut(a, b) }, "back": func() { n.Cut(b, a) },
			"partition": func() { n.Partition([]string{a}, []string{b}) }, "isolate": func() { n.Isolate(b) },
		} {
			cut()
			start := time.Now()
			err := dial(ln.Addr().String(), 3*time.Second)
			if !isTimeout(err) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
				t.Errorf("cut %s: %v after %v", name, err, time.Since(start))
			}
			if err := dial(ln.Addr().String(), time.Hour); !errors.Is(err, syscall.ETIMEDOUT) || !isTimeout(err) {
				t.Errorf("cut %s, patient: %v", name, err)
			}
			n.Heal()
			if err := dial(ln.Addr().String(), time.Second); err != nil {
				t.Errorf("cut %s, mended: %v", name, err)
			}
		}
		n.Isolate(b)
		var wg sync.WaitGroup
		after(&wg, 2*time.Second, n.Heal)
		if err := dial(ln.Addr().String(), 3*time.Second); err != nil {
			t.Errorf("mended while dialling: %v", err)
		}
		wg.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := n.Host(a).Dial(ctx, ln.Addr().String()); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if err := dial("nowhere:1", time.Second); err == nil {
			t.Error("dialled a name")
		}
		if err := dial("10.9.9.9:1", time.Second); !isTimeout(err) {
			t.Errorf("no such host: %v", err)
		}
	})
}

func TestCutStreamStallsAndGoesOn(t *testing.T) {
	run(t, fakenet.Config{Buffer: 100}, func(t *testing.T, n *fakenet.Network) {
		x, y := pair(t, n)
		n.Cut(b, a) // a's bytes arrive, but a hears nothing
		if _, err := x.Write(make([]byte, 60)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(y, make([]byte, 60)); err != nil {
			t.Fatal(err)
		}
		_ = x.SetWriteDeadline(time.Now().Add(time.Minute))
		if k, err := x.Write(make([]byte, 60)); k != 40 || !isTimeout(err) {
			t.Errorf("without a way back: wrote %d, %v", k, err)
		}
		n.Heal()
		_ = x.SetWriteDeadline(time.Time{})
		if _, err := x.Write(make([]byte, 20)); err != nil {
			t.Fatal(err)
		}
		n.Cut(a, b)
		if _, err := x.Write([]byte("late")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(y, make([]byte, 60)); err != nil {
			t.Fatal(err)
		}
		_ = y.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := y.Read(make([]byte, 1)); !isTimeout(err) {
			t.Errorf("through a cut: %v", err)
		}
		_ = y.SetReadDeadline(time.Time{})
		n.Mend(a, b)
		got := make([]byte, 4)
		if _, err := io.ReadFull(y, got); err != nil || string(got) != "late" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestBreakResetsBothEnds(t *testing.T) {
	run(t, fakenet.Config{Latency: time.Second}, func(t *testing.T, n *fakenet.Network) {
		x, y := pair(t, n)
		other := listen(t, n, c)
		z, err := n.Host(a).Dial(t.Context(), other.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		after(&wg, time.Second, func() { n.Break(b, a) })
		for _, e := range []net.Conn{x, y} {
			if _, err := e.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) || isTimeout(err) {
				t.Errorf("read: %v", err)
			}
			if _, err := e.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("write: %v", err)
			}
		}
		wg.Wait()
		if _, err := z.Write([]byte("x")); err != nil {
			t.Errorf("a connection with a third host: %v", err)
		}
	})
}

func TestCrashAndRestart(t *testing.T) {
	run(t, fakenet.Config{Latency: time.Millisecond}, func(t *testing.T, n *fakenet.Network) {
		ln := listen(t, n, b)
		p := packets(t, n, b)
		x, err := n.Host(a).Dial(t.Context(), ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		y, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("accept: %v", err)
			}
		})
		wg.Go(func() {
			if _, _, err := p.ReadFrom(nil); !errors.Is(err, net.ErrClosed) {
				t.Errorf("packets: %v", err)
			}
		})
		synctest.Wait()
		if _, err := y.Write([]byte("lost")); err != nil {
			t.Fatal(err)
		}
		n.Crash(b)
		if _, err := x.Read(make([]byte, 9)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the peer of the crashed: %v", err)
		}
		if _, err := y.Read(make([]byte, 9)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the crashed: %v", err)
		}
		wg.Wait()
		if _, err := n.Host(a).Dial(t.Context(), ln.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial to the crashed: %v", err)
		}
		if _, err := n.Host(b).Listen(ln.Addr().String()); !errors.Is(err, syscall.ENETDOWN) {
			t.Errorf("listen on the crashed: %v", err)
		}
		n.Restart(b)
		again, err := n.Host(b).Listen(ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Host(a).Dial(t.Context(), again.Addr().String()); err != nil {
			t.Errorf("dial to the restarted: %v", err)
		}
	})
}

func TestCrashBehindCutIsSeenLater(t *testing.T) {
	run(t, fakenet.Config{}, func(t *testing.T, n *fakenet.Network) {
		x, _ := pair(t, n)
		n.Isolate(b)
		n.Crash(b)
		_ = x.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := x.Read(make([]byte, 1)); !isTimeout(err) {
			t.Errorf("a reset came through a cut: %v", err)
		}
		_ = x.SetReadDeadline(time.Time{})
		n.Heal()
		if _, err := x.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after the cut: %v", err)
		}
	})
}

func TestPausedHostTakesDialsButNothingElse(t *testing.T) {
	run(t, fakenet.Config{Backlog: 2, Buffer: 10}, func(t *testing.T, n *fakenet.Network) {
		ln := listen(t, n, b)
		p, q := packets(t, n, a), packets(t, n, b)
		n.Pause(b)
		var conns []net.Conn
		for range 2 {
			conn, err := n.Host(a).Dial(t.Context(), ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := n.Host(a).Dial(ctx, ln.Addr().String()); !isTimeout(err) {
			t.Errorf("beyond the backlog: %v", err)
		}
		_ = conns[0].SetWriteDeadline(time.Now().Add(time.Second))
		if k, err := conns[0].Write(make([]byte, 99)); k != 10 || !isTimeout(err) {
			t.Errorf("a stream took %d, %v", k, err)
		}
		if _, err := p.WriteTo([]byte("waits"), q.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		if _, err := q.WriteTo([]byte("never"), p.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		accepted := make(chan net.Conn, 3)
		got := make(chan string, 1)
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 2 {
				if conn, err := ln.Accept(); err == nil {
					accepted <- conn
				}
			}
		})
		wg.Go(func() {
			buf := make([]byte, 9)
			k, _, _ := q.ReadFrom(buf)
			got <- string(buf[:k])
		})
		synctest.Wait()
		if len(accepted) != 0 || len(got) != 0 {
			t.Fatal("a paused host was given something")
		}
		n.Resume(b)
		wg.Wait()
		if s := <-got; s != "waits" {
			t.Errorf("packet %q", s)
		}
		if _, err := io.ReadFull(<-accepted, make([]byte, 10)); err != nil {
			t.Error(err)
		}
		_ = p.SetReadDeadline(time.Now().Add(time.Second))
		if _, _, err := p.ReadFrom(make([]byte, 9)); !isTimeout(err) {
			t.Errorf("a paused host sent a packet: %v", err)
		}
	})
}

func TestPacketFaults(t *testing.T) {
	const sent = 4000
	cfg := fakenet.Config{Seed: 7, Latency: time.Millisecond, Loss: 0.2, Duplicate: 0.1, Reorder: 0.1}
	run(t, cfg, func(t *testing.T, n *fakenet.Network) {
		p, q := packets(t, n, a), packets(t, n, b)
		for i := range sent {
			if _, err := p.WriteTo(fmt.Appendf(nil, "%d", i), q.LocalAddr()); err != nil {
				t.Fatal(err)
			}
			<-time.After(100 * time.Microsecond)
		}
		<-time.After(time.Minute)
		seen, last, behind := map[int]int{}, -1, 0
		buf := make([]byte, 99)
		for {
			_ = q.SetReadDeadline(time.Now().Add(time.Millisecond))
			k, from, err := q.ReadFrom(buf)
			if err != nil {
				break
			}
			if from.String() != p.LocalAddr().String() {
				t.Fatalf("from %v", from)
			}
			var i int
			if _, err := fmt.Sscan(string(buf[:k]), &i); err != nil {
				t.Fatal(err)
			}
			seen[i]++
			if i < last {
				behind++
			}
			last = max(last, i)
		}
		s := n.Stats()
		if len(seen) != sent-int(s.PacketsLost) || s.PacketsSent != sent || s.PacketsDelivered != sent-s.PacketsLost+s.PacketsDuplicated {
			t.Errorf("saw %d, %+v", len(seen), s)
		}
		if s.PacketsLost < sent/6 || s.PacketsLost > sent/4 || s.PacketsDuplicated < sent/20 || behind < sent/40 {
			t.Errorf("%d behind, %+v", behind, s)
		}
		n.SetLoss(0, 0, 0)
		n.Cut(a, b)
		before := n.Stats().PacketsCut
		_, _ = p.WriteTo([]byte("cut"), q.LocalAddr())
		n.Heal()
		_, _ = p.WriteTo([]byte("gone"), q.LocalAddr())
		n.Cut(a, b) // while it is under way
		<-time.After(time.Second)
		if d := n.Stats().PacketsCut - before; d != 2 {
			t.Errorf("%d packets cut, want 2", d)
		}
		if _, err := p.WriteTo(make([]byte, 70000), q.LocalAddr()); !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("a large packet: %v", err)
		}
	})
}

func TestAddresses(t *testing.T) {
	run(t, fakenet.Config{}, func(t *testing.T, n *fakenet.Network) {
		h := n.Host(a)
		ln := listen(t, n, a)
		addr := ln.Addr().(*net.TCPAddr)
		if addr.IP.String() != a || addr.Port == 0 {
			t.Errorf("listens on %v", addr)
		}
		p, err := h.ListenPacket(addr.String()) // both on one number
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := p.LocalAddr().(*net.UDPAddr); !ok {
			t.Errorf("packet address is %T", p.LocalAddr())
		}
		if _, err := h.Listen(addr.String()); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("twice: %v", err)
		}
		if _, err := h.Listen(b + ":0"); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("another host's: %v", err)
		}
		for _, bad := range []string{"", "10.0.0.1", "10.0.0.1:x", "10.0.0.1:70000", "name:1"} {
			if _, err := h.Listen(bad); err == nil {
				t.Errorf("listened on %q", bad)
			}
		}
		n.Isolate(a) // a host always reaches itself
		conn, err := h.Dial(t.Context(), fmt.Sprintf("127.0.0.1:%d", addr.Port))
		if err != nil {
			t.Fatal(err)
		}
		if conn.RemoteAddr().String() != addr.String() || conn.LocalAddr().(*net.TCPAddr).IP.String() != a {
			t.Errorf("%v to %v", conn.LocalAddr(), conn.RemoteAddr())
		}
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a connection that nobody accepted: %v", err)
		}
		if _, err := h.Listen(addr.String()); err != nil {
			t.Errorf("the port after its listener: %v", err)
		}
	})
}

// TestPortsComeBack opens more connections than there are ports, in turn.
func TestPortsComeBack(t *testing.T) {
	run(t, fakenet.Config{}, func(t *testing.T, n *fakenet.Network) {
		ln := listen(t, n, b)
		for range 40000 {
			x, err := n.Host(a).Dial(t.Context(), ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			y, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			x.Close()
			y.Close()
		}
	})
}

func TestCloseEndsEveryWait(t *testing.T) {
	run(t, fakenet.Config{Latency: 10 * time.Second}, func(t *testing.T, n *fakenet.Network) {
		x, y := pair(t, n)
		ln := listen(t, n, a)
		p := packets(t, n, a)
		var wg sync.WaitGroup
		for _, wait := range []func() error{
			func() error { _, err := x.Read(make([]byte, 1)); return err },
			func() error { _, err := y.Write(make([]byte, 1<<20)); return err },
			func() error { _, err := ln.Accept(); return err },
			func() error { _, _, err := p.ReadFrom(nil); return err },
			func() error { _, err := n.Host(b).Dial(context.Background(), ln.Addr().String()); return err },
		} {
			wg.Go(func() {
				if err := wait(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("ended with %v", err)
				}
			})
		}
		synctest.Wait()
		n.Close()
		wg.Wait()
		if _, err := n.Host(a).Listen(a + ":0"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("listen on a closed network: %v", err)
		}
	})
}

// TestChaos lets streams and packets run in real time while everything fails, for the race detector.
func TestChaos(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	n := fakenet.New(fakenet.Config{Seed: seed, Latency: 50 * time.Microsecond, Jitter: 100 * time.Microsecond, Loss: 0.1, Duplicate: 0.1})
	hosts := []string{a, b, c}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, me := range hosts {
		wg.Go(func() {
			for ctx.Err() == nil {
				ln, err := n.Host(me).Listen(me + ":7")
				if err != nil {
					continue
				}
				for {
					conn, err := ln.Accept()
					if err != nil {
						break
					}
					wg.Go(func() { _, _ = io.Copy(conn, conn); conn.Close() })
				}
				_ = ln.Close()
			}
		})
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				dctx, stop := context.WithTimeout(ctx, 5*time.Millisecond)
				conn, err := n.Host(me).Dial(dctx, hosts[i%3]+":7")
				stop()
				if err != nil {
					continue
				}
				_ = conn.SetDeadline(time.Now().Add(10 * time.Millisecond))
				if _, err = conn.Write([]byte("echo")); err == nil {
					got := make([]byte, 4)
					if _, err = io.ReadFull(conn, got); err == nil && string(got) != "echo" {
						t.Errorf("echo is %q", got)
					}
				}
				conn.Close()
			}
		})
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for range 150 {
		<-tick.C
		x, y := hosts[rnd.IntN(3)], hosts[rnd.IntN(3)]
		switch rnd.IntN(7) {
		case 0:
			n.Cut(x, y)
		case 1:
			n.Partition([]string{x}, []string{y})
		case 2, 3:
			n.Heal()
		case 4:
			n.Break(x, y)
		case 5:
			n.Crash(x)
			n.Restart(x)
		case 6:
			n.Pause(x)
			n.Resume(x)
		}
	}
	cancel()
	n.Close()
	wg.Wait()
	if s := n.Stats(); s.Conns == 0 || s.Dials < s.Conns+s.Refused {
		t.Errorf("counted %+v", s)
	}
}
