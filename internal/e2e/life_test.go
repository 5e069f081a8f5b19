//go:build e2e

package e2e_test

import (
	"fmt"
	"testing"
	"time"
)

// TestLeave: a node that leaves loses nothing of what it sent, and is down at once; processes that it was asked to start say why they
// ended.
func TestLeave(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 3)
	a, c := g.nodes[0], g.nodes[2]
	mark := a.mark()
	a.do(order{Do: "spawn", To: "c", Stream: "idle"})
	a.do(order{Do: "monitor", To: "@idle", Stream: "idle"})
	a.do(order{Do: "exit", To: "@idle"})
	if m := a.await(mark, soon, "the end of what it started", func(m message) bool { return m.Event == "monitor" }); m.Reason != "shutdown" {
		t.Errorf("%+v", m)
	}
	const count = 20_000
	a.do(order{Do: "monitor", To: "c", Stream: "sink"})
	sent := c.do(order{Do: "send", To: "a", Stream: "last", Count: count, Size: 100}).Sent
	began := time.Now()
	c.leave()
	took := a.event(mark, soon, "down", "c").Time.Sub(began)
	eventually(t, "all has come", func() error {
		if r := a.received("last"); r.Got != sent || r.Gaps+r.Back > 0 {
			return fmt.Errorf("%d sent, %+v", sent, r)
		}
		return nil
	})
	if fired := a.count(mark, func(m message) bool { return m.Event == "monitor" && m.Stream == "sink" && m.Reason == "noconnection" }); fired != 1 {
		t.Errorf("a monitor fired %d times", fired)
	}
	figure(t, fmt.Sprintf("node that leaves: all of %d messages just sent arrive; down elsewhere after", count), "yes; reported", "yes; "+ms(took))
	if took > time.Second {
		t.Errorf("down after %v", took)
	}
}

// TestFalseDeaths: nobody is held for dead while the machine is busy. It is a part of make soak only: it keeps both cores busy.
func TestFalseDeaths(t *testing.T) {
	long := soakFor(t)
	if long == 0 {
		t.Skip("a part of make soak")
	}
	t.Parallel()
	g := newGroup(t, 5, "-profile", "lan", "-insecure")
	var marks []int
	for _, n := range g.nodes {
		marks = append(marks, n.mark())
	}
	busy := g.net.Host("busy")
	busy.Start("sh", "-c", "while :; do :; done")
	pause(long)
	deaths := 0
	for i, n := range g.nodes {
		deaths += n.count(marks[i], func(m message) bool { return m.Event == "down" })
	}
	figure(t, fmt.Sprintf("one busy loop beside 5 nodes, LAN, for %v and other tests beside: members held for dead", long),
		"1 in 10 node-hours", fmt.Sprint(deaths))
	if hours := 5 * long.Hours(); float64(deaths) > max(1, hours/10) {
		t.Errorf("%d members were held for dead in %.1f node-hours", deaths, hours)
	}
}
