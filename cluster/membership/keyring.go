package membership

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/memberlist"
)

// ErrPlaintext: the cluster was started without keys, and keys cannot be added while it runs. Start all nodes with keys.
var ErrPlaintext = errors.New("cluster/membership: this node was started without keys; encryption cannot begin while it runs, start it with Config.Keys")

func checkKey(k []byte) error {
	if err := memberlist.ValidateKey(k); err != nil {
		return fmt.Errorf("cluster/membership: a key of %d bytes: it must have 16, 24 or 32", len(k))
	}
	return nil
}

func newKeyring(keys [][]byte) (*memberlist.Keyring, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	own := make([][]byte, len(keys))
	for i, k := range keys {
		own[i] = bytes.Clone(k)
	}
	return memberlist.NewKeyring(own, own[0])
}

// AddKey lets packets and streams be opened with one more key. To rotate: AddKey on all nodes, then UseKey on all, then
// RemoveKey of the old one on all.
func (m *Members) AddKey(key []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return m.rotate(func() error { return m.keys.AddKey(bytes.Clone(key)) })
}

// UseKey encrypts with a key from now on. It must have been added, here and at all other nodes.
func (m *Members) UseKey(key []byte) error {
	return m.rotate(func() error {
		if !has(m.keys.GetKeys(), key) {
			return errors.New("cluster/membership: this key is not on the ring; AddKey it on all nodes first")
		}
		return m.keys.UseKey(key)
	})
}

// RemoveKey takes a key off the ring. The one in use cannot be removed; one that is not there is no error.
func (m *Members) RemoveKey(key []byte) error {
	return m.rotate(func() error {
		keys := slices.Clone(m.keys.GetKeys())
		i := slices.IndexFunc(keys, func(k []byte) bool { return bytes.Equal(k, key) })
		if i == 0 {
			return errors.New("cluster/membership: this key is in use; UseKey another one on all nodes first")
		}
		if i < 0 {
			return nil
		}
		// memberlist removes a key by moving those behind it, under the eyes of who is reading them. Only the last can go
		// safely: so those behind it go too, and come back. What arrives in between is lost like any lost packet.
		for j := len(keys) - 1; j >= i; j-- {
			if err := m.keys.RemoveKey(keys[j]); err != nil {
				return err
			}
		}
		for _, k := range keys[i+1:] {
			if err := m.keys.AddKey(k); err != nil {
				return err
			}
		}
		return nil
	})
}

// Keys returns the keys, the one in use first; none if everything is plain text.
func (m *Members) Keys() [][]byte {
	if m.keys == nil {
		return nil
	}
	var out [][]byte
	for _, k := range m.keys.GetKeys() {
		out = append(out, bytes.Clone(k))
	}
	return out
}

// rotate changes the ring, one change at a time.
func (m *Members) rotate(change func() error) error {
	if m.keys == nil {
		return ErrPlaintext
	}
	m.turn <- struct{}{}
	defer func() { <-m.turn }()
	return change()
}

func has(keys [][]byte, key []byte) bool {
	return slices.ContainsFunc(keys, func(k []byte) bool { return bytes.Equal(k, key) })
}
