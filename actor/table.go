package actor

import (
	"sync"
	"sync/atomic"
)

// table maps slots to processes. Lookups are lock-free; adding and removing take a mutex.
//
// Invariants: a slot is given out again only with a higher generation, also after its segment was released; a process is
// found only under its own id. Slots come from the lowest segment that has one, so that high segments empty and are
// released: a system that shrank gives the memory back.
type table struct {
	dir atomic.Pointer[[]atomic.Pointer[tableSegment]]

	mu    sync.Mutex // protects the fields below
	low   int        // no segment below has a free slot
	base  []uint32   // generation at which a released segment goes on
	live  int
	spare int // free slots in segments that exist
}

const tableSegmentSize = 1024

type tableSegment struct {
	procs [tableSegmentSize]atomic.Pointer[process]

	// Protected by table.mu.
	gen   [tableSegmentSize]uint32
	free  [tableSegmentSize]uint16
	nfree int
	max   uint32 // highest generation given out
}

func (t *table) lookup(id uint64) *process {
	dir := t.dir.Load()
	if dir == nil {
		return nil
	}
	slot := id & slotMask
	i := slot / tableSegmentSize
	if i >= uint64(len(*dir)) {
		return nil
	}
	seg := (*dir)[i].Load()
	if seg == nil {
		return nil
	}
	p := seg.procs[slot%tableSegmentSize].Load()
	if p == nil || p.id != id {
		return nil
	}
	return p
}

// add gives p an id and makes it visible. ok is false if all slots are taken.
func (t *table) add(p *process) (ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	seg, i := t.roomy()
	if seg == nil {
		return false
	}
	seg.nfree--
	k := seg.free[seg.nfree]
	t.spare--
	t.live++
	seg.gen[k]++
	seg.max = max(seg.max, seg.gen[k])
	p.id = makeID(uint64(i)*tableSegmentSize+uint64(k), uint64(seg.gen[k]))
	seg.procs[k].Store(p)
	return true
}

// roomy returns the lowest segment with a free slot, making one if need be.
func (t *table) roomy() (*tableSegment, int) {
	var dir []atomic.Pointer[tableSegment]
	if d := t.dir.Load(); d != nil {
		dir = *d
	}
	i := t.low
	for ; i < len(dir); i++ {
		seg := dir[i].Load()
		if seg == nil {
			break
		}
		if seg.nfree > 0 {
			t.low = i
			return seg, i
		}
	}
	if i > slotMask/tableSegmentSize {
		return nil, 0
	}
	t.low = i
	if i == len(dir) {
		dir = t.grow(dir)
	}
	seg := &tableSegment{nfree: tableSegmentSize, max: t.base[i]}
	for k := range seg.free {
		seg.free[k] = uint16(tableSegmentSize - 1 - k)
		seg.gen[k] = t.base[i]
	}
	t.spare += tableSegmentSize
	dir[i].Store(seg)
	return seg, i
}

// grow replaces the directory by a larger copy. Readers of the old one miss only processes added after they looked.
func (t *table) grow(dir []atomic.Pointer[tableSegment]) []atomic.Pointer[tableSegment] {
	wider := make([]atomic.Pointer[tableSegment], max(1, 2*len(dir)))
	for i := range dir {
		wider[i].Store(dir[i].Load())
	}
	t.dir.Store(&wider)
	base := make([]uint32, len(wider))
	copy(base, t.base)
	t.base = base
	return wider
}

// remove makes p's id lead nowhere for good.
func (t *table) remove(p *process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slot := p.id & slotMask
	i, k := int(slot/tableSegmentSize), slot%tableSegmentSize
	dir := *t.dir.Load()
	seg := dir[i].Load()
	seg.procs[k].Store(nil)
	t.live--
	if seg.gen[k] == ^uint32(0) {
		return // generations are used up: the slot is never given out again
	}
	seg.free[seg.nfree] = uint16(k)
	seg.nfree++
	t.spare++
	t.low = min(t.low, i)
	if seg.nfree == tableSegmentSize && i > 0 && t.spare > 2*tableSegmentSize {
		t.base[i] = seg.max
		t.spare -= tableSegmentSize
		dir[i].Store(nil)
	}
}

// each calls f with every process until it returns false.
func (t *table) each(f func(*process) bool) {
	dir := t.dir.Load()
	if dir == nil {
		return
	}
	for i := range *dir {
		seg := (*dir)[i].Load()
		if seg == nil {
			continue
		}
		for k := range seg.procs {
			if p := seg.procs[k].Load(); p != nil && !f(p) {
				return
			}
		}
	}
}

func (t *table) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.live
}
