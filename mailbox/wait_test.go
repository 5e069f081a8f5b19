package mailbox

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// waiters starts a PushWait for each cell, one after the other, and returns the
// channel with their results. synctest.Test fails if any of them never ends.
func waiters(ctx context.Context, q Queue[cell], all ...cell) <-chan error {
	results := make(chan error, len(all))
	for _, c := range all {
		go func() { results <- q.PushWait(ctx, c) }()
		synctest.Wait()
	}
	return results
}

// full returns queues that block and have their one place taken by cell 100.
func full(t *testing.T) []Queue[cell] {
	t.Helper()
	all := []Queue[cell]{
		NewBounded[cell](1, Block),
		NewPriority(3, func(c cell) int { return c.level }, 1, Block),
	}
	for _, q := range all {
		pushAll(t, q, cell{id: 100})
	}
	return all
}

func TestWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, q := range full(t) {
			results := waiters(t.Context(), q, cells("000")...)
			if len(results) != 0 {
				t.Fatalf("%T: a PushWait did not wait: %v", q, <-results)
			}
			// Whatever comes now is after the three, though they are not in.
			if _, refused := pushAll(t, q, cell{id: 4}); refused == nil {
				t.Errorf("%T: Push overtook who waits", q)
			}
			for i, want := range []int{100, 1, 2, 3} {
				if v, ok := q.Pop(); !ok || v.id != want {
					t.Errorf("%T: Pop: %d, want %d", q, v.id, want)
				}
				synctest.Wait()
				if want := min(i+1, 3); len(results) != want {
					t.Errorf("%T: %d returned, want %d", q, len(results), want)
				}
			}
			for range 3 {
				must(t, <-results)
			}
		}
	})
}

func TestWaitByUrgency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := full(t)[1]
		results := waiters(t.Context(), q, cells("20102")...)
		if ids := popAll(q); !slices.Equal(ids, []int{100, 2, 4, 3, 1, 5}) {
			t.Errorf("order %v", ids)
		}
		for range 5 {
			must(t, <-results)
		}
	})
}

func TestWaitCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, q := range full(t) {
			first := waiters(t.Context(), q, cell{id: 1})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			second := waiters(ctx, q, cell{id: 2})
			third := waiters(t.Context(), q, cell{id: 3})
			start := time.Now()
			if err := <-second; err != context.DeadlineExceeded || time.Since(start) != time.Second {
				t.Errorf("%T: %v after %v", q, err, time.Since(start))
			}
			cancel()
			if ids := popAll(q); !slices.Equal(ids, []int{100, 1, 3}) {
				t.Errorf("%T: %v, want all but the canceled", q, ids)
			}
			must(t, <-first)
			must(t, <-third)
			// All room is there again.
			if _, refused := pushAll(t, q, cell{id: 4}); refused != nil {
				t.Errorf("%T: the canceled PushWait holds room", q)
			}
		}
	})
}

func TestWaitClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, q := range full(t) {
			results := waiters(t.Context(), q, cells("000")...)
			q.Close()
			for range 3 {
				if err := <-results; err != ErrClosed {
					t.Errorf("%T: %v, want ErrClosed", q, err)
				}
			}
			if ids := popAll(q); !slices.Equal(ids, []int{100}) {
				t.Errorf("%T: %v is left", q, ids)
			}
			q.Close()
		}
	})
}

// TestWaitForcedTakesNoRoom checks that forced values neither let a waiter in
// nor keep one out.
func TestWaitForcedTakesNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBounded[cell](1, Block)
		must(t, b.PushForced(cell{id: 200}))
		pushAll(t, b, cell{id: 100})
		results := waiters(t.Context(), b, cell{id: 1})
		b.Pop() // the forced one
		synctest.Wait()
		if len(results) != 0 {
			t.Error("popping a forced value let a waiter in")
		}
		must(t, b.PushForced(cell{id: 201}))
		if ids := popAll(b); !slices.Equal(ids, []int{100, 201, 1}) {
			t.Errorf("order %v", ids)
		}
		must(t, <-results)
	})
}

// TestWaitersAreReused checks that more waiters than are kept for reuse, some
// of them canceled, leave nothing wrong behind.
func TestWaitersAreReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBounded[cell](1, Block)
		pushAll(t, b, cell{id: 100})
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			stay := waiters(t.Context(), b, cells("000000")...)
			gone := waiters(ctx, b, cells("000000")...)
			cancel()
			for range 6 {
				if err := <-gone; err != context.Canceled {
					t.Error(err)
				}
			}
			for range 6 {
				b.Pop()
				must(t, <-stay)
			}
			must(t, b.core.check())
		}
	})
}
