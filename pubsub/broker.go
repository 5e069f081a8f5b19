package pubsub

import (
	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
)

// maxParked is how many events wait for what is told of their publisher's node.
const maxParked = 1 << 14

// broker is the process that gets what is published at other nodes.
type broker struct {
	p       *PubSub
	sources map[uint64]*source // by instance
	byName  map[string]*source
	parked  map[uint64][][]byte // events of instances that are not known yet
	waiting int
}

// source is the PubSub of another node, as a sender.
type source struct {
	node     string
	instance uint64
	types    *codec.Table
	fresh    bool   // it is not known where its numbers began
	first    uint64 // that of the first event, 0 if there was none
	last     uint64 // of the last event
	warned   bool
}

// greeting says who an instance is. last is the number of the last event before a session, if exact, or up to some moment.
type greeting struct {
	node     string
	instance uint64
	types    *codec.Table
	last     uint64
	exact    bool
}

// Receive implements actor.Actor.
func (b *broker) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case []byte:
		if len(m) > 0 { // empty ones are sent to wait for room
			b.received(ctx, m)
		}
	case greeting:
		b.greeted(ctx, m)
	default:
		return ctx.Unhandled()
	}
	return nil
}

func (b *broker) received(ctx *actor.Context, rec []byte) {
	e, err := parseEvent(rec, b.p.sys)
	if err != nil {
		b.p.malformed.Add(1)
		return
	}
	src := b.sources[e.instance]
	if src == nil {
		b.park(e.instance, rec)
		return
	}
	b.p.received.Add(1)
	if from, to := src.count(e.seq); from != 0 {
		b.gap(ctx, src, from, to)
	}
	var room [4]*entry
	entries, _ := b.p.table.match(e.topic, room[:0], nil)
	if len(entries) == 0 {
		return
	}
	msg, err := src.types.Decode(e.body, refs{b.p.sys})
	if err != nil {
		b.p.malformed.Add(1)
		if !src.warned {
			src.warned = true
			b.p.log.Warn("pubsub: an event cannot be read; others of that node are only counted", "node", src.node, "topic", e.topic, "error", err)
		}
		return
	}
	x := Event{Topic: e.topic, From: e.from, Node: src.node, Seq: e.seq, Message: msg}
	b.p.deliver(ctx, entries, delivery{boxed: x, from: e.from, exclude: e.exclude, far: true})
}

// park keeps an event until its instance is known: the control lane may be later.
func (b *broker) park(instance uint64, rec []byte) {
	if b.waiting >= maxParked {
		b.parked, b.waiting = nil, 0 // of instances that never said who they are
	}
	if b.parked == nil {
		b.parked = map[uint64][][]byte{}
	}
	b.parked[instance] = append(b.parked[instance], rec)
	b.waiting++
}

// greeted learns who an instance is. An earlier instance of that node is over.
func (b *broker) greeted(ctx *actor.Context, m greeting) {
	src := b.byName[m.node]
	if src == nil || src.instance != m.instance {
		if src != nil {
			delete(b.sources, src.instance)
		}
		src = &source{node: m.node, instance: m.instance, fresh: true}
		b.byName[m.node], b.sources[m.instance] = src, src
	}
	src.types = m.types
	if from, to := src.begun(m.last, m.exact); from != 0 {
		b.gap(ctx, src, from, to)
	}
	parked := b.parked[m.instance]
	delete(b.parked, m.instance)
	b.waiting -= len(parked)
	for _, rec := range parked {
		b.received(ctx, rec)
	}
}

// count notes the number of an event that came, and returns those that are missing before it, if any.
func (s *source) count(seq uint64) (from, to uint64) {
	switch {
	case s.fresh && s.first == 0:
		s.first, s.last = seq, seq
		return 0, 0
	case seq > s.last+1:
		from, to = s.last+1, seq-1
	}
	s.last = max(s.last, seq)
	return from, to
}

// begun notes what was the last number before a session, or up to a moment, and returns those that never came, if any.
func (s *source) begun(last uint64, exact bool) (from, to uint64) {
	switch {
	case s.fresh && s.first == 0:
		s.last = last
	case s.fresh && last+1 < s.first:
		from, to = last+1, s.first-1
	case !s.fresh && exact && last > s.last:
		from, to = s.last+1, last
		s.last = last
	}
	s.fresh = false
	return from, to
}

// gap tells who asked for it that events of a node are lost.
func (b *broker) gap(ctx *actor.Context, src *source, from, to uint64) {
	b.p.gaps.Add(1)
	b.p.missed.Add(to - from + 1)
	b.p.tellGap(ctx, Gap{Node: src.node, From: from, To: to, Lost: to - from + 1})
}
