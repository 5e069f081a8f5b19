//go:build race

package crdt_test

// raceEnabled says that everything takes ten times as long, and that allocations cannot be counted.
const raceEnabled = true
