package membership_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/membership"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/internal/fakenet"
)

// rejections returns the reasons that a node has reported.
func (n *testNode) rejections() (out []error) {
	for _, e := range n.of(membership.Rejected) {
		out = append(out, e.Err)
	}
	return out
}

func (n *testNode) rejectedFor(reason error) bool {
	for _, err := range n.rejections() {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// TestStrangersAreRefused: each kind of stranger learns nothing, is not admitted, and both sides can say why.
func TestStrangersAreRefused(t *testing.T) {
	keyed := func(keys ...[]byte) func(*membership.Config) {
		return func(c *membership.Config) { c.Keys = keys }
	}
	for name, c := range map[string]struct {
		cluster, stranger func(*membership.Config)
		joins, reports    error // what Join says, what the cluster reports
	}{
		"another cluster": {nil, func(c *membership.Config) { c.Cluster = "other" }, membership.ErrHungUp, membership.ErrCluster},
		"another cluster, same key": {keyed(key(1)), func(c *membership.Config) { c.Cluster, c.Keys = "other", [][]byte{key(1)} },
			membership.ErrHungUp, membership.ErrCluster},
		"another key":    {keyed(key(1)), keyed(key(2)), membership.ErrKey, membership.ErrKey},
		"no key":         {keyed(key(1)), nil, membership.ErrKey, membership.ErrKey},
		"key where none": {nil, keyed(key(1)), membership.ErrKey, membership.ErrKey},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, lan(), func(t *testing.T, r *rig) {
				r.cluster(3, c.cluster)
				s := r.start(9, c.stranger)
				n, err := s.Join(t.Context(), r.nodes[0].addr, r.nodes[1].addr)
				if n != 0 || !errors.Is(err, c.joins) {
					t.Errorf("join: %d, %v", n, err)
				}
				if err != nil {
					t.Log(err)
				}
				<-time.After(2 * time.Minute)
				if !s.Alone() || !r.whole(r.nodes[:3]...) {
					t.Error("the stranger was admitted")
				}
				if !r.nodes[0].rejectedFor(c.reports) {
					t.Errorf("reported %v, want %v", r.nodes[0].rejections(), c.reports)
				}
				if k := len(r.nodes[0].rejections()); k > 13 {
					t.Errorf("%d reports in two minutes", k)
				}
				if n := r.nodes[0].Stats().Rejected[c.reports.Error()]; n == 0 {
					t.Errorf("counted %v", r.nodes[0].Stats().Rejected)
				}
			})
		})
	}
}

// TestPacketsOfAnotherCluster: they come to an address that was ours before.
func TestPacketsOfAnotherCluster(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(3, nil)
		r.crash(r.nodes[2])
		other := r.start(2, func(c *membership.Config) { c.Cluster = "other" })
		<-time.After(20 * time.Second)
		if !other.rejectedFor(membership.ErrCluster) || !r.whole(r.nodes[:2]...) {
			t.Errorf("reported %v", other.rejections())
		}
	})
}

// TestCheckRefuses: a node that Check does not like is no member, and its neighbours' news of it do not change that.
func TestCheckRefuses(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		check := func(id nodeid.ID, addr string, meta []byte) error {
			if string(meta) == "old" {
				return errors.New("too old for us")
			}
			return nil
		}
		r.cluster(3, func(c *membership.Config) { c.Check, c.Meta = check, []byte("new") })
		s := r.start(4, func(c *membership.Config) { c.Meta = []byte("old") })
		_, _ = s.Join(t.Context(), r.nodes[1].addr)
		<-time.After(time.Minute)
		if !r.whole(r.nodes[:3]...) {
			t.Error("admitted")
		}
		if !r.nodes[1].rejectedFor(membership.ErrDenied) || !strings.Contains(fmt.Sprint(r.nodes[1].rejections()), "too old for us") {
			t.Errorf("reported %v", r.nodes[1].rejections())
		}
		for _, e := range r.nodes[1].of(membership.Rejected) {
			if e.ID != s.id || e.Addr != s.addr {
				t.Errorf("rejected %v at %s", e.ID, e.Addr)
			}
		}
	})
}

// TestGarbage throws everything at a cluster of three, with and without keys: it stands, and says what came.
func TestGarbage(t *testing.T) {
	for name, keys := range map[string][][]byte{"plain": nil, "keys": {key(1)}} {
		t.Run(name, func(t *testing.T) {
			cfg := lan()
			rnd := rand.New(rand.NewPCG(cfg.Seed, 1))
			virtual(t, cfg, func(t *testing.T, r *rig) {
				r.cluster(3, func(c *membership.Config) { c.Keys = keys })
				attacker := r.net.Host("10.6.6.6")
				p, err := attacker.ListenPacket("10.6.6.6:0")
				if err != nil {
					t.Fatal(err)
				}
				target := r.nodes[0]
				to, _ := net.ResolveUDPAddr("udp", target.addr)
				label := append([]byte{244, 4}, "test"...)
				for i := range 3000 {
					b := garbage(rnd, label, i)
					if _, err := p.WriteTo(b, to); err != nil {
						t.Fatal(err)
					}
					if i%20 == 0 {
						<-time.After(time.Millisecond)
						throwStream(t, attacker, target.addr, garbage(rnd, label, i/20))
					}
				}
				<-time.After(time.Minute)
				if !r.whole(r.nodes...) {
					t.Errorf("%v sees %v", target.id, target.sees())
				}
				for _, n := range r.nodes {
					if n.count(membership.Dead) > 0 {
						t.Errorf("%v: deaths %v", n.id, n.of(membership.Dead))
					}
				}
				for _, reason := range []error{membership.ErrGarbage, membership.ErrOversize, membership.ErrCluster} {
					if !target.rejectedFor(reason) {
						t.Errorf("did not report %v", reason)
					}
				}
				if keys != nil && !target.rejectedFor(membership.ErrKey) {
					t.Errorf("did not report %v", membership.ErrKey)
				}
				t.Log(target.Stats().Rejected, "in", len(target.rejections()), "reports")
				if len(target.rejections()) > 40 {
					t.Errorf("%d reports", len(target.rejections()))
				}
			})
		})
	}
}

// garbage is a packet of one of several kinds. What names nodes is left to chance: in plain text anybody can name them.
func garbage(rnd *rand.Rand, label []byte, i int) []byte {
	random := make([]byte, rnd.IntN(200))
	for j := range random {
		random[j] = byte(rnd.Uint32())
	}
	switch i % 8 {
	case 0:
		return random
	case 1:
		return append(append([]byte{}, label...), random...)
	case 2: // every type of message, and a body of nothing
		return append(append([]byte{}, label...), byte(i/8%20), 0xdf, 0xff, 0xff, 0xff, 0xff)
	case 3:
		return append(append([]byte{244, 5}, "other"...), random...)
	case 4:
		return make([]byte, membership.MaxPacketBytes+1+rnd.IntN(1000))
	case 5:
		return []byte{244, 200, 't'}
	case 6: // a list of messages that claims more than there is
		return append(append([]byte{}, label...), 7, 255, 255, 255)
	default: // a comparison of states that claims a million nodes
		return append(append([]byte{}, label...), 6, 0x83, 0xa5, 'N', 'o', 'd', 'e', 's', 0xce, 0, 0x0f, 0xff, 0xff)
	}
}

func throwStream(t *testing.T, from *fakenet.Host, addr string, b []byte) {
	t.Helper()
	c, err := from.Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = c.Write(b)
	_ = c.Close()
}

// TestSlowStrangersAreBounded: streams that say nothing do not pile up, and end.
func TestSlowStrangersAreBounded(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(2, nil)
		attacker := r.net.Host("10.6.6.6")
		var conns []net.Conn
		for range 2 * membership.MaxStreams {
			c, err := attacker.Dial(t.Context(), r.nodes[0].addr)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		start := time.Now()
		<-time.After(100 * time.Millisecond)
		if n := r.nodes[0].Stats().Rejected[membership.ErrOverload.Error()]; n != membership.MaxStreams {
			t.Errorf("%d streams were refused, want %d", n, membership.MaxStreams)
		}
		for _, c := range conns {
			if _, err := io.ReadAll(c); err != nil {
				t.Errorf("a silent stream ended with %v", err)
			}
		}
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("silent streams were kept for %v", d)
		}
		if n := r.start(2, nil); true {
			if _, err := n.Join(t.Context(), r.nodes[0].addr); err != nil {
				t.Errorf("join afterwards: %v", err)
			}
		}
	})
}

// TestEndlessStream: who sends without end is cut off.
func TestEndlessStream(t *testing.T) {
	virtual(t, fakenet.Config{}, func(t *testing.T, r *rig) {
		r.cluster(2, nil)
		c, err := r.net.Host("10.6.6.6").Dial(t.Context(), r.nodes[0].addr)
		if err != nil {
			t.Fatal(err)
		}
		// A message to the user of 20 MB, as plain text may be.
		head := append(append([]byte{244, 4}, "test"...), 8, 0x81, 0xaa)
		head = append(append(head, "UserMsgLen"...), 0xce, 0x01, 0x31, 0x2d, 0x00)
		sent := len(head)
		if _, err := c.Write(head); err != nil {
			t.Fatal(err)
		}
		for err == nil && sent < 30<<20 {
			var k int
			k, err = c.Write(make([]byte, 64<<10))
			sent += k
		}
		if err == nil || sent > membership.MaxStreamBytes+1<<20 {
			t.Errorf("sent %d bytes, %v", sent, err)
		}
		<-time.After(time.Second)
		if !r.nodes[0].rejectedFor(membership.ErrOversize) {
			t.Errorf("reported %v", r.nodes[0].rejections())
		}
	})
}

// TestKeyRotation changes the key of a running cluster with changing metadata: nobody dies, and the old key is of no use.
func TestKeyRotation(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(5, func(c *membership.Config) { c.Keys = [][]byte{key(1)} })
		ctx, cancel := context.WithCancel(t.Context())
		var load sync.WaitGroup
		load.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if err := r.nodes[i%5].SetMeta(fmt.Appendf(nil, "%d", i)); err != nil {
					t.Error(err)
				}
				<-time.After(50 * time.Millisecond)
			}
		})
		all := func(what string, f func(n *testNode) error) {
			for _, n := range r.nodes {
				if err := f(n); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				<-time.After(200 * time.Millisecond)
			}
		}
		for round := byte(1); round < 4; round++ {
			all("add", func(n *testNode) error { return n.AddKey(key(round + 1)) })
			all("use", func(n *testNode) error { return n.UseKey(key(round + 1)) })
			all("remove", func(n *testNode) error { return n.RemoveKey(key(round)) })
		}
		cancel()
		load.Wait()
		<-time.After(10 * time.Second)
		if !r.whole(r.nodes...) {
			t.Error("somebody got lost")
		}
		for _, n := range r.nodes {
			if n.count(membership.Dead) > 0 || len(n.rejections()) > 0 {
				t.Errorf("%v: dead %v, rejected %v", n.id, n.of(membership.Dead), n.rejections())
			}
			if ks := n.Keys(); len(ks) != 1 || string(ks[0]) != string(key(4)) {
				t.Errorf("%v: %d keys", n.id, len(ks))
			}
			for other, meta := range n.sees() {
				if meta == "" {
					t.Errorf("%v: nothing of %v", n.id, other)
				}
			}
		}
		old := r.start(8, func(c *membership.Config) { c.Keys = [][]byte{key(1)} })
		if _, err := old.Join(t.Context(), r.nodes[0].addr); !errors.Is(err, membership.ErrKey) {
			t.Errorf("join with the old key: %v", err)
		}
	})
}

func TestKeyring(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		n := r.start(0, func(c *membership.Config) { c.Keys = [][]byte{key(1), key(2), key(3), key(4)} })
		if err := n.RemoveKey(key(2)); err != nil {
			t.Fatal(err)
		}
		if err := n.UseKey(key(3)); err != nil {
			t.Fatal(err)
		}
		for _, k := range n.Keys() {
			k[0] = 99 // a copy
		}
		var got []byte
		for _, k := range n.Keys() {
			got = append(got, k[0])
		}
		if string(got) != "\x03\x01\x04" {
			t.Errorf("keys %v", got)
		}
		for what, err := range map[string]error{
			"remove the one in use": n.RemoveKey(key(3)), "use an unknown one": n.UseKey(key(9)), "add a short one": n.AddKey([]byte("short")),
		} {
			if err == nil {
				t.Errorf("%s: no error", what)
			}
		}
		if err := n.RemoveKey(key(9)); err != nil {
			t.Errorf("remove an unknown one: %v", err)
		}
		plain := r.start(1, nil)
		for _, f := range []func([]byte) error{plain.AddKey, plain.UseKey, plain.RemoveKey} {
			if err := f(key(1)); !errors.Is(err, membership.ErrPlaintext) {
				t.Errorf("plain text: %v", err)
			}
		}
		if plain.Keys() != nil {
			t.Error("plain text has keys")
		}
	})
}

// TestKeyringRace changes the ring while packets are opened with it, for the race detector.
func TestKeyringRace(t *testing.T) {
	virtual(t, fakenet.Config{}, func(t *testing.T, r *rig) {
		keys := [][]byte{key(1), key(2), key(3)}
		r.cluster(2, func(c *membership.Config) { c.Keys = keys })
		var wg sync.WaitGroup
		for _, n := range r.nodes {
			wg.Go(func() {
				for i := range 300 {
					if err := n.RemoveKey(keys[1+i%2]); err != nil {
						t.Error(err)
					}
					if err := n.AddKey(keys[1+i%2]); err != nil {
						t.Error(err)
					}
					if i%10 == 0 {
						<-time.After(time.Millisecond)
					}
				}
			})
			wg.Go(func() {
				for range 300 {
					_ = n.SetMeta([]byte{byte(rand.Uint32())})
					<-time.After(time.Millisecond)
				}
			})
		}
		wg.Wait()
		if !r.whole(r.nodes...) {
			t.Error("somebody got lost")
		}
	})
}
