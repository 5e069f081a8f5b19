package mailbox

// Cursor is where the consumer reads in a segment, so that a run of values costs no call each. The zero value is nowhere. It is
// invalid after Pop, Renew, and after a Release, also one that failed.
type Cursor[T any] struct {
	root, seg *segment[T]
	pos       uint64 // of the next cell
	i         uint   // of the next cell in seg
}

// Seek moves the cursor to the next value behind the inline cell. If it returns Got, Cell is not nil.
func (q *Inbox[T]) Seek(pool *Pool[T], c *Cursor[T]) PopResult {
	if !q.took {
		return q.promote() // and Got by First
	}
	root := q.root[q.epoch].Load()
	if root == nil {
		return q.unready(1)
	}
	cell, _, res := root.peek(q, pool)
	if cell != nil {
		c.root, c.seg, c.pos = root, root.head.Load(), root.pos.Load()
		c.i = uint((c.pos - 1) % segmentSize)
	}
	return res
}

// Cell is the next value and its tag, if its producer is done; nil at the end of the segment, too.
func (c *Cursor[T]) Cell() (cell *T, tag uint64) {
	if c.i < segmentSize && c.seg != nil {
		s := &c.seg.slots[c.i]
		if tag = s.tag.Load(); tag != 0 {
			return &s.v, tag
		}
	}
	return nil, 0
}

// Drop removes what Cell returned. If it is false, Mine says whether the value is the caller's, or Drain was faster.
func (c *Cursor[T]) Drop() bool {
	c.i++
	c.pos++
	c.root.pos.Store(c.pos)
	return c.root.shut.Load() == 0
}

// Mine settles a contested Drop.
func (c *Cursor[T]) Mine() bool { return c.root.contested(c.pos - 1) }
