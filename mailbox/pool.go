package mailbox

import "sync"

// Pool holds the segments of any number of inboxes of one cell type between uses. The zero value is ready; it must not be
// copied. Segments left in it go with the garbage collector.
type Pool[T any] struct {
	free sync.Pool
}

// get returns a segment whose cells are empty. Clearing happens here, by the producer: it brings the segment's lines into
// the producer's cache in one sweep instead of one miss per message.
func (p *Pool[T]) get() *segment[T] {
	s, _ := p.free.Get().(*segment[T])
	if s == nil {
		return new(segment[T])
	}
	if s.dirty {
		clear(s.slots[:])
		s.dirty = false
	}
	return s
}

func (p *Pool[T]) put(s *segment[T]) {
	s.next.Store(nil)
	s.tail.Store(nil)
	s.head.Store(nil)
	s.free = nil
	s.retired, s.youngest = nil, nil
	p.free.Put(s)
}
