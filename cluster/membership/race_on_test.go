//go:build race

package membership_test

// raceEnabled makes long tests shorter under the race detector, which makes them ten times slower.
const raceEnabled = true
