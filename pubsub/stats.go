package pubsub

import (
	"context"
	"iter"
	"slices"
	"time"
)

// Stats describes a PubSub. Counters count since it was opened.
type Stats struct {
	Subscriptions int    // here
	Published     uint64 // events published here
	Received      uint64 // events that came from other nodes
	Delivered     uint64 // into mailboxes here
	Dropped       uint64 // not delivered, because a buffer or mailbox was full or the process had just ended
	Filtered      uint64 // left out by filters
	Gaps, Missed  uint64 // gaps in what came from other nodes, and events lost in them
	Malformed     uint64 // events that could not be read
	Nodes         []NodeStats
}

// NodeStats is what was sent to another node.
type NodeStats struct {
	Name      string
	Connected bool
	Complete  bool   // it is sent only what it wants
	Sent      uint64 // events
	Lost      uint64 // events it would have been sent, and was not
}

// Stats takes the lock of the PubSub; it is not for every millisecond.
func (p *PubSub) Stats() Stats {
	s := Stats{
		Published: p.published.Load(), Received: p.received.Load(), Delivered: p.delivered.Load(), Dropped: p.dropped.Load(),
		Filtered: p.filtered.Load(), Gaps: p.gaps.Load(), Missed: p.missed.Load(), Malformed: p.malformed.Load(),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Subscriptions = p.count
	if p.core == nil {
		return s
	}
	for _, q := range p.core.ordered() {
		x := NodeStats{Name: q.name, Connected: q.met, Complete: q.complete}
		st := p.stream(q.name)
		st.mu.Lock()
		x.Sent, x.Lost = st.sent, st.lost
		st.mu.Unlock()
		s.Nodes = append(s.Nodes, x)
	}
	return s
}

// Topics are the topics and patterns that are wanted, by this node or others as far as is known here, sorted.
func (p *PubSub) Topics() []string {
	all := p.table.names()
	slices.Sort(all)
	return all
}

// Local yields the subscriptions of this node to a topic or pattern, in no order.
func (p *PubSub) Local(topic string) iter.Seq[Subscription] {
	return func(yield func(Subscription) bool) {
		wild, err := check(topic, true)
		if err != nil {
			return
		}
		e := p.table.get(topic, wild, false)
		if e == nil {
			return
		}
		for _, c := range e.local.list() {
			for _, s := range c.list() {
				if !yield(Subscription{s.pid, topic, s.opts.meta}) {
					return
				}
			}
		}
	}
}

// localCount counts the subscriptions here that an event of another node would reach.
func (p *PubSub) localCount(topic string) (n uint64) {
	entries, _ := p.table.match(topic, nil, nil)
	for _, e := range entries {
		for _, c := range e.local.list() {
			for _, s := range c.list() {
				if !s.opts.local {
					n++
				}
			}
		}
	}
	return n
}

// counting is a Subscribers that waits for answers.
type counting struct {
	nodes map[string]bool
	total uint64
	done  chan struct{}
}

func countedRecord(id, n uint64) []byte {
	m := message{kind: recordCounted, number: id, count: n}
	return m.append(nil)
}

// Subscribers counts the subscriptions in the cluster that a publish to a topic would reach now, filters aside. It asks the nodes that
// want the topic, for at most Config.Wait; those that did not answer are in a [PartialError], beside the count of the others.
func (p *PubSub) Subscribers(ctx context.Context, topic string) (int, error) {
	if err := CheckTopic(topic); err != nil {
		return 0, err
	}
	if p.done.Load() {
		return 0, ErrClosed
	}
	entries, streams := p.table.match(topic, nil, nil)
	local := 0
	for _, e := range entries {
		for _, c := range e.local.list() {
			local += len(c.list())
		}
	}
	c, id := p.ask(topic, streams)
	if c == nil {
		return local, nil
	}
	timer := time.NewTimer(p.cfg.Wait)
	defer timer.Stop()
	var err error
	select {
	case <-c.done:
	case <-timer.C:
	case <-p.ctx.Done():
		err = ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.counts, id)
	local += int(c.total)
	if err == nil && len(c.nodes) > 0 {
		late := &PartialError{}
		for name := range c.nodes {
			late.Nodes = append(late.Nodes, name)
		}
		slices.Sort(late.Nodes)
		err = late
	}
	return local, err
}

// ask asks nodes for their counts; it is nil if there is nobody to ask.
func (p *PubSub) ask(topic string, streams []*stream) (*counting, uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &counting{nodes: map[string]bool{}, done: make(chan struct{})}
	p.counted++
	for _, s := range streams {
		if q := p.core.peers[s.name]; q != nil && q.met && q.greeted {
			c.nodes[s.name] = true
			p.core.post(q, &message{kind: recordCount, number: p.counted, topic: topic})
		}
	}
	if len(c.nodes) == 0 {
		return nil, 0
	}
	p.counts[p.counted] = c
	p.nudge()
	return c, p.counted
}

func (p *PubSub) countCame(node string, id, n uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.counts[id]; c != nil && c.nodes[node] {
		c.total += n
		c.answered(node)
	}
}

func (p *PubSub) countGone(node string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.counts {
		if c.nodes[node] {
			c.answered(node)
		}
	}
}

func (c *counting) answered(node string) {
	delete(c.nodes, node)
	if len(c.nodes) == 0 {
		close(c.done)
	}
}
