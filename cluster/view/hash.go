package view

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"
)

// hash is over what placement depends on, each text with its length before it. All nodes of all platforms and releases
// compute the same: it travels.
func (v *View) hash() uint64 {
	h := fnv.New64a()
	var word [8]byte
	number := func(n uint64) {
		binary.LittleEndian.PutUint64(word[:], n)
		h.Write(word[:])
	}
	text := func(s string) {
		number(uint64(len(s)))
		h.Write([]byte(s))
	}
	number(v.Seed)
	n := 0
	for _, m := range v.members {
		if !m.up() {
			continue
		}
		n++
		text(m.ID.Name)
		number(uint64(m.ID.Incarnation))
		number(uint64(m.Weight))
		text(m.Zone)
		number(uint64(len(m.Labels)))
		for _, k := range slices.Sorted(maps.Keys(m.Labels)) {
			text(k)
			text(m.Labels[k])
		}
	}
	if n == 0 {
		return 0
	}
	return max(mix(h.Sum64()), 1)
}

// mix spreads what FNV leaves in the low bits (the finaliser of SplitMix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
