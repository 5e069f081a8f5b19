//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
)

// What programs node print and read; see there.
type (
	message struct {
		ID      int
		Event   string
		Time    time.Time
		Err     string
		PID     int
		Member  *memberLine
		Other   string
		Links   []string
		Members []memberLine
		Stream  string
		Reason  string
		Sent    uint64
		Times   *times
		Stats   *nodeStats
		Streams []receipt
	}
	memberLine struct{ Name, Incarnation, Addr, State, Why string }
	times      struct {
		P50, P99, Max time.Duration
		Answered      int
		Failed        map[string]int
	}
	nodeStats struct {
		RSS, Goroutines, Files int
		System                 struct {
			Sent, Handled, Dead           uint64
			DeadBy                        map[string]uint64
			Queued                        int
			Conveyed, ConveyLost, Arrived uint64
		}
		Dead map[string]map[string]uint64
		Sent map[string]uint64
	}
	receipt struct {
		Stream, From          string
		Got, Last, Back, Gaps uint64
		Longest               time.Duration
	}
	order struct {
		ID     int
		Do     string
		To     string `json:",omitempty"`
		Name   string `json:",omitempty"`
		Stream string `json:",omitempty"`
		Count  int    `json:",omitempty"`
		Rate   int    `json:",omitempty"`
		Size   int    `json:",omitempty"`
	}
)

// port is that of all nodes: each has a host of its own.
const port = 7946

// node is a running node.
type node struct {
	*netns.Process
	t       *testing.T
	host    *netns.Host
	name    string
	in      *os.File
	said    []message // parsed so far
	ordered int
}

// startNode starts a node; it does not wait for anything.
func startNode(t *testing.T, h *netns.Host, args ...string) *node {
	t.Helper()
	return startNamed(t, h, h.Name(), args...)
}

func startNamed(t *testing.T, h *netns.Host, name string, args ...string) *node {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, host: h, name: name, in: w}
	n.Process = h.StartWith(r, nodePath, append([]string{"-name", name, "-listen", h.Addr(port)}, args...)...)
	r.Close()
	t.Cleanup(func() { w.Close() })
	return n
}

// line is the i-th thing that n said, if it says it in time.
func (n *node) line(ctx context.Context, i int) (message, error) {
	for len(n.said) <= i {
		text, err := n.Out.Next(ctx, len(n.said))
		if err != nil {
			return message{}, err
		}
		var m message
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			return m, fmt.Errorf("%q is no line of a node: %w", text, err)
		}
		n.said = append(n.said, m)
	}
	return n.said[i], nil
}

// mark is how much n has said by now.
func (n *node) mark() int { return n.Out.Len() }

// await finds the first thing said since mark that is wanted.
func (n *node) await(since int, limit time.Duration, what string, want func(message) bool) message {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), limit)
	defer cancel()
	for i := since; ; i++ {
		m, err := n.line(ctx, i)
		if err != nil {
			n.t.Fatalf("%s never said %s within %v: %v", n.name, what, limit, err)
		}
		if want(m) {
			return m
		}
	}
}

// event waits for a member event.
func (n *node) event(since int, limit time.Duration, kind, member string) message {
	n.t.Helper()
	return n.await(since, limit, kind+" "+member, func(m message) bool { return m.Event == kind && m.Member != nil && m.Member.Name == member })
}

// count counts what was said since mark.
func (n *node) count(since int, want func(message) bool) (found int) {
	n.t.Helper()
	for i := since; i < n.mark(); i++ {
		m, err := n.line(n.t.Context(), i)
		if err != nil {
			n.t.Fatal(err)
		}
		if want(m) {
			found++
		}
	}
	return found
}

// joined waits until n is a member.
func (n *node) joined() message {
	n.t.Helper()
	return n.await(0, soon, "joined", func(m message) bool {
		if m.Event == "failed" {
			n.t.Fatalf("%s: %s", n.name, m.Err)
		}
		return m.Event == "joined"
	})
}

// failed waits until n gives up, and returns why.
func (n *node) failed() string {
	n.t.Helper()
	return n.await(0, soon, "failed", func(m message) bool {
		if m.Event == "joined" {
			n.t.Errorf("%s has joined", n.name)
		}
		return m.Event == "failed" || m.Event == "joined"
	}).Err
}

// tell gives n something to do; the answer is waited for by the function returned.
func (n *node) tell(o order) (answer func(limit time.Duration) message) {
	n.t.Helper()
	n.ordered++
	o.ID = n.ordered
	text, err := json.Marshal(o)
	if err != nil {
		n.t.Fatal(err)
	}
	since := n.mark()
	if _, err := n.in.Write(append(text, '\n')); err != nil {
		n.t.Fatalf("%s: %v", n.name, err)
	}
	return func(limit time.Duration) message {
		n.t.Helper()
		return n.await(since, limit, "the answer to "+string(text), func(m message) bool { return m.Event == "done" && m.ID == o.ID })
	}
}

// do is tell that waits; an error fails the test.
func (n *node) do(o order) message {
	n.t.Helper()
	m := n.tell(o)(soon)
	if m.Err != "" {
		n.t.Fatalf("%s: %+v: %s", n.name, o, m.Err)
	}
	return m
}

func (n *node) stats() *nodeStats { n.t.Helper(); return n.do(order{Do: "stats"}).Stats }

// received is what the sink of n has of a stream.
func (n *node) received(stream string) receipt {
	n.t.Helper()
	for _, r := range n.do(order{Do: "received"}).Streams {
		if r.Stream == stream {
			return r
		}
	}
	return receipt{Stream: stream}
}

// up are the names of the members that n sees up.
func (n *node) up() (names []string) {
	n.t.Helper()
	for _, m := range n.do(order{Do: "members"}).Members {
		if m.State == "up" {
			names = append(names, m.Name)
		}
	}
	return names
}

// leave closes the input of n and waits until it has left.
func (n *node) leave() {
	n.t.Helper()
	n.in.Close()
	n.await(0, soon, "left", func(m message) bool { return m.Event == "left" })
	<-n.Done()
}

// resident is the memory of n, also while it is stopped.
func (n *node) resident() int {
	n.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", n.Process.ID()))
	if err != nil {
		n.t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		n.t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// group is a cluster with one host a node.
type group struct {
	t     *testing.T
	net   *netns.Net
	hosts []*netns.Host
	nodes []*node
	args  [][]string
}

// newGroup starts n nodes, named a, b and so on, that know the first two as seeds, and waits until all see all up.
func newGroup(t *testing.T, n int, args ...string) *group {
	t.Helper()
	return newGroupOf(t, n, func(int) []string { return args })
}

// newGroupOf is newGroup with arguments for each.
func newGroupOf(t *testing.T, n int, args func(i int) []string) *group {
	t.Helper()
	net := netns.New(t)
	g := &group{t: t, net: net}
	for i := range n {
		g.hosts = append(g.hosts, net.Host(string(rune('a'+i))))
	}
	for i, h := range g.hosts {
		g.args = append(g.args, append([]string{"-seed", g.hosts[0].Addr(port), "-seed", g.hosts[1].Addr(port)}, args(i)...))
		g.nodes = append(g.nodes, startNode(t, h, g.args[i]...))
		g.nodes[i].joined() // one after another: an age of its own for each
	}
	g.whole(soon)
	return g
}

// restart starts node i again.
func (g *group) restart(i int) *node {
	g.t.Helper()
	g.nodes[i] = startNode(g.t, g.hosts[i], g.args[i]...)
	return g.nodes[i]
}

// whole waits until all see all up, and returns how long that took.
func (g *group) whole(limit time.Duration) time.Duration {
	g.t.Helper()
	began := time.Now()
	for _, n := range g.nodes {
		for len(n.up()) != len(g.nodes) {
			if time.Since(began) > limit {
				g.t.Fatalf("%s sees %v up after %v", n.name, n.up(), limit)
			}
			pause(20 * time.Millisecond)
		}
	}
	return time.Since(began)
}

// pause lets time pass in which something must not happen, or between two looks.
func pause(d time.Duration) { <-time.After(d) }
