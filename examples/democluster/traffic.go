package main

import (
	"maps"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// parcel is the message that is counted.
type parcel struct{ Seq uint64 }

// begin starts a sender; tick lets it go on.
type (
	begin struct{}
	tick  struct{}
)

// tickEvery is the pause between two portions of a sender.
const tickEvery = 5 * time.Millisecond

// sent and got ask a sender and the sink for what they know.
type (
	sent struct{ actor.Replies[sentReply] }
	got  struct{ actor.Replies[gotReply] }
)

type sentReply struct {
	to    string
	count uint64
	downs []down
}

type gotReply struct {
	count map[string]uint64
	gaps  uint64
}

// down is what a monitor told.
type down struct {
	Node   string
	Reason string
	At     time.Time
}

// sender sends numbered parcels to the sink of one node, spread over some time, and goes on when that node is dead: then they
// become dead letters. It monitors the sink.
type sender struct {
	to      actor.PID
	planned uint64
	portion uint64
	ledger  *ledger
	finish  func() // called when everything was sent

	count uint64
	downs []down
}

func (s *sender) Init(ctx *actor.Context) error {
	ctx.Monitor(s.to)
	return nil
}

func (s *sender) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case begin, tick:
		return s.send(ctx)
	case actor.Down:
		s.downs = append(s.downs, down{m.PID.Node(), m.Reason.Error(), time.Now()})
	case sent:
		actor.Reply(ctx, m, sentReply{s.to.Node(), s.count, s.downs})
	default:
		return ctx.Unhandled()
	}
	return nil
}

func (s *sender) send(ctx *actor.Context) error {
	for range min(s.portion, s.planned-s.count) {
		s.count++
		// The ledger knows of it first: what was sent is never more than what it says.
		if err := s.ledger.write(sentCell, s.to.Node(), s.count); err != nil {
			return err
		}
		ctx.Send(s.to, parcel{s.count})
	}
	if s.count == s.planned {
		s.finish()
		return nil
	}
	ctx.SendAfter(tickEvery, ctx.Self(), tick{})
	return nil
}

// sinkName is the name of the sink on every node.
const sinkName = "sink"

// sink handles the parcels of all other nodes.
type sink struct {
	half    uint64 // of what is to come
	ledger  *ledger
	reached func() // called when half of it was handled

	count map[string]uint64 // by node
	total uint64
	gaps  uint64 // parcels that did not follow the one before
}

func (s *sink) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case parcel:
		from := ctx.Sender().Node()
		s.count[from]++
		if m.Seq != s.count[from] {
			s.gaps++
			s.count[from] = m.Seq
		}
		if err := s.ledger.write(gotCell, from, s.count[from]); err != nil {
			return err
		}
		if s.gaps > 0 {
			if err := s.ledger.write(gapCell, from, s.gaps); err != nil {
				return err
			}
		}
		if s.total++; s.total == s.half {
			s.reached()
		}
	case got:
		actor.Reply(ctx, m, gotReply{maps.Clone(s.count), s.gaps})
	default:
		return ctx.Unhandled()
	}
	return nil
}
