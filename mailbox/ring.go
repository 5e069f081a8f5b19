package mailbox

// Sizes of a ring, in cells. All are powers of two.
const (
	// keptCells is the size a ring begins with and keeps while empty, so that
	// short turns of push and pop allocate nothing.
	keptCells = 8

	// largeCells is the size beyond which a ring shrinks before it is empty:
	// a queue that had a burst once and is never quite empty afterwards must
	// not hold the burst's memory for ever.
	largeCells = 64
)

// ring is a FIFO queue that grows and shrinks with what it holds. The zero
// value is empty and ready. It is not safe for concurrent use.
//
// Invariants:
//
//  1. head <= tail. Value number i is held iff head <= i < tail, in
//     cells[i & (len(cells)-1)]. The numbers are never reused, not even when
//     the cells are replaced, so a number names a place in the order for ever.
//  2. len(cells) is 0 or a power of two of at least keptCells, and
//     tail-head <= len(cells).
//  3. Cells that hold no value are zero.
//  4. While the ring is empty, len(cells) <= keptCells.
type ring[T any] struct {
	cells      []T
	head, tail uint64
}

func (r *ring[T]) len() int { return int(r.tail - r.head) }

func (r *ring[T]) push(v *T) {
	if r.len() == len(r.cells) {
		r.resize(max(keptCells, 2*len(r.cells)))
	}
	r.cells[r.tail&uint64(len(r.cells)-1)] = *v
	r.tail++
}

// pop moves the oldest value to v; the ring must not be empty. Values go by
// pointer through the layers, because cells of some words are costly to copy.
func (r *ring[T]) pop(v *T) {
	var zero T
	cell := &r.cells[r.head&uint64(len(r.cells)-1)]
	*v = *cell
	*cell = zero
	r.head++
	switch n, size := r.len(), len(r.cells); {
	case n == 0 && size > keptCells:
		r.cells = nil
	case size > largeCells && n <= size/8:
		// To a quarter, which leaves it half full: many steps away from both
		// the next growth and the next shrinking.
		r.resize(size / 4)
	}
}

// front returns the oldest value in place; the ring must not be empty.
func (r *ring[T]) front() *T {
	return &r.cells[r.head&uint64(len(r.cells)-1)]
}

func (r *ring[T]) resize(size int) {
	cells := make([]T, size)
	for i := r.head; i != r.tail; i++ {
		cells[i&uint64(size-1)] = r.cells[i&uint64(len(r.cells)-1)]
	}
	r.cells = cells
}
