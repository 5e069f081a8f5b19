//go:build e2e

package e2e_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestKill: a killed node is down everywhere at once, remote monitors and links fire once, and it comes back under its name.
func TestKill(t *testing.T) {
	kills := 30
	if soakFor(t) > 0 {
		kills = 100
	}
	for _, c := range []struct {
		nodes, ballast, kills int
		rest                  time.Duration // between a restart and the next kill
	}{{3, 1000, 1, rest}, {3, 50, 10, 0}, {3, 50, kills, rest}, {5, 50, kills, rest}} {
		t.Run(fmt.Sprintf("%d_nodes_%d_MB_every_%v", c.nodes, c.ballast, c.rest), func(t *testing.T) {
			if c.kills > 1 {
				t.Parallel() // with each other: nearly all the time is waiting
			}
			g := newGroup(t, c.nodes, "-ballast", fmt.Sprint(c.ballast))
			var took []time.Duration
			for i := range c.kills {
				pause(c.rest)
				took = append(took, g.kill(i%c.nodes))
			}
			p99, limit := quantile(took, 0.99), 300*time.Millisecond
			figure(t, fmt.Sprintf("kill -9, %d nodes of %d MB, %v after the last one was back: down at every survivor, p50 / worst of %d",
				c.nodes, c.ballast, c.rest, len(took)),
				"300 ms", ms(quantile(took, 0.5))+" / "+ms(quantile(took, 1)))
			if p99 > limit {
				t.Errorf("p99 is %v, more than %v: %v", p99, limit, took)
			}
		})
	}
}

// rest is more than Settle of the development profile, so that what a kill finds is a stable cluster.
const rest = 700 * time.Millisecond

// kill kills a node and starts it again. It returns after how long the last survivor published that it is down.
func (g *group) kill(victim int) (took time.Duration) {
	g.t.Helper()
	dead := g.nodes[victim]
	var survivors []*node
	var marks []int
	const monitors = 3
	for i, n := range g.nodes {
		if i == victim {
			continue
		}
		n.do(order{Do: "monitor", To: dead.name, Stream: "m", Count: monitors})
		n.do(order{Do: "link", To: dead.name, Stream: "l"})
		survivors, marks = append(survivors, n), append(marks, n.mark())
	}
	began := time.Now()
	dead.Kill()
	for i, n := range survivors {
		m := n.event(marks[i], soon, "down", dead.name)
		took = max(took, m.Time.Sub(began))
	}
	for i, n := range survivors { // they may be printed after the event
		for _, kind := range []string{"monitor", "exit"} {
			n.await(marks[i], soon, kind, func(m message) bool { return m.Event == kind })
		}
	}
	g.restart(victim).joined()
	g.whole(soon)
	for i, n := range survivors {
		fired := n.count(marks[i], func(m message) bool { return m.Event == "monitor" && m.Reason == "noconnection" })
		exits := n.count(marks[i], func(m message) bool { return m.Event == "exit" && m.Reason == "noconnection" })
		others := n.count(marks[i], func(m message) bool { return (m.Event == "monitor" || m.Event == "exit") && m.Reason != "noconnection" })
		downs := n.count(marks[i], func(m message) bool { return m.Event == "down" })
		if fired != monitors || exits != 1 || others != 0 || downs != 1 {
			g.t.Errorf("at %s %d of %d monitors, %d links and %d with other reasons fired, and there were %d downs", n.name, fired, monitors, exits,
				others, downs)
		}
	}
	return took
}

// TestRestartInPlace: a node that is killed and started again at once, before anybody can miss it, is another one: each
// relation breaks once, and mail for the predecessor never reaches the successor.
func TestRestartInPlace(t *testing.T) {
	g := newGroup(t, 3)
	rounds := 5
	if soakFor(t) > 0 {
		rounds = 50
	}
	var took []time.Duration
	for round := range rounds {
		old, a := g.nodes[2], g.nodes[0]
		held, toPID, toName := fmt.Sprint("sink", round), fmt.Sprint("pid", round), fmt.Sprint("name", round)
		var marks []int
		for _, n := range g.nodes[:2] {
			n.do(order{Do: "monitor", To: "c", Stream: "m", Count: 2})
			marks = append(marks, n.mark())
		}
		a.do(order{Do: "hold", To: "c", Stream: held})
		byPID := a.tell(order{Do: "send", To: "@" + held, Stream: toPID, Count: 1500, Rate: 1000})
		byName := a.tell(order{Do: "send", To: "c", Stream: toName, Count: 1500, Rate: 1000})
		for old.received(toPID).Got < 200 {
			pause(10 * time.Millisecond)
		}
		old.Kill()
		began := time.Now()
		fresh := g.restart(2)
		fresh.joined()
		took = append(took, time.Since(began))
		g.whole(soon)
		if m := byPID(soon); m.Err != "" || m.Sent != 1500 {
			t.Fatal(m)
		}
		byName(soon)
		if r := fresh.received(toPID); r.Got != 0 {
			t.Errorf("the successor got %d messages for its predecessor", r.Got)
		}
		if r := fresh.received(toName); r.Got == 0 || r.Back != 0 {
			t.Errorf("by name the successor got %+v", r)
		}
		for i, n := range g.nodes[:2] {
			fired := n.count(marks[i], func(m message) bool { return m.Event == "monitor" })
			right := n.count(marks[i], func(m message) bool { return m.Event == "monitor" && m.Reason == "noconnection" })
			if fired != 2 || right != 2 {
				t.Errorf("2 monitors at %s fired %d times, %d of them noconnection", n.name, fired, right)
			}
		}
	}
	figure(t, fmt.Sprintf("restart in place: killed and member again, worst of %d", rounds), "reported", ms(slices.Max(took)))
}
