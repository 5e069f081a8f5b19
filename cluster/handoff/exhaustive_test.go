package handoff

import (
	"os"
	"testing"
)

// orders are who owns the process: the first that is up.
var orders = [][nodes]int{{nY, nN, nO}, {nN, nO, nY}, {nN, nY, nO}, {nY, nO, nN}, {nO, nN, nY}, {nO, nY, nN}}

const mostStates = 1_000_000

// TestExhaustive visits all that can happen to a process that is moved, up to twice, with up to two crashes and any one message
// omitted; with a crash and any one message that comes a second time, late; with a crash and a session between the two that
// ends; with all of these but the crash. Two never run, one does in the end, no old state is activated, and epochs grow.
func TestExhaustive(t *testing.T) {
	for _, c := range []struct {
		name string
		faults
		orders [][nodes]int
	}{
		{"two crashes", faults{crashes: 2}, orders[:manyOrders]},
		{"an omission", faults{omit: 1}, orders},
		{"two crashes, an omission", faults{crashes: 2, omit: 1}, orders[:manyOrders]},
		{"a crash, a repetition", faults{crashes: 1, repeat: 1}, orders[:fewOrders]},
		{"a crash, a lost session", faults{crashes: 1, cut: 1}, orders[:fewOrders]},
		{"an omission, a repetition, a lost session", faults{omit: 1, repeat: 1, cut: 1}, orders[:fewOrders]},
	} {
		t.Run(c.name, func(t *testing.T) {
			states := 0
			if os.Getenv("HANDOFF_ALL") != "" {
				c.orders = orders
			}
			for _, order := range c.orders {
				r := explore(variant{order: order}, c.faults, mostStates)
				states += r.states
				if r.bad() > 0 || r.states == mostStates {
					t.Errorf("owners %v, %d states: two run in %d, none for ever in %d, stale in %d, epochs in %d, e.g. %s",
						order, r.states, r.two, r.none, r.stale, r.back, r.example)
				}
			}
			t.Logf("%d states", states)
		})
	}
}

// TestExhaustiveCanFail: the same search finds what is wrong with other rules.
func TestExhaustiveCanFail(t *testing.T) {
	for _, c := range []struct {
		variant
		faults
	}{
		{variant{name: "resume on a timer after Activate", order: orders[1], resumes: true}, faults{crashes: 1}},
		{variant{name: "no recovery barrier", order: orders[0], noBarrier: true}, faults{crashes: 2}},
		{variant{name: "no attempt numbers", order: orders[1], noAttempt: true}, faults{}},
		{variant{name: "nothing is said again", order: orders[1], neverAgain: true}, faults{omit: 1}},
	} {
		r := explore(c.variant, c.faults, mostStates)
		t.Logf("%s: of %d states two run in %d, none for ever in %d, stale in %d", c.name, r.states, r.two, r.none, r.stale)
		if r.bad() == 0 {
			t.Errorf("%s: nothing found", c.name)
		}
	}
}
