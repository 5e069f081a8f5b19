//go:build race

package mailbox

// raceEnabled tells that the race detector is on, which drops some of what is
// put in a sync.Pool.
const raceEnabled = true
