package placement

import (
	"slices"

	"github.com/zeebo/xxh3"
)

// Table says who owns each partition. The zero Table has no partitions and no members: nobody owns anything.
type Table struct {
	config  Config
	members []Member // by name
	hashes  []uint64 // of their names
	owners  []uint16 // by partition, indexes of members
}

// New computes the table of the members that are up. The error joins a [*ConfigError] for everything that is wrong.
func New(c Config, members []Member) (*Table, error) {
	c, members = c.defaults(), sorted(members)
	if err := check(c, members); err != nil {
		return nil, err
	}
	t := &Table{config: c, members: members, hashes: make([]uint64, len(members)), owners: make([]uint16, c.Partitions)}
	for i, m := range members {
		t.hashes[i] = xxh3.HashString(m.Name)
	}
	t.fill()
	return t, nil
}

// fill finds the owner of every partition: who draws the greatest score, and of several the first by name. Partitions
// are the inner loop, because their scores do not wait for each other.
func (t *Table) fill() {
	bases, best := make([]uint64, len(t.owners)), make([]uint64, len(t.owners))
	for p := range bases {
		bases[p] = base(t.config.Seed, Partition(p))
	}
	owners, best := t.owners[:len(bases)], best[:len(bases)] // no bounds to check below
	for i, m := range t.members {
		for d := range m.Weight {
			ticket := ticket(t.hashes[i], d)
			for p, b := range bases {
				if s := mix(b ^ ticket); s > best[p] {
					best[p], owners[p] = s, uint16(i)
				}
			}
		}
	}
}

// The score of draw d of a member for a partition is mix(base ^ ticket). A member draws as often as its weight says, and
// its best draw counts: no floating point, which could differ between processors.
const (
	gamma = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	odd   = 0xd6e8feb86659fd93
)

func base(seed uint64, p Partition) uint64 { return mix(mix(seed) ^ uint64(p)*odd) }

func ticket(nameHash uint64, draw int) uint64 { return nameHash + uint64(draw)*gamma }

// mix is a step of SplitMix64: a bijection in which every bit of x changes about half of the result.
func mix(x uint64) uint64 {
	x += gamma
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Config returns what the table was built with, defaults filled in.
func (t *Table) Config() Config { return t.config }

// Members returns the members by name, with their weights filled in.
func (t *Table) Members() []Member { return slices.Clone(t.members) }

// PartitionOf returns the partition of key.
func (t *Table) PartitionOf(key string) Partition { return partitionOf(key, t.config.Partitions) }

// Owner returns the name of the member that owns key; "" if the Table is zero.
func (t *Table) Owner(key string) string { return t.OwnerOf(t.PartitionOf(key)) }

// OwnerOf returns the name of the member that owns p; "" if there is no such partition, which may happen if another node
// sent its number.
func (t *Table) OwnerOf(p Partition) string {
	if int(p) >= len(t.owners) {
		return ""
	}
	return t.members[t.owners[p]].Name
}

// AppendOwners appends to dst the names of the first n owners of p: the owner, who takes over if the owner is lost, and
// so on. There are fewer if the table has fewer members, and none if there is no such partition. It allocates only to
// grow dst.
func (t *Table) AppendOwners(dst []string, p Partition, n int) []string {
	if int(p) >= len(t.owners) {
		return dst
	}
	var last rank
	for k := range min(n, len(t.members)) {
		last = t.next(p, last, k == 0)
		dst = append(dst, t.members[last.member].Name)
	}
	return dst
}

// rank is a member's place in the order of a partition: by score downwards, then by name.
type rank struct {
	score  uint64
	member int
	draw   int // whose score it is
}

func (r rank) before(o rank) bool {
	return r.score > o.score || r.score == o.score && r.member < o.member
}

// next returns the first member of p's order that is behind after, or the first of all. There must be one.
func (t *Table) next(p Partition, after rank, first bool) rank {
	found, b := rank{member: -1}, base(t.config.Seed, p)
	for i := range t.members {
		r := t.rank(b, i)
		if (first || after.before(r)) && (found.member < 0 || r.before(found)) {
			found = r
		}
	}
	return found
}

// rank returns the best draw of a member for the partition with that base.
func (t *Table) rank(base uint64, member int) rank {
	best := rank{member: member}
	for d := range t.members[member].Weight {
		if s := mix(base ^ ticket(t.hashes[member], d)); s > best.score {
			best.score, best.draw = s, d
		}
	}
	return best
}

// Share is what a member owns.
type Share struct {
	Member     Member
	Partitions int     // how many it owns
	Fair       float64 // how many it would own if all were exactly even
}

// Shares returns what each member owns, by name.
func (t *Table) Shares() []Share {
	shares, total := make([]Share, len(t.members)), 0
	for i, m := range t.members {
		shares[i].Member = m
		total += m.Weight
	}
	for _, o := range t.owners {
		shares[o].Partitions++
	}
	for i := range shares {
		shares[i].Fair = float64(len(t.owners)) * float64(shares[i].Member.Weight) / float64(total)
	}
	return shares
}
