package mailbox

import (
	"testing"
	"testing/synctest"
)

func unboundedSubject() subject {
	return subject{q: new(Unbounded[cell]), levels: 1}
}

func TestUnboundedModel(t *testing.T) { testModel(t, unboundedSubject) }

func FuzzUnbounded(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, _, _, _ byte, ops []byte) {
		synctest.Test(t, func(t *testing.T) {
			runScript(t, unboundedSubject(), ops)
		})
	})
}

// TestUnboundedMany goes over many segments, and empties the queue in between.
func TestUnboundedMany(t *testing.T) {
	var q Unbounded[cell]
	pushed, popped := 0, 0
	for round := range 60 {
		for range round * 7 {
			pushed++
			pushAll(t, &q, cell{id: pushed})
		}
		for range round * 6 {
			v, ok := q.Pop()
			if popped++; !ok || v.id != popped {
				t.Fatalf("Pop: %d, %v; want %d", v.id, ok, popped)
			}
		}
		if round%10 == 9 {
			for _, id := range popAll(&q) {
				if popped++; id != popped {
					t.Fatalf("Pop: %d, want %d", id, popped)
				}
			}
		}
		if n := q.Len(); n != pushed-popped {
			t.Fatalf("Len %d, want %d", n, pushed-popped)
		}
	}
	q.Close()
	if n := q.Len(); n != pushed-popped {
		t.Errorf("Len %d after Close, want %d", n, pushed-popped)
	}
	for _, id := range popAll(&q) {
		if popped++; id != popped {
			t.Fatalf("Pop after Close: %d, want %d", id, popped)
		}
	}
	if popped != pushed {
		t.Errorf("pushed %d, popped %d", pushed, popped)
	}
}
