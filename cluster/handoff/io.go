package handoff

import "github.com/foundation-runtime/foundation/cluster/nodeid"

// Input is something that happened: one of the types below. Each machine ignores those that are not for it.
type Input interface{ input() }

type (
	// Move: move the process to To. The caller has seen that both nodes have had the view ViewID for a while, and that
	// nobody is unreachable. Ignored unless it runs and [Old.RetryAt] is past.
	Move struct {
		To     nodeid.ID
		ViewID uint64
	}
	// Drained: user mail is held, outstanding requests are answered or given up, children are stopped.
	Drained struct{}
	// Snapshotted is the end of [Snapshot]. Without an error, State is what it gave.
	Snapshotted struct {
		Version uint32
		State   []byte
		Err     error
	}
	// Unsettled: the view changed, or a member is unreachable. What is not committed is given up.
	Unsettled struct{ Why string }
	// Asked: From offers a process to this node. ViewID is ours; Busy is why we do not want it, if so.
	Asked struct {
		From   nodeid.ID
		Offer  Offer
		ViewID uint64
		Busy   string
	}
	// Restored is the end of [Restore]: PID is suspended, or Err is why there is none.
	Restored struct {
		Attempt Attempt
		PID     uint64
		Err     error
	}
	// Exited: the process that was activated here has ended, or moved on.
	Exited struct{}
	// Got: From sent Msg, directly or around.
	Got struct {
		From nodeid.ID
		Msg  Msg
	}
	// Await: these have to flush before forwarding may end; the members that are up
	// or joining, but for this node.
	Await struct{ Members []nodeid.ID }
	// PeerDown: ID is down, and all that came from it was handled.
	PeerDown struct{ ID nodeid.ID }
	// Unlinked: the session with ID ended, and all that came by it was handled. What was sent by it may be lost.
	Unlinked struct{ ID nodeid.ID }
	// Linked: there is a session with ID again.
	Linked struct{ ID nodeid.ID }
	// Viewed: this node's view is ViewID, with Members besides it. Inventory is what it runs and holds prepared of the node
	// that is down.
	Viewed struct {
		ViewID    uint64
		Members   []nodeid.ID
		Inventory []Item
	}
	// Tick: time went on. Due at NextTick.
	Tick struct{}
)

func (Move) input()        {}
func (Drained) input()     {}
func (Snapshotted) input() {}
func (Unsettled) input()   {}
func (Asked) input()       {}
func (Restored) input()    {}
func (Exited) input()      {}
func (Got) input()         {}
func (Await) input()       {}
func (PeerDown) input()    {}
func (Unlinked) input()    {}
func (Linked) input()      {}
func (Viewed) input()      {}
func (Tick) input()        {}

// Output is something to be done, in the order in which it was returned: one of the types below.
type Output interface{ output() }

type (
	// Send: bring Msg to To on its lane. Around: there is no session, so ask any other member to pass it on; the answer
	// comes the same way.
	Send struct {
		To     nodeid.ID
		Msg    Msg
		Around bool
	}
	// Drain: hold user mail; give outstanding requests a second, then run their callbacks with ErrMoved; stop the children
	// in reverse order. Ends with [Drained].
	Drain struct{}
	// Snapshot: let the process give its state, as an ordinary turn. Ends with [Snapshotted].
	Snapshot struct{}
	// Resume: the process runs on here, as Epoch, with the mail that was held. Undoes Drain and Snapshot.
	Resume struct{ Epoch uint64 }
	// GaveUp: an attempt came to nothing. If a Resume is due, it went before.
	GaveUp struct {
		Attempt Attempt
		Why     string
	}
	// Forward: the process runs at To as PID, and not here. Forward held mail in order, and from now on all that comes;
	// tell monitors and links; answer with [Await].
	Forward struct {
		To  nodeid.ID
		PID uint64
	}
	// Gone: nothing is to be forwarded any more.
	Gone struct{}

	// Restore: spawn a suspended process and let it restore State. What it sends, registers or starts is held back. Ends with
	// [Restored].
	Restore struct {
		Attempt Attempt
		Version uint32
		State   []byte
	}
	// Drop: end the copy of the attempt, whether or not Restore has ended, and what it held back.
	Drop struct{ Attempt Attempt }
	// Run: let the copy run as Epoch, release what it held back, and register it; then Active may be sent.
	Run struct {
		Attempt Attempt
		Epoch   uint64
	}

	// Recovered: all members of the view said what they have of the node that is down; ask [Barrier.Verdict] for each
	// process that the table gives to this node.
	Recovered struct{ ViewID uint64 }
)

func (Send) output()      {}
func (Drain) output()     {}
func (Snapshot) output()  {}
func (Resume) output()    {}
func (GaveUp) output()    {}
func (Forward) output()   {}
func (Gone) output()      {}
func (Restore) output()   {}
func (Drop) output()      {}
func (Run) output()       {}
func (Recovered) output() {}
