package registry

import (
	"iter"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// proc is what a process of this node has registered: keys with the numbers of the records. Nearly all have one.
type proc struct {
	key  crdt.Key
	seq  uint64 // 0: none
	more map[crdt.Key][]uint64
}

func (p *proc) add(k crdt.Key, seq uint64) {
	if p.seq == 0 {
		p.key, p.seq = k, seq
		return
	}
	if p.more == nil {
		p.more = map[crdt.Key][]uint64{}
	}
	p.more[k] = append(p.more[k], seq)
}

// last is the record of a key that was added last, or 0.
func (p *proc) last(k crdt.Key) uint64 {
	if all := p.more[k]; len(all) > 0 {
		return all[len(all)-1]
	}
	if p.seq != 0 && p.key == k {
		return p.seq
	}
	return 0
}

// remove takes a record out.
func (p *proc) remove(k crdt.Key, seq uint64) {
	if p.seq == seq {
		p.key, p.seq = crdt.Key{}, 0
		return
	}
	all := p.more[k]
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] == seq {
			all = append(all[:i], all[i+1:]...)
			break
		}
	}
	if len(all) == 0 {
		delete(p.more, k)
	} else {
		p.more[k] = all
	}
}

// all yields the numbers of all records.
func (p *proc) all() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		if p.seq != 0 && !yield(p.seq) {
			return
		}
		for _, all := range p.more {
			for _, seq := range all {
				if !yield(seq) {
					return
				}
			}
		}
	}
}
