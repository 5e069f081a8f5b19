package main

import (
	"hash/fnv"

	"github.com/foundation-runtime/foundation/actor"
)

// most words of one message: a node takes no message of arbitrarily many elements.
const mostWords = 10_000

// spread sends every word to the shard that owns it, and returns how many went to each.
func spread(from actor.Sender, words map[string]int64, shards []actor.PID) []int64 {
	parts := make([]map[string]int64, len(shards))
	shares := make([]int64, len(shards))
	for word, times := range words {
		i := owner(word, len(parts))
		if len(parts[i]) == mostWords {
			from.Send(shards[i], partial{parts[i]})
			parts[i] = nil
		}
		if parts[i] == nil {
			parts[i] = make(map[string]int64, min(len(words)/len(parts)+1, mostWords))
		}
		parts[i][word] = times
		shares[i] += times
	}
	for i, part := range parts {
		if part != nil {
			from.Send(shards[i], partial{part})
		}
	}
	return shares
}

// owner is the shard of a word: the same on all nodes.
func owner(word string, shards int) int {
	h := fnv.New32a()
	h.Write([]byte(word))
	return int(h.Sum32() % uint32(shards))
}

// shard adds up the words it owns.
type shard struct {
	words map[string]int64
	total int64
	asked *tally // not answered yet
	asker actor.ReplyTo[shardTotal]
}

func newShard() *shard { return &shard{words: map[string]int64{}} }

func (s *shard) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case partial:
		for word, times := range m.Words {
			s.words[word] += times
			s.total += times
		}
	case tally:
		s.asked, s.asker = &m, actor.DeferReply(ctx, m)
	default:
		return ctx.Unhandled()
	}
	if s.asked != nil && s.total >= s.asked.Words {
		s.asker.Reply(shardTotal{Rows: top(s.words, s.asked.Top), Words: s.total, Distinct: int64(len(s.words))})
		s.asked = nil
	}
	return nil
}
