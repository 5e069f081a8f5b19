//go:build !race

package view_test

// defaultSeeds is how many runs of TestChaos a normal test makes.
const defaultSeeds = 2000

// scenarioSeeds is how many runs each scenario gets.
const scenarioSeeds = 20
