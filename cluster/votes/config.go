package votes

import (
	"errors"
	"fmt"
	"time"
)

// Timing says how long what takes. The profiles are [Fast], [LAN] and [WAN]; all members of a cluster use the same.
type Timing struct {
	// Heartbeat is how often members send one to each other, which asks for a lease.
	Heartbeat time.Duration
	// Silent (D) is for how long nothing is heard of a member until it does not count as reachable.
	Silent time.Duration
	// Stable (S) is for how long the reachable members do not change until a new set is proposed.
	Stable time.Duration
	// Lease (L) is for how long an answer allows to run, from when it was asked for.
	Lease time.Duration
	// Margin is what who granted a lease waits beyond Lease until it helps to exclude the holder. It covers clocks that run
	// at different rates.
	Margin time.Duration
	// Patience is for how long after the leases lapsed they may come back, for the same set, without a stop.
	Patience time.Duration
	// Bridge is for how long a partition stays partial until somebody is excluded for it.
	Bridge time.Duration
}

func profile(heartbeat, silent, stable, lease, margin time.Duration) Timing {
	return Timing{heartbeat, silent, stable, lease, margin, 10 * time.Second, 30 * time.Second}
}

const ms = time.Millisecond

// Fast is for one machine or one rack.
func Fast() Timing { return profile(200*ms, 1000*ms, 500*ms, 1000*ms, 250*ms) }

// LAN is the default.
func LAN() Timing { return profile(500*ms, 3000*ms, 2000*ms, 2000*ms, 500*ms) }

// WAN is for members far from each other.
func WAN() Timing { return profile(1000*ms, 10000*ms, 5000*ms, 8000*ms, 2000*ms) }

// Config is what a [State] needs to know. All members of a cluster use the same, but for Seed.
type Config struct {
	Policy Policy
	Timing Timing
	// Expected is how many nodes the cluster is meant to have: the first set needs more than half of them. One, for
	// development, lets a node that sees nobody with a set begin alone.
	Expected int
	// Seed is for jitter, and for what tells lineages apart. Any number that differs between nodes.
	Seed uint64
}

// Validate returns all that is wrong with c.
func (c Config) Validate() error {
	var errs []error
	bad := func(field string, got any, cure string) {
		errs = append(errs, fmt.Errorf("cluster/votes: %s is %v: %s", field, got, cure))
	}
	if c.Policy == nil {
		bad("Config.Policy", c.Policy, "give KeepMajority, StaticQuorum(n), KeepOldest or KeepAll")
	}
	if c.Expected < 1 || c.Expected > MaxMembers {
		bad("Config.Expected", c.Expected, fmt.Sprintf("give the number of nodes the cluster starts with, 1 to %d", MaxMembers))
	} else if c.Policy != nil && c.Expected > c.Policy.Max() {
		bad("Config.Expected", c.Expected, fmt.Sprintf("%v has at most %d members", c.Policy, c.Policy.Max()))
	}
	t := c.Timing
	if t.Heartbeat <= 0 {
		bad("Timing.Heartbeat", t.Heartbeat, "give a positive duration, as the profiles Fast, LAN and WAN do")
	}
	if t.Silent < 3*t.Heartbeat {
		bad("Timing.Silent", t.Silent, "give at least 3 heartbeats: a lost packet is no silence")
	}
	if t.Stable <= 0 {
		bad("Timing.Stable", t.Stable, "give a positive duration")
	}
	if t.Lease < 3*t.Heartbeat {
		bad("Timing.Lease", t.Lease, "give at least 3 heartbeats: leases are renewed by them")
	}
	if t.Margin < t.Lease/1000 || t.Margin <= 0 {
		bad("Timing.Margin", t.Margin, "give a quarter of Lease; a thousandth at least")
	}
	if t.Patience < 0 {
		bad("Timing.Patience", t.Patience, "give a positive duration, or zero to stop at once")
	}
	if t.Bridge < t.Lease+t.Margin {
		bad("Timing.Bridge", t.Bridge, "give more than Lease and Margin; 30 seconds is usual")
	}
	return errors.Join(errs...)
}
