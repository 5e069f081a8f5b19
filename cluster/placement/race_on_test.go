//go:build race

package placement_test

// raceEnabled says that everything takes ten times as long.
const raceEnabled = true
