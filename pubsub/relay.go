package pubsub

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

const (
	// maxWindow is how many events of a bounded subscription may be in the mailbox of the process.
	maxWindow = 64
	// pollEvery is how often a process that has its window full is looked at.
	pollEvery = time.Millisecond
)

// relay is the process that bounds what waits for a subscriber: a part in its mailbox, the rest here.
type relay struct {
	p       *PubSub
	to      actor.PID
	opts    options
	window  int
	inBox   int // at most so many are in the mailbox of the process
	ring    []any
	begin   int
	length  int
	polling bool
	missing map[string]*Gap // told before the next event of that node
	lost    atomic.Uint64
}

type poll struct{}

func (p *PubSub) startRelay(to actor.PID, o options) (*relay, actor.PID, error) {
	r := &relay{p: p, to: to, opts: o, window: min(max(o.buffer/2, 1), maxWindow)}
	pid, err := p.sys.Spawn(r)
	return r, pid, err
}

// Receive implements actor.Actor.
func (r *relay) Receive(ctx *actor.Context, msg any) error {
	if _, ok := msg.(poll); ok {
		r.polling = false
		r.flow(ctx)
		return nil
	}
	switch {
	case r.length < r.capacity():
		r.put(msg)
	case r.opts.overflow == DropNewest:
		r.lose(msg)
	default:
		r.lose(r.take())
		r.put(msg)
	}
	r.flow(ctx)
	return nil
}

// capacity is how many wait here at most.
func (r *relay) capacity() int { return max(r.opts.buffer-r.window, 1) }

func (r *relay) put(msg any) {
	if r.length == len(r.ring) {
		grown := make([]any, min(max(2*len(r.ring), 8), r.capacity()))
		for i := range r.length {
			grown[i] = r.ring[(r.begin+i)%len(r.ring)]
		}
		r.ring, r.begin = grown, 0
	}
	r.ring[(r.begin+r.length)%len(r.ring)] = msg
	r.length++
}

func (r *relay) take() any {
	msg := r.ring[r.begin]
	r.ring[r.begin] = nil
	r.begin = (r.begin + 1) % len(r.ring)
	r.length--
	return msg
}

// lose counts an event that is dropped.
func (r *relay) lose(msg any) {
	r.lost.Add(1)
	r.p.dropped.Add(1)
	e, ok := msg.(Event)
	if !ok || !r.opts.gaps {
		return
	}
	if r.missing == nil {
		r.missing = map[string]*Gap{}
	}
	g := r.missing[e.Node]
	if g == nil {
		g = &Gap{Node: e.Node, From: e.Seq, To: e.Seq}
		r.missing[e.Node] = g
	}
	g.From, g.To = min(g.From, e.Seq), max(g.To, e.Seq)
	g.Lost++
}

// flow passes on as many as there is room for.
func (r *relay) flow(ctx *actor.Context) {
	for r.length > 0 {
		if r.inBox >= r.window {
			info, ok := r.p.sys.Info(r.to)
			if !ok {
				return // its end is told in a moment, and ends this
			}
			if r.inBox = info.Queued; r.inBox >= r.window {
				break
			}
		}
		msg := r.take()
		if e, ok := msg.(Event); ok {
			r.report(ctx, e.Node, e.Seq)
		}
		if ctx.TrySend(r.to, msg) != nil {
			r.lose(msg)
		}
		r.inBox++
	}
	if r.length > 0 && !r.polling {
		r.polling = true
		ctx.SendAfter(pollEvery, ctx.Self(), poll{})
	}
}

// report tells what was lost before an event.
func (r *relay) report(ctx *actor.Context, node string, seq uint64) {
	if g := r.missing[node]; g != nil && g.To < seq {
		delete(r.missing, node)
		sendGap(ctx, r.to, *g)
	}
}

// tellGap tells all who asked for it that events were lost.
func (p *PubSub) tellGap(ctx *actor.Context, g Gap) {
	p.mu.Lock()
	subs := make([]*subscription, 0, len(p.gapped))
	for s := range p.gapped {
		if !s.opts.local {
			subs = append(subs, s)
		}
	}
	p.mu.Unlock()
	for _, s := range subs {
		if s.bound != nil {
			_ = ctx.TrySend(s.to, g) // it waits its turn behind the events
		} else {
			sendGap(ctx, s.to, g)
		}
	}
}

// sendGap sends a gap, as the message of an event to a typed process.
func sendGap(ctx *actor.Context, to actor.PID, g Gap) {
	if err := ctx.TrySend(to, g); errors.Is(err, actor.ErrWrongType) {
		_ = ctx.TrySend(to, Event{Node: g.Node, Seq: g.To, Message: g})
	}
}
