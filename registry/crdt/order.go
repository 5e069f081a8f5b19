package crdt

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
)

// Token is the rank of a record among the holders of a name, as bytes: epoch, complement of the stamp, incarnation,
// sequence, all big-endian. The greater token wins, so a later epoch beats all, and of equal epochs the earlier
// registration stays. A store that fences writes compares tokens and needs to know nothing else.
type Token [32]byte

// Compare is negative if t loses against other.
func (t Token) Compare(other Token) int { return bytes.Compare(t[:], other[:]) }

// Token is computed from the record alone, so that every node computes the same.
func (r *Record) Token() (t Token) {
	binary.BigEndian.PutUint64(t[0:], r.Epoch)
	binary.BigEndian.PutUint64(t[8:], ^uint64(r.Stamp))
	binary.BigEndian.PutUint64(t[16:], uint64(r.Origin.Incarnation))
	binary.BigEndian.PutUint64(t[24:], r.Seq)
	return t
}

// Compare is the total order of conflict resolution: positive if a stays and b goes, zero only for the same record. It
// is the order of the tokens, then of the node names, because two nodes may draw the same incarnation.
func Compare(a, b *Record) int {
	return cmp.Or(
		cmp.Compare(a.Epoch, b.Epoch),
		cmp.Compare(b.Stamp, a.Stamp),
		cmp.Compare(a.Origin.Incarnation, b.Origin.Incarnation),
		cmp.Compare(a.Seq, b.Seq),
		cmp.Compare(a.Origin.Node, b.Origin.Node),
	)
}

// Best is the record that stays if all of records hold the same name, nil if there are none. A finite set has exactly
// one greatest element in a total order: whatever was lost on the way, exactly one survives among those that are known.
func Best(records iter.Seq[*Record]) (best *Record) {
	for r := range records {
		if best == nil || Compare(r, best) > 0 {
			best = r
		}
	}
	return best
}
