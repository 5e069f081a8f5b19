package cluster

import (
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/cluster/membership"
	"github.com/foundation-runtime/foundation/cluster/view"
)

// Profile is a set of timings, and what security goes with it.
type Profile uint8

const (
	// Development is for one machine or a trusted rack: nothing is encrypted unless keys are given, and a vanished host is
	// down after 4.1 s.
	Development Profile = iota
	// LAN is for production in one place: it needs TLS and a gossip key. A vanished host is down after 9.9 s, or 13.5 s with
	// thirty members.
	LAN
	// WAN is for members far from each other: as LAN, more patient, and a refused dial proves nothing.
	WAN
)

type timing struct {
	name     string
	view     view.Timing
	gossip   membership.Profile
	discover time.Duration // how long Join waits for a strategy's first word
	barrier  time.Duration // how long Join waits for sessions with all members
}

var profiles = map[Profile]timing{
	Development: {"development", view.Fast(), membership.Fast(), 1500 * time.Millisecond, 5 * time.Second},
	LAN:         {"lan", view.LAN(), membership.LAN(), 3 * time.Second, 10 * time.Second},
	WAN:         {"wan", view.WAN(), membership.WAN(), 5 * time.Second, 20 * time.Second},
}

// String is the name of the profile.
func (p Profile) String() string {
	if t, ok := profiles[p]; ok {
		return t.name
	}
	return fmt.Sprintf("Profile(%d)", uint8(p))
}
