package cluster

import (
	"bytes"
	"slices"
)

// Gossip keys change while a cluster runs in three rounds over all nodes: [Node.AddGossipKey] everywhere, then
// [Node.UseGossipKey] everywhere, then [Node.RemoveGossipKey] of the old one. Nothing is lost on the way.

// AddGossipKey makes this node accept gossip encrypted with key, 16, 24 or 32 bytes.
func (n *Node) AddGossipKey(key []byte) error {
	if err := n.Membership().AddKey(key); err != nil {
		return err
	}
	n.keys(func(keys [][]byte) [][]byte {
		if slices.ContainsFunc(keys, func(k []byte) bool { return bytes.Equal(k, key) }) {
			return keys
		}
		return append(keys, bytes.Clone(key))
	})
	return nil
}

// UseGossipKey makes this node encrypt with key, which has been added. All nodes must accept it by then.
func (n *Node) UseGossipKey(key []byte) error {
	if err := n.Membership().UseKey(key); err != nil {
		return err
	}
	n.keys(func(keys [][]byte) [][]byte {
		keys = slices.DeleteFunc(keys, func(k []byte) bool { return bytes.Equal(k, key) })
		return slices.Insert(keys, 0, bytes.Clone(key))
	})
	return nil
}

// RemoveGossipKey makes this node refuse gossip encrypted with key, which is not the one it uses.
func (n *Node) RemoveGossipKey(key []byte) error {
	if err := n.Membership().RemoveKey(key); err != nil {
		return err
	}
	n.keys(func(keys [][]byte) [][]byte {
		return slices.DeleteFunc(keys, func(k []byte) bool { return bytes.Equal(k, key) })
	})
	return nil
}

// keys changes what the next life of this node begins with.
func (n *Node) keys(f func([][]byte) [][]byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gossipKeys = f(slices.Clone(n.gossipKeys))
}

func (n *Node) currentKeys() [][]byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.gossipKeys
}
