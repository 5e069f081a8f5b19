//go:build race

package membership_test

// raceEnabled makes long tests shorter: the race detector makes them ten times slower, and its runtime (go1.26) now and then
// crashes or hangs where a bubble of testing/synctest runs millions of timers. Real hours of virtual time run without it.
const raceEnabled = true
