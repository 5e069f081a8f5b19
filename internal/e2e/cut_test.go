//go:build e2e

package e2e_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
)

// TestVanishedHost: a host that falls silent without a word is down by silence alone.
func TestVanishedHost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		profile string
		limit   time.Duration
	}{{"development", 6 * time.Second}, {"lan", 13 * time.Second}} {
		t.Run(c.profile, func(t *testing.T) {
			t.Parallel()
			g := newGroup(t, 5, "-profile", c.profile, "-insecure")
			pause(rest)
			var marks []int
			for _, n := range g.nodes[:4] {
				n.do(order{Do: "monitor", To: "e", Stream: "m"})
				marks = append(marks, n.mark())
			}
			began := time.Now()
			netns.Cut(g.hosts[4:], g.hosts[:4])
			worst := time.Duration(0)
			for i, n := range g.nodes[:4] {
				m := n.event(marks[i], soon, "down", "e")
				worst = max(worst, m.Time.Sub(began))
				n.await(marks[i], soon, "monitor", func(m message) bool { return m.Event == "monitor" && m.Reason == "noconnection" })
			}
			figure(t, "blackholed host, 5 nodes, profile "+c.profile+": down at the last", c.limit.String(), ms(worst))
			if worst > c.limit {
				t.Errorf("down after %v, more than %v", worst, c.limit)
			}
			netns.Heal(g.hosts[4:], g.hosts[:4])
			figure(t, "blackholed host, profile "+c.profile+": all up again after the heal", "5 s", ms(g.mustBeWhole(5*time.Second)))
			for i, n := range g.nodes[:4] {
				if fired := n.count(marks[i], func(m message) bool { return m.Event == "monitor" }); fired != 1 {
					t.Errorf("a monitor at %s fired %d times", n.name, fired)
				}
			}
		})
	}
}

// mustBeWhole is whole with a goal: to take longer fails the test, but is waited for.
func (g *group) mustBeWhole(goal time.Duration) time.Duration {
	g.t.Helper()
	took := g.whole(time.Minute)
	if took > goal {
		g.t.Errorf("all are up again after %v, more than %v", took, goal)
	}
	return took
}

// TestPartition: two against three, long enough for gossip to forget; then all find each other again and talk.
func TestPartition(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 5)
	lengths := []time.Duration{25 * time.Second, 5 * time.Second, 90 * time.Second}
	worst, rounds := time.Duration(0), 0
	for long, began := soakFor(t), time.Now(); rounds == 0 || time.Since(began) < long; rounds++ {
		pause(rest)
		worst = max(worst, g.partition(lengths[rounds%len(lengths)]))
	}
	figure(t, fmt.Sprintf("partition 2\\|3 for 25 s: all up again after the heal, worst of %d", rounds), "5 s", ms(worst))
	g.talk()
}

// partition separates two from three for at least as long as they take to hold each other for down. It returns after how long all
// are up again.
func (g *group) partition(length time.Duration) time.Duration {
	t := g.t
	t.Helper()
	var marks []int
	for _, n := range g.nodes {
		marks = append(marks, n.mark())
	}
	began := time.Now()
	netns.Cut(g.hosts[:2], g.hosts[2:])
	for i, n := range g.nodes {
		for k, other := range g.nodes {
			if (i < 2) != (k < 2) {
				n.event(marks[i], soon, "down", other.name)
			}
		}
	}
	pause(length - time.Since(began))
	for i, n := range g.nodes {
		if up := fmt.Sprint(n.up()); i < 2 && up != "[a b]" || i >= 2 && up != "[c d e]" {
			t.Errorf("%s sees %s up", n.name, up)
		}
	}
	netns.Heal(g.hosts[:2], g.hosts[2:])
	return g.mustBeWhole(5 * time.Second)
}

// talk checks that every node answers every other.
func (g *group) talk() {
	g.t.Helper()
	for _, n := range g.nodes {
		for _, other := range g.nodes {
			if m := n.do(order{Do: "ask", To: other.name, Count: 3}); m.Times.Answered != 3 {
				g.t.Errorf("%s asked %s: %+v", n.name, other.name, m.Times)
			}
		}
	}
}

// TestOneWay: a host that hears and is not heard is down for the others, and is back when it is heard again.
func TestOneWay(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 3)
	pause(rest)
	marks := []int{g.nodes[0].mark(), g.nodes[1].mark()}
	began := time.Now()
	for _, h := range g.hosts[:2] {
		g.hosts[2].Block(h)
	}
	worst := time.Duration(0)
	for i, n := range g.nodes[:2] {
		worst = max(worst, n.event(marks[i], soon, "down", "c").Time.Sub(began))
	}
	figure(t, "host that is not heard but hears, 3 nodes, development: down at the last", "6 s", ms(worst))
	if worst > 6*time.Second {
		t.Errorf("down after %v", worst)
	}
	for _, h := range g.hosts[:2] {
		g.hosts[2].Unblock(h)
	}
	figure(t, "host that was not heard: all up again after the heal", "5 s", ms(g.mustBeWhole(5*time.Second)))
	g.talk()
}

// TestBridge: two that do not reach each other, and both reach a third, one way or both: nobody is down, and an alarm says so.
func TestBridge(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"both ways", "one way"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			g := newGroup(t, 3)
			pause(rest)
			var marks []int
			for _, n := range g.nodes {
				marks = append(marks, n.mark())
			}
			began := time.Now()
			g.hosts[0].Block(g.hosts[1])
			if how == "both ways" {
				g.hosts[1].Block(g.hosts[0])
			}
			alarms := []string{"partial partition", "broken link"}
			first := time.Hour
			for i, n := range g.nodes {
				m := n.await(marks[i], 45*time.Second, "an alarm", func(m message) bool { return slices.Contains(alarms, m.Event) })
				first = min(first, m.Time.Sub(began))
				t.Logf("%s says %s of %v %s after %v", n.name, m.Event, m.Member, m.Links, m.Time.Sub(began))
			}
			for i, n := range g.nodes {
				if downs := n.count(marks[i], func(m message) bool { return m.Event == "down" }); downs > 0 {
					t.Errorf("%s declared %d members down", n.name, downs)
				}
			}
			if m := g.nodes[0].do(order{Do: "ask", To: "c", Count: 3}); m.Times.Answered != 3 {
				t.Errorf("through the bridge's pillar: %+v", m.Times)
			}
			figure(t, "bridge ("+how+" cut between two of three): nobody down for 30 s, alarm after", "about 30 s", ms(first))
			g.hosts[0].Unblock(g.hosts[1])
			if how == "both ways" {
				g.hosts[1].Unblock(g.hosts[0])
			}
			healed := time.Now()
			for tries := 0; ; tries++ {
				m := g.nodes[0].do(order{Do: "ask", To: "b", Count: 1})
				if m.Times.Answered == 1 {
					break
				}
				if tries > 20 {
					t.Fatalf("a never reaches b again: %+v", m.Times)
				}
				pause(100 * time.Millisecond)
			}
			figure(t, "bridge ("+how+"): requests between the two work again after the heal", "reported", ms(time.Since(healed)))
			g.whole(soon)
		})
	}
}
