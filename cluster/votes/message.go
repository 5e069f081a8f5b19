package votes

import (
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Msg is what members say to each other: one of the types of this file. [Append] and [Decode] bring it over the wire. Each
// may be lost, come twice, or late.
type Msg interface{ kind() kind }

// MaxBroken is how many members a heartbeat can name as not heard.
const MaxBroken = 64

// Know is the set that the sender knows. Members is nil if the receiver is thought to know it as well.
type Know struct{ Set Set }

type (
	// Heartbeat says what the sender is, and asks for a lease.
	Heartbeat struct {
		Know
		Sent    time.Duration // on the sender's clock; the answer echoes it
		Member  bool          // the sender is in the set it knows
		Hears   bool          // the sender hears the receiver
		Ready   bool          // the sender can become a member
		Leaving bool          // the sender never runs anything again, and wants to be excluded
		Pending bool          // something was accepted and is not known to be chosen
		Broken  []nodeid.ID   // members that the sender does not hear
	}
	// Grant is a lease: the answer to the heartbeat sent at Echo. Pending is what the granter accepted and does not know to
	// be chosen; who runs needs leases of a quorum of that too.
	Grant struct {
		Know
		Echo    time.Duration
		Pending Set
	}
	// Learn tells what was chosen.
	Learn struct{ Know }

	// Prepare begins a ballot about what follows the set.
	Prepare struct {
		Know
		Ballot Ballot
	}
	// Promise answers it. Holds are members with a lease of the acceptor that may still run.
	Promise struct {
		Set      SetID
		Ballot   Ballot
		Accepted Ballot // zero: nothing
		Value    Set    // of Accepted
		Holds    []nodeid.ID
	}
	// Accept asks to make Value the next set. Must says that the value was accepted by somebody before.
	Accept struct {
		Set    SetID
		Ballot Ballot
		Value  Set
		Must   bool
	}
	// Accepted answers it.
	Accepted struct {
		Set    SetID
		Ballot Ballot
	}
	// Refused answers a Prepare or Accept: Promised went before, or a lease holds for Wait.
	Refused struct {
		Set      SetID
		Ballot   Ballot
		Promised Ballot
		Wait     time.Duration
	}
	// Withhold asks to grant nothing to ID for a while: the partition is partial and ID has the most broken links.
	Withhold struct {
		Set SetID
		ID  nodeid.ID
	}
)

type kind uint8

const (
	kindHeartbeat kind = iota + 1
	kindGrant
	kindLearn
	kindPrepare
	kindPromise
	kindAccept
	kindAccepted
	kindRefused
	kindWithhold
)

func (Heartbeat) kind() kind { return kindHeartbeat }
func (Grant) kind() kind     { return kindGrant }
func (Learn) kind() kind     { return kindLearn }
func (Prepare) kind() kind   { return kindPrepare }
func (Promise) kind() kind   { return kindPromise }
func (Accept) kind() kind    { return kindAccept }
func (Accepted) kind() kind  { return kindAccepted }
func (Refused) kind() kind   { return kindRefused }
func (Withhold) kind() kind  { return kindWithhold }
