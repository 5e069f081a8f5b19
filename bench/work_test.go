package main

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

// constant is a load whose operations take that long, without waiting for it.
func constant(perOp time.Duration, closed *bool) func(*env) (load, error) {
	return func(*env) (load, error) {
		return load{
			run: func(_ context.Context, n int) (int, time.Duration, error) {
				return n, time.Duration(n) * perOp, nil
			},
			close: func() error { *closed = true; return nil },
		}, nil
	}
}

// measureNow measures contestants for a few milliseconds.
func measureNow(t *testing.T, base report.Unit, by ...contestant) []report.Row {
	t.Helper()
	r := runner{env: &env{}, rounds: 3, time: 6 * time.Millisecond}
	rows, unit, err := r.measure(t.Context(), work{title: "work", base: base, by: by})
	if err != nil {
		t.Fatal(err)
	}
	if base != "" && len(unit) != 3 {
		t.Fatalf("%d rounds of the baseline, want 3", len(unit))
	}
	return rows
}

func TestMeasureTakesRounds(t *testing.T) {
	var closed bool
	rows := measureNow(t, report.Chan, contestant{who: "x", start: loads(constant(50, &closed))})
	f, ok := rows[0].Figure(report.Time)
	if !ok || len(f.Values) != 3 || f.Values.Median() != 50 {
		t.Errorf("got %+v", rows[0])
	}
	if len(rows[0].Ratio(report.Time, report.Chan)) != 3 {
		t.Errorf("no ratio in %+v", rows[0])
	}
	if !closed {
		t.Error("the load was not closed")
	}
}

func TestMeasureFormsDifferences(t *testing.T) {
	var closed bool
	rows := measureNow(t, "",
		contestant{who: "x", start: loads(constant(50, &closed))},
		contestant{who: "x", what: "more", start: loads(constant(58, &closed)), over: 1,
			goals: []report.Goal{{Figure: report.Time, Limit: 10, Unit: report.Nanoseconds}}})
	f, _ := rows[1].Figure(report.Time)
	if f.Values.Median() != 8 || rows[1].Work != "more" || !strings.Contains(rows[1].Note, "on top of 50 ns") {
		t.Errorf("got %+v", rows[1])
	}
	if verdict, _ := rows[1].Judge(); verdict != report.Met {
		t.Errorf("verdict %q", verdict)
	}
}

func TestAFailingContestantDoesNotStopTheOthers(t *testing.T) {
	var closed bool
	lost := errors.New("lost a message")
	failing := func(*env) (load, error) {
		return load{run: func(context.Context, int) (int, time.Duration, error) { return 0, 0, lost }}, nil
	}
	unclean := func(e *env) (load, error) {
		l, err := constant(5, &closed)(e)
		l.close = func() error { return errors.New("3 dead letters") }
		return l, err
	}
	absent := func(*env) (load, error) { return load{}, errNoErlang }
	rows := measureNow(t, "",
		contestant{who: "a", start: loads(failing)},
		contestant{who: "b", start: loads(unclean)},
		contestant{who: "c", start: loads(absent)},
		contestant{who: "d", start: loads(constant(7, &closed))})
	for i, want := range []string{"lost a message", "3 dead letters", "no figures of Erlang/OTP"} {
		verdict, why := rows[i].Judge()
		if verdict != report.Failed || !strings.HasPrefix(why, want) || rows[i].Figures != nil {
			t.Errorf("row %d: %q %q %v, want %q", i, verdict, why, rows[i].Figures, want)
		}
	}
	if verdict, _ := rows[3].Judge(); verdict != report.NoGoal || len(rows[3].Figures) == 0 {
		t.Errorf("the last one: %+v", rows[3])
	}
}

func TestMeasureEndsWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var closed bool
	r := runner{env: &env{}, rounds: 1000, time: time.Second}
	_, _, err := r.measure(ctx, work{by: []contestant{{start: loads(constant(5, &closed))}}})
	if !errors.Is(err, context.Canceled) || !closed {
		t.Errorf("error %v, closed %v", err, closed)
	}
}

func TestResize(t *testing.T) {
	for _, c := range []struct {
		ops         int
		took, slice time.Duration
		want        int
	}{
		{100, time.Millisecond, 10 * time.Millisecond, 1000},
		{100, time.Second, time.Millisecond, 1},
		{100, 0, time.Second, maxOps},
	} {
		if got := resize(c.ops, c.took, c.slice); got != c.want {
			t.Errorf("%d in %v for %v: got %d, want %d", c.ops, c.took, c.slice, got, c.want)
		}
	}
}

func TestBaselinesCheckThemselves(t *testing.T) {
	for name, l := range map[string]load{"send": channelSend(1), "fan-in": channelSend(3), "ping-pong": channelPingPong()} {
		for _, n := range []int{1, 2, 1001} {
			ops, took, err := l.run(t.Context(), n)
			if err != nil || ops < n || took <= 0 {
				t.Errorf("%s of %d: %d, %v, %v", name, n, ops, took, err)
			}
		}
	}
}

func TestSuiteIsWellFormed(t *testing.T) {
	seen := make(map[string]bool)
	for _, g := range suite(million) {
		for _, w := range g.works {
			if seen[w.id] || w.id == "" || w.title == "" {
				t.Errorf("work %q %q: no name of its own", w.id, w.title)
			}
			seen[w.id] = true
			for i, c := range w.by {
				if c.start == nil || c.who == "" || c.over > i {
					t.Errorf("%s, contestant %d: %+v", w.id, i, c)
				}
				for _, goal := range c.goals {
					if goal.Unit.Baseline() && goal.Unit != w.base {
						t.Errorf("%s: goal in %q, but the baseline measured is %q", w.id, goal.Unit, w.base)
					}
				}
			}
		}
	}
}

func TestMatching(t *testing.T) {
	groups := matching(suite(million), regexp.MustCompile("ping-pong$"))
	if len(groups) != 1 || len(groups[0].works) != 1 || groups[0].works[0].id != "pass/ping-pong" {
		t.Errorf("got %+v", groups)
	}
}

func TestWithout(t *testing.T) {
	w := work{by: []contestant{{who: foundation}, {who: protoactor}, {who: otp}, {who: goRuntime}}}
	for _, c := range []struct {
		peers, erlang bool
		want          string
	}{
		{true, true, "foundation protoactor-go Erlang/OTP go channels"},
		{true, false, "foundation protoactor-go go channels"},
		{false, false, "foundation go channels"},
	} {
		var names []string
		for _, by := range w.without(c.peers, c.erlang).by {
			names = append(names, by.who)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("peers %v, erlang %v: got %s, want %s", c.peers, c.erlang, got, c.want)
		}
	}
}
