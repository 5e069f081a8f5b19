//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
)

// TestFoundationRun: the program that users start, with a gossip key and nothing else, finds others by multicast, tells of a killed
// node, and leaves in order.
func TestFoundationRun(t *testing.T) {
	t.Parallel()
	net := netns.New(t)
	key := filepath.Join(t.TempDir(), "gossip.key")
	if err := os.WriteFile(key, []byte(keygen(t)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var nodes []*netns.Process
	for _, name := range []string{"a", "b", "c"} {
		h := net.Host(name)
		nodes = append(nodes, h.Start(foundationPath, "run", "-json", "-name", name, "-listen", h.Addr(port), "-strategy", "gossip",
			"-gossip-key-file", key))
	}
	for i, p := range nodes {
		for k, other := range []string{"a", "b", "c"} {
			if i != k {
				printed(t, p, "up", other)
			}
		}
	}
	nodes[2].Kill()
	for _, p := range nodes[:2] {
		printed(t, p, "down", "c")
	}
	nodes[1].Stop() // its status must be 0
	printed(t, nodes[1], "left", "b")
	printed(t, nodes[0], "down", "b")
	nodes[0].Stop()
}

// printed waits until foundation run has printed an event of a member. Who is up when a node joins is in its first line.
func printed(t *testing.T, p *netns.Process, event, member string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for i := 0; ; i++ {
		text, err := p.Out.Next(ctx, i)
		if err != nil {
			t.Fatalf("%s %s was not printed: %v", event, member, err)
		}
		type who struct{ Name, State string }
		var e struct {
			Event   string
			Member  who
			Members []who
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if e.Event == event && e.Member.Name == member {
			return
		}
		for _, m := range e.Members {
			if e.Event == "joined" && m.State == event && m.Name == member {
				return
			}
		}
	}
}
