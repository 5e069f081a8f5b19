package votes_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

func seeds(t *testing.T) int {
	text := os.Getenv("VOTES_SEEDS")
	if text == "" {
		return defaultSeeds
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 2 {
		t.Fatalf("VOTES_SEEDS is %q: give a number of runs", text)
	}
	return n / 2
}

const simTicks = 200

func simulate(seed uint64, ru rules) (*world, bool) {
	n := 3 + rand.New(rand.NewPCG(seed, 17)).IntN(5)
	w := newWorld(seed, n, ru)
	return w, w.run(simTicks)
}

// TestMovingCuts: whatever is cut, nobody runs whom a later set excludes, there are never two owners, and all is whole after
// the heal unless a quorum had crashed.
func TestMovingCuts(t *testing.T) {
	for _, crashes := range []bool{false, true} {
		served, n := 0, seeds(t)
		for seed := range n {
			w, ok := simulate(uint64(seed), rules{crashes: crashes, pauses: seed%2 == 1, codec: seed%10 == 0})
			if w.owners+w.outlived+w.disagree > 0 || !ok {
				t.Errorf("seed %d, crashes %v: two owners in %d ticks, excluded and running in %d, sets that differ %d, whole %v; %s; %v",
					seed, crashes, w.owners, w.outlived, w.disagree, ok, w.detail, w.best())
			}
			served += w.served
		}
		t.Logf("crashes %v: %d runs, one owner in %.0f %% of the ticks with faults", crashes, n, 100*float64(served)/float64(n*simTicks))
	}
}

// TestMovingCutsCanFail: the simulation finds what is wrong with other rules.
func TestMovingCutsCanFail(t *testing.T) {
	for name, ru := range map[string]rules{
		"an acceptor keeps granting": {keepsGranting: true},
		"local decision":             {local: true},
	} {
		bad, owners, n := 0, 0, 0
		for seed := 0; seed < 400 && bad < 3; seed++ {
			n++
			w, _ := simulate(uint64(seed), ru)
			if w.owners > 0 {
				owners++
			}
			if w.owners+w.outlived+w.disagree > 0 {
				bad++
			}
		}
		t.Logf("%s: wrong in %d of %d runs, %d of them with two owners", name, bad, n, owners)
		if bad == 0 {
			t.Errorf("%s: nothing found", name)
		}
	}
}
