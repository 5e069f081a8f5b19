package view

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Timing says how long what takes. The profiles are [Fast], [LAN] and [WAN]; all members of a cluster use the same.
type Timing struct {
	// Heartbeat is how often members send one to each other.
	Heartbeat time.Duration
	// Silent (D) is for how long a session gives no byte until that is evidence. After half of it the member is suspect.
	Silent time.Duration
	// LinkBroken is for how long a session is silent until its link is called broken, though SWIM holds the member alive.
	// A member that SWIM never saw counts as dead for SWIM after it.
	LinkBroken time.Duration
	// Settle is for how long nothing changes until a set of members is taken for stable.
	Settle time.Duration
	// DownAfter is for how long a member is unreachable until [KeepAll] decides that it is down. Zero is Settle.
	DownAfter time.Duration
	// ForgetAfter is for how long a member is down until it is forgotten, if SWIM does not hold it alive then.
	ForgetAfter time.Duration
	// ProbeSteps are the pauses before the dials that look whether an address refuses. Two at least.
	ProbeSteps []time.Duration
	// NoProof switches P2 off: behind proxies, sidecars and firewalls that refuse for the living.
	NoProof bool
}

func profile(heartbeat, silent, settle time.Duration) Timing {
	const ms = time.Millisecond
	return Timing{
		Heartbeat: heartbeat, Silent: silent, Settle: settle, DownAfter: settle,
		LinkBroken: 30 * time.Second, ForgetAfter: 24 * time.Hour,
		ProbeSteps: []time.Duration{5 * ms, 10 * ms, 20 * ms, 40 * ms, 80 * ms},
	}
}

// Fast is for one machine or one rack: a vanished host is down after 4.1 s. A pause of 3 s may be taken for death.
func Fast() Timing { return profile(200*time.Millisecond, time.Second, 500*time.Millisecond) }

// LAN is the default: a vanished host is down after 9.9 s.
func LAN() Timing { return profile(500*time.Millisecond, 3*time.Second, 2*time.Second) }

// WAN is for members far from each other. P2 is off.
func WAN() Timing {
	t := profile(time.Second, 10*time.Second, 5*time.Second)
	t.NoProof = true
	return t
}

// Validate returns all that is wrong with t.
func (t Timing) Validate() error {
	var errs []error
	bad := func(field string, got time.Duration, cure string) {
		errs = append(errs, fmt.Errorf("cluster/view: Timing.%s is %v: %s", field, got, cure))
	}
	if t.Heartbeat <= 0 {
		bad("Heartbeat", t.Heartbeat, "give a positive duration, as the profiles Fast, LAN and WAN do")
	}
	if t.Silent < 4*t.Heartbeat {
		bad("Silent", t.Silent, "give at least 4 heartbeats: a lost packet is no silence")
	}
	if t.LinkBroken < t.Silent {
		bad("LinkBroken", t.LinkBroken, "give at least Silent")
	}
	if t.Settle <= 0 {
		bad("Settle", t.Settle, "give a positive duration")
	}
	if t.DownAfter < 0 {
		bad("DownAfter", t.DownAfter, "give a positive duration, or zero for Settle")
	}
	if t.ForgetAfter < t.LinkBroken {
		bad("ForgetAfter", t.ForgetAfter, "give at least LinkBroken; 24 hours is usual")
	}
	if len(t.ProbeSteps) < refusals {
		errs = append(errs, fmt.Errorf("cluster/view: Timing.ProbeSteps has %d steps: give at least %d, as many refusals are needed",
			len(t.ProbeSteps), refusals))
	}
	for i, s := range t.ProbeSteps {
		if s < 0 || s > t.Silent {
			bad(fmt.Sprintf("ProbeSteps[%d]", i), s, "give a duration from 0 to Silent")
		}
	}
	return errors.Join(errs...)
}

// defaults are what New uses: t as it was given, but for what zero stands for.
func (t Timing) defaults() Timing {
	if t.DownAfter == 0 {
		t.DownAfter = t.Settle
	}
	t.ProbeSteps = slices.Clone(t.ProbeSteps)
	return t
}
