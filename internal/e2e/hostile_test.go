//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// TestHostileSockets: 200 connections of somebody who is no node cost little memory, are bounded in number and time, and do not
// disturb those who are.
func TestHostileSockets(t *testing.T) {
	g := newGroup(t, 2)
	a, b := g.nodes[0], g.nodes[1]
	enemy := g.net.Host("enemy")
	const conns, rate, pending = 200, 400, 64
	ask := func(seconds int) *times {
		m := a.tell(order{Do: "ask", To: "b", Count: seconds * rate, Rate: rate})(soon).Times
		if m.Answered != seconds*rate {
			t.Errorf("requests between good nodes: %+v", m)
		}
		return m
	}
	ask(1)
	marks := []int{a.mark(), b.mark()}
	for _, c := range []struct {
		how     string
		seconds int
		pause   time.Duration // before a connection comes again
	}{{"garbage", 4, time.Second}, {"slow", 7, time.Second}, {"silent", 7, time.Second}, {"huge", 4, time.Second},
		{"wrong", 4, time.Second}, {"http", 2, time.Second}, {"tls", 2, time.Second}, {"datagrams", 4, time.Second}, {"garbage", 4, 100 * time.Millisecond}, {"huge", 4, 100 * time.Millisecond},
		{"wrong", 4, 100 * time.Millisecond}, {"http", 4, 100 * time.Millisecond}, {"tls", 4, 100 * time.Millisecond}} {
		how := fmt.Sprintf("%s, again after %v", c.how, c.pause)
		calm := ask(2)
		rest, before := b.resident(), b.stats()
		attack := enemy.Start(attackerPath, "-to", b.host.Addr(port), "-how", c.how, "-conns", fmt.Sprint(conns), "-rate", "100000",
			"-pause", c.pause.String())
		asked := a.tell(order{Do: "ask", To: "b", Count: c.seconds * rate, Rate: rate})
		peak, files, routines := rest, 0, 0
		for began := time.Now(); time.Since(began) < time.Duration(c.seconds)*time.Second; pause(100 * time.Millisecond) {
			s := b.stats()
			peak, files, routines = max(peak, b.resident()), max(files, s.Files-before.Files), max(routines, s.Goroutines-before.Goroutines)
		}
		under := asked(soon).Times
		attack.Kill()
		var did struct {
			Opened, Closed, Bytes int64
			Longest               time.Duration
		}
		if n := attack.Out.Len(); n == 0 {
			t.Fatal("the attacker said nothing")
		} else if text, err := attack.Out.Next(t.Context(), n-1); err != nil || json.Unmarshal([]byte(text), &did) != nil {
			t.Fatal(text, err)
		}
		figure(t, fmt.Sprintf("200 hostile connections, %s: growth of the node; p99 of requests between good nodes, calm and then", how),
			"12.5 MiB (64 KiB each); within 20 %", fmt.Sprintf("%s; %s, %s%s", mib(peak-rest), ms(calm.P99), ms(under.P99), missed(under.P99 > calm.P99*12/10)))
		t.Logf("%s: %d connections, %d bytes, held for %v at most; the node had %d more files and %d more goroutines", how, did.Opened, did.Bytes,
			did.Longest, files, routines)
		if grown := peak - rest; grown > conns<<16 {
			t.Errorf("%s: the node grew by %s", how, mib(grown))
		}
		if files > pending+8 || routines > 3*pending {
			t.Errorf("%s: %d more files, %d more goroutines; %d handshakes are allowed", how, files, routines, pending)
		}
		if c.how == "datagrams" {
			did.Longest = 0 // nobody closes them
		}
		if did.Opened < conns || c.seconds > 6 && did.Closed == 0 {
			t.Errorf("%s: it did not happen: %+v", how, did)
		}
		if did.Longest > 8*time.Second {
			t.Errorf("%s: a connection was held for %v", how, did.Longest)
		}
		if under.Answered != c.seconds*rate || under.P99 > max(10*calm.P99, 50*time.Millisecond) {
			t.Errorf("%s: requests between good nodes: %+v, calm %+v", how, under, calm)
		}
	}
	for i, n := range g.nodes {
		if n.count(marks[i], func(m message) bool { return m.Member != nil }) > 0 {
			t.Errorf("the membership of %s has changed", n.name)
		}
	}
	// The places are free again: a node joins.
	c := startNode(t, g.net.Host("c"), "-seed", b.host.Addr(port))
	c.joined()
	a.event(marks[0], soon, "up", "c")
}
