package crdt

// Sizes are upper bounds of the encoded form: whoever fills a frame stops in time without encoding it twice.

// maxVarint is the size of the longest number.
const maxVarint = 10

func (e *Entry) size() int {
	return 1 + maxVarint + len(e.Name) + len(PID{}) + maxVarint + len(e.Meta) + 2*maxVarint
}

func (op *Op) size() int {
	n := 1 + maxVarint
	if op.Add {
		n += op.Entry.size()
	}
	return n
}

func (r *Record) size() int { return maxVarint + r.Entry.size() }
