package votes

import (
	"fmt"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Policy says which part of a vote set may go on without the rest. Two parts without a member in common must never both be
// quorums of one set, but for KeepAll. The policies are [KeepMajority], [StaticQuorum], [KeepOldest] and [KeepAll]. All
// members of a cluster use the same.
type Policy interface {
	// Quorum reports whether the members of v that has holds for may decide. It does not become false when has holds for
	// more. dead is who was proved dead.
	Quorum(v Set, has, dead func(nodeid.ID) bool) bool
	// Max is how many members a set may have.
	Max() int
	String() string
}

// KeepMajority keeps the part with more than half of the votes. Each member has two, the oldest three: of two equal halves
// the one with the oldest stays.
//
// It decides wrongly when more than half of the members die at once without proof, as with a zone of three of five nodes:
// the two that live stop, and wait for an operator. With two members the loss of the older stops the younger: use three.
var KeepMajority Policy = keepMajority{}

// StaticQuorum keeps the part with n members at least, whatever the rest is. A set never has more than 2n-1, others wait.
//
// It decides wrongly when the cluster is meant to shrink below n: what is left stops though nobody else runs. n less than 1
// counts as 1.
func StaticQuorum(n int) Policy { return staticQuorum(min(max(n, 1), MaxMembers)) }

// KeepOldest keeps the part with the oldest member that is not proved dead.
//
// It decides wrongly when the oldest is cut off alone: it goes on, and all others stop. And if the oldest is proved dead
// though it lives, behind a firewall that refuses dials, both parts go on.
var KeepOldest Policy = keepOldest{}

// KeepAll keeps every part: there are no vote sets, and everybody may run always. For development, and for what is worth
// running twice.
//
// It decides wrongly in every partition: each part runs everything until it heals.
var KeepAll Policy = keepAll{}

type keepMajority struct{}

func (keepMajority) Quorum(v Set, has, _ func(nodeid.ID) bool) bool {
	have, all := 0, 0
	for i, id := range v.Members {
		votes := 2
		if i == 0 {
			votes = 3
		}
		all += votes
		if has(id) {
			have += votes
		}
	}
	return 2*have > all
}

func (keepMajority) Max() int       { return MaxMembers }
func (keepMajority) String() string { return "KeepMajority" }

type staticQuorum int

func (n staticQuorum) Quorum(v Set, has, _ func(nodeid.ID) bool) bool {
	have := 0
	for _, id := range v.Members {
		if has(id) {
			have++
		}
	}
	return have >= int(n)
}

func (n staticQuorum) Max() int       { return min(2*int(n)-1, MaxMembers) }
func (n staticQuorum) String() string { return fmt.Sprintf("StaticQuorum(%d)", int(n)) }

type keepOldest struct{}

func (keepOldest) Quorum(v Set, has, dead func(nodeid.ID) bool) bool {
	for _, id := range v.Members {
		if !dead(id) || has(id) {
			return has(id)
		}
	}
	return false
}

func (keepOldest) Max() int       { return MaxMembers }
func (keepOldest) String() string { return "KeepOldest" }

type keepAll struct{}

func (keepAll) Quorum(Set, func(nodeid.ID) bool, func(nodeid.ID) bool) bool { return true }
func (keepAll) Max() int                                                    { return MaxMembers }
func (keepAll) String() string                                              { return "KeepAll" }
