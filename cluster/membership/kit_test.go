package membership_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/cluster/membership"
	"github.com/foundation-runtime/foundation/cluster/network"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/internal/fakenet"
)

const port = 7946

var _ network.Network = (*fakenet.Host)(nil)

// rig is a cluster on a network in memory.
type rig struct {
	t     *testing.T
	net   *fakenet.Network
	nodes []*testNode
	boot  uint16
}

// testNode is a node of it.
type testNode struct {
	*membership.Members
	ip, addr string
	id       nodeid.ID
	ln       net.Listener
	accept   sync.WaitGroup

	mu     sync.Mutex
	events []stamped
}

type stamped struct {
	membership.Event
	at time.Time
}

// lan is a network as it is within a data centre.
func lan() fakenet.Config {
	return fakenet.Config{Seed: rand.Uint64(), Latency: 200 * time.Microsecond, Jitter: 300 * time.Microsecond}
}

// virtual runs f in virtual time with a rig that is taken down afterwards.
func virtual(t *testing.T, cfg fakenet.Config, f func(t *testing.T, r *rig)) {
	t.Helper()
	t.Log("seed", cfg.Seed)
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, net: fakenet.New(cfg)}
		defer func() {
			for _, n := range r.nodes {
				n.stop()
			}
			r.net.Close()
			<-time.After(time.Minute) // a probe that memberlist has begun ends by its timer, and time stops with this goroutine
		}()
		f(t, r)
	})
}

func ipOf(i int) string { return fmt.Sprintf("10.0.%d.%d", i/200, i%200+1) }

// start starts node i in a new life; change may alter the configuration.
func (r *rig) start(i int, change func(*membership.Config)) *testNode {
	r.t.Helper()
	n := r.prepare(i)
	cfg := r.config(n)
	if change != nil {
		change(&cfg)
	}
	n.id = cfg.Node
	var err error
	if n.Members, err = membership.Start(cfg); err != nil {
		r.t.Fatal(err)
	}
	n.accept.Go(func() {
		for {
			c, err := n.ln.Accept()
			if err != nil {
				return
			}
			n.Accept(c)
		}
	})
	r.nodes = append(r.nodes, n)
	return n
}

// prepare opens the sockets of node i.
func (r *rig) prepare(i int) *testNode {
	r.t.Helper()
	r.boot++
	ip := ipOf(i)
	n := &testNode{ip: ip, addr: fmt.Sprintf("%s:%d", ip, port)}
	var err error
	if n.ln, err = r.net.Host(ip).Listen(n.addr); err != nil {
		r.t.Fatal(err)
	}
	n.id = nodeid.ID{Name: fmt.Sprintf("n%d", i), Incarnation: nodeid.Next(time.Now(), nodeid.Incarnation(0), r.boot)}
	return n
}

func (r *rig) config(n *testNode) membership.Config {
	packets, err := r.net.Host(n.ip).ListenPacket(n.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	return membership.Config{
		Node: n.id, Cluster: "test", Profile: membership.Fast(), Packets: packets,
		Dial:      func(ctx context.Context, addr string) (net.Conn, error) { return r.net.Host(n.ip).Dial(ctx, addr) },
		Advertise: netip.MustParseAddrPort(n.addr), Events: n.note,
	}
}

// cluster starts nodes 0 to n-1 and joins them to node 0.
func (r *rig) cluster(n int, change func(*membership.Config)) {
	r.t.Helper()
	for i := range n {
		m := r.start(i, change)
		if i > 0 {
			if _, err := m.Join(r.t.Context(), r.nodes[0].addr); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	r.within(time.Minute, "everybody sees everybody", func() bool { return r.whole(r.nodes...) })
}

// whole reports whether these nodes see each other and nobody else.
func (r *rig) whole(nodes ...*testNode) bool {
	for _, n := range nodes {
		ms := n.Members.Members()
		if len(ms) != len(nodes)-1 {
			return false
		}
		for _, m := range ms {
			if !slices.ContainsFunc(nodes, func(x *testNode) bool { return x.id == m.ID }) {
				return false
			}
		}
	}
	return true
}

// within waits until cond holds, and returns how long it took.
func (r *rig) within(limit time.Duration, what string, cond func() bool) time.Duration {
	r.t.Helper()
	start := time.Now()
	for !cond() {
		if time.Since(start) > limit {
			for _, n := range r.nodes {
				r.t.Logf("%v sees %v", n.id, slices.Collect(maps.Keys(n.sees())))
			}
			r.t.Fatalf("not within %v: %s", limit, what)
		}
		<-time.After(10 * time.Millisecond)
	}
	return time.Since(start)
}

// crash ends a node as kill -9 does.
func (r *rig) crash(n *testNode) {
	r.net.Crash(n.ip)
	n.stop()
	r.net.Restart(n.ip)
	r.nodes = slices.DeleteFunc(r.nodes, func(x *testNode) bool { return x == n })
}

func (n *testNode) stop() {
	_ = n.ln.Close()
	n.accept.Wait()
	n.Close()
}

func (n *testNode) note(e membership.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, stamped{e, time.Now()})
}

// count is how many events of a kind there were.
func (n *testNode) count(k membership.Kind) int { return len(n.of(k)) }

// of returns the events of a kind.
func (n *testNode) of(k membership.Kind) (out []stamped) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.events {
		if e.Kind == k {
			out = append(out, e)
		}
	}
	return out
}

func (n *testNode) sees() map[nodeid.ID]string {
	out := map[nodeid.ID]string{}
	for _, m := range n.Members.Members() {
		out[m.ID] = string(m.Meta)
	}
	return out
}

func key(b byte) []byte {
	k := make([]byte, 32)
	for i := range k {
		k[i] = b
	}
	return k
}

// percentile of sorted durations.
func percentile(ds []time.Duration, p float64) time.Duration {
	slices.Sort(ds)
	return ds[min(len(ds)-1, int(p*float64(len(ds))))]
}
