package view

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Output is something to be done, in the order in which it was returned: one of the types of this file.
type Output interface{ output() }

type (
	// Event is for who subscribed to membership.
	Event struct {
		Kind   Kind
		Member Member    // as it is now; the member that the alarm is about
		Other  nodeid.ID // of AlarmDuplicateName: who else wants the name
		Links  []Link    // of AlarmPartialPartition: all pairs, sorted
	}
	// Connect: begin a session with ID. It is repeated while there is none.
	Connect struct {
		ID   nodeid.ID
		Addr string
	}
	// EndSession: ID is down; end the session with it, if there is one, and do not dial again.
	EndSession struct {
		ID  nodeid.ID
		Why string
	}
	// Dial: after After, dial Addr, see whether somebody says hello, hang up, and report [Dialled] with this Attempt.
	Dial struct {
		ID      nodeid.ID
		Addr    string
		Attempt int
		After   time.Duration
	}
	// Ask: ask To whether dials to ID are refused to it too.
	Ask struct{ To, ID nodeid.ID }
	// Answer is for To, who asked that.
	Answer struct {
		To, ID  nodeid.ID
		Refused bool
	}
	// Refuse: ID is not admitted; tell it if there is a way to. Why is an [*AdmitError].
	Refuse struct {
		ID  nodeid.ID
		Why error
	}
	// Tell: dial Addr and tell ID that it is removed here; there it is the input [Removed].
	Tell struct {
		ID    nodeid.ID
		Addr  string
		Floor nodeid.Incarnation
		Rank  Rank
	}
	// SelfRemoved: others hold our incarnation down for good. Start anew with one greater than Floor. It is the last output
	// of this View.
	SelfRemoved struct {
		By    nodeid.ID
		Floor nodeid.Incarnation
	}
)

func (Event) output()       {}
func (Connect) output()     {}
func (EndSession) output()  {}
func (Dial) output()        {}
func (Ask) output()         {}
func (Answer) output()      {}
func (Refuse) output()      {}
func (Tell) output()        {}
func (SelfRemoved) output() {}

// What [View.Admit] says, wrapped in an [*AdmitError].
var (
	// ErrDuplicateName: a member of that name is alive at another address. Give the node a name of its own.
	ErrDuplicateName = errors.New("cluster/view: a live member has this name; give every node a name of its own")
	// ErrProbing: it is being looked into whether an older incarnation is alive. Try again in some milliseconds, and for as
	// long as the older one may be silent before it is down.
	ErrProbing = errors.New("cluster/view: an older incarnation of this name may still be alive; try again")
	// ErrOldIncarnation: a later life of the name is known. Start anew with one greater than Floor.
	ErrOldIncarnation = errors.New("cluster/view: a later incarnation of this name is known; start with a greater one")
	// ErrRemoved: this incarnation is down here, and that is final. Start anew with one greater than Floor.
	ErrRemoved = errors.New("cluster/view: this incarnation was declared down; start with a greater one")
	// ErrForgotten: as ErrRemoved, so long ago that nothing else is known. Start anew, and empty.
	ErrForgotten = errors.New("cluster/view: this incarnation was forgotten; start with a greater one, and empty")
	// ErrFull: there are MaxMembers.
	ErrFull = fmt.Errorf("cluster/view: the cluster has %d members, which is the limit; federate several smaller clusters", MaxMembers)
)

// AdmitError is why a node is not admitted.
type AdmitError struct {
	ID    nodeid.ID
	Err   error              // one of the sentinels
	Floor nodeid.Incarnation // the greatest known of its name
	Other nodeid.ID          // of ErrDuplicateName and ErrProbing: the member that has the name
	Addr  string             // of Other
	Rank  Rank               // of who refuses
}

func (e *AdmitError) Error() string {
	if !e.Other.IsZero() {
		return fmt.Sprintf("%v: %v wants the name of %v at %s", e.Err, e.ID, e.Other, e.Addr)
	}
	return fmt.Sprintf("%v: %v, known is %v", e.Err, e.ID, e.Floor)
}

// Unwrap returns the sentinel.
func (e *AdmitError) Unwrap() error { return e.Err }

// Rank says which of two that removed each other stays: the one that is with more members, then the one with the oldest,
// then the older.
type Rank struct {
	Up     int                // members that this node hears and that are up, itself included
	Oldest nodeid.Incarnation // of these
	Self   nodeid.ID
}

// Less reports whether r goes and o stays.
func (r Rank) Less(o Rank) bool {
	return cmp.Or(cmp.Compare(r.Up, o.Up), cmp.Compare(o.Oldest, r.Oldest),
		cmp.Compare(o.Self.Incarnation, r.Self.Incarnation), o.Self.Compare(r.Self)) < 0
}
