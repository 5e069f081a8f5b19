package registry

import (
	"hash/maphash"
	"iter"
	"sync/atomic"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// source is where records come from: one life of one node. While it is gone readers pass over its entries, so that a node
// whose entries are being taken out, one by one, has vanished with a single write.
type source struct {
	gone  atomic.Bool
	local bool
	of    member
}

// entry is the holder of a name that readers see. It is never changed.
type entry struct {
	name string
	pid  actor.PID
	rec  *crdt.Record
	src  *source
}

// table is what Whereis reads: a hash table that one writer changes while any number read it without a lock. Each part
// is open addressing over pointers; a part that is full is copied, so that growing never stops all of them.
type table struct {
	seed  maphash.Seed
	parts [tableParts]part
}

type part struct {
	slots atomic.Pointer[slots]
	live  int // entries
	used  int // slots that are not nil; a deleted entry leaves a gap behind
}

type slots []atomic.Pointer[entry]

const (
	tableParts = 64 // a power of two
	leastSlots = 8
)

// gap stands where an entry was, so that those behind it are still found.
var gap = new(entry)

func newTable() *table {
	return &table{seed: maphash.MakeSeed()}
}

// place splits a hash into the part and the first slot to look at.
func (t *table) place(name string) (*part, uint64) {
	h := maphash.String(t.seed, name)
	return &t.parts[h%tableParts], h / tableParts
}

// get is safe for any number of goroutines, beside one that writes.
func (t *table) get(name string) *entry {
	p, h := t.place(name)
	all := p.slots.Load()
	if all == nil {
		return nil
	}
	s := *all
	for i := h; ; i++ {
		e := s[i&uint64(len(s)-1)].Load()
		if e == nil {
			return nil
		}
		if e.name == name && e != gap {
			return e
		}
	}
}

// put makes e the entry of its name.
func (t *table) put(e *entry) {
	p, h := t.place(e.name)
	if s := p.slots.Load(); s == nil || 4*(p.used+1) > 3*len(*s) {
		t.rebuild(p)
	}
	s := *p.slots.Load()
	free := (*atomic.Pointer[entry])(nil)
	for i := h; ; i++ {
		at := &s[i&uint64(len(s)-1)]
		switch old := at.Load(); {
		case old == nil:
			if free == nil {
				free = at
				p.used++
			}
			free.Store(e)
			p.live++
			return
		case old == gap:
			if free == nil {
				free = at
			}
		case old.name == e.name:
			at.Store(e)
			return
		}
	}
}

// remove takes a name out.
func (t *table) remove(name string) {
	p, h := t.place(name)
	all := p.slots.Load()
	if all == nil {
		return
	}
	s := *all
	for i := h; ; i++ {
		at := &s[i&uint64(len(s)-1)]
		old := at.Load()
		if old == nil {
			return
		}
		if old.name == name && old != gap {
			at.Store(gap)
			if p.live--; p.live == 0 {
				p.slots.Store(nil)
				p.used = 0
			}
			return
		}
	}
}

// rebuild copies a part without its gaps into slots of which at most half are used.
func (t *table) rebuild(p *part) {
	n := leastSlots
	for n < 2*(p.live+1) {
		n *= 2
	}
	fresh := make(slots, n)
	if old := p.slots.Load(); old != nil {
		for i := range *old {
			e := (*old)[i].Load()
			if e == nil || e == gap {
				continue
			}
			_, h := t.place(e.name)
			for ; fresh[h&uint64(n-1)].Load() != nil; h++ {
			}
			fresh[h&uint64(n-1)].Store(e)
		}
	}
	p.used = p.live
	p.slots.Store(&fresh)
}

// all yields the entries. What changes meanwhile is seen or missed.
func (t *table) all() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for i := range t.parts {
			s := t.parts[i].slots.Load()
			if s == nil {
				continue
			}
			for k := range *s {
				if e := (*s)[k].Load(); e != nil && e != gap && !yield(e) {
					return
				}
			}
		}
	}
}

// clear takes everything out.
func (t *table) clear() {
	for i := range t.parts {
		p := &t.parts[i]
		p.slots.Store(nil)
		p.live, p.used = 0, 0
	}
}

// len counts the entries; for the writer.
func (t *table) len() (n int) {
	for i := range t.parts {
		n += t.parts[i].live
	}
	return n
}
