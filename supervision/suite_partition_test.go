package supervision

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

// Cases of Elixir's partition_supervisor_test.exs. Each test names its cases.

func (l *lab) partitioned(s PartitionedSpec) *Partitioned {
	l.Helper()
	p, err := StartPartitioned(l.sys, s)
	if err != nil {
		l.Fatalf("StartPartitioned: %v", err)
	}
	return p
}

func sameKid(c Child) func(int) Child { return func(int) Child { return c } }

// whoAmI asks a worker for its number.
type whoAmI struct{ actor.Replies[int] }

func numbered(i int) Child {
	return kid("", from(func() actor.Actor {
		return actor.Func(func(c *actor.Context, msg any) error {
			if q, ok := msg.(whoAmI); ok {
				actor.Reply(c, q, i)
			}
			return nil
		})
	}))
}

// partition_supervisor_test: start_link/1 "on success with atom name"
func TestPartitionedDynamic(t *testing.T) {
	inLab(t, func(l *lab) {
		p := l.partitioned(PartitionedSpec{Child: sameKid(Child{Supervisor: DynamicSpec{}})})
		if p.Partitions() != runtime.GOMAXPROCS(0) {
			t.Errorf("%d partitions", p.Partitions())
		}
		var want, got []string
		used := map[actor.PID]bool{}
		for i := range 100 {
			key := fmt.Sprint("key", i)
			if again := p.For(key); p.For(key) != again {
				t.Fatal("a key is not always with the same partition")
			}
			used[p.For(key)] = true
			pid := l.addDyn(AttachDynamic(l.sys, p.For(key)), kid(key))
			want = append(want, pid.String())
		}
		for _, part := range p.Children() {
			for _, c := range AttachDynamic(l.sys, part.PID).Children() {
				got = append(got, c.PID.String())
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) || len(used) != p.Partitions() {
			t.Errorf("%d children of %d in %d partitions", len(got), len(want), len(used))
		}
	})
}

// partition_supervisor_test: "with_arguments"
func TestPartitionedArguments(t *testing.T) {
	inLab(t, func(l *lab) {
		p := l.partitioned(PartitionedSpec{Partitions: 3, Child: numbered})
		for key, want := range map[int]int{0: 0, 1: 1, 2: 2, 3: 0, -1: 1} {
			if got, err := actor.Ask(l.ctx, p.At(key), whoAmI{}); got != want || err != nil {
				t.Errorf("At(%d) is %d, %v, want %d", key, got, err, want)
			}
		}
	})
}

// partition_supervisor_test: "raises without child_spec", "raises on bad partitions"
func TestPartitionedFaults(t *testing.T) {
	inLab(t, func(l *lab) {
		for field, s := range map[string]PartitionedSpec{
			"Child": {}, "Partitions": {Partitions: -1, Child: numbered}, "Intensity": {Intensity: -9, Child: numbered},
		} {
			_, err := StartPartitioned(l.sys, s)
			if e, ok := errors.AsType[*SpecError](err); !ok || len(e.Faults) != 1 || e.Faults[0].Field != field {
				t.Errorf("%s: got %v", field, err)
			}
		}
	})
}

// partition_supervisor_test: stop/1 "is synchronous"
func TestPartitionedStop(t *testing.T) {
	inLab(t, func(l *lab) {
		p := l.partitioned(PartitionedSpec{Partitions: 2, Child: numbered})
		one, two := p.At(0), p.At(1)
		l.wantErr(p.Stop(l.ctx), nil)
		l.ended(one, two, p.PID())
		l.wantErr(p.Stop(l.ctx), nil)
	})
}

// partition_supervisor_test: partitions/1 "raises noproc for unknown atom partition supervisor", count_children/1
// "raises noproc for unknown partition supervisor" (reads never fail here: there is nothing to see)
func TestPartitionedUnknown(t *testing.T) {
	inLab(t, func(l *lab) {
		p := AttachPartitioned(l.sys, actor.PID{})
		if p.Partitions() != 0 || p.Count() != (Counts{}) || !p.For("x").IsZero() || !p.At(3).IsZero() {
			t.Error("an unknown supervisor has partitions")
		}
		if _, err := p.Resize(l.ctx, 1); err == nil {
			t.Error("Resize of an unknown supervisor works")
		}
	})
}

// partition_supervisor_test: resize!/1 "resizes the number of children", "raises on lookup after resizing to zero",
// "raises if trying to increase the number of partitions"
func TestPartitionedResize(t *testing.T) {
	inLab(t, func(l *lab) {
		p := l.partitioned(PartitionedSpec{Partitions: 8, Child: numbered})
		ups := []int{0, 1, 2, 3, 4, 5, 6, 7, 8}
		sizes := append([]int{8, 7, 6, 5, 4, 3, 2, 1, 0}, ups...)
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		sizes = append(sizes, rand.New(rand.NewPCG(seed, 0)).Perm(9)...)
		last := 8
		for _, n := range sizes {
			if old, err := p.Resize(l.ctx, n); old != last || err != nil {
				t.Fatalf("Resize(%d) = %d, %v, want %d", n, old, err, last)
			}
			last = n
			l.counts(p, 8, n, 0, 8)
			seen := map[actor.PID]bool{}
			for i := range 8 {
				seen[p.At(i)] = true
			}
			if n == 0 && (len(seen) != 1 || !p.At(0).IsZero()) || n > 0 && (len(seen) != n || seen[actor.PID{}]) {
				t.Errorf("%d partitions, %d processes", n, len(seen))
			}
		}
		for _, n := range []int{9, -1} {
			if _, err := p.Resize(l.ctx, n); err == nil {
				t.Errorf("Resize(%d) works", n)
			}
		}
	})
}

// partition_supervisor_test: which_children/1 "returns all partitions", count_children/1 "with workers", "with supervisors"
func TestPartitionedChildren(t *testing.T) {
	inLab(t, func(l *lab) {
		n := runtime.GOMAXPROCS(0)
		p := l.partitioned(PartitionedSpec{Child: numbered})
		for i, c := range p.Children() {
			if c.ID != strconv.Itoa(i) || c.PID != p.At(i) || c.Supervisor {
				t.Errorf("partition %d: %+v", i, c)
			}
		}
		l.counts(p, n, n, 0, n)
		l.counts(l.partitioned(PartitionedSpec{Child: sameKid(Child{Supervisor: DynamicSpec{}})}), n, n, n, 0)
		one := p.At(0)
		l.kill(one, actor.Kill)
		if now := p.At(0); now == one || now.IsZero() {
			t.Error("not restarted")
		}
		if q := AttachPartitioned(l.sys, p.PID()); q.At(0) != p.At(0) || q.Partitions() != n {
			t.Error("Attach shows something else")
		}
	})
}
