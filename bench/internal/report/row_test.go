package report

import (
	"strings"
	"testing"
)

// sendRow is a row that takes 0.5 chan in every round but the last.
func sendRow(goals ...Goal) Row {
	return Row{
		Work: "send", Who: "foundation", Base: Chan, Goals: goals,
		Figures: []Figure{
			{Time, Nanoseconds, Series{20, 40, 20, 20, 99}},
			{AllocsOp, Allocs, Series{0.001, 0.001, 0, 0, 0}},
		},
		Bases: map[Unit]Series{Chan: {40, 80, 40, 40, 40}},
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name string
		row  Row
		want Verdict
		why  string
	}{
		{"no goal", sendRow(), NoGoal, ""},
		{"ratio met exactly", sendRow(Goal{Time, 0.5, Chan}), Met, ""},
		{"ratio missed", sendRow(Goal{Time, 0.4, Chan}), Missed, "0.50 chan"},
		{"stray allocations are the runtime's", sendRow(Goal{AllocsOp, 0, Allocs}), Met, ""},
		{"both must hold", sendRow(Goal{Time, 0.5, Chan}, Goal{Time, 10, Nanoseconds}), Missed, "20 ns"},
		{"a goal without its baseline is missed", sendRow(Goal{Time, 9, Hop}), Missed, "–"},
		{"a goal without its figure is missed", sendRow(Goal{P99, 5, Milliseconds}), Missed, `no figure "p99"`},
		{"a goal in a foreign unit is missed", sendRow(Goal{Time, 99, Bytes}), Missed, `time is in "ns", not in "B"`},
		{"an error is no figure", Row{Err: "lost 3 messages", Goals: []Goal{{Time, 1, Chan}}}, Failed, "lost 3 messages"},
		{"a failed row fails without goals too", Row{Err: "x"}, Failed, "x"},
	} {
		verdict, why := c.row.Judge()
		if verdict != c.want || why != c.why {
			t.Errorf("%s: got %q %q, want %q %q", c.name, verdict, why, c.want, c.why)
		}
	}
}

func TestOneAllocationPerOperationIsNotStray(t *testing.T) {
	row := sendRow(Goal{AllocsOp, 0, Allocs})
	row.Figures[1].Values = Series{1, 1, 1}
	if verdict, why := row.Judge(); verdict != Missed || why != "1 allocs" {
		t.Errorf("got %q %q", verdict, why)
	}
}

// TestRatesAreToBeReached has goals that are met by being exceeded.
func TestRatesAreToBeReached(t *testing.T) {
	row := Row{Figures: []Figure{{Rate, Million, Series{2, 3, 4}}, {AllocsFar, Allocs, Series{0.5}}}}
	for _, c := range []struct {
		goal Goal
		want Verdict
		why  string
	}{
		{Goal{Rate, 3, Million}, Met, ""},
		{Goal{Rate, 3.1, Million}, Missed, "3 M/s"},
		{Goal{AllocsFar, 1, Allocs}, Met, ""},
		{Goal{AllocsFar, 0, Allocs}, Missed, "far 0.50 allocs"},
	} {
		row.Goals = []Goal{c.goal}
		if verdict, why := row.Judge(); verdict != c.want || why != c.why {
			t.Errorf("%v: got %q %q, want %q %q", c.goal, verdict, why, c.want, c.why)
		}
	}
	row.Figures[0].Values, row.Goals = nil, []Goal{{Rate, 0, Million}}
	if verdict, _ := row.Judge(); verdict != Missed {
		t.Errorf("no rate at all: %q", verdict)
	}
}

func TestGoalText(t *testing.T) {
	for want, g := range map[string]Goal{
		"≤ 0.50 chan":    {Time, 0.5, Chan},
		"0 allocs":       {AllocsOp, 0, Allocs},
		"≤ 3 allocs":     {AllocsOp, 3, Allocs},
		"p99 ≤ 5 ms":     {P99, 5, Milliseconds},
		"≤ 256 B":        {Memory, 256, Bytes},
		"≤ 100 KB":       {Memory, 100_000, Bytes},
		"goroutines ≤ 4": {Goroutines, 4, Count},
		"≤ 5 ns":         {Time, 5, Nanoseconds},
		"≤ 2 rtt":        {Time, 2, RTT},
		"≥ 2.50 M/s":     {Rate, 2.5, Million},
		"far ≤ 0 allocs": {AllocsFar, 0, Allocs},
	} {
		if got := g.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestUnitFormat(t *testing.T) {
	for _, c := range []struct {
		u    Unit
		v    float64
		want string
	}{
		{Nanoseconds, 38.24, "38.2 ns"},
		{Nanoseconds, 9999, "9999 ns"},
		{Nanoseconds, 12_345, "12.3 µs"},
		{Nanoseconds, 1.5e9, "1500 ms"},
		{Milliseconds, 0.0125, "12.5 µs"},
		{Milliseconds, 4.2, "4.20 ms"},
		{Milliseconds, 4200, "4.20 s"},
		{Bytes, 256, "256 B"},
		{Bytes, 2_900_000, "2900 KB"},
		{Hop, 0.284, "0.28 hop"},
		{Count, 4, "4"},
	} {
		if got := c.u.Format(c.v); got != c.want {
			t.Errorf("%v %q: got %q, want %q", c.v, c.u, got, c.want)
		}
	}
	if got := Chan.Format(Series(nil).Median()); !strings.Contains(got, "–") {
		t.Errorf("NaN prints as %q", got)
	}
}
