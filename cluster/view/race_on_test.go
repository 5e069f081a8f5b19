//go:build race

package view_test

// defaultSeeds is less under the race detector, which has nothing to look for in a package without goroutines.
const defaultSeeds = 100

const scenarioSeeds = 3
