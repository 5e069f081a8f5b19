package crdt

import (
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Verdict says how a shard held here stands to what its owner sent.
type Verdict uint8

const (
	// InSync: nothing is missing. Also the answer to what is older than what is held, such as a repeated frame.
	InSync Verdict = iota
	// Behind: operations are missing. Ask the owner for those after [Store.Upto]; it answers with [Store.Since], or with
	// the first page if it does not keep them any more.
	Behind
	// Diverged: equal in length and different in content, or nonsense. It takes a fault to get here; ask the owner for
	// all its entries.
	Diverged
	// Stale: from an incarnation that has been replaced or retired. It must not be listened to.
	Stale
	// Ours: it claims to come from this very store. Nobody else writes our shard.
	Ours
)

// String is the name of the constant.
func (v Verdict) String() string {
	names := [...]string{"InSync", "Behind", "Diverged", "Stale", "Ours"}
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("Verdict(%d)", uint8(v))
}

// Change is a difference in what is visible: a record appears (Old is nil), vanishes (New is nil) or is replaced by its
// owner. Of changes that come together those that appear come first, so that a name whose holder moved is never absent.
type Change struct{ Old, New *Record }

// Store holds the shards of all known nodes, and the index that is read. It is a plain value without locks: its user
// serialises calls, readers included.
type Store struct {
	own   *shard
	ring  ring
	peers map[string]*peer // by node name, without our own
	index map[Key][]*Record
}

// peer is what is known of another node.
type peer struct {
	newest  Incarnation // older ones are refused
	retired bool        // so is newest itself
	up      bool        // newest may be seen
	shard   *shard      // of newest, nil if nothing came yet
	staging *staging    // pages that arrived so far
}

// NewStore is the empty store of self, whose own entries are always visible.
func NewStore(self Origin) (*Store, error) {
	if n := len(self.Node); n == 0 || n > MaxNodeBytes {
		return nil, fmt.Errorf("%w: node name of %d bytes, allowed are 1 to %d", ErrLimit, n, MaxNodeBytes)
	}
	return &Store{
		own:   &shard{origin: self, visible: true},
		peers: map[string]*peer{},
		index: map[Key][]*Record{},
	}, nil
}

// Self is the origin that writes here.
func (s *Store) Self() Origin { return s.own.origin }

// Add writes an entry of our own.
func (s *Store) Add(e Entry) (*Record, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	_, r := s.write(Op{Add: true, Entry: e})
	return r, nil
}

// Remove ends our record with that number. It returns nil if there is none: removing twice does no harm.
func (s *Store) Remove(seq uint64) *Record {
	if s.own.get(seq) == nil {
		return nil
	}
	before, _ := s.write(Op{Drop: seq})
	return before
}

// Replace ends our record with that number and writes e in one step, for new metadata or a higher epoch. The stamp is
// the caller's to keep. It returns nil without an error if there is no such record.
func (s *Store) Replace(seq uint64, e Entry) (*Record, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if s.own.get(seq) == nil {
		return nil, nil
	}
	_, r := s.write(Op{Drop: seq, Add: true, Entry: e})
	return r, nil
}

func (s *Store) write(op Op) (before, after *Record) {
	before, after = s.own.apply(&op)
	s.ring.push(s.own.upto, op)
	s.reindex(before, after)
	return before, after
}

// Since is our operations after number upto, as many as fit into maxBytes but at least one. It is false if the ring has
// passed them, or if there never were so many: then only pages help.
func (s *Store) Since(upto uint64, maxBytes int) (Delta, bool) {
	if upto > s.own.upto || s.own.upto-upto > uint64(len(s.ring)) {
		return Delta{}, false
	}
	return Delta{s.own.origin, upto + 1, s.opsAfter(upto, maxBytes)}, true
}

func (s *Store) opsAfter(upto uint64, maxBytes int) (ops []Op) {
	for seq := upto + 1; seq <= s.own.upto; seq++ {
		op := s.ring.at(seq)
		if maxBytes -= op.size(); maxBytes < 0 && len(ops) > 0 {
			break
		}
		ops = append(ops, *op)
	}
	return ops
}

// Apply brings the sender's shard forward. The caller has made sure that d comes from d.Origin and nobody else.
func (s *Store) Apply(d Delta) ([]Change, Verdict) {
	p, changes, v := s.admit(d.Origin)
	if p == nil {
		return nil, v
	}
	if d.First == 0 || d.First-1 > p.upto() {
		return changes, Behind
	}
	known := p.upto() - (d.First - 1)
	if known >= uint64(len(d.Ops)) {
		return changes, InSync
	}
	if p.shard == nil {
		p.shard = &shard{origin: d.Origin, visible: p.up}
	}
	for i := known; i < uint64(len(d.Ops)); i++ {
		before, after := p.shard.apply(&d.Ops[i])
		s.reindex(before, after)
		changes = p.shard.changed(changes, before, after)
	}
	return changes, InSync
}

// changed appends a change if there is one to see.
func (s *shard) changed(changes []Change, before, after *Record) []Change {
	if !s.visible || (before == nil && after == nil) {
		return changes
	}
	return append(changes, Change{before, after})
}

// admit finds the peer and checks the incarnation. A newer one than known ends its predecessor, whose entries vanish:
// a process is not restarted by a network, so they are gone for good. p is nil if the origin is refused.
func (s *Store) admit(o Origin) (p *peer, changes []Change, v Verdict) {
	if o.Node == s.own.origin.Node {
		if o == s.own.origin {
			return nil, nil, Ours
		}
		return nil, nil, Stale
	}
	p = s.peers[o.Node]
	switch {
	case p == nil:
		p = &peer{newest: o.Incarnation}
		s.peers[o.Node] = p
	case o.Incarnation < p.newest || (o.Incarnation == p.newest && p.retired):
		return nil, nil, Stale
	case o.Incarnation > p.newest:
		changes = s.clear(p)
		*p = peer{newest: o.Incarnation}
	}
	return p, changes, InSync
}

func (p *peer) upto() uint64 {
	if p.shard == nil {
		return 0
	}
	return p.shard.upto
}

// Check compares a digest from its owner with what is held here.
func (s *Store) Check(d Digest) ([]Change, Verdict) {
	p, changes, v := s.admit(d.Origin)
	switch {
	case p == nil:
		return nil, v
	case d.Upto > p.upto():
		return changes, Behind
	case d.Upto == p.upto() && p.shard != nil && d.Hash != p.shard.hash:
		return changes, Diverged
	}
	return changes, InSync
}

// Digest sums up our own shard.
func (s *Store) Digest() Digest { return s.own.digest() }

// Held is the digest of the shard of a node as it is known here; it is false if nothing came from that node.
func (s *Store) Held(node string) (Digest, bool) {
	if node == s.own.origin.Node {
		return s.own.digest(), true
	}
	if p := s.peers[node]; p != nil && p.shard != nil {
		return p.shard.digest(), true
	}
	return Digest{}, false
}

// Upto is the number of the last operation of o that was applied here, 0 if o is not the incarnation that is held.
func (s *Store) Upto(o Origin) uint64 {
	if d, ok := s.Held(o.Node); ok && d.Origin == o {
		return d.Upto
	}
	return 0
}

// Show makes the entries of o visible, those that are here and those to come: membership says that o lives. Until then
// they are hidden. An incarnation that was replaced or retired stays hidden.
func (s *Store) Show(o Origin) []Change {
	p, changes, _ := s.admit(o)
	if p == nil || p.up {
		return changes
	}
	p.up = true
	return append(changes, p.setVisible(true)...)
}

// Hide makes the entries of o invisible and keeps them: membership says that o is down. The time it takes depends on
// how many entries there are only because of the changes it returns. Nothing happens if another incarnation is known.
func (s *Store) Hide(o Origin) []Change {
	p := s.peers[o.Node]
	if p == nil || p.newest != o.Incarnation || !p.up {
		return nil
	}
	p.up = false
	return p.setVisible(false)
}

func (p *peer) setVisible(visible bool) []Change {
	if p.shard == nil {
		return nil
	}
	p.shard.visible = visible
	changes := make([]Change, 0, p.shard.len())
	p.shard.records(func(r *Record) bool {
		if visible {
			changes = append(changes, Change{New: r})
		} else {
			changes = append(changes, Change{Old: r})
		}
		return true
	})
	return changes
}

// Retire ends an incarnation that can never come back: its entries are deleted, and it and all earlier ones are
// refused from now on. What is kept is one small struct for the node.
func (s *Store) Retire(o Origin) []Change {
	p, changes, _ := s.admit(o)
	if p == nil {
		return nil
	}
	changes = append(changes, s.clear(p)...)
	*p = peer{newest: o.Incarnation, retired: true}
	return changes
}

// Forget drops all that is known of a node, also which of its incarnations to refuse.
func (s *Store) Forget(node string) []Change {
	p := s.peers[node]
	if p == nil {
		return nil
	}
	delete(s.peers, node)
	return s.clear(p)
}

// clear takes a peer's records out of the index.
func (s *Store) clear(p *peer) (changes []Change) {
	if p.shard == nil {
		return nil
	}
	if p.shard.visible {
		changes = p.setVisible(false)
	}
	p.shard.records(func(r *Record) bool { s.reindex(r, nil); return true })
	p.shard = nil
	return changes
}

// Nodes are the names of the other nodes that are known, sorted, with their newest incarnation.
func (s *Store) Nodes() iter.Seq[Origin] {
	return func(yield func(Origin) bool) {
		for _, name := range slices.Sorted(maps.Keys(s.peers)) {
			if !yield(Origin{name, s.peers[name].newest}) {
				return
			}
		}
	}
}
