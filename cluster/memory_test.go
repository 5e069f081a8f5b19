package cluster_test

import (
	"fmt"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/internal/fakenet"
)

// lan is a cluster on a network in memory, one host a node: 10.0.0.1 and so on.
type lan struct {
	t     *testing.T
	net   *fakenet.Network
	nodes []*cluster.Node
}

func host(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }
func addr(i int) string { return host(i) + ":7946" }

func (l *lan) config(i int) cluster.Config {
	return cluster.Config{Network: l.net.Host(host(i)), Listen: addr(i), Seeds: []string{addr(0)}}
}

func newLAN(t *testing.T, n int, change func(i int, c *cluster.Config)) *lan {
	l := &lan{t: t, net: fakenet.New(fakenet.Config{Latency: 100 * time.Microsecond})}
	t.Cleanup(func() {
		l.net.Close()
		<-time.After(time.Minute) // memberlist's probes end some time after it was shut down
	})
	for i := range n {
		c := l.config(i)
		if os.Getenv("CLUSTER_LOG") != "" {
			c.Logger = slog.New(slog.NewTextHandler(os.Stdout, nil)).With("me", fmt.Sprintf("n%d", i+1))
		}
		if change != nil {
			change(i, &c)
		}
		l.nodes = append(l.nodes, start(t, fmt.Sprintf("n%d", i+1), c))
	}
	l.whole()
	return l
}

// whole waits until all see all up.
func (l *lan) whole() {
	l.t.Helper()
	until(l.t, "all are up everywhere", func() bool {
		for _, n := range l.nodes {
			if len(upAt(n)) != len(l.nodes) {
				return false
			}
		}
		return true
	})
}

func TestClusterInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		l := newLAN(t, 5, nil)
		t.Logf("%d nodes in %v", len(l.nodes), time.Since(began))
	})
}
