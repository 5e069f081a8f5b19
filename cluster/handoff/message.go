package handoff

import (
	"cmp"
	"fmt"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

const (
	// MaxID is the length of the longest name of a process, in bytes.
	MaxID = 1024
	// MaxWhy is the length of the longest reason; what is longer is cut.
	MaxWhy = 1024
	// MaxState is the largest state that is moved, in bytes.
	MaxState = 64 << 20
	// MaxItems is how many processes a Done or Flush can name; more go in several.
	MaxItems = 4096
)

// Attempt numbers the attempts to move one process. Epochs of a process grow wherever it runs, so attempts do, too.
type Attempt struct {
	Epoch uint64 // of the activation that is moved
	N     uint64 // from 1
}

// IsZero reports whether a is none.
func (a Attempt) IsZero() bool { return a == Attempt{} }

// Compare orders attempts: later ones are greater.
func (a Attempt) Compare(b Attempt) int {
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.N, b.N))
}

func (a Attempt) String() string { return fmt.Sprintf("%d.%d", a.Epoch, a.N) }

// Lane is where a message travels. Within a lane order is kept, between lanes it is not.
type Lane uint8

const (
	Control Lane = iota
	Bulk
	// Default is the lane of user messages: a Flush stands behind those that were sent before it.
	Default
)

// Msg is what nodes say to each other about the process, or the node, that is named: one of the types below.
type Msg interface {
	kind() kind
	// Lane is where it has to travel.
	Lane() Lane
}

type (
	// Offer asks N to take a process.
	Offer struct {
		ID      string
		Attempt Attempt
		ViewID  uint64
	}
	// Accept: N waits for its State.
	Accept struct {
		ID      string
		Attempt Attempt
	}
	// Refuse: N does not take it now.
	Refuse struct {
		ID      string
		Attempt Attempt
		Why     string
	}
	// State is what Snapshot gave.
	State struct {
		ID      string
		Attempt Attempt
		Version uint32
		Bytes   []byte
	}
	// Ready: Restore went well; N holds a suspended copy.
	Ready struct {
		ID      string
		Attempt Attempt
	}
	// Failed: N has no such copy, and never will have.
	Failed struct {
		ID      string
		Attempt Attempt
		Why     string
	}
	// Activate is the commit point: the copy runs.
	Activate struct {
		ID      string
		Attempt Attempt
		Epoch   uint64
	}
	// Abort: the copy is dropped.
	Abort struct {
		ID      string
		Attempt Attempt
	}
	// Active: the copy runs and is registered. It is said again for each Activate.
	Active struct {
		ID      string
		Attempt Attempt
		PID     uint64
	}
	// Flush: nothing of what From sent to the old process is behind it. From the old node itself: nothing of anybody.
	Flush struct {
		From nodeid.ID
		IDs  []string
	}
	// Done: the sender holds Down for down, has handled all that came from it, and has Items of it. Others follow if More.
	Done struct {
		Down   nodeid.ID
		ViewID uint64
		Items  []Item
		More   bool
	}
	// Inquire asks for a Done.
	Inquire struct{ Down nodeid.ID }
)

// Item is a process that came from a node, or was known to be there, and that somebody else runs or holds prepared.
type Item struct {
	ID      string
	Attempt Attempt // of a prepared copy
	Epoch   uint64  // of a running process
	Running bool
}

type kind uint8

const (
	kindOffer kind = iota + 1
	kindAccept
	kindRefuse
	kindState
	kindReady
	kindFailed
	kindActivate
	kindAbort
	kindActive
	kindFlush
	kindDone
	kindInquire
)

func (Offer) kind() kind    { return kindOffer }
func (Accept) kind() kind   { return kindAccept }
func (Refuse) kind() kind   { return kindRefuse }
func (State) kind() kind    { return kindState }
func (Ready) kind() kind    { return kindReady }
func (Failed) kind() kind   { return kindFailed }
func (Activate) kind() kind { return kindActivate }
func (Abort) kind() kind    { return kindAbort }
func (Active) kind() kind   { return kindActive }
func (Flush) kind() kind    { return kindFlush }
func (Done) kind() kind     { return kindDone }
func (Inquire) kind() kind  { return kindInquire }

func (Offer) Lane() Lane    { return Control }
func (Accept) Lane() Lane   { return Control }
func (Refuse) Lane() Lane   { return Control }
func (State) Lane() Lane    { return Bulk }
func (Ready) Lane() Lane    { return Control }
func (Failed) Lane() Lane   { return Control }
func (Activate) Lane() Lane { return Control }
func (Abort) Lane() Lane    { return Control }
func (Active) Lane() Lane   { return Control }
func (Flush) Lane() Lane    { return Default }
func (Done) Lane() Lane     { return Control }
func (Inquire) Lane() Lane  { return Control }
