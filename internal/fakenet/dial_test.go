package fakenet_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/fakenet"
)

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
		start := time.Now()
		if err := dial(ln.Addr().String(), 4*time.Second); err != nil || time.Since(start) < 3*time.Second {
			t.Errorf("mended while dialling: %v after %v", err, time.Since(start))
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
