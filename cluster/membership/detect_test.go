package membership_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/membership"
)

// TestDetection measures when a crash is known to all, and holds it to the figures in the documentation.
func TestDetection(t *testing.T) {
	for _, c := range []struct {
		profile membership.Profile
		sizes   []int
		usual   time.Duration // for the median
		runs    int
	}{
		{membership.Fast(), []int{3, 5, 10}, 2700 * time.Millisecond, 20},
		{membership.LAN(), []int{3, 10}, 7 * time.Second, 8},
		{membership.WAN(), []int{3, 10}, 50 * time.Second, 3},
	} {
		if raceEnabled {
			c.runs = 1
		}
		for _, n := range c.sizes {
			var took []time.Duration
			for range c.runs {
				took = append(took, detect(t, c.profile, n))
			}
			from, to := c.profile.Detection(n)
			best, median, worst := slices.Min(took), percentile(took, 0.5), slices.Max(took)
			t.Logf("%s n=%d: %v to %v, median %v; documented %v to %v", c.profile.Name, n, best, worst, median, from, to)
			if best < from-c.profile.ProbeInterval || worst > to+to/2 || len(took) > 1 && median > c.usual {
				t.Errorf("%s n=%d: %v to %v, median %v, documented %v to %v, usually %v", c.profile.Name, n, best, worst, median, from, to, c.usual)
			}
		}
	}
}

// detect is the time until all others know of one crash.
func detect(t *testing.T, p membership.Profile, n int) (took time.Duration) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(n, func(c *membership.Config) { c.Profile = p })
		<-time.After(p.ProbeInterval*3 + time.Duration(rand.Int64N(int64(p.ProbeInterval))))
		dead := r.nodes[rand.IntN(n)]
		start := time.Now()
		r.crash(dead)
		r.within(3*time.Minute, "all know of the crash", func() bool { return r.whole(r.nodes...) })
		took = time.Since(start)
		for _, x := range r.nodes {
			if d := x.of(membership.Dead); len(d) != 1 || d[0].ID != dead.id {
				t.Errorf("%v: dead are %v, want %v", x.id, d, dead.id)
			}
		}
	})
	return took
}

// TestPartitionsHeal: two halves that lost each other, for shorter and longer than anybody is remembered as dead, are one
// cluster again within 5 s after the cut, in 99 of 100 cases.
func TestPartitionsHeal(t *testing.T) {
	profiles := []membership.Profile{membership.Fast(), membership.LAN()}
	var all []time.Duration
	few := testing.Short() || raceEnabled
	if few {
		profiles = profiles[:1]
	}
	began := time.Now()
	for _, p := range profiles {
		for _, c := range []struct {
			cut  time.Duration
			runs int // the long ones cost most
		}{{5 * time.Second, 40}, {25 * time.Second, 35}, {90 * time.Second, 20}, {10 * time.Minute, 5}} {
			if few {
				c.runs = 1
			}
			if raceEnabled && c.cut > time.Minute {
				continue
			}
			cut := c.cut
			var took []time.Duration
			for i := range c.runs {
				took = append(took, heal(t, p, cut, 3+i%4))
			}
			worst := slices.Max(took)
			t.Logf("%s, cut %v: %d runs, median %v, p99 %v, worst %v", p.Name, cut, len(took), percentile(took, 0.5), percentile(took, 0.99), worst)
			all = append(all, took...)
		}
	}
	if p99, worst := percentile(all, 0.99), slices.Max(all); !few && p99 > 5*time.Second || worst > 15*time.Second {
		t.Errorf("of %d: p99 %v, worst %v", len(all), p99, worst)
	}
	t.Log("wall", time.Since(began))
}

// heal is the time from the end of a cut until everybody sees everybody.
func heal(t *testing.T, p membership.Profile, cut time.Duration, n int) (took time.Duration) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(n, func(c *membership.Config) { c.Profile = p })
		var side []string
		k := 1 + rand.IntN(n-1)
		for _, x := range r.nodes[:k] {
			side = append(side, x.ip)
		}
		r.net.Partition(side)
		<-time.After(cut + time.Duration(rand.Int64N(int64(3*time.Second))))
		if cut > time.Minute && // one that is alone suspects all others six times as long
			!(r.whole(r.nodes[:k]...) && r.whole(r.nodes[k:]...)) {
			t.Errorf("after %v the sides still see each other", cut)
		}
		r.net.Heal()
		took = r.within(time.Minute, fmt.Sprintf("whole again after %v", cut), func() bool { return r.whole(r.nodes...) })
	})
	return took
}

// TestWithoutRejoinTheyStayApart shows that it is the rejoiner that heals.
func TestWithoutRejoinTheyStayApart(t *testing.T) {
	if raceEnabled {
		t.Skip("it is about time only, and long")
	}
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(4, func(c *membership.Config) { c.Rejoin.Disabled = true })
		r.net.Partition([]string{ipOf(0), ipOf(1)})
		<-time.After(90 * time.Second)
		r.net.Heal()
		<-time.After(10 * time.Minute)
		if r.whole(r.nodes...) {
			t.Error("the cluster healed without a rejoiner: is it still needed?")
		}
	})
}

// TestOneWayCut: who can be reached only in one direction does not bring the others down.
func TestOneWayCut(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(5, nil)
		r.net.Cut(ipOf(0), ipOf(1))
		<-time.After(2 * time.Minute)
		for _, n := range r.nodes {
			for _, e := range n.of(membership.Dead) {
				t.Errorf("%v: %v is dead, though others reach it", n.id, e.ID)
			}
		}
		r.net.Heal()
		r.within(5*time.Second, "whole", func() bool { return r.whole(r.nodes...) })
	})
}

// TestNoFalseDeaths: ten nodes, half an hour, one packet in ten lost.
func TestNoFalseDeaths(t *testing.T) {
	minutes := 30
	if testing.Short() || raceEnabled {
		minutes = 1
	}
	cfg := lan()
	cfg.Loss, cfg.Duplicate, cfg.Reorder = 0.1, 0.02, 0.02
	began := time.Now()
	virtual(t, cfg, func(t *testing.T, r *rig) {
		r.cluster(10, nil)
		<-time.After(time.Duration(minutes) * time.Minute)
		worst := 0
		for _, n := range r.nodes {
			worst = max(worst, n.Health())
			for _, e := range n.of(membership.Dead) {
				t.Errorf("%v: %v called dead", n.id, e.ID)
			}
		}
		s := r.net.Stats()
		t.Logf("%d virtual minutes: %d packets, %.1f%% lost, %d dials, worst health %d",
			minutes, s.PacketsSent, 100*float64(s.PacketsLost)/float64(s.PacketsSent), s.Dials, worst)
		if share := float64(s.PacketsLost) / float64(s.PacketsSent); math.Abs(share-0.1) > 0.02 {
			t.Errorf("lost %.3f of the packets, meant 0.1", share)
		}
	})
	t.Log("wall", time.Since(began))
}

// TestPausedNodeComesBack: a node that stands still is called dead and is a member again soon after it goes on.
func TestPausedNodeComesBack(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(5, nil)
		r.net.Pause(ipOf(3))
		r.within(10*time.Second, "the others miss it", func() bool {
			return r.nodes[0].count(membership.Dead) == 1 && r.nodes[4].count(membership.Dead) == 1
		})
		<-time.After(time.Minute)
		r.net.Resume(ipOf(3))
		took := r.within(5*time.Second, "whole", func() bool { return r.whole(r.nodes...) })
		t.Log("back after", took)
	})
}

// TestRollingRestart: every node is replaced at another address, until no first address is left.
func TestRollingRestart(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(5, nil)
		for i := range 5 {
			old := r.nodes[0]
			n := r.start(10+i, nil)
			if err := n.Discovered(old.addr, r.nodes[1].addr); err != nil {
				t.Fatal(err)
			}
			r.within(time.Minute, "six", func() bool { return r.whole(r.nodes...) })
			if err := old.Leave(t.Context()); err != nil {
				t.Fatal(err)
			}
			old.stop()
			r.nodes = r.nodes[1:]
			r.within(time.Minute, "five", func() bool { return r.whole(r.nodes...) })
		}
		for _, n := range r.nodes {
			if k := n.Stats().Known; k > 4 || n.count(membership.Dead) > 0 {
				t.Errorf("%v: remembers %d addresses, %d deaths", n.id, k, n.count(membership.Dead))
			}
		}
	})
}

// TestHalfVanishes takes half of the nodes without a word: the others settle.
func TestHalfVanishes(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(10, nil)
		var ips []string
		for _, n := range r.nodes[5:] {
			ips = append(ips, n.ip)
		}
		r.net.Partition(ips)
		took := r.within(20*time.Second, "the rest sees the rest", func() bool { return r.whole(r.nodes[:5]...) })
		t.Log("settled after", took)
	})
}
