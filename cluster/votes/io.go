package votes

import "github.com/foundation-runtime/foundation/cluster/nodeid"

// Input is something that happened: one of the types below.
type Input interface{ input() }

type (
	// Met: messages can be sent to ID.
	Met struct{ ID nodeid.ID }
	// Lost: they cannot any more. It is no evidence about whether ID runs.
	Lost struct{ ID nodeid.ID }
	// Dead: ID was proved dead. Nothing is waited for: leases it may hold do not count.
	Dead struct{ ID nodeid.ID }
	// Received: From, which the transport vouches for, sent Msg.
	Received struct {
		From nodeid.ID
		Msg  Msg
	}
	// Ready: this node can become a member.
	Ready struct{}
	// Leave: this node runs nothing any more, for good, and wants to be excluded.
	Leave struct{}
	// Force: an operator knows that the quorum is gone for good. This node begins a new lineage with those it reaches. If the
	// old quorum lives after all, both run.
	Force struct{}
	// Tick: time went on. Due at [State.NextTick].
	Tick struct{}
)

func (Met) input()      {}
func (Lost) input()     {}
func (Dead) input()     {}
func (Received) input() {}
func (Ready) input()    {}
func (Leave) input()    {}
func (Force) input()    {}
func (Tick) input()     {}

// Output is something to be done, in the order in which it was returned: one of the types below.
type Output interface{ output() }

type (
	// Send: bring Msg to To; it may be lost.
	Send struct {
		To  nodeid.ID
		Msg Msg
	}
	// Changed: this node knows a newer set. Those of Out do not run any more, wherever they are.
	Changed struct {
		Set     Set
		In, Out []nodeid.ID // against the set before; nil if that was of another lineage
	}
	// Suspend: this node may not run; what runs waits. It is said late after a pause: ask [State.MayRun] before each turn.
	Suspend struct{ Why string }
	// Resume: it may run again, what was suspended too.
	Resume struct{}
	// Stop: what was suspended ends for good. A later Resume allows starting anew.
	Stop struct{ Why string }
	// PartialPartition: some members hear each other only through others, so nobody is excluded. No Links: it is over.
	// Only the node says so whose turn it is to propose, one on each side.
	PartialPartition struct{ Links []Link }
	// Dissolved: this node's lineage was left for a better one.
	Dissolved struct{ From, To SetID }
)

// Link is a pair of members of which From does not hear To.
type Link struct{ From, To nodeid.ID }

func (Send) output()             {}
func (Changed) output()          {}
func (Suspend) output()          {}
func (Resume) output()           {}
func (Stop) output()             {}
func (PartialPartition) output() {}
func (Dissolved) output()        {}
