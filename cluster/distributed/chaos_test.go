package distributed_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/distributed"
)

// TestChaos cuts, crashes, splits, starts, deletes and terminates at random, and then lets everything be: of each child there is what is
// wanted, everywhere.
func TestChaos(t *testing.T) {
	rounds := 12
	if testing.Short() || raceEnabled {
		rounds = 3
	}
	seed := rand.Uint64()
	for i := range rounds {
		seed := seed + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { chaos(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

// chaos keeps to what decides clearly: who deletes or terminates a child is the only one who asks something of it.
func chaos(t *testing.T, r *rand.Rand) {
	l := newLAN(t, 5, nil)
	list := ids(150)
	want := map[string]int{}
	for i, id := range list {
		if _, err := l.nodes[i%5].Start(within(t), spec(id)); err != nil {
			t.Fatal(err)
		}
		want[id] = 1
	}
	untouched := list
	for range 12 {
		x := l.nodes[r.IntN(5)]
		some := min(len(untouched), r.IntN(8))
		switch r.IntN(7) {
		case 0:
			k := 1 + r.IntN(2)
			perm := r.Perm(5)
			var a, b []string
			for i, p := range perm {
				if i < k {
					a = append(a, host(p))
				} else {
					b = append(b, host(p))
				}
			}
			l.net.Partition(a, b)
		case 1:
			i, j := r.IntN(5), r.IntN(5)
			if i != j {
				l.net.Break(host(i), host(j))
			}
		case 2:
			l.net.Heal()
		case 3, 4: // what is asked may be impossible now, and is done later
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			for _, id := range untouched[:some] {
				remove := x.Terminate
				if r.IntN(2) == 0 {
					remove = x.Delete
				}
				err := remove(ctx, id)
				want[id] = 0
				if errors.Is(err, distributed.ErrNotFound) || ctx.Err() != nil && errors.Is(err, ctx.Err()) && x.Wanted(id) {
					want[id] = 1 // it never got that far
				} else if err != nil && !errors.Is(err, ctx.Err()) {
					t.Error(id, err)
				}
			}
			cancel()
			untouched = untouched[some:]
		case 5:
			for _, id := range untouched[:some] {
				if pid, ok := x.Whereis(id); ok {
					x.sys.Send(pid, "crash")
				}
			}
		case 6:
			id := fmt.Sprint("new", len(want))
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			if _, err := x.Start(ctx, spec(id)); err == nil || ctx.Err() != nil && has(x, id) {
				want[id] = 1
			} else if ctx.Err() == nil {
				t.Error(id, err)
			}
			cancel()
		}
		<-time.After(time.Duration(r.IntN(4000)) * time.Millisecond)
	}
	l.net.Heal()
	l.healed()
	right := func() string {
		for id, n := range want {
			if got := l.world.count(id); got != n {
				return fmt.Sprintf("of %s there are %d, want %d", id, got, n)
			}
			for _, x := range l.nodes {
				if _, ok := x.Whereis(id); ok != (n == 1) {
					return fmt.Sprintf("%s sees %s: %v, want %d", x.name, id, ok, n)
				}
			}
		}
		return ""
	}
	for began := time.Now(); right() != ""; <-time.After(50 * time.Millisecond) {
		if time.Since(began) > waitLimit {
			t.Fatal(right())
		}
	}
	<-time.After(5 * time.Second)
	if why := right(); why != "" {
		t.Fatal("it did not stay so:", why)
	}
}

// healed waits until all members have found each other again.
func (l *lan) healed() {
	for range 12000 {
		n := 0
		for _, x := range l.nodes {
			for _, m := range x.node.Members() {
				if m.State == cluster.Up {
					n++
				}
			}
		}
		if n == len(l.nodes)*len(l.nodes) {
			l.whole()
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	l.t.Fatal("the members have not found each other again within two minutes")
}

func has(x *node, id string) bool { _, ok := x.Child(id); return ok }
