package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// pushAll pushes ids and returns those that were lost or refused.
func pushAll(t *testing.T, q Queue[cell], cells ...cell) (lost, refused []int) {
	t.Helper()
	for _, c := range cells {
		l, err := q.Push(c)
		switch {
		case errors.Is(err, ErrFull):
			refused = append(refused, c.id)
		case err != nil:
			t.Fatalf("Push(%d): %v", c.id, err)
		case l.id != 0:
			lost = append(lost, l.id)
		}
	}
	return lost, refused
}

func popAll(q Queue[cell]) (ids []int) {
	for {
		v, ok := q.Pop()
		if !ok {
			return ids
		}
		ids = append(ids, v.id)
	}
}

func cells(levels string) (all []cell) {
	for i, l := range levels {
		all = append(all, cell{id: i + 1, level: int(l - '0')})
	}
	return all
}

func TestPolicies(t *testing.T) {
	for _, tt := range []struct {
		name                string
		s                   subject
		levels              string // of the cells pushed, with ids from 1
		lost, refused, left []int
	}{
		{"bounded block", boundedSubject(3, Block), "00000", nil, []int{4, 5}, []int{1, 2, 3}},
		{"bounded drop newest", boundedSubject(3, DropNewest), "00000", nil, []int{4, 5}, []int{1, 2, 3}},
		{"bounded drop oldest", boundedSubject(3, DropOldest), "00000", []int{1, 2}, nil, []int{3, 4, 5}},
		{"bounded fail", boundedSubject(3, Fail), "00000", nil, []int{4, 5}, []int{1, 2, 3}},
		{"capacity 1", boundedSubject(1, DropOldest), "000", []int{1, 2}, nil, []int{3}},
		{"priority no limit", prioritySubject(3, 0, Block), "20121", nil, nil, []int{2, 3, 5, 1, 4}},
		{"priority block", prioritySubject(3, 3, Block), "20120", nil, []int{4, 5}, []int{2, 3, 1}},
		{"priority drop newest", prioritySubject(3, 3, DropNewest), "20120", nil, []int{4, 5}, []int{2, 3, 1}},
		{"priority fail", prioritySubject(3, 3, Fail), "20120", nil, []int{4, 5}, []int{2, 3, 1}},
		{"oldest of the least urgent", prioritySubject(3, 3, DropOldest), "2210", []int{1}, nil, []int{4, 3, 2}},
		{"the new one is the least urgent", prioritySubject(3, 3, DropOldest), "0112", []int{4}, nil, []int{1, 2, 3}},
		{"the new one is among the least urgent", prioritySubject(3, 3, DropOldest), "0111", []int{2}, nil, []int{1, 3, 4}},
		{"levels are clamped", prioritySubject(2, 0, Block), "9150/0", nil, nil, []int{4, 5, 6, 1, 2, 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lost, refused := pushAll(t, tt.s.q, cells(tt.levels)...)
			left := popAll(tt.s.q)
			if !slices.Equal(lost, tt.lost) || !slices.Equal(refused, tt.refused) || !slices.Equal(left, tt.left) {
				t.Errorf("lost %v, refused %v, left %v; want %v, %v, %v", lost, refused, left, tt.lost, tt.refused, tt.left)
			}
		})
	}
}

func TestZeroValues(t *testing.T) {
	var b Bounded[cell]
	for i := range DefaultCapacity {
		if _, err := b.Push(cell{id: i + 1}); err != nil {
			t.Fatalf("Bounded: push %d: %v", i, err)
		}
	}
	if _, err := b.Push(cell{id: -1}); err != ErrFull {
		t.Errorf("Bounded: push beyond the capacity: %v", err)
	}

	var p Priority[cell]
	for i := range 2 * DefaultCapacity {
		if err := p.PushWait(t.Context(), cell{id: i + 1, level: 2 - i}); err != nil {
			t.Fatalf("Priority: push %d: %v", i, err)
		}
	}
	if ids := popAll(&p); len(ids) != 2*DefaultCapacity || !slices.IsSorted(ids) {
		t.Errorf("Priority: %d values, want all in order", len(ids))
	}

	var unused Bounded[cell]
	if _, ok := unused.Pop(); ok || unused.Len() != 0 {
		t.Error("an unused Bounded holds something")
	}
	if err := unused.PushForced(cell{id: 1}); err != nil {
		t.Errorf("PushForced first: %v", err)
	}
	unused.Close()
	if err := unused.PushForced(cell{id: 2}); err != ErrClosed {
		t.Errorf("PushForced after Close: %v", err)
	}
	if ids := popAll(&unused); !slices.Equal(ids, []int{1}) {
		t.Errorf("after Close: %v", ids)
	}
}

func TestForced(t *testing.T) {
	b := NewBounded[cell](2, DropOldest)
	must(t, b.PushForced(cell{id: 100}))
	pushAll(t, b, cells("00")...)
	must(t, b.PushForced(cell{id: 101}))
	must(t, b.PushForced(cell{id: 102}))
	if n := b.Len(); n != 5 {
		t.Errorf("Len %d, want 5", n)
	}
	lost, err := b.Push(cell{id: 3})
	if lost.id != 1 || err != nil {
		t.Errorf("evicted %d, %v; want the oldest that was not forced", lost.id, err)
	}
	if ids := popAll(b); !slices.Equal(ids, []int{100, 2, 101, 102, 3}) {
		t.Errorf("order %v", ids)
	}

	p := NewPriority(3, func(c cell) int { return c.level }, 1, Fail)
	pushAll(t, p, cells("1")...)
	for level := -1; level < 4; level++ {
		must(t, p.PushForced(cell{id: 100 + level}, level))
	}
	if ids := popAll(p); !slices.Equal(ids, []int{99, 100, 1, 101, 102, 103}) {
		t.Errorf("order %v", ids)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLevelPanic(t *testing.T) {
	p := NewPriority(2, func(c cell) int { return 1 / c.level }, 0, Block)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic of the level function did not reach the sender")
			}
		}()
		p.Push(cell{id: 1})
	}()
	pushAll(t, p, cell{id: 2, level: 1})
	if ids := popAll(p); !slices.Equal(ids, []int{2}) {
		t.Errorf("after the panic: %v", ids)
	}
}

func TestOverflowString(t *testing.T) {
	for o, want := range map[Overflow]string{
		Block: "Block", DropNewest: "DropNewest", DropOldest: "DropOldest", Fail: "Fail", 9: "Overflow(9)",
	} {
		if got := o.String(); got != want {
			t.Errorf("%d: %q, want %q", uint8(o), got, want)
		}
	}
}

func TestNew(t *testing.T) {
	level := func(any) int { return 1 }
	for _, tt := range []struct {
		spec Spec
		want string // type or a part of the error
	}{
		{Spec{}, "*mailbox.Unbounded[github.com/foundation-runtime/foundation/mailbox.cell]"},
		{Spec{Capacity: 5}, "*mailbox.Bounded[github.com/foundation-runtime/foundation/mailbox.cell]"},
		{Spec{Capacity: 5, Overflow: Fail}, "*mailbox.Bounded[github.com/foundation-runtime/foundation/mailbox.cell]"},
		{Spec{Levels: 1}, "*mailbox.Priority[github.com/foundation-runtime/foundation/mailbox.cell]"},
		{Spec{Levels: 64, Level: level, Capacity: 5, Overflow: DropOldest}, "*mailbox.Priority[github.com/foundation-runtime/foundation/mailbox.cell]"},
		{Spec{Capacity: -1}, "Spec.Capacity is -1: use"},
		{Spec{Capacity: 1, Overflow: 4}, "Spec.Overflow is 4: use"},
		{Spec{Overflow: Fail}, "Spec.Overflow is Fail but Spec.Capacity is 0"},
		{Spec{Levels: -1}, "Spec.Levels is -1: use"},
		{Spec{Levels: 65, Level: level}, "Spec.Levels is 65: use"},
		{Spec{Level: level}, "Spec.Level is set but Spec.Levels is 0"},
		{Spec{Levels: 2}, "Spec.Levels is 2 but Spec.Level is nil"},
	} {
		q, err := New[cell](tt.spec, nil)
		if validErr := tt.spec.Validate(); fmt.Sprint(validErr) != fmt.Sprint(err) {
			t.Errorf("%+v: New: %v, Validate: %v", tt.spec, err, validErr)
		}
		got := fmt.Sprintf("%T", q)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) || (err != nil) != (q == nil) {
			t.Errorf("%+v: %s, want %s", tt.spec, got, tt.want)
		}
	}
}

func TestNewLevel(t *testing.T) {
	bySpec := func(msg any) int { return msg.(cell).level }
	byCell := func(c cell) int { return 2 - c.level }
	for _, tt := range []struct {
		name  string
		spec  Spec
		level func(cell) int
		want  []int
	}{
		{"of the spec", Spec{Levels: 3, Level: bySpec}, nil, []int{2, 3, 1}},
		{"of the cell", Spec{Levels: 3}, byCell, []int{1, 3, 2}},
		{"of both", Spec{Levels: 3, Level: bySpec}, byCell, []int{1, 3, 2}},
		{"of none", Spec{Levels: 1}, nil, []int{1, 2, 3}},
		{"without levels", Spec{Capacity: 5}, byCell, []int{1, 2, 3}},
	} {
		q, err := New(tt.spec, tt.level)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		pushAll(t, q, cells("201")...)
		if ids := popAll(q); !slices.Equal(ids, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, ids, tt.want)
		}
	}
}

func TestConstructorsPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"capacity":                 func() { NewBounded[int](-1, Block) },
		"overflow":                 func() { NewBounded[int](1, 7) },
		"no levels":                func() { NewPriority[int](0, nil, 0, Block) },
		"too many levels":          func() { NewPriority[int](65, nil, 0, Block) },
		"overflow without a limit": func() { NewPriority[int](1, nil, 0, Fail) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestPushWaitEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, q := range []Queue[cell]{new(Bounded[cell]), new(Priority[cell]), new(Unbounded[cell])} {
		if err := q.PushWait(ctx, cell{id: 1}); err != context.Canceled || q.Len() != 0 {
			t.Errorf("%T: %v, Len %d", q, err, q.Len())
		}
	}
}

// TestMemory checks that memory goes when the values do.
func TestMemory(t *testing.T) {
	var r ring[*int]
	for range 10_000 {
		v := new(int)
		r.push(&v)
	}
	var v *int
	for r.len() > 100 {
		r.pop(&v)
	}
	if n := len(r.cells); n > 1024 {
		t.Errorf("%d cells for 100 values", n)
	}
	seen := 0
	for _, c := range r.cells {
		if c != nil {
			seen++
		}
	}
	if seen != r.len() {
		t.Errorf("%d references for %d values", seen, r.len())
	}
	for r.len() > 0 {
		r.pop(&v)
	}
	if n := len(r.cells); n > keptCells {
		t.Errorf("%d cells for no value", n)
	}
}
