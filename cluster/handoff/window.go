package handoff

const (
	// MaxMoves is how many processes can be under way from one node to one other.
	MaxMoves = 256
	// MaxBytes is how many bytes of State can be. One that is larger goes alone.
	MaxBytes = 4 << 20
)

// Window bounds what is under way between a pair of nodes. The zero Window is empty.
type Window struct {
	moves   int
	bytes   int
	sent    map[string]int
	waiting []load
}

type load struct {
	id   string
	size int
}

// Begin reserves a place for a move; without one it has to wait.
func (w *Window) Begin() bool {
	if w.moves >= MaxMoves {
		return false
	}
	w.moves++
	return true
}

// State asks whether the State of a move that began may be sent now; if not, End says when.
func (w *Window) State(id string, size int) bool {
	if len(w.waiting) > 0 || !w.fits(size) {
		w.waiting = append(w.waiting, load{id, size})
		return false
	}
	w.put(id, size)
	return true
}

func (w *Window) fits(size int) bool { return len(w.sent) == 0 || w.bytes+size <= MaxBytes }

func (w *Window) put(id string, size int) {
	if w.sent == nil {
		w.sent = map[string]int{}
	}
	w.sent[id] = size
	w.bytes += size
}

// End frees the place of a move that began and came to its commit point, or to nothing. The States of those that it returns
// may be sent now.
func (w *Window) End(id string) (send []string) {
	w.moves = max(0, w.moves-1)
	w.bytes -= w.sent[id]
	delete(w.sent, id)
	for i, l := range w.waiting {
		if l.id == id {
			w.waiting = append(w.waiting[:i], w.waiting[i+1:]...)
			break
		}
	}
	for len(w.waiting) > 0 && w.fits(w.waiting[0].size) {
		w.put(w.waiting[0].id, w.waiting[0].size)
		send = append(send, w.waiting[0].id)
		w.waiting = w.waiting[1:]
	}
	return send
}
