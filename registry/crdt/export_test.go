package crdt

import "testing"

// Slots counts what shards of other nodes have allocated, ended records included.
func (s *Store) Slots() (n int) {
	for _, p := range s.peers {
		if p.shard != nil {
			n += len(p.shard.slots)
		}
	}
	return n
}

// Keys counts the index.
func (s *Store) Keys() int { return len(s.index) }

// HashOf is the hash of a node's shard as it is held here.
func (s *Store) HashOf(t testing.TB, node string) uint64 {
	t.Helper()
	d, ok := s.Held(node)
	if !ok {
		t.Fatalf("nothing is held of %s", node)
	}
	return d.Hash
}

// Dots counts the values of all keys.
func (m *Map[K, V]) Dots() int { return len(m.dots) }
