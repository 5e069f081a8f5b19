package pubsub

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/mailbox"
)

const (
	// inlineSubs is up to how many subscribers of a topic the publisher delivers to itself.
	inlineSubs = 512
	// dispatcherQueue is how many events may wait for a dispatcher before publishers have to wait.
	dispatcherQueue = 256
)

var dispatcherMailbox = mailbox.Spec{Capacity: dispatcherQueue, Overflow: mailbox.Block}

// counters are the parts of Stats that only grow.
type counters struct {
	published, delivered, dropped, filtered, received, malformed, gaps, missed atomic.Uint64
}

// delivery is an event that is delivered here. It is boxed once, for all subscribers.
type delivery struct {
	boxed   any // an Event
	from    actor.PID
	exclude bool // from does not get it
	far     bool // it was published elsewhere
}

// job is a delivery to a part of the subscribers of a topic.
type job struct {
	delivery
	to *bucket
}

// deliver brings an event to all subscribers of entries. Order: a topic with many subscribers is delivered to by dispatchers, and
// goes on to be as long as they have something of it.
func (p *PubSub) deliver(via tryer, entries []*entry, d delivery) {
	for _, e := range entries {
		b := &e.local
		if !b.many.Load() && b.queued.Load() == 0 {
			p.deliverTo(via, b, -1, &d)
			continue
		}
		b.queued.Add(int64(len(p.dispatchers)))
		s, ok := via.(actor.Sender)
		if !ok {
			s = p.sys
		}
		for _, to := range p.dispatchers {
			to.Send(s, job{d, b})
		}
	}
}

// dispatcher delivers to the chunks of its shard.
type dispatcher struct {
	p     *PubSub
	shard int
}

// Receive implements actor.TypedActor.
func (x dispatcher) Receive(ctx *actor.Context, j job) error {
	x.p.deliverTo(ctx, j.to, x.shard, &j.delivery)
	j.to.queued.Add(-1)
	// The subscribers are to run before the next event comes: many short queues cost more than one.
	_, _ = actor.Ask(ctx, x.p.pacer, turn{})
	return nil
}

// turn is what the pacer answers: when those that were ready before had their turn.
type turn struct{ actor.Replies[bool] }

func pace(ctx *actor.Context, msg any) error {
	if m, ok := msg.(turn); ok {
		actor.Reply(ctx, m, true)
	}
	return nil
}

// deliverTo brings an event to the subscribers of a shard of a bucket, or, with -1, of all.
func (p *PubSub) deliverTo(via tryer, b *bucket, shard int, d *delivery) {
	for _, c := range b.list() {
		if shard >= 0 && c.shard != shard {
			continue
		}
		done := uint64(0)
		for _, s := range c.list() {
			if d.exclude && s.pid == d.from || d.far && s.opts.local {
				continue
			}
			if s.opts.filter != nil && !p.passes(s, d.boxed) {
				p.filtered.Add(1)
				continue
			}
			if err := via.TrySend(s.to, d.boxed); err != nil {
				p.refused(s, d, err)
				continue
			}
			done++
		}
		p.delivered.Add(done)
	}
}

// passes asks the filter of a subscription.
func (p *PubSub) passes(s *subscription, boxed any) (yes bool) {
	defer func() {
		if v := recover(); v != nil {
			yes = false
			if !s.logged.Swap(true) {
				p.log.Error("pubsub: a filter panicked", "panic", fmt.Sprint(v), "topic", s.entry.name, "pid", s.pid.String())
			}
		}
	}()
	return s.opts.filter(boxed.(Event))
}

// refused is an event that a subscriber cannot take. That it has ended is told soon; for anything else there is a dead letter.
func (p *PubSub) refused(s *subscription, d *delivery, err error) {
	p.dropped.Add(1)
	if errors.Is(err, actor.ErrWrongType) {
		p.sys.Send(s.to, d.boxed)
	}
}
