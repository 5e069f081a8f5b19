package mailbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// cell is what the tests put in queues. id is never 0.
type cell struct{ id, level int }

// subject is a queue under test and what the model must know of it.
type subject struct {
	q        Queue[cell]
	forced   func(v cell, level int) error // nil: has none
	check    func() error                  // nil: no invariants to check
	levels   int
	limit    int // 0: none
	overflow Overflow
}

func (s subject) String() string {
	return fmt.Sprintf("%T levels=%d limit=%d %v", s.q, s.levels, s.limit, s.overflow)
}

func boundedSubject(capacity int, overflow Overflow) subject {
	b := NewBounded[cell](capacity, overflow)
	if capacity == 0 {
		capacity = DefaultCapacity
	}
	return subject{
		q:      b,
		forced: func(v cell, _ int) error { return b.PushForced(v) },
		check:  b.core.check,
		levels: 1, limit: capacity, overflow: overflow,
	}
}

func prioritySubject(levels, capacity int, overflow Overflow) subject {
	p := NewPriority(levels, func(v cell) int { return v.level }, capacity, overflow)
	return subject{
		q: p, forced: p.PushForced, check: p.core.check,
		levels: levels, limit: capacity, overflow: overflow,
	}
}

// model is a queue written for plainness: one list in the order of arrival.
type model struct {
	subject
	held    []modelCell
	waiting []cell
	closed  bool
}

type modelCell struct {
	cell
	forced bool
}

func (m *model) clamp(v cell) cell {
	v.level = min(max(v.level, 0), m.levels-1)
	return v
}

func (m *model) plain() (n int) {
	for _, c := range m.held {
		if !c.forced {
			n++
		}
	}
	return n
}

// pick returns the index of the oldest cell of the least or greatest level.
func pick(n int, level func(i int) int, better func(a, b int) bool) int {
	best := -1
	for i := range n {
		if l := level(i); l >= 0 && (best < 0 || better(l, level(best))) {
			best = i
		}
	}
	return best
}

func lower(a, b int) bool  { return a < b }
func higher(a, b int) bool { return a > b }

func (m *model) push(v cell) (lost cell, err error) {
	if m.closed {
		return lost, ErrClosed
	}
	full := m.limit > 0 && m.plain() >= m.limit
	if full && m.overflow != DropOldest {
		return lost, ErrFull
	}
	m.held = append(m.held, modelCell{cell: m.clamp(v)})
	if full {
		i := pick(len(m.held), func(i int) int {
			if m.held[i].forced {
				return -1
			}
			return m.held[i].level
		}, higher)
		lost = m.held[i].cell
		m.held = slices.Delete(m.held, i, i+1)
	}
	return lost, nil
}

func (m *model) pushForced(v cell) error {
	if m.closed {
		return ErrClosed
	}
	m.held = append(m.held, modelCell{cell: m.clamp(v), forced: true})
	return nil
}

// pop also returns the id of the waiter that it admits, or 0.
func (m *model) pop() (v cell, ok bool, admitted int) {
	i := pick(len(m.held), func(i int) int { return m.held[i].level }, lower)
	if i < 0 {
		return v, false, 0
	}
	v = m.held[i].cell
	m.held = slices.Delete(m.held, i, i+1)
	if len(m.waiting) > 0 && m.plain() < m.limit {
		w := pick(len(m.waiting), func(i int) int { return m.waiting[i].level }, lower)
		admitted = m.waiting[w].id
		m.held = append(m.held, modelCell{cell: m.waiting[w]})
		m.waiting = slices.Delete(m.waiting, w, w+1)
	}
	return v, true, admitted
}

// script runs operations on a queue and on the model side by side.
type script struct {
	t       *testing.T
	m       model
	nextID  int
	cancels map[int]context.CancelFunc // by id of the waiting cell
	mu      sync.Mutex
	results map[int]error // of finished PushWaits; guarded by mu
	want    map[int]error
}

// runScript runs one operation for each byte of ops and compares every result
// with the model. It must run in a synctest bubble.
func runScript(t *testing.T, s subject, ops []byte) {
	r := &script{
		t: t, m: model{subject: s},
		cancels: map[int]context.CancelFunc{}, results: map[int]error{}, want: map[int]error{},
	}
	for i, op := range ops {
		r.step(op)
		r.compare(i, op)
	}
	r.close()
	r.compare(len(ops), 0)
	for r.pop() {
	}
	r.compare(len(ops), 0)
	r.push(cell{id: -1})
	if err := s.q.PushWait(context.Background(), cell{id: -1}); !errors.Is(err, ErrClosed) {
		t.Errorf("%v: PushWait after Close: %v", s, err)
	}
}

// step runs the operation in the low bits of op with the level in the high.
func (r *script) step(op byte) {
	r.nextID++
	v := cell{id: r.nextID, level: int(op>>4) - 1} // -1 and too great ones too
	switch op & 15 {
	case 0, 1, 2, 3, 4:
		r.push(v)
	case 5, 6:
		r.pushWait(v)
	case 7:
		if r.m.forced != nil {
			err, want := r.m.forced(v, v.level), r.m.pushForced(v)
			if err != want {
				r.t.Fatalf("%v: PushForced: %v, want %v", r.m.subject, err, want)
			}
		}
	case 8:
		r.cancel(int(op >> 4))
	case 15:
		if op == 255 {
			r.close()
		}
	default:
		r.pop()
	}
}

func (r *script) push(v cell) {
	r.t.Helper()
	lost, err := r.m.q.Push(v)
	wantLost, want := r.m.push(v)
	if lost.id != wantLost.id || err != want {
		r.t.Fatalf("%v: Push: lost %d, %v; want %d, %v", r.m.subject, lost.id, err, wantLost.id, want)
	}
}

func (r *script) pop() bool {
	r.t.Helper()
	v, ok := r.m.q.Pop()
	want, wantOK, admitted := r.m.pop()
	if v.id != want.id || ok != wantOK {
		r.t.Fatalf("%v: Pop: %d, %v; want %d, %v", r.m.subject, v.id, ok, want.id, wantOK)
	}
	if admitted != 0 {
		r.want[admitted] = nil
	}
	return ok
}

func (r *script) pushWait(v cell) {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancels[v.id] = cancel
	go func() {
		err := r.m.q.PushWait(ctx, v)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.results[v.id] = err
	}()
	synctest.Wait()
	_, err := r.m.push(v)
	if err == ErrFull && r.m.overflow == Block {
		r.m.waiting = append(r.m.waiting, r.m.clamp(v))
	} else {
		r.want[v.id] = err
	}
}

func (r *script) cancel(i int) {
	if len(r.m.waiting) == 0 {
		return
	}
	i %= len(r.m.waiting)
	id := r.m.waiting[i].id
	r.m.waiting = slices.Delete(r.m.waiting, i, i+1)
	r.want[id] = context.Canceled
	r.cancels[id]()
}

func (r *script) close() {
	r.m.q.Close()
	r.m.closed = true
	for _, w := range r.m.waiting {
		r.want[w.id] = ErrClosed
	}
	r.m.waiting = nil
}

// compare waits until all goroutines are parked and compares what can be seen.
func (r *script) compare(i int, op byte) {
	r.t.Helper()
	if len(r.cancels) > 0 {
		synctest.Wait()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, want := range r.want {
		if err, ok := r.results[id]; !ok || err != want {
			r.t.Fatalf("%v: op %d (%d): PushWait %d finished %v with %v, want %v", r.m.subject, i, op, id, ok, err, want)
		}
		r.cancels[id]()
		delete(r.cancels, id)
		delete(r.results, id)
		delete(r.want, id)
	}
	for id, err := range r.results {
		r.t.Fatalf("%v: op %d (%d): PushWait %d finished with %v, want it to wait", r.m.subject, i, op, id, err)
	}
	if n := r.m.q.Len(); n != len(r.m.held) {
		r.t.Fatalf("%v: op %d (%d): Len %d, want %d", r.m.subject, i, op, n, len(r.m.held))
	}
	if r.m.check != nil {
		if err := r.m.check(); err != nil {
			r.t.Fatalf("%v: op %d (%d): %v", r.m.subject, i, op, err)
		}
	}
}

// randomOps returns operations that, according to bias, rather fill or rather
// empty a queue, and change their mind now and then.
func randomOps(rng *rand.Rand, n int) []byte {
	ops := make([]byte, n)
	fill := 0.5
	for i := range ops {
		if rng.IntN(40) == 0 {
			fill = rng.Float64()
		}
		op := byte(rng.IntN(9))
		if rng.Float64() > fill {
			op = 9 + byte(rng.IntN(6))
		}
		ops[i] = op | byte(rng.IntN(16))<<4
	}
	return ops
}

func subjects() map[string]func() subject {
	all := map[string]func() subject{}
	for o := Block; o <= Fail; o++ {
		for _, capacity := range []int{0, 1, 2, 7, 100} {
			all[fmt.Sprintf("Bounded/%v/%d", o, capacity)] = func() subject { return boundedSubject(capacity, o) }
			if capacity == 0 && o != Block {
				continue
			}
			for _, levels := range []int{1, 3, MaxLevels} {
				all[fmt.Sprintf("Priority/%d/%v/%d", levels, o, capacity)] = func() subject {
					return prioritySubject(levels, capacity, o)
				}
			}
		}
	}
	return all
}

func TestModel(t *testing.T) {
	for name, make := range subjects() {
		t.Run(name, func(t *testing.T) {
			testModel(t, make)
		})
	}
}

func testModel(t *testing.T, make func() subject) {
	t.Helper()
	for range 4 {
		seed := rand.Uint64()
		synctest.Test(t, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("seed %d", seed)
				}
			}()
			runScript(t, make(), randomOps(rand.New(rand.NewPCG(seed, 0)), 400))
		})
	}
}
