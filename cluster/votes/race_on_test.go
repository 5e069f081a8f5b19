//go:build race

package votes_test

// defaultSeeds is less under the race detector, which has nothing to look for in a package without goroutines.
const defaultSeeds = 10
