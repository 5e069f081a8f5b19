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
	top [tableFan]atomic.Pointer[tableShelf]

	mu    sync.Mutex // protects the fields below
	low   int        // no segment below has a free slot
	base  []uint32   // generation at which a released segment goes on
	live  int
	spare int // free slots in segments that exist
}

const tableSegmentSize = 1024

// tableShelf is the middle level: the three levels have 9, 9 and 10 bits of the slot.
type tableShelf [tableFan]atomic.Pointer[tableSegment]

const tableFan = 512

type tableSegment struct {
	procs [tableSegmentSize]atomic.Pointer[process]

	// Protected by table.mu.
	gen   [tableSegmentSize]uint32
	free  [tableSegmentSize]uint16
	nfree int
	max   uint32 // highest generation given out
}

func (t *table) lookup(id uint64) *process {
	if shelf := t.top[id>>19%tableFan].Load(); shelf != nil {
		if seg := shelf[id>>10%tableFan].Load(); seg != nil {
			if p := seg.procs[id%tableSegmentSize].Load(); p != nil && p.id == id {
				return p
			}
		}
	}
	return nil
}

// segment is where the pointer to segment i stands, making its shelf if need be.
func (t *table) segment(i int) *atomic.Pointer[tableSegment] {
	shelf := t.top[i/tableFan].Load()
	if shelf == nil {
		shelf = new(tableShelf)
		t.top[i/tableFan].Store(shelf)
	}
	return &shelf[i%tableFan]
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

// roomy returns the lowest segment with a free slot, making one if need be; nil if the table is full.
func (t *table) roomy() (*tableSegment, int) {
	for i := t.low; i <= slotMask/tableSegmentSize; i++ {
		if i == len(t.base) {
			t.base = append(t.base, 0)
		}
		at := t.segment(i)
		seg := at.Load()
		if seg == nil {
			seg = &tableSegment{nfree: tableSegmentSize, max: t.base[i]}
			for k := range seg.free {
				seg.free[k] = uint16(tableSegmentSize - 1 - k)
				seg.gen[k] = t.base[i]
			}
			t.spare += tableSegmentSize
			at.Store(seg)
		}
		t.low = i
		if seg.nfree > 0 {
			return seg, i
		}
	}
	return nil, 0
}

// remove makes p's id lead nowhere for good.
func (t *table) remove(p *process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slot := p.id & slotMask
	i, k := int(slot/tableSegmentSize), slot%tableSegmentSize
	at := t.segment(i)
	seg := at.Load()
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
		at.Store(nil)
	}
}

// each calls f with every process until it returns false.
func (t *table) each(f func(*process) bool) {
	for i := range t.top {
		shelf := t.top[i].Load()
		if shelf == nil {
			continue
		}
		for j := range shelf {
			seg := shelf[j].Load()
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
}

func (t *table) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.live
}
