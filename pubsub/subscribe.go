package pubsub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Event is what subscribers get. One value is shared by all subscribers of a node: what Message refers to must not be changed.
type Event struct {
	Topic   string
	From    actor.PID // the process that published; zero if it was none
	Node    string    // of the publisher
	Seq     uint64    // number among the events of that node's PubSub to this one's, whatever the topic; from 1
	Message any
}

// Gap is what subscribers with [WithGaps] get when events were lost: those from Node with the numbers From to To, all topics that this
// node wanted together; or, if a buffer was full, Lost of them. A typed process that takes Events gets it as an Event's Message.
type Gap struct {
	Node     string
	From, To uint64
	Lost     uint64 // how many
}

// Overflow is what happens to an event for which there is no room.
type Overflow uint8

// What may be lost when a subscriber is slow.
const (
	DropOldest Overflow = iota // the event that waits longest
	DropNewest                 // the event that comes
)

// Option says something about a subscription.
type Option func(*options)

type options struct {
	filter   func(Event) bool
	meta     any
	gaps     bool
	buffer   int
	overflow Overflow
	local    bool
	nowait   bool
}

// WithFilter lets only those events through for which f is true. f is called at the subscriber's node, by whoever delivers,
// concurrently with itself: it must be quick, and must not wait. If it panics the event is left out.
func WithFilter(f func(Event) bool) Option { return func(o *options) { o.filter = f } }

// WithMetadata attaches a value to the subscription, for [PubSub.Local] and [PubSub.UnsubscribeMatch].
func WithMetadata(v any) Option { return func(o *options) { o.meta = v } }

// WithGaps makes the process hear of lost events: see [Gap].
func WithGaps() Option { return func(o *options) { o.gaps = true } }

// WithBuffer bounds how many events of this subscription wait for the process: about n. What is lost is counted, and told to who
// asked for gaps. Without it events go into the mailbox of the process, whose bound and policy hold.
func WithBuffer(n int, overflow Overflow) Option {
	return func(o *options) { o.buffer, o.overflow = n, overflow }
}

const maxBuffer = 1 << 24

// Subscription is what [PubSub.Local] yields.
type Subscription struct {
	PID      actor.PID
	Topic    string // or pattern
	Metadata any
}

// Subscribe makes a process of this node get what is published to a topic, until it ends or unsubscribes. A pattern stands for many
// topics: "*" is any part between dots, ">" at the end is one part or more. A process that subscribes twice gets everything twice.
//
// When it returns nil, every publish that begins later at any node that is connected reaches the process. When nodes do not answer in
// time it returns a [PartialError]; the process has subscribed then, and they will learn of it. Other errors are [ErrTopic],
// [ErrNotLocal], actor.NoProc, [ErrClosed] or ctx's; ctx's may come with the process subscribed, too.
func (p *PubSub) Subscribe(ctx context.Context, topic string, pid actor.PID, opts ...Option) error {
	return p.subscribe(ctx, "Subscribe", topic, pid, optionsOf(opts))
}

// SubscribeNoWait is Subscribe that waits for nobody: what others publish in the next moment may be missed.
func (p *PubSub) SubscribeNoWait(ctx context.Context, topic string, pid actor.PID, opts ...Option) error {
	o := optionsOf(opts)
	o.nowait = true
	return p.subscribe(ctx, "SubscribeNoWait", topic, pid, o)
}

// SubscribeLocal is Subscribe to what is published at this node alone. It waits for nobody.
func (p *PubSub) SubscribeLocal(ctx context.Context, topic string, pid actor.PID, opts ...Option) error {
	o := optionsOf(opts)
	o.local = true
	return p.subscribe(ctx, "SubscribeLocal", topic, pid, o)
}

func optionsOf(opts []Option) (o options) {
	for _, f := range opts {
		if f != nil {
			f(&o)
		}
	}
	return o
}

func (p *PubSub) subscribe(ctx context.Context, what, topic string, pid actor.PID, o options) error {
	wild, err := check(topic, true)
	err = errors.Join(err, p.ownProcess(pid), o.check())
	if err != nil {
		return fmt.Errorf("pubsub: %s(%q, %v): %w", what, short(topic), pid, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.done.Load() {
		return ErrClosed
	}
	s := &subscription{pid: pid, to: pid, wild: wild, opts: o}
	if o.buffer > 0 {
		if s.bound, s.to, err = p.startRelay(pid, o); err != nil {
			return fmt.Errorf("pubsub: %s(%q, %v): %w", what, topic, pid, err)
		}
	}
	w, seq, err := p.begin(topic, s)
	if err != nil {
		if s.bound != nil {
			p.sys.Exit(s.to, actor.Kill)
		}
		return fmt.Errorf("pubsub: %s(%q, %v): %w", what, topic, pid, err)
	}
	p.nudge()
	if w == nil {
		return nil
	}
	if c, ok := ctx.(blocker); ok {
		c.Blocking(func() { err = p.await(ctx, w, seq) })
		return err
	}
	return p.await(ctx, w, seq)
}

// blocker is a process that can tell that it waits.
type blocker interface{ Blocking(f func()) }

func short(s string) string { return s[:min(len(s), 64)] }

func (o *options) check() error {
	if o.buffer < 0 || o.buffer > maxBuffer || o.overflow > DropNewest {
		return fmt.Errorf("WithBuffer(%d, %d): give 1 to %d and DropOldest or DropNewest", o.buffer, o.overflow, maxBuffer)
	}
	return nil
}

// ownProcess checks that pid is a process of this node.
func (p *PubSub) ownProcess(pid actor.PID) error {
	a := pid.Address()
	switch {
	case pid.IsZero():
		return fmt.Errorf("the PID is nobody: %w", actor.NoProc)
	case a.Name != "":
		return fmt.Errorf("%w: it is an address; give the PID of a process", ErrNotLocal)
	case a.Node != p.sys.Name() || a.Incarnation != 0 && a.Incarnation != p.sys.Incarnation():
		return fmt.Errorf("%w; subscribe it there", ErrNotLocal)
	case !p.sys.Alive(pid):
		return actor.NoProc
	}
	return nil
}

// begin puts s in. The wait, if there is one, is for operation seq.
func (p *PubSub) begin(topic string, s *subscription) (w *wait, seq uint64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, 0, ErrClosed
	}
	if p.core != nil && !s.opts.local {
		if seq, err = p.core.add(topic); err != nil {
			return nil, 0, err
		}
		if !s.opts.nowait {
			w = p.core.wait(seq, time.Now())
		}
	}
	s.entry = p.table.get(topic, s.wild, true)
	s.entry.local.add(s, len(p.dispatchers))
	if s.opts.gaps {
		p.gapped[s] = struct{}{}
	}
	old := p.subs[s.pid]
	p.subs[s.pid] = append(old, s)
	p.count++
	if len(old) == 0 {
		p.sys.Send(p.keeper, watchProcess{s.pid})
	}
	return w, seq, nil
}

// await waits until all route by operation seq.
func (p *PubSub) await(ctx context.Context, w *wait, seq uint64) error {
	timer := time.NewTimer(p.cfg.Wait)
	defer timer.Stop()
	var err error
	select {
	case <-w.done:
		return nil
	case <-timer.C:
	case <-p.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.mu.Lock()
	delete(p.core.waits, w)
	nodes := p.core.late(seq)
	p.mu.Unlock()
	if len(nodes) > 0 {
		return errors.Join(&PartialError{nodes}, err)
	}
	return err
}

// Unsubscribe ends all subscriptions of a process to a topic or pattern; there may be none.
func (p *PubSub) Unsubscribe(ctx context.Context, topic string, pid actor.PID) error {
	return p.leave(topic, pid, func(*subscription) bool { return true })
}

// UnsubscribeMatch ends those of them that have this metadata, which must be comparable.
func (p *PubSub) UnsubscribeMatch(ctx context.Context, topic string, pid actor.PID, metadata any) error {
	return p.leave(topic, pid, func(s *subscription) bool { return s.opts.meta == metadata })
}

func (p *PubSub) leave(topic string, pid actor.PID, which func(*subscription) bool) error {
	if err := CheckPattern(topic); err != nil {
		return fmt.Errorf("pubsub: Unsubscribe(%v): %w", pid, err)
	}
	if p.done.Load() {
		return ErrClosed
	}
	p.mu.Lock()
	all := slices.Clone(p.subs[pid])
	p.mu.Unlock()
	for _, s := range all {
		if s.entry.name == topic && which(s) {
			p.end(s)
		}
	}
	return nil
}

// ended is the end of a process.
func (p *PubSub) ended(pid actor.PID) {
	p.mu.Lock()
	all := slices.Clone(p.subs[pid])
	p.mu.Unlock()
	for _, s := range all {
		p.end(s)
	}
}

// end takes s out, unless that was done.
func (p *PubSub) end(s *subscription) {
	if p.remove(s) && s.bound != nil {
		p.sys.Exit(s.to, actor.Kill)
	}
}

func (p *PubSub) remove(s *subscription) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	subs := p.subs[s.pid]
	i := slices.Index(subs, s)
	if i < 0 {
		return false
	}
	p.count--
	if len(subs) == 1 {
		delete(p.subs, s.pid)
		p.sys.Send(p.keeper, unwatchProcess{s.pid})
	} else {
		p.subs[s.pid] = slices.Delete(subs, i, i+1)
	}
	delete(p.gapped, s)
	s.entry.local.remove(s)
	if p.core != nil && !s.opts.local && !s.entry.local.announced() {
		p.core.release(s.entry.name, time.Now())
	}
	if s.entry.local.count == 0 {
		p.table.tidy(s.entry.name, s.wild)
	}
	return true
}

// announced reports whether somebody in it wants what others publish.
func (b *bucket) announced() bool {
	for _, c := range b.list() {
		for _, s := range c.list() {
			if !s.opts.local {
				return true
			}
		}
	}
	return false
}
