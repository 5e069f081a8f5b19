package votes

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// MaxMembers is how many members a vote set can have.
const MaxMembers = 4096

// Lineage is a history of vote sets that began with one bootstrap, or by force. The zero Lineage is none.
type Lineage struct {
	Generation uint32 // 1 after a bootstrap; force makes it greater
	Born       uint64 // milliseconds since 1970, of who began it
	Random     uint64
}

// IsZero reports whether l is none.
func (l Lineage) IsZero() bool { return l == Lineage{} }

// SetID names a vote set: there is at most one for a K of a Lineage. The zero SetID is none.
type SetID struct {
	Lineage
	K uint64
}

// Set is a vote set V_k: who votes about what V_k+1 is, oldest first. The zero Set is none; who has none may take part in
// forming the first.
type Set struct {
	SetID
	Members []nodeid.ID // not changed by anybody after it was handed over
}

func (s Set) String() string {
	return fmt.Sprintf("V%d of %x/%d %v", s.K, s.Random, s.Generation, s.Members)
}

// Has reports whether id is a member.
func (s Set) Has(id nodeid.ID) bool { return slices.Contains(s.Members, id) }

// better reports whether the lineage of s stays and that of o dissolves, of two that met: the later generation, then the
// greater, then the older.
func (s Set) better(o Set) bool {
	return cmp.Or(cmp.Compare(s.Generation, o.Generation), cmp.Compare(len(s.Members), len(o.Members)),
		cmp.Compare(o.Born, s.Born), cmp.Compare(o.Random, s.Random)) > 0
}

// byAge orders members that join together.
func byAge(a, b nodeid.ID) int {
	return cmp.Or(cmp.Compare(a.Incarnation, b.Incarnation), a.Compare(b))
}

// Ballot is a proposer's attempt. Ballots of one proposer are numbered; the zero Ballot is before all others.
type Ballot struct {
	N    uint64
	Node nodeid.ID
}

// IsZero reports whether b is none.
func (b Ballot) IsZero() bool { return b.N == 0 }

// Compare orders ballots.
func (b Ballot) Compare(o Ballot) int { return cmp.Or(cmp.Compare(b.N, o.N), b.Node.Compare(o.Node)) }
