package report

import (
	"fmt"
	"strings"
)

// Names of the figures that the timed workloads have in common.
const (
	Time       = "time"      // per operation
	AllocsOp   = "allocs/op" // of the whole OS process, so the runtime's own are in it
	BytesOp    = "B/op"
	Memory     = "memory" // live heap and stacks
	Goroutines = "goroutines"
	P50        = "p50"
	P99        = "p99"
	Worst      = "max"
	Rate       = "rate"
	AllocsFar  = "far" // as AllocsOp, of the other OS process
)

// Figure is one quantity of a row.
type Figure struct {
	Name   string `json:"name"`
	Unit   Unit   `json:"unit"`
	Values Series `json:"values"` // one per round
}

// Goal is a limit for the figure of that name: a rate is to reach it, anything else not to exceed it. Unit is the figure's
// own, or a baseline if the figure is in nanoseconds.
type Goal struct {
	Figure string  `json:"figure"`
	Limit  float64 `json:"limit"`
	Unit   Unit    `json:"unit"`
}

// String writes the goal as the table shows it.
func (g Goal) String() string {
	limit := g.Unit.Format(g.Limit)
	switch {
	case g.Unit == Allocs && g.Figure != AllocsOp:
		return fmt.Sprintf("%s ≤ %s", g.Figure, limit)
	case g.Unit == Allocs && g.Limit == 0:
		return "0 allocs"
	case g.Figure == Rate:
		return "≥ " + limit
	case g.Figure == Time || g.Figure == Memory || g.Unit == Allocs:
		return "≤ " + limit
	default:
		return g.Figure + " ≤ " + limit
	}
}

// Row is one implementation of one piece of work.
type Row struct {
	Work    string          `json:"work"`
	Who     string          `json:"who"`
	Figures []Figure        `json:"figures,omitempty"` // the first is the one the table leads with
	Bases   map[Unit]Series `json:"bases,omitempty"`   // nanoseconds per baseline operation, by round
	Base    Unit            `json:"base,omitempty"`    // the baseline the ratio column uses
	Goals   []Goal          `json:"goals,omitempty"`
	Note    string          `json:"note,omitempty"`
	Err     string          `json:"error,omitempty"` // why there are no figures
}

// Figure returns the figure of that name.
func (r Row) Figure(name string) (Figure, bool) {
	for _, f := range r.Figures {
		if f.Name == name {
			return f, true
		}
	}
	return Figure{}, false
}

// Ratio returns the figure of that name in units of base, one value per round. It is empty if the row has no such
// figure or the figure is not a time.
func (r Row) Ratio(name string, base Unit) Series {
	f, ok := r.Figure(name)
	if !ok || f.Unit != Nanoseconds {
		return nil
	}
	return f.Values.Over(r.Bases[base])
}

// Verdict is what a row's goals say about its figures.
type Verdict string

// The verdicts. A row without goals has none.
const (
	NoGoal Verdict = ""
	Met    Verdict = "met"
	Missed Verdict = "missed"
	Failed Verdict = "FAILED" // the workload did not do its work
)

// strayAllocs is how many allocations per operation are put down to the Go runtime and not to the work: figures count
// the whole OS process, and timers, the garbage collector and wake-ups allocate now and then.
const strayAllocs = 0.02

// Judge returns the verdict of the row and, if it is missed, which goals by how much.
func (r Row) Judge() (Verdict, string) {
	if r.Err != "" {
		return Failed, r.Err
	}
	if len(r.Goals) == 0 {
		return NoGoal, ""
	}
	var missed []string
	for _, g := range r.Goals {
		if text, ok := r.check(g); !ok {
			missed = append(missed, text)
		}
	}
	if len(missed) > 0 {
		return Missed, strings.Join(missed, ", ")
	}
	return Met, ""
}

// check reports whether the median of the goal's figure is within the limit, and what it is.
func (r Row) check(g Goal) (string, bool) {
	f, ok := r.Figure(g.Figure)
	if !ok {
		return fmt.Sprintf("no figure %q", g.Figure), false
	}
	got := f.Values.Median()
	limit := g.Limit
	switch {
	case g.Unit.Baseline():
		got = r.Ratio(g.Figure, g.Unit).Median()
	case g.Unit == Allocs:
		limit += strayAllocs
	case g.Unit != f.Unit:
		return fmt.Sprintf("%s is in %q, not in %q", g.Figure, f.Unit, g.Unit), false
	}
	text := g.Unit.Format(got)
	switch g.Figure {
	case Rate:
		return text, got >= limit // false for NaN, as below
	case Time, AllocsOp:
	default:
		text = g.Figure + " " + text
	}
	return text, got <= limit
}
