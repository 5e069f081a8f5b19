package strategies

import (
	"slices"
	"strings"
	"time"
)

// Merge is the union of sets. If two name the same address differently, the first name that is not empty wins.
func Merge(sets ...[]Peer) []Peer {
	all := slices.Concat(sets...)
	slices.SortStableFunc(all, byAddr)
	merged := all[:0]
	for _, p := range all {
		last := len(merged) - 1
		switch {
		case last < 0 || merged[last].Addr != p.Addr:
			merged = append(merged, p)
		case merged[last].Name == "":
			merged[last].Name = p.Name
		}
	}
	return merged
}

// Diff compares two sets by address.
func Diff(before, after []Peer) (added, removed []Peer) {
	before, after = Merge(before), Merge(after)
	return without(after, before), without(before, after)
}

// without is what of set is not in other, which is sorted.
func without(set, other []Peer) (rest []Peer) {
	for _, p := range set {
		if _, found := slices.BinarySearchFunc(other, p, byAddr); !found {
			rest = append(rest, p)
		}
	}
	return rest
}

func byAddr(a, b Peer) int { return strings.Compare(a.Addr, b.Addr) }

// Apply is the set a node knows after an update, given the one it knew. An error changes nothing. A set replaces what
// was known, except for the peers that live reports as members the node is in touch with: those stay, because a source
// that forgets a node, or lies, is no proof that the node is gone.
func Apply(known []Peer, u Update, live func(Peer) bool) []Peer {
	if u.Err != nil {
		return known
	}
	_, gone := Diff(known, u.Peers)
	kept := slices.DeleteFunc(gone, func(p Peer) bool { return !live(p) })
	return Merge(u.Peers, kept)
}

// Table is a set whose peers leave by themselves when they are not seen for a while. It reads no clock; times come from
// one that does not jump. The zero value is ready to use.
type Table struct {
	entries map[string]entry // by address
}

type entry struct {
	peer Peer
	seen time.Time
}

// Seen puts p in or keeps it there. A name, once known, is kept until another is given.
func (t *Table) Seen(p Peer, now time.Time) {
	if t.entries == nil {
		t.entries = map[string]entry{}
	}
	if p.Name == "" {
		p.Name = t.entries[p.Addr].peer.Name
	}
	t.entries[p.Addr] = entry{p, now}
}

// Remove takes out the peer at addr, as after its goodbye.
func (t *Table) Remove(addr string) { delete(t.entries, addr) }

// Expire takes out the peers that were last seen longer than ttl ago.
func (t *Table) Expire(now time.Time, ttl time.Duration) {
	for addr, e := range t.entries {
		if now.Sub(e.seen) > ttl {
			delete(t.entries, addr)
		}
	}
}

// Len is the number of peers.
func (t *Table) Len() int { return len(t.entries) }

// Peers is the set.
func (t *Table) Peers() []Peer {
	peers := make([]Peer, 0, len(t.entries))
	for _, e := range t.entries {
		peers = append(peers, e.peer)
	}
	slices.SortFunc(peers, byAddr)
	return peers
}
