package crdt_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestClockIsMonotonicUnderAnyWallClock(t *testing.T) {
	r := seeded(t)
	var c crdt.Clock
	last := crdt.Stamp(0)
	for range 10_000 {
		now := noon.Add(time.Duration(r.Int64N(int64(time.Hour))) - time.Hour/2)
		var s crdt.Stamp
		if c, s = c.Tick(now); s <= last {
			t.Fatalf("%v issued after %v", s, last)
		}
		last = s
	}
}

func TestClockCounterCarries(t *testing.T) {
	c := crdt.Clock{}
	var s crdt.Stamp
	for range 1<<16 + 1 {
		c, s = c.Tick(noon)
	}
	if want := crdt.StampOf(noon.Add(time.Millisecond)); s != want {
		t.Errorf("%v, want %v", s, want)
	}
}

func TestClockOrdersCausally(t *testing.T) {
	// b runs 400 ms behind a: what b does after it heard of a is later all the same.
	a, sa := crdt.Clock{}.Tick(noon)
	b, err := crdt.Clock{}.Merge(sa, noon.Add(-400*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	b, sb := b.Tick(noon.Add(-400 * time.Millisecond))
	if sb <= sa || b.Last() != sb || a.Last() != sa {
		t.Errorf("%v is not after %v", sb, sa)
	}
}

func TestClockRefusesTheFuture(t *testing.T) {
	c, before := crdt.Clock{}.Tick(noon)
	for _, ahead := range []time.Duration{MaxSkewPlus, time.Hour, 1000 * time.Hour} {
		got, err := c.Merge(crdt.StampOf(noon.Add(ahead)), noon)
		skew, ok := errors.AsType[*crdt.SkewError](err)
		if !ok || skew.Ahead != ahead || got.Last() != before {
			t.Errorf("%v ahead: %v, clock %v", ahead, err, got)
		}
	}
	for _, ahead := range []time.Duration{crdt.MaxSkew, 0, -time.Hour} {
		if _, err := c.Merge(crdt.StampOf(noon.Add(ahead)), noon); err != nil {
			t.Errorf("%v ahead: %v", ahead, err)
		}
	}
	if _, err := c.Merge(math.MaxUint64, noon); err == nil {
		t.Error("the last stamp of all was merged")
	}
}

// MaxSkewPlus is the least time that is too far ahead.
const MaxSkewPlus = crdt.MaxSkew + time.Millisecond

func TestStampEdges(t *testing.T) {
	if s := crdt.StampOf(time.Unix(-5, 0)); s != 0 {
		t.Errorf("before 1970: %v", s)
	}
	if s := crdt.StampOf(time.UnixMilli(1 << 48)); s != math.MaxUint64 {
		t.Errorf("beyond 48 bits: %v", s)
	}
	c, s := crdt.Clock{}.Tick(time.UnixMilli(1 << 48))
	if _, again := c.Tick(noon); again != s {
		t.Errorf("the clock passed its end: %v", again)
	}
	if got := crdt.StampOf(noon).String(); got != "2026-01-02T12:00:00.000Z+0" {
		t.Error(got)
	}
	if !crdt.StampOf(noon).Time().Equal(noon) {
		t.Error("the time does not survive")
	}
}

func TestClockAllocatesNothing(t *testing.T) {
	var c crdt.Clock
	if n := testing.AllocsPerRun(1000, func() { c, _ = c.Tick(noon) }); n != 0 {
		t.Errorf("Tick: %v allocations", n)
	}
}

func BenchmarkTick(b *testing.B) {
	var c crdt.Clock
	for b.Loop() {
		c, _ = c.Tick(noon)
	}
}

// seeded is a random source whose seed is shown when the test fails; CRDT_SEED repeats a run.
func seeded(t testing.TB) *rand.Rand {
	seed := envNumber(t, "CRDT_SEED", uint64(time.Now().UnixNano()))
	t.Logf("CRDT_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
