package placement

import (
	"fmt"
	"strings"
)

// Explanation is why a key lives where it lives.
type Explanation struct {
	Key        string
	Partition  Partition
	Partitions int // of the table
	Ranking    []Rank
}

// Rank is a member's claim to a partition. The greatest score wins; of equal ones the first by name.
type Rank struct {
	Member Member
	Score  uint64
	Draw   int // which of the member's draws, as many as its weight, is its best
}

// Explain says why key lives where it lives: its partition, and all members in the order in which they would own it.
func (t *Table) Explain(key string) Explanation {
	e := Explanation{Key: key, Partition: t.PartitionOf(key), Partitions: len(t.owners)}
	var last rank
	for k := range t.members {
		last = t.next(e.Partition, last, k == 0)
		e.Ranking = append(e.Ranking, Rank{t.members[last.member], last.score, last.draw})
	}
	return e
}

// String has a line for the key and one for each member.
func (e Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q is in partition %d of %d", e.Key, e.Partition, e.Partitions)
	if len(e.Ranking) == 0 {
		b.WriteString(", which nobody owns")
	}
	for i, r := range e.Ranking {
		role := "then"
		if i == 0 {
			role = "owner"
		}
		fmt.Fprintf(&b, "\n%5s %s: score %016x, draw %d of %d", role, r.Member.Name, r.Score, r.Draw+1, r.Member.Weight)
	}
	return b.String()
}
