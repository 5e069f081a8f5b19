package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/supervision"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

func TestRestartsCheckThemselves(t *testing.T) {
	for _, outside := range []bool{false, true} {
		l, err := foundRestart(outside)(&env{})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 2, 500} {
			if ops, took, err := l.run(t.Context(), n); ops != n || took <= 0 || err != nil {
				t.Errorf("outside %v, %d restarts: %d, %v, %v", outside, n, ops, took, err)
			}
		}
		if err := l.close(); err != nil {
			t.Error(err)
		}
	}
}

// newPhoenix starts a phoenix in a system that ends with the test.
func newPhoenix(t *testing.T, intensity int) *phoenix {
	t.Helper()
	sys, err := newSystem()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	p, err := startPhoenix(sys, intensity)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPhoenixThatStaysDownIsReported(t *testing.T) {
	p := newPhoenix(t, supervision.NoRestarts)
	if _, _, err := p.burn(soon(t), 2, true); !errors.Is(err, errTooSlow) || !strings.Contains(err.Error(), "incarnation 1 has no successor") {
		t.Errorf("got %v", err)
	}
}

func TestRestartsThatNobodyAskedForAreReported(t *testing.T) {
	p := newPhoenix(t, oftenEnough)
	p.sys.Send(p.now.pid, poison{})
	if err := pollUntil(t.Context(), func() bool { return len(p.up) == 1 }); err != nil {
		t.Fatal(err)
	}
	if err := p.counted(); err == nil || !strings.Contains(err.Error(), "counts 1 restarts, want 0") {
		t.Errorf("got %v", err)
	}
}

func TestFamiliesCheckThemselves(t *testing.T) {
	for _, of := range []phase{starting, stopping} {
		figures, err := family(300, foundFamily(of))(t.Context(), &env{})
		if err != nil {
			t.Fatal(err)
		}
		if len(figures) != 2 || figures[1].Name != "all 300" || !(figures[0].Values[0] > 0) {
			t.Errorf("phase %d: got %+v", of, figures)
		}
	}
}

func TestAFamilyThatTakesTooLongIsReported(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTooSlow)
	if _, err := family(300, foundFamily(starting))(ctx, &env{}); !errors.Is(err, errTooSlow) && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFamilyFigures(t *testing.T) {
	row := report.Row{Figures: familyFigures(children, 3*time.Second), Goals: []report.Goal{stopGoal}}
	if verdict, why := row.Judge(); verdict != report.Missed || why != "all 100000 3 s" {
		t.Errorf("three seconds: %s %s", verdict, why)
	}
	row.Figures = familyFigures(children, time.Second)
	if verdict, why := row.Judge(); verdict != report.Met {
		t.Errorf("a second: %s %s", verdict, why)
	}
}

func TestSupervisedPopulations(t *testing.T) {
	for name, by := range map[string]upbringing{"supervisor": underSupervisor, "dynamic": underDynamic} {
		end, err := foundSupervised(by)(t.Context(), 300)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := end(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPopulationWithoutNamesIsReported(t *testing.T) {
	nameless := func(_ context.Context, sys *actor.System, n int, start func() actor.Actor) error {
		_, err := supervision.Start(sys, supervision.Spec{Children: []supervision.Child{{ID: "x", Start: start}}})
		return err
	}
	if _, err := foundSupervised(nameless)(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "nobody is called child-0") {
		t.Errorf("got %v", err)
	}
}
