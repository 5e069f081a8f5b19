//go:build !race

package votes_test

// defaultSeeds of each kind.
const defaultSeeds = 250
