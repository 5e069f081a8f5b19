package mailbox

import (
	"errors"
	"fmt"
	"math/bits"
)

// check returns an error if an invariant of core or of its parts is broken.
func (c *core[T]) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	held, plain, waiting := 0, 0, 0
	for level := range len(c.rest) + 1 {
		l := c.lane(level)
		if err := errors.Join(l.plain.check(), l.forced.check()); err != nil {
			return fmt.Errorf("lane %d: %w", level, err)
		}
		held += l.plain.len() + l.forced.len()
		plain += l.plain.len()
		bit := uint64(1) << level
		if (c.hasAny&bit != 0) != (l.plain.len()+l.forced.len() > 0) ||
			(c.hasPlain&bit != 0) != (l.plain.len() > 0) ||
			(c.hasWaiting&bit != 0) != (l.waiting.first != nil) {
			return fmt.Errorf("lane %d: bits are wrong", level)
		}
		var last *waiter[T]
		for w := l.waiting.first; w != nil; w = w.next {
			if !w.linked || w.prev != last || w.level != level {
				return fmt.Errorf("lane %d: waiter list is broken", level)
			}
			last = w
			waiting++
		}
		if l.waiting.last != last {
			return fmt.Errorf("lane %d: last waiter is wrong", level)
		}
	}
	if held != c.held || plain != c.plain {
		return fmt.Errorf("held %d, plain %d, counted %d, %d", c.held, c.plain, held, plain)
	}
	if c.limit > 0 && plain > c.limit {
		return fmt.Errorf("%d plain values exceed the limit %d", plain, c.limit)
	}
	if waiting > 0 && (c.closed || c.overflow != Block || plain != c.limit) {
		return fmt.Errorf("%d wait for no reason", waiting)
	}
	spares := 0
	for w := c.spares; w != nil; w = w.next {
		if w.linked || w.prev != nil || len(w.ready) != 0 {
			return errors.New("a spare waiter is in use")
		}
		spares++
	}
	if spares != c.spareLen || spares > maxSpares {
		return fmt.Errorf("%d spares, counted %d", c.spareLen, spares)
	}
	return nil
}

func (r *ring[T]) check() error {
	size := len(r.cells)
	switch {
	case r.head > r.tail || r.len() > size:
		return fmt.Errorf("ring: head %d, tail %d, size %d", r.head, r.tail, size)
	case size != 0 && (size < keptCells || bits.OnesCount(uint(size)) != 1):
		return fmt.Errorf("ring: size %d", size)
	case r.len() == 0 && size > keptCells:
		return fmt.Errorf("ring: empty with %d cells", size)
	}
	return nil
}
