package view

import (
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// State is what a member is, as seen from here.
type State uint8

const (
	Joining     State = iota + 1 // known, but it does not say yet that it is up
	Up                           // it says so, and nothing speaks against it
	Suspect                      // SWIM holds it dead, or it has been silent for a while; it is still counted as up
	Unreachable                  // both; it is not counted as up
	Leaving                      // it says so
	Down                         // proved or decided; final for this incarnation
	Forgotten                    // down so long that nothing is remembered but that it is not admitted again
)

var stateNames = [...]string{"unknown", "joining", "up", "suspect", "unreachable", "leaving", "down", "forgotten"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Info is what a node says of itself in its hello. It does not change during an incarnation, except Load.
type Info struct {
	Zone   string
	Labels map[string]string // not changed by anybody after it was handed over
	Weight int               // zero is 1
	Load   float64           // is in no ViewID
}

// Member is a member at one moment.
type Member struct {
	ID    nodeid.ID
	Addr  string // where it says it can be dialled
	State State
	// Says is the last of Joining, Up and Leaving that the member said of itself, whatever State is.
	Says State
	Info
	Since  time.Time // of State
	Proved bool      // of Down: nobody had to decide
	Why    string    // of Down
	// PeerView is the ViewID on its last heartbeat, zero before.
	PeerView uint64
}

// counted reports whether a member in this state belongs to the up set, if it says that it is up.
func (s State) counted() bool { return s == Up || s == Suspect }

// Kind is what an [Event] is about.
type Kind uint8

const (
	EventJoining Kind = iota + 1
	EventUp
	EventSuspect
	EventUnreachable
	EventReachable // neither suspect nor unreachable any more
	EventLeaving
	EventDown
	EventForgotten

	// AlarmPartialPartition: some members do not hear each other while others hear both. Event.Links names the pairs.
	AlarmPartialPartition
	// AlarmDuplicateName: Event.Other wants the name of Event.Member, which is alive.
	AlarmDuplicateName
	// AlarmBrokenLink: our session with Event.Member is silent though SWIM holds it alive.
	AlarmBrokenLink

	// EventRenewed never comes from a View: its shell tells by it that another View has taken its place, after SelfRemoved.
	EventRenewed
)

var kindNames = [...]string{"unknown", "joining", "up", "suspect", "unreachable", "reachable", "leaving", "down", "forgotten",
	"partial partition", "duplicate name", "broken link", "renewed"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Link is a pair of members of which From does not hear To.
type Link struct{ From, To nodeid.ID }
