package view

import (
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Input is something that happened: one of the types of this file.
type Input interface{ input() }

type (
	// SwimAlive: SWIM holds ID alive. Info may be nil where gossip does not carry it; a hello overrides it.
	SwimAlive struct {
		ID   nodeid.ID
		Addr string
		Info *Info
	}
	// SwimDead: SWIM holds ID dead.
	SwimDead struct{ ID nodeid.ID }
	// SwimLeft: SWIM heard from ID itself that it leaves. What it sent before may still be on its way.
	SwimLeft struct{ ID nodeid.ID }

	// Hello: ID began a handshake with us, or answered ours. Nothing is accepted by it; ask [View.Admit].
	Hello struct {
		ID   nodeid.ID
		Addr string
		Info Info
	}
	// SessionUp: a connection of the session with ID works, after both hellos: new, or again.
	SessionUp struct {
		ID   nodeid.ID
		Addr string
		Info Info
	}
	// SessionLost: the control connection closed and is being redialled.
	SessionLost struct{ ID nodeid.ID }
	// SessionDown: the session ended for good and was swept; another may begin.
	SessionDown struct {
		ID  nodeid.ID
		Why string
	}
	// Heard: bytes came from ID. At zero is now.
	Heard struct {
		ID nodeid.ID
		At time.Time
	}
	// Status is what a heartbeat of ID says. It counts as Heard.
	Status struct {
		ID     nodeid.ID
		State  State // Joining, Up or Leaving
		ViewID uint64
		Load   float64
		Broken []nodeid.ID // whom ID does not hear: its [View.Broken]; at most MaxBroken count
	}
	// Goodbye: ID said on its session that it is gone, as the last thing.
	Goodbye struct{ ID nodeid.ID }

	// Dialled is how a [Dial] ended. Answered is who said hello there, if anybody.
	Dialled struct {
		ID       nodeid.ID
		Attempt  int
		Result   Result
		Answered nodeid.ID
	}
	// Asked: From wants to know whether dials to ID are refused to us too.
	Asked struct{ From, ID nodeid.ID }
	// Confirmed is the answer to an [Ask].
	Confirmed struct {
		From, ID nodeid.ID
		Refused  bool
	}
	// Removed: By told us that ID, which is this incarnation, is down or too old for it. News about another life of this
	// name is ignored. Floor is the greatest incarnation of the name that By knows, Rank is its [View.Rank].
	Removed struct {
		ID    nodeid.ID
		By    nodeid.ID
		Addr  string // of By
		Floor nodeid.Incarnation
		Rank  Rank
	}

	// SelfReady: the join barrier is passed.
	SelfReady struct{}
	// SelfLeaving: this node begins to leave.
	SelfLeaving struct{}
	// Tick: time went on. Heard are the latest times at which bytes came, of those from whom any came.
	Tick struct{ Heard []Heard }
)

// Result is how a dial ended.
type Result uint8

const (
	Silent   Result = iota + 1 // no answer in time, or an error that says nothing about the other process
	Refused                    // ECONNREFUSED, and nothing else
	Accepted                   // connected, whether or not somebody said hello then
)

func (SwimAlive) input()   {}
func (SwimDead) input()    {}
func (SwimLeft) input()    {}
func (Hello) input()       {}
func (SessionUp) input()   {}
func (SessionLost) input() {}
func (SessionDown) input() {}
func (Heard) input()       {}
func (Status) input()      {}
func (Goodbye) input()     {}
func (Dialled) input()     {}
func (Asked) input()       {}
func (Confirmed) input()   {}
func (Removed) input()     {}
func (SelfReady) input()   {}
func (SelfLeaving) input() {}
func (Tick) input()        {}
