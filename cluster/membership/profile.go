package membership

import (
	"fmt"
	"math"
	"time"
)

// Profile is how fast failures are noticed, and what that costs. It is a value: take one, change it, print it.
//
// A crash of one of n nodes is known to all after about
//
//	pick + ProbeInterval + suspicion + spread
//	pick      = 0 to ProbeInterval, until somebody's probe meets the dead node
//	suspicion = SuspicionMult × max(1, log10 n) × ProbeInterval, once the probes of SuspicionMult−2 others have failed too;
//	            up to SuspicionMaxMult times as long while they have not: each node probes one other per ProbeInterval,
//	            all of them in turn, so the next may come some intervals later
//	spread    = a few GossipIntervals
//
// See [Profile.Detection].
type Profile struct {
	// Name is for people.
	Name string
	// ProbeInterval is the time between two probes by one node, each of another node, and how long a probe takes until the
	// other node is suspected. Detection grows with 2 + SuspicionMult × max(1, log10 n) of it.
	ProbeInterval time.Duration
	// ProbeTimeout is how long a direct answer may take before others are asked to try; after it ProbeInterval − ProbeTimeout
	// are left for them. It must exceed the round trip between any two nodes. Detection does not depend on it.
	ProbeTimeout time.Duration
	// IndirectChecks is how many others are asked to probe. With loss p a probe of a living node fails by chance with about
	// p2 × (1 − (1 − p)^4)^IndirectChecks, p2 = 1 − (1 − p)², if streams fail too. Detection does not depend on it.
	IndirectChecks int
	// SuspicionMult sets how long a suspect has to defend itself: SuspicionMult × max(1, log10 n) × ProbeInterval.
	SuspicionMult int
	// SuspicionMaxMult times that is how long a suspicion lasts that nobody confirms: a node that loses contact with all
	// others needs this long to notice.
	SuspicionMaxMult int
	// RetransmitMult × ceil(log10(n+1)) is how often each node repeats a piece of news. Spread needs it large enough.
	RetransmitMult int
	// GossipInterval is the time between two rounds of news to GossipNodes others: spread is about
	// GossipInterval × log(n) / log(1 + GossipNodes).
	GossipInterval time.Duration
	GossipNodes    int
	// GossipToTheDead is how long a dead node still gets news, so that it can object, and how long it is remembered as dead.
	GossipToTheDead time.Duration
	// PushPullInterval is the time between two complete comparisons with a random member: the bound for news that gossip missed.
	PushPullInterval time.Duration
	// StreamTimeout bounds a comparison, dial included, and how long a stream of a stranger is kept.
	StreamTimeout time.Duration
}

// Fast is for one host or one rack: for up to 10 nodes a crash is known after 1.6 to 2.7 s in nine of ten cases, after 3.8 s
// in nearly all.
func Fast() Profile {
	return Profile{
		Name: "fast", ProbeInterval: 400 * time.Millisecond, ProbeTimeout: 200 * time.Millisecond, IndirectChecks: 3,
		SuspicionMult: 3, SuspicionMaxMult: 4, RetransmitMult: 4, GossipInterval: 100 * time.Millisecond, GossipNodes: 3,
		GossipToTheDead: 15 * time.Second, PushPullInterval: 5 * time.Second, StreamTimeout: 2 * time.Second,
	}
}

// LAN is for one data centre: for up to 10 nodes a crash is known after 5 to 7 s in nine of ten cases, after 10 s in nearly all.
func LAN() Profile {
	return Profile{
		Name: "lan", ProbeInterval: time.Second, ProbeTimeout: 500 * time.Millisecond, IndirectChecks: 3,
		SuspicionMult: 4, SuspicionMaxMult: 6, RetransmitMult: 4, GossipInterval: 200 * time.Millisecond, GossipNodes: 3,
		GossipToTheDead: 30 * time.Second, PushPullInterval: 10 * time.Second, StreamTimeout: 3 * time.Second,
	}
}

// WAN is for links between regions: for up to 10 nodes a crash is known after 35 to 60 s.
func WAN() Profile {
	return Profile{
		Name: "wan", ProbeInterval: 5 * time.Second, ProbeTimeout: 3 * time.Second, IndirectChecks: 3,
		SuspicionMult: 6, SuspicionMaxMult: 6, RetransmitMult: 4, GossipInterval: 500 * time.Millisecond, GossipNodes: 4,
		GossipToTheDead: time.Minute, PushPullInterval: 30 * time.Second, StreamTimeout: 10 * time.Second,
	}
}

// Suspicion is how long one of n nodes is suspected before it is called dead: least if enough others confirm, most if none does.
func (p Profile) Suspicion(n int) (least, most time.Duration) {
	scale := max(1, math.Log10(float64(max(n, 1))))
	least = time.Duration(float64(p.SuspicionMult) * scale * float64(p.ProbeInterval))
	return least, least * time.Duration(p.SuspicionMaxMult)
}

// Detection is when a crash of one of n nodes is known to the others: from the earliest to what about one in a hundred exceeds.
func (p Profile) Detection(n int) (from, to time.Duration) {
	least, _ := p.Suspicion(n)
	rounds := 1 + int(math.Ceil(math.Log(float64(max(n, 2)))/math.Log(1+float64(max(p.GossipNodes, 1)))))
	spread := time.Duration(rounds) * p.GossipInterval
	return p.ProbeInterval + least, 5*p.ProbeInterval + least + 2*spread
}

// String is one line with every field.
func (p Profile) String() string {
	return fmt.Sprintf("%s: probe %v/%v, %d indirect, suspicion ×%d (at most ×%d), gossip %v to %d (×%d), dead %v, compare %v, stream %v",
		p.Name, p.ProbeInterval, p.ProbeTimeout, p.IndirectChecks, p.SuspicionMult, p.SuspicionMaxMult,
		p.GossipInterval, p.GossipNodes, p.RetransmitMult, p.GossipToTheDead, p.PushPullInterval, p.StreamTimeout)
}

// check says what is wrong with p.
func (p Profile) check(bad func(field string, value any, why, cure string)) {
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"ProbeInterval", p.ProbeInterval}, {"ProbeTimeout", p.ProbeTimeout}, {"GossipInterval", p.GossipInterval},
		{"GossipToTheDead", p.GossipToTheDead}, {"PushPullInterval", p.PushPullInterval}, {"StreamTimeout", p.StreamTimeout},
	} {
		if d.value <= 0 {
			bad("Profile."+d.field, d.value, "it must be positive", "start from Fast(), LAN() or WAN() and change what differs")
		}
	}
	if p.ProbeTimeout >= p.ProbeInterval && p.ProbeInterval > 0 {
		bad("Profile.ProbeTimeout", p.ProbeTimeout, fmt.Sprintf("it must be below ProbeInterval, %v", p.ProbeInterval),
			"others need the rest of the interval to try")
	}
	for _, i := range []struct {
		field string
		value int
	}{
		{"SuspicionMult", p.SuspicionMult}, {"SuspicionMaxMult", p.SuspicionMaxMult}, {"RetransmitMult", p.RetransmitMult},
		{"GossipNodes", p.GossipNodes},
	} {
		if i.value < 1 || i.value > 100 {
			bad("Profile."+i.field, i.value, "it must be 1 to 100", "start from Fast(), LAN() or WAN() and change what differs")
		}
	}
	if p.IndirectChecks < 0 || p.IndirectChecks > 100 {
		bad("Profile.IndirectChecks", p.IndirectChecks, "it must be 0 to 100", "3 is usual")
	}
}
