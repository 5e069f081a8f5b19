package pubsub

import (
	"slices"
	"sync/atomic"

	"github.com/foundation-runtime/foundation/actor"
)

// chunkSubs is how many subscribers a chunk has at most: adding or removing one copies that many pointers.
const chunkSubs = 128

// bucket holds the subscribers of one topic or pattern here, in chunks that are replaced when they change, so that whoever
// delivers takes no lock however many there are. Writers hold PubSub.mu.
type bucket struct {
	chunks atomic.Pointer[[]*chunk] // nil if there are none
	queued atomic.Int64             // deliveries that dispatchers have not done yet
	count  int
	many   atomic.Bool // more than are delivered to by the publisher itself
	open   []*chunk    // with room
	made   int
}

type chunk struct {
	subs   atomic.Pointer[[]*subscription]
	shard  int // whose dispatcher delivers
	opened bool
}

// subscription is one process that subscribed once to a topic or pattern.
type subscription struct {
	pid    actor.PID
	to     actor.PID // where events go: the process, or who bounds what waits for it
	entry  *entry
	wild   bool
	chunk  *chunk
	opts   options
	bound  *relay
	logged atomic.Bool
}

func (b *bucket) list() []*chunk {
	if p := b.chunks.Load(); p != nil {
		return *p
	}
	return nil
}

func (c *chunk) list() []*subscription {
	if p := c.subs.Load(); p != nil {
		return *p
	}
	return nil
}

// add puts s in.
func (b *bucket) add(s *subscription, shards int) {
	if len(b.open) == 0 {
		c := &chunk{shard: b.made % shards, opened: true}
		b.made++
		b.open = append(b.open, c)
		chunks := append(slices.Clip(b.list()), c)
		b.chunks.Store(&chunks)
	}
	c := b.open[len(b.open)-1]
	old := c.list()
	subs := make([]*subscription, len(old)+1)
	copy(subs, old)
	subs[len(old)] = s
	c.subs.Store(&subs)
	s.chunk = c
	if len(subs) == chunkSubs {
		c.opened = false
		b.open = b.open[:len(b.open)-1]
	}
	b.count++
	b.many.Store(b.count > inlineSubs)
}

// remove takes s out.
func (b *bucket) remove(s *subscription) {
	c := s.chunk
	old := c.list()
	i := slices.Index(old, s)
	if i < 0 {
		return
	}
	b.count--
	b.many.Store(b.count > inlineSubs)
	if len(old) > 1 {
		subs := slices.Delete(slices.Clone(old), i, i+1)
		c.subs.Store(&subs)
		if !c.opened {
			c.opened = true
			b.open = append(b.open, c)
		}
		return
	}
	c.subs.Store(nil)
	if i := slices.Index(b.open, c); i >= 0 {
		b.open = slices.Delete(b.open, i, i+1)
	}
	if b.count == 0 {
		b.chunks.Store(nil)
		return
	}
	chunks := slices.Clone(b.list())
	chunks = slices.Delete(chunks, slices.Index(chunks, c), slices.Index(chunks, c)+1)
	b.chunks.Store(&chunks)
}
