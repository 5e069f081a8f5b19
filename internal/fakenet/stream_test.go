package fakenet_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/fakenet"
)

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

// TestCloseWithUnreadBytesResets: who waits for room at the other end must not wait for ever.
func TestCloseWithUnreadBytesResets(t *testing.T) {
	for name, latency := range map[string]time.Duration{"at once": 0, "later": time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			run(t, fakenet.Config{Buffer: 100, Latency: latency}, func(t *testing.T, n *fakenet.Network) {
				x, y := pair(t, n)
				if _, err := y.Write([]byte("last words")); err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				after(&wg, time.Second, func() { y.Close() })
				if k, err := x.Write(make([]byte, 500)); k != 100 || !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("wrote %d, %v", k, err)
				}
				if got, err := io.ReadAll(x); string(got) != "last words" || !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("read %q, %v", got, err)
				}
				wg.Wait()
			})
		})
	}
}
