package cluster

import (
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/view"
)

// Member is a node of the cluster, as seen at one moment.
type Member struct {
	Name        string
	Incarnation uint64 // this life of the name; a restarted node has a greater one
	Addr        string
	State       State
	Zone        string
	Labels      map[string]string // not to be changed
	Weight      int
	Since       time.Time // of State
	Proved      bool      // of Down: it is certain; else it was decided about a node that is out of reach
	Why         string    // of Down
}

// State is what a member is: see package view.
type State = view.State

// The states of a member.
const (
	Joining     = view.Joining     // known, and not up yet
	Up          = view.Up          // takes part
	Suspect     = view.Suspect     // silent for a while; still takes part
	Unreachable = view.Unreachable // silent for good, and not decided about yet
	Leaving     = view.Leaving     // says that it leaves
	Down        = view.Down        // gone; this life of it never comes back
	Forgotten   = view.Forgotten
)

// ID is the member's name and incarnation.
func (m Member) ID() nodeid.ID {
	return nodeid.ID{Name: m.Name, Incarnation: nodeid.Incarnation(m.Incarnation)}
}

// String is name#incarnation.
func (m Member) String() string { return m.ID().String() }

// IsZero reports whether m is nobody.
func (m Member) IsZero() bool { return m.Name == "" }

func memberOf(m view.Member) Member {
	return Member{
		Name: m.ID.Name, Incarnation: uint64(m.ID.Incarnation), Addr: m.Addr, State: m.State,
		Zone: m.Zone, Labels: m.Labels, Weight: max(m.Weight, 1), Since: m.Since, Proved: m.Proved, Why: m.Why,
	}
}

// EventKind is what a [MemberEvent] is about.
type EventKind = view.Kind

// The kinds of events. Of one life of a member they come in this order, with steps left out; Suspect, Unreachable and Reachable
// stand between Joining and Down.
const (
	MemberJoining     = view.EventJoining
	MemberUp          = view.EventUp
	MemberSuspect     = view.EventSuspect
	MemberUnreachable = view.EventUnreachable
	MemberReachable   = view.EventReachable
	MemberLeaving     = view.EventLeaving
	MemberDown        = view.EventDown
	MemberForgotten   = view.EventForgotten

	// MemberRenewed: this node goes on under a new incarnation, because others had declared it down. Events of the others begin
	// anew.
	MemberRenewed = view.EventRenewed

	// AlarmPartialPartition: members that do not hear each other while others hear both; Links names the pairs.
	AlarmPartialPartition = view.AlarmPartialPartition
	// AlarmDuplicateName: Other wants the name of Member, which is alive.
	AlarmDuplicateName = view.AlarmDuplicateName
	// AlarmBrokenLink: the session with Member is silent though others hear it.
	AlarmBrokenLink = view.AlarmBrokenLink
)

// MemberEvent is what [Node.Subscribe] delivers.
type MemberEvent struct {
	Kind   EventKind
	Member Member // as it is now
	Other  nodeid.ID
	Links  []view.Link
}
