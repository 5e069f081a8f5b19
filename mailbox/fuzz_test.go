package mailbox

import (
	"testing"
	"testing/synctest"
)

// addSeeds gives scripts that reach each kind of operation.
func addSeeds(f *testing.F) {
	for o := Block; o <= Fail; o++ {
		f.Add(byte(o), byte(2), byte(3), []byte{16, 32, 48, 21, 37, 23, 9, 9, 9, 9, 9, 9})
		f.Add(byte(o), byte(0), byte(1), []byte{0, 5, 5, 5, 24, 8, 9, 7, 7, 9, 9, 5, 5, 255, 9, 9})
		f.Add(byte(o), byte(40), byte(15), []byte("many different bytes, so many levels and operations"))
	}
}

func FuzzBounded(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, overflow, capacity, _ byte, ops []byte) {
		synctest.Test(t, func(t *testing.T) {
			runScript(t, boundedSubject(int(capacity), Overflow(overflow%4)), ops)
		})
	})
}

func FuzzPriority(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, overflow, capacity, levels byte, ops []byte) {
		o := Overflow(overflow % 4)
		if capacity == 0 {
			o = Block
		}
		synctest.Test(t, func(t *testing.T) {
			runScript(t, prioritySubject(1+int(levels)%MaxLevels, int(capacity), o), ops)
		})
	})
}
