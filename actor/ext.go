package actor

import (
	"sync"
	"time"
)

// ext holds what few processes have: relations, a name, and in rare what even fewer have. It is made when first needed.
//
// Invariants: locks of two processes are never held at once. After dead is set the relations are empty and stay so.
type ext struct {
	mu       sync.Mutex // protects the fields below
	dead     bool
	dying    bool // reason was accepted
	trap     bool
	reason   error
	name     string
	links    smallMap[PID, struct{}]
	watchers smallMap[uint64, PID] // monitors on this process: reference to owner
	watching smallMap[uint64, PID] // monitors of this process: reference to target
	rare     *rare
	grave    *grave // what is left to do after a Kill
}

type rare struct {
	labels    map[string]string
	suspended bool
	parked    bool      // suspended, and the consumer's right is held by nobody's turn
	begun     bool      // while parked: the turn had popped something
	exits     []*header // ExitSignals of links that stand in the queue
	owed      []*ask    // requests this process owes an answer to, beside the one being handled
	span      *span     // of the Context in use
	life      *span     // of the process, if somebody waits for its end
	start     *starting // until Init has run
	tracer    *tracer

	stash []envelope
	held  []heldSend // see Context.Hold
	front []envelope // to be handled before the queue

	// Owned by the running turn.
	behaviours []Actor
	idle       idleState
}

type idleState struct {
	after time.Duration
	last  time.Time
	gen   uint64
	t     *timer
}

// deadExt stands for the ext of every process that ended without having one.
var deadExt = &ext{dead: true}

// extend returns p's ext, making it if need be.
func (p *process) extend() *ext {
	if e := p.ext.Load(); e != nil {
		return e
	}
	e := new(ext)
	if p.ext.CompareAndSwap(nil, e) {
		return e
	}
	return p.ext.Load()
}

// rarely returns e's rare part; e.mu is held, or the caller runs the process's turn and e has one.
func (e *ext) rarely() *rare {
	if e.rare == nil {
		e.rare = new(rare)
	}
	return e.rare
}

// smallMap is a map that costs one small slice while it has few entries.
type smallMap[K comparable, V any] struct {
	few  []smallEntry[K, V]
	many map[K]V
}

type smallEntry[K comparable, V any] struct {
	k K
	v V
}

const smallMapMax = 16

func (m *smallMap[K, V]) get(k K) (v V, ok bool) {
	if m.many != nil {
		v, ok = m.many[k]
		return v, ok
	}
	for i := range m.few {
		if m.few[i].k == k {
			return m.few[i].v, true
		}
	}
	return v, false
}

func (m *smallMap[K, V]) set(k K, v V) {
	if m.many == nil {
		for i := range m.few {
			if m.few[i].k == k {
				m.few[i].v = v
				return
			}
		}
		if len(m.few) < smallMapMax {
			if m.few == nil {
				m.few = make([]smallEntry[K, V], 0, 1)
			}
			m.few = append(m.few, smallEntry[K, V]{k, v})
			return
		}
		m.many = make(map[K]V, 2*smallMapMax)
		for _, e := range m.few {
			m.many[e.k] = e.v
		}
		m.few = nil
	}
	m.many[k] = v
}

// remove reports whether k was there.
func (m *smallMap[K, V]) remove(k K) bool {
	if m.many != nil {
		_, ok := m.many[k]
		delete(m.many, k)
		if len(m.many) == 0 {
			m.many = nil
		}
		return ok
	}
	for i := range m.few {
		if m.few[i].k == k {
			last := len(m.few) - 1
			copy(m.few[i:], m.few[i+1:])
			m.few[last] = smallEntry[K, V]{}
			m.few = m.few[:last]
			if last == 0 {
				m.few = nil
			}
			return true
		}
	}
	return false
}

// all yields the entries, in the order they were set while there are few.
func (m *smallMap[K, V]) all(yield func(K, V) bool) {
	for _, e := range m.few {
		if !yield(e.k, e.v) {
			return
		}
	}
	for k, v := range m.many {
		if !yield(k, v) {
			return
		}
	}
}
