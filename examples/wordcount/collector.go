package main

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/foundation-runtime/foundation/actor"
)

// collector starts everything else, gathers the reports and, when all files are done, the shards' totals. It is linked
// to the shards and to the pool and does not trap exits: without one of them the result would be wrong, so their crash
// is its own, and whoever asked for the result is told why.
type collector struct {
	config   config
	places   places
	fsys     fs.FS
	files    []string
	progress func(done, total int64) // called after every file

	shards  []actor.PID
	shares  []int64 // words sent to each shard
	result  result
	done    int
	asker   *actor.ReplyTo[result] // nil until somebody asked
	waiting int                    // shards that have not answered yet
	counted int64                  // words in the shards' totals
}

func (c *collector) Init(ctx *actor.Context) error {
	c.result.Skipped = map[outcome][]failure{}
	c.shares = make([]int64, c.config.shards)
	for range c.config.shards {
		pid, err := c.places.shard(ctx)
		if err != nil {
			return fmt.Errorf("start a shard: %w", err)
		}
		c.shards = append(c.shards, pid)
	}
	_, err := ctx.SpawnLink(&pool{
		collector: ctx.Self(),
		files:     c.files,
		readers:   c.config.readers,
		start: func(pool actor.PID) actor.Actor {
			return &reader{fsys: c.fsys, pool: pool, shards: c.shards, poison: c.config.poison, start: c.places.counter}
		},
	})
	if err != nil {
		return fmt.Errorf("start the pool: %w", err)
	}
	return nil
}

func (c *collector) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case poolReport:
		c.add(m)
	case finish:
		asker := actor.DeferReply(ctx, m)
		c.asker = &asker
	default:
		return ctx.Unhandled()
	}
	if c.asker != nil && c.done == len(c.files) {
		c.gather(ctx)
	}
	return nil
}

func (c *collector) add(r poolReport) {
	c.done++
	c.result.Restarts = r.restarts
	if r.outcome == counted {
		c.result.Counted++
		c.result.Lines += r.lines
		c.result.Words += r.words
		for i, n := range r.shares {
			c.shares[i] += n
		}
	} else {
		c.result.Skipped[r.outcome] = append(c.result.Skipped[r.outcome], failure{r.path, r.why})
	}
	c.progress(int64(c.done), int64(len(c.files)))
}

// gather asks every shard for its totals, once the words that were sent to it are there.
func (c *collector) gather(ctx *actor.Context) {
	c.waiting = len(c.shards)
	for i, pid := range c.shards {
		actor.AskAsync(ctx, pid, tally{Top: c.config.top, Words: c.shares[i]}, c.merge)
	}
}

func (c *collector) merge(_ *actor.Context, t shardTotal, err error) error {
	if err != nil {
		return err
	}
	c.result.Top = append(c.result.Top, t.Rows...)
	c.result.Distinct += t.Distinct
	c.counted += t.Words
	if c.waiting--; c.waiting > 0 {
		return nil
	}
	if c.counted != c.result.Words {
		return fmt.Errorf("the readers sent %d words and the shards have %d", c.result.Words, c.counted)
	}
	c.result.Top = rank(c.result.Top, c.config.top)
	for _, files := range c.result.Skipped {
		slices.SortFunc(files, func(a, b failure) int { return strings.Compare(a.Path, b.Path) })
	}
	c.asker.Reply(c.result)
	return nil
}
