//go:build race

package actor_test

// raceEnabled says that pools drop things at random, so that allocations cannot be counted.
const raceEnabled = true
