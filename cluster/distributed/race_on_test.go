//go:build race

package distributed_test

const raceEnabled = true
