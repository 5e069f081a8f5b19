package pubsub

import (
	"context"
	"fmt"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
)

// Publish sends msg to all subscribers of a topic, here and at the nodes that want it. A process publishes with its Context, and is then
// the From of the event. It waits only for room towards a node, up to Config.Patience.
//
// nil means that the event is on its way, not that anybody got it. The error is [ErrTopic], [ErrClosed], ctx's, or says that the
// message cannot travel; then nobody got it.
func (p *PubSub) Publish(ctx context.Context, topic string, msg any) error {
	return p.publish(ctx, topic, msg, publication{from: selfOf(ctx), remote: true, local: true})
}

// PublishFrom is Publish in the name of a process, which does not get the event itself, wherever it is.
func (p *PubSub) PublishFrom(ctx context.Context, from actor.PID, topic string, msg any) error {
	return p.publish(ctx, topic, msg, publication{from: from, exclude: true, remote: true, local: true})
}

// PublishLocal is Publish to the subscribers of this node alone.
func (p *PubSub) PublishLocal(ctx context.Context, topic string, msg any) error {
	return p.publish(ctx, topic, msg, publication{from: selfOf(ctx), local: true})
}

// PublishLocalFrom is PublishFrom to the subscribers of this node alone.
func (p *PubSub) PublishLocalFrom(ctx context.Context, from actor.PID, topic string, msg any) error {
	return p.publish(ctx, topic, msg, publication{from: from, exclude: true, local: true})
}

// PublishTo is Publish to the subscribers of one member alone. Nothing happens if it is not connected or wants nothing of it.
func (p *PubSub) PublishTo(ctx context.Context, m cluster.Member, topic string, msg any) error {
	if p.node == nil {
		return fmt.Errorf("pubsub: PublishTo(%v): %w", m, ErrLocal)
	}
	if m.Name == p.sys.Name() {
		return p.PublishLocal(ctx, topic, msg)
	}
	return p.publish(ctx, topic, msg, publication{from: selfOf(ctx), remote: true, only: m.Name})
}

// publication says what is special about a publish.
type publication struct {
	from          actor.PID
	exclude       bool // from does not get it
	local, remote bool
	only          string // the one node that gets it
}

// selfOf is the process whose Context ctx is.
func selfOf(ctx context.Context) actor.PID {
	if c, ok := ctx.(interface{ Self() actor.PID }); ok {
		return c.Self()
	}
	return actor.PID{}
}

func (p *PubSub) publish(ctx context.Context, topic string, msg any, x publication) error {
	if _, err := check(topic, false); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.done.Load() {
		return ErrClosed
	}
	via := p.senderOf(ctx)
	var entryRoom [4]*entry
	var streamRoom [8]*stream
	entries, streams := p.table.match(topic, entryRoom[:0], streamRoom[:0])
	p.published.Add(1)
	if x.remote && len(streams) > 0 {
		if err := p.convey(ctx, via, topic, msg, streams, x); err != nil {
			return err
		}
	}
	if x.local && len(entries) > 0 {
		e := Event{Topic: topic, From: x.from, Node: p.sys.Name(), Seq: p.seq.Add(1), Message: msg}
		p.deliver(via, entries, delivery{boxed: e, from: x.from, exclude: x.exclude})
	}
	return nil
}

// senderOf is the process that runs with ctx, so that its baggage and trace go along, else the System.
func (p *PubSub) senderOf(ctx context.Context) tryer {
	if c, ok := ctx.(interface {
		tryer
		System() *actor.System
	}); ok && c.System() == p.sys {
		return c
	}
	return p.sys
}

// convey sends an event to other nodes.
func (p *PubSub) convey(ctx context.Context, via tryer, topic string, msg any, streams []*stream, x publication) error {
	reach := streams[:0]
	for _, s := range streams {
		if (x.only == "" || s.name == x.only) && s.reachable() {
			reach = append(reach, s)
		}
	}
	if len(reach) == 0 {
		return nil
	}
	size := 64 + len(topic)
	rec := appendEvent(make([]byte, 0, size), &wireEvent{instance: p.instance, exclude: x.exclude, topic: topic, from: x.from})
	rec, err := p.node.Codec().Append(rec, msg, refs{p.sys})
	if err != nil {
		return fmt.Errorf("pubsub: Publish(%q): a %T cannot travel: %w", topic, msg, err)
	}
	boxed := any(rec)
	var waiting []*stream
	for _, s := range reach {
		o, err := s.send(via, rec, boxed, p.cfg.Patience < 0)
		if err != nil {
			return fmt.Errorf("pubsub: Publish(%q): a %T cannot be sent: %w", topic, msg, err)
		}
		if o == full {
			waiting = append(waiting, s)
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	wait := func() {
		for _, s := range waiting {
			p.patiently(ctx, via, s, rec, boxed)
		}
	}
	if c, ok := ctx.(blocker); ok {
		c.Blocking(wait)
	} else {
		wait()
	}
	return nil
}

// patiently sends an event when there is room, or counts it as lost.
func (p *PubSub) patiently(ctx context.Context, via tryer, s *stream, rec []byte, boxed any) {
	wait, cancel := context.WithTimeout(ctx, p.cfg.Patience)
	defer cancel()
	for {
		// An empty event waits for room, and is skipped where it arrives.
		err := p.node.SendOn(wait, "default", s.address(), []byte{})
		o, failed := s.send(via, rec, boxed, err != nil)
		if o != full || failed != nil {
			return
		}
	}
}
