package actor

// runQueue is a FIFO of processes that are ready: a ring that grows. Its owner locks.
type runQueue struct {
	buf   []*process // a power of two
	first int
	n     int
}

// runQueueKept is the largest ring an empty queue keeps.
const runQueueKept = 1024

func (q *runQueue) push(p *process) {
	if q.n == len(q.buf) {
		wider := make([]*process, max(16, 2*q.n))
		for i := range q.n {
			wider[i] = q.buf[(q.first+i)&(q.n-1)]
		}
		q.buf, q.first = wider, 0
	}
	q.buf[(q.first+q.n)&(len(q.buf)-1)] = p
	q.n++
}

// pop returns nil if the queue is empty.
func (q *runQueue) pop() *process {
	if q.n == 0 {
		return nil
	}
	p := q.buf[q.first]
	q.buf[q.first] = nil
	q.first = (q.first + 1) & (len(q.buf) - 1)
	if q.n--; q.n == 0 && len(q.buf) > runQueueKept {
		q.buf, q.first = nil, 0
	}
	return p
}
