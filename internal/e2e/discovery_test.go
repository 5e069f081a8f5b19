//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
	"github.com/foundation-runtime/foundation/strategies/consul"
	"github.com/foundation-runtime/foundation/strategies/dns"
	"github.com/foundation-runtime/foundation/strategies/file"
	"github.com/foundation-runtime/foundation/strategies/gossip"
	"github.com/foundation-runtime/foundation/strategies/mdns"
)

// finding are the flags of a strategy.
func finding(t *testing.T, kind string, config any) []string {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"-strategy", kind, "-strategy-config", string(text)}
}

// find starts three nodes that know nothing but a strategy, beside each other, and waits until they are a cluster. Then it takes
// away what they found each other by, for longer than it remembers anybody: nobody leaves.
func find(t *testing.T, net *netns.Net, kind string, config any, remove func(), longer time.Duration) {
	t.Helper()
	g := &group{t: t, net: net}
	for _, name := range []string{"a", "b", "c"} {
		g.hosts = append(g.hosts, net.Host(name))
	}
	began := time.Now()
	for _, h := range g.hosts {
		h.NameServer(subnetServer)
		g.nodes = append(g.nodes, startNode(t, h, finding(t, kind, config)...))
	}
	g.whole(soon)
	_, what, _ := strings.Cut(t.Name(), "/")
	figure(t, "three nodes find each other by nothing but "+what+": started and all up", "reported", ms(time.Since(began)))
	if remove == nil {
		g.talk()
		return
	}
	var marks []int
	for _, n := range g.nodes {
		marks = append(marks, n.mark())
	}
	remove()
	pause(longer)
	for i, n := range g.nodes {
		if n.count(marks[i], func(m message) bool { return m.Member != nil }) > 0 || len(n.up()) != 3 {
			t.Errorf("%s sees %v up", n.name, n.up())
		}
	}
	g.talk()
}

// subnetServer is the address of the first host of a network, where a test has its name server.
const subnetServer = "10.77.0.1"

// TestFound: nodes that know nothing but one strategy become a cluster, and stay one without it.
func TestFound(t *testing.T) {
	t.Parallel()
	const interval = 300 * time.Millisecond
	t.Run("mdns", func(t *testing.T) {
		t.Parallel()
		find(t, netns.New(t), "mdns", mdns.Config{Secret: []byte(rightSecret), Interval: interval, Listen: interval}, nil, 0)
	})
	t.Run("gossip", func(t *testing.T) {
		t.Parallel()
		find(t, netns.New(t), "gossip", gossip.Config{Secret: []byte(rightSecret), Interval: interval}, nil, 0)
	})
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		find(t, netns.New(t), "file", file.Config{Dir: dir, Interval: interval, TTL: time.Second}, func() {
			if err := os.RemoveAll(filepath.Join(dir, "default")); err != nil {
				t.Error(err)
			}
		}, 3*time.Second)
	})
	t.Run("consul", func(t *testing.T) {
		t.Parallel()
		n := netns.New(t)
		s := startConsul(t, n.Host("server"), nil)
		config := consul.Config{Address: s.host.Addr(8500), TTL: shortTTL, RetryAfter: interval}
		find(t, n, "consul", config, s.Kill, 2*shortTTL)
	})
	t.Run("dns_addresses", func(t *testing.T) {
		t.Parallel()
		n := netns.New(t)
		s := startNameServer(t, n.Host("server"), "10.77.0.2 nodes.test", "10.77.0.3 nodes.test", "10.77.0.4 nodes.test")
		s.start()
		find(t, n, "dns", dnsConfig(s, "nodes.test", port), s.Kill, 4*time.Second)
	})
	t.Run("dns_services", func(t *testing.T) {
		t.Parallel()
		n := netns.New(t)
		s := startNameServer(t, n.Host("server"), "10.77.0.2 a.test", "10.77.0.3 b.test", "10.77.0.4 c.test")
		const service = "_foundation._tcp.nodes.test"
		s.start(service+",a.test,7946", service+",b.test,7946", service+",c.test,7946")
		// The system's resolver is asked, which the host's own resolv.conf leads to the server.
		find(t, n, "dns", dns.Config{Name: service, Interval: interval, Timeout: time.Second, Keep: time.Second}, s.Kill, 4*time.Second)
	})
}

// mounted is a small file system of its own.
func mounted(t *testing.T, flags uintptr, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Skipf("no tmpfs can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestUselessDirectory: a node whose directory is full or cannot be written starts, says so, and is a member by its seeds.
func TestUselessDirectory(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"full", "read-only"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			flags, options := uintptr(0), "size=64k"
			if what == "read-only" {
				flags = syscall.MS_RDONLY
			}
			dir := mounted(t, flags, options)
			filler := filepath.Join(dir, "filler")
			if what == "full" {
				if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); err == nil {
					t.Fatal("the disk is not full")
				}
			}
			net := netns.New(t)
			h := []*netns.Host{net.Host("a"), net.Host("b"), net.Host("c")}
			config := finding(t, "file", file.Config{Dir: dir, Interval: 100 * time.Millisecond})
			a := startNode(t, h[0], config...)
			a.joined()
			b := startNode(t, h[1], append([]string{"-seed", h[0].Addr(port)}, config...)...)
			b.joined()
			g := &group{t: t, nodes: []*node{a, b}}
			g.whole(soon)
			g.talk()
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			defer cancel()
			for _, n := range g.nodes {
				for i := 0; ; i++ {
					text, err := n.Err.Next(ctx, i)
					if err != nil {
						t.Fatalf("%s never said that %s cannot be used: %v", n.name, dir, err)
					}
					if strings.Contains(text, "discovery failed") && strings.Contains(text, dir) {
						t.Log(text)
						break
					}
				}
			}
			if what == "full" {
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				g.nodes = append(g.nodes, startNode(t, h[2], config...))
				g.whole(soon)
				figure(t, "full disk that has room again: a third node finds the others by it", "reported", ms(time.Since(began)))
			}
			figure(t, "directory that is "+what+": nodes start, say so, and are a cluster by seeds", "yes", "yes")
		})
	}
}
