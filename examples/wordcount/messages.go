package main

import (
	"github.com/foundation-runtime/foundation/actor"
)

// job tells a reader to count one file.
type job struct{ path string }

// report says what became of one file. The reader sends it to the pool, which passes it on to the collector; for a
// file that killed its reader the pool writes it.
type report struct {
	path    string
	lines   int64
	words   int64
	shares  []int64 // of words: how many went to each shard
	outcome outcome
	why     error
}

// outcome is how the work on a file ended.
type outcome int

const (
	counted outcome = iota
	unreadable
	binary
	poisoned
)

func (o outcome) String() string {
	return [...]string{"counted", "unreadable", "binary, not counted", "poisoned, their readers crashed"}[o]
}

// partial is the share of one file's words that belongs to one shard, or a part of it.
type partial struct{ Words map[string]int64 }

// tally asks a shard for the first rows of its ranking and its totals. It is answered when the shard has got as many words as
// were sent to it: what others sent may still be on its way when the question is there.
type tally struct {
	actor.Replies[shardTotal]
	Top   int
	Words int64
}

// shardTotal answers a tally. A word lives on one shard only, so the ranking of all is a merge of the shards' first
// rows, and the number of different words a sum.
type shardTotal struct {
	Rows     []entry
	Words    int64
	Distinct int64
}

// finish asks the collector for the result; it answers when every file is done.
type finish struct{ actor.Replies[result] }

// result is what a run found out.
type result struct {
	Counted, Lines, Words, Distinct int64
	Top                             []entry
	Skipped                         map[outcome][]failure
	Restarts                        int // readers that were replaced
}

// failure is a file that was not counted.
type failure struct {
	Path string
	Why  error
}
