package cluster_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// Whatever was cut and broken in whatever order: when the network is whole again all nodes are one cluster.
func TestChaosHeals(t *testing.T) {
	runs, first := 6, rand.Uint64()
	if n, err := strconv.Atoi(os.Getenv("CHAOS_RUNS")); err == nil {
		runs = n
	}
	if n, err := strconv.ParseUint(os.Getenv("CHAOS_SEED"), 10, 64); err == nil {
		runs, first = 1, n
	}
	for i := range runs {
		seed := first + uint64(i)
		synctest.Test(t, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Log("CHAOS_SEED", seed)
				}
			}()
			rng := rand.New(rand.NewPCG(seed, 1))
			l := newLAN(t, 5, nil)
			for until := time.Now().Add(25 * time.Second); time.Now().Before(until); {
				switch rng.IntN(6) {
				default:
					var sides [2][]string
					for i := range l.nodes {
						k := rng.IntN(2)
						sides[k] = append(sides[k], host(i))
					}
					l.net.Partition(sides[0], sides[1])
				case 1:
					l.net.Break(host(rng.IntN(5)), host(rng.IntN(5)))
				case 0:
					l.net.Heal()
				}
				<-time.After(time.Duration(rng.IntN(4000)) * time.Millisecond)
			}
			l.net.Heal()
			began := time.Now()
			l.whole()
			t.Log("whole after", time.Since(began))
		})
		if t.Failed() {
			return
		}
	}
}
