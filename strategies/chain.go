package strategies

import (
	"context"
	"slices"
)

// Chain watches a strategy and, after it has failed a number of times in a row, also the next one, and so on. A strategy
// that recovers ends those behind it. An empty set is an answer, not a failure.
//
// The set is the union of the last sets of those that run: what a failing one had found stays.
type Chain struct {
	after int
	list  []Strategy
}

// NewChain falls back after so many failures in a row.
func NewChain(after int, list ...Strategy) (*Chain, error) {
	if after < 1 {
		return nil, &ConfigError{"strategies.Chain", "after", after, "it is less than 1", "3 is a good value"}
	}
	if err := checkParts("strategies.Chain", list); err != nil {
		return nil, err
	}
	return &Chain{after, slices.Clone(list)}, nil
}

// Announce makes self known through every part that can, while it runs.
func (c *Chain) Announce(self Peer) error { return announceAll(c.list, self) }

// Watch implements [Strategy].
func (c *Chain) Watch(ctx context.Context, found func(Update)) error {
	ps := newParts(c.list)
	defer ps.stopAll()
	r := NewReporter(c.String(), found)
	core := newChainCore(c.after, len(c.list))
	ps.start(ctx, 0)
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-ps.events:
			if !ps.current(e) {
				continue
			}
			core.step(e.index, e.update)
			for i := range c.list {
				if i <= core.last {
					ps.start(ctx, i)
				} else {
					ps.stop(i)
				}
			}
			if e.update.Err != nil {
				r.Err(e.update.Err)
			} else {
				r.Set(core.set())
			}
		}
	}
}

// String names the parts in their order.
func (c *Chain) String() string { return "chain(" + names(c.list) + ")" }

// chainCore decides which links of a chain run. Links 0 to last do.
type chainCore struct {
	after, last int
	links       []link
}

type link struct {
	failures int // in a row
	peers    []Peer
}

func newChainCore(after, n int) *chainCore { return &chainCore{after: after, links: make([]link, n)} }

// step takes in what link i, which runs, reports.
func (c *chainCore) step(i int, u Update) {
	if u.Err == nil {
		c.links[i] = link{peers: u.Peers}
		clear(c.links[i+1:])
		c.last = i
		return
	}
	c.links[i].failures++
	if i == c.last && c.links[i].failures >= c.after && i+1 < len(c.links) {
		c.last++
	}
}

func (c *chainCore) set() []Peer {
	var all []Peer
	for _, l := range c.links[:c.last+1] {
		all = append(all, l.peers...)
	}
	return Merge(all)
}
