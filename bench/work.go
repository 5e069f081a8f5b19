package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

// Who does the work, as the tables name it.
const (
	foundation = "foundation"
	protoactor = "protoactor-go"
	otp        = "Erlang/OTP"
	goRuntime  = "go channels"
	rawSocket  = "raw TCP"
)

// contestant is one implementation of one piece of work.
type contestant struct {
	who   string
	what  string // set if the row's text differs from the work's
	start func(e *env) (probe, error)
	goals []report.Goal
	// over makes the row's time what it takes longer than the contestant that many places before this one.
	over int
	// times notes how many times the rate of the contestant that many places before this one it reaches.
	times int
}

// peer reports whether the contestant is another actor runtime.
func (c contestant) peer() bool { return c.who == protoactor || c.who == otp }

// work is what one row of the goals speaks of, done by several implementations in the same rounds.
type work struct {
	id     string // for -run
	title  string
	base   report.Unit // what the ratio column is in; measured in every round
	rounds int         // 0: as the flag says
	by     []contestant
}

// group is one table.
type group struct {
	title string
	works []work
}

// loads makes the start function of a contestant from that of its load.
func loads(start func(e *env) (load, error)) func(e *env) (probe, error) {
	return func(e *env) (probe, error) {
		l, err := start(e)
		if err != nil {
			return nil, err
		}
		return &timed{load: l}, nil
	}
}

// measures makes the start function of a contestant that does its own measuring.
func measures(f func(ctx context.Context, e *env) ([]report.Figure, error)) func(e *env) (probe, error) {
	return func(e *env) (probe, error) {
		return once(func(ctx context.Context) ([]report.Figure, error) { return f(ctx, e) }), nil
	}
}

// matching returns the groups with only the work whose id matches.
func matching(groups []group, pattern *regexp.Regexp) []group {
	var out []group
	for _, g := range groups {
		kept := group{title: g.title}
		for _, w := range g.works {
			if pattern.MatchString(w.id) {
				kept.works = append(kept.works, w)
			}
		}
		if len(kept.works) > 0 {
			out = append(out, kept)
		}
	}
	return out
}

// without leaves contestants out that are not wanted or not installed.
func (w work) without(peers, erlang bool) work {
	w.by = slices.DeleteFunc(slices.Clone(w.by), func(c contestant) bool {
		return c.peer() && !peers || c.who == otp && !erlang
	})
	return w
}

// runner measures work, round by round.
type runner struct {
	env    *env
	rounds int
	time   time.Duration // per contestant, all rounds together
}

// entry is a contestant in a running measurement.
type entry struct {
	contestant
	probe probe
	row   report.Row
}

// fail gives up on the contestant.
func (en *entry) fail(err error) {
	if en.row.Err == "" {
		en.row.Err = err.Error()
	}
	en.row.Figures = nil
	en.shut()
}

// shut closes the probe, if there is one.
func (en *entry) shut() {
	if en.probe == nil {
		return
	}
	p := en.probe
	en.probe = nil
	if err := p.close(); err != nil && en.row.Err == "" {
		en.fail(err)
	}
}

// measure runs one piece of work by everyone, in rounds: the baseline, then each contestant in turn. It returns a row
// for each contestant and the nanoseconds of the baseline by round.
func (r *runner) measure(ctx context.Context, w work) ([]report.Row, report.Series, error) {
	rounds := r.rounds
	if w.rounds > 0 {
		rounds = w.rounds
	}
	slice := r.time / time.Duration(rounds)
	base, err := startBaseline(w.base, r.env)
	if err != nil {
		return nil, nil, fmt.Errorf("baseline %s: %w", w.base, err)
	}
	entries := make([]*entry, len(w.by))
	for i, c := range w.by {
		entries[i] = r.start(w, c)
	}
	var unit report.Series
	for range rounds {
		if base != nil {
			ns, err := base.nanoseconds(ctx, slice)
			if err != nil {
				return nil, nil, fmt.Errorf("baseline %s: %w", w.base, err)
			}
			unit = append(unit, ns)
		}
		for _, en := range entries {
			r.sample(ctx, en, slice)
		}
		if ctx.Err() != nil {
			break
		}
	}
	bases := make(map[report.Unit]report.Series)
	if unit != nil {
		bases[w.base] = unit
	}
	rows := finish(entries, bases)
	if base != nil {
		if err := base.probe.close(); err != nil { // the last user of a pair learns what both lost
			rows[0].Err, rows[0].Figures = err.Error(), nil
		}
	}
	return rows, unit, ctx.Err()
}

// start prepares a contestant; one that cannot start has its error in its row.
func (r *runner) start(w work, c contestant) *entry {
	title := w.title
	if c.what != "" {
		title = c.what
	}
	en := &entry{contestant: c, row: report.Row{Work: title, Who: c.who, Base: w.base, Goals: c.goals}}
	p, err := c.start(r.env)
	if err != nil {
		en.fail(err)
		return en
	}
	en.probe = p
	return en
}

// sample adds one round to the contestant's figures.
func (r *runner) sample(ctx context.Context, en *entry, slice time.Duration) {
	if en.probe == nil {
		return
	}
	figures, err := en.probe.sample(ctx, slice)
	if err != nil {
		en.fail(err)
		return
	}
	if en.row.Figures == nil {
		en.row.Figures = figures
		return
	}
	for i := range figures {
		en.row.Figures[i].Values = append(en.row.Figures[i].Values, figures[i].Values...)
	}
}

// finish closes the probes, forms the differences and returns the rows.
func finish(entries []*entry, bases map[report.Unit]report.Series) []report.Row {
	for _, en := range entries {
		en.shut()
		en.row.Bases = bases
	}
	rows := make([]report.Row, len(entries))
	for i, en := range entries {
		rows[i] = en.row
		if en.row.Err != "" {
			continue
		}
		if en.over > 0 {
			rows[i] = difference(en.row, entries[i-en.over].row)
		}
		if en.times > 0 {
			rows[i].Note = multiple(en.row, entries[i-en.times].row)
		}
	}
	return rows
}

// difference returns the row with its time replaced by what it takes longer than the other. Both are taken in their
// best rounds: what disturbs a round adds to it, and would hide a difference of a few nanoseconds in any mean.
func difference(row, other report.Row) report.Row {
	mine, _ := row.Figure(report.Time)
	base, ok := other.Figure(report.Time)
	if !ok {
		row.Err = "nothing to compare with: " + other.Err
		return row
	}
	more := report.Series{mine.Values.Min() - base.Values.Min()}
	figures := []report.Figure{{Name: report.Time, Unit: mine.Unit, Values: more}}
	row.Note = fmt.Sprintf("on top of %s, in the best rounds", base.Unit.Format(base.Values.Min()))
	row.Figures = append(figures, row.Figures[1:]...)
	row.Base = ""
	return row
}

// multiple says how many times the rate of other the row has.
func multiple(row, other report.Row) string {
	mine, _ := row.Figure(report.Rate)
	base, _ := other.Figure(report.Rate)
	return fmt.Sprintf("%.2f× the first", mine.Values.Over(base.Values).Median())
}
