//go:build race

package lease_test

// raceEnabled makes long tests shorter: the runtime of the race detector (go1.26) now and then crashes where a bubble of testing/synctest
// runs very many timers.
const raceEnabled = true
