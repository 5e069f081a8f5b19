package fakenet_test

import (
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
