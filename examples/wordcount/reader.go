package main

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"strings"

	"github.com/foundation-runtime/foundation/actor"
)

// reader counts one file at a time: the words go to the shards, the report to the pool. It keeps nothing between
// files, so a fresh one can take the place of a crashed one.
type reader struct {
	fsys   fs.FS
	pool   actor.PID
	shards []actor.PID
	seed   maphash.Seed // decides, for the whole run, which shard owns a word
	poison string
}

func (r *reader) Receive(ctx *actor.Context, msg any) error {
	j, ok := msg.(job)
	if !ok {
		return ctx.Unhandled()
	}
	var c counts
	var err error
	// Reading waits for a disk: the other processes of this worker need not.
	ctx.Blocking(func() { c, err = r.count(j.path) })
	switch {
	case errors.Is(err, errBinary):
		ctx.Send(r.pool, report{path: j.path, outcome: binary, why: err})
	case err != nil:
		ctx.Send(r.pool, report{path: j.path, outcome: unreadable, why: err})
	default:
		// Only a file that was read to its end is sent on, so a crash halfway leaves no half counts behind.
		r.spread(ctx, c.words)
		ctx.Send(r.pool, report{path: j.path, lines: c.lines, words: c.total})
	}
	return nil
}

func (r *reader) count(path string) (counts, error) {
	f, err := r.fsys.Open(path)
	if err != nil {
		return counts{}, err
	}
	defer f.Close()
	if r.poison != "" && strings.Contains(path, r.poison) {
		panic(fmt.Sprintf("poisoned by %q", r.poison))
	}
	return count(f)
}

// spread sends every word to the shard that owns it, in one message per shard.
func (r *reader) spread(ctx *actor.Context, words map[string]int64) {
	parts := make([]map[string]int64, len(r.shards))
	for word, times := range words {
		i := maphash.String(r.seed, word) % uint64(len(parts))
		if parts[i] == nil {
			parts[i] = make(map[string]int64, len(words)/len(parts)+1)
		}
		parts[i][word] = times
	}
	for i, part := range parts {
		if part != nil {
			ctx.Send(r.shards[i], partial{part})
		}
	}
}

// shard adds up the words it owns.
type shard struct{ words map[string]int64 }

func (s *shard) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case partial:
		for word, times := range m.words {
			s.words[word] += times
		}
	case tally:
		total := shardTotal{rows: top(s.words, m.top), distinct: int64(len(s.words))}
		for _, times := range s.words {
			total.words += times
		}
		actor.Reply(ctx, m, total)
	default:
		return ctx.Unhandled()
	}
	return nil
}
