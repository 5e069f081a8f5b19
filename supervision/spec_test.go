package supervision

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

func idle() actor.Actor { return nil }

func TestValidate(t *testing.T) {
	ok := Child{ID: "a", Start: idle}
	with := func(change func(*Child)) Child {
		c := ok
		change(&c)
		return c
	}
	loop := make([]Child, 1)
	loop[0] = Child{ID: "self", Supervisor: Spec{Children: loop}}
	var endless PartitionedSpec
	endless = PartitionedSpec{Partitions: 2, Child: func(int) Child { return Child{Supervisor: endless} }}
	var endlessAgain *PartitionedSpec
	endlessAgain = &PartitionedSpec{Partitions: 2, Child: func(int) Child { return Child{Supervisor: endlessAgain} }}
	for _, tc := range []struct {
		name string
		spec AnySpec
		want []string // one per fault: what its text begins with
	}{
		{"zero", Spec{}, nil},
		{"one child", Spec{Children: []Child{ok}}, nil},
		{"pointer", &Spec{Children: []Child{ok}}, nil},
		{"nil", nil, []string{"Supervisor is nil"}},
		{"nil pointer", (*Spec)(nil), []string{"Supervisor is nil"}},
		{"nil dynamic", (*DynamicSpec)(nil), []string{"Supervisor is nil"}},
		{"nil partitioned", (*PartitionedSpec)(nil), []string{"Supervisor is nil"}},
		{"strategy", Spec{Strategy: 3}, []string{"Strategy is Strategy(3)"}},
		{"intensity", Spec{Intensity: -2}, []string{"Intensity is -2"}},
		{"no restarts", Spec{Intensity: NoRestarts}, nil},
		{"period", Spec{Period: -1}, []string{"Period is -1ns"}},
		{"auto", Spec{AutoShutdown: 3}, []string{"AutoShutdown is AutoShutdown(3)"}},
		{"no id", Spec{Children: []Child{{Start: idle}}}, []string{"#0: ID is empty"}},
		{"two without id", Spec{Children: []Child{{Start: idle}, {Start: idle}}}, []string{"#0: ID is empty", "#1: ID is empty"}},
		{"no start", Spec{Children: []Child{{ID: "a"}}}, []string{"a: Start is nil"}},
		{"both", Spec{Children: []Child{{ID: "a", Start: idle, Supervisor: Spec{}}}}, []string{"a: Start and Supervisor"}},
		{"twice", Spec{Children: []Child{ok, ok}}, []string{`a: ID "a" is used by child #0 already`}},
		{"restart", Spec{Children: []Child{with(func(c *Child) { c.Restart = 3 })}}, []string{"a: Restart is Restart(3)"}},
		{"shutdown", Spec{Children: []Child{with(func(c *Child) { c.Shutdown = -2 })}}, []string{"a: Shutdown is -2ns"}},
		{"kill", Spec{Children: []Child{with(func(c *Child) { c.Shutdown = BrutalKill })}}, nil},
		{"ready", Spec{Children: []Child{with(func(c *Child) { c.Ready = -1 })}}, []string{"a: Ready is -1ns"}},
		{"ready supervisor", Spec{Children: []Child{{ID: "a", Ready: 1, Supervisor: Spec{}}}}, []string{"a: Ready is for children with Start"}},
		{"liveness", Spec{Children: []Child{with(func(c *Child) { c.Liveness.Every = 1 })}}, []string{"a: Liveness.Check is nil"}},
		{"liveness never", Spec{Children: []Child{with(func(c *Child) { c.Liveness.Timeout = 1 })}}, []string{"a: Liveness.Every is zero"}},
		{"liveness negative", Spec{Children: []Child{with(func(c *Child) { c.Liveness.Every = -1 })}}, []string{"a: Liveness has a negative time"}},
		{"nil option", Spec{Children: []Child{with(func(c *Child) { c.Options = make([]actor.SpawnOption, 1) })}}, []string{"a: Options contain nil"}},
		{"significant", Spec{Children: []Child{with(func(c *Child) { c.Significant = true })}},
			[]string{"a: Significant needs a supervisor", "a: Significant needs Restart"}},
		{"significant permanent", Spec{AutoShutdown: AnySignificant, Children: []Child{with(func(c *Child) { c.Significant = true })}},
			[]string{"a: Significant needs Restart"}},
		{"nested", Spec{Children: []Child{{ID: "sub", Supervisor: Spec{Strategy: 7, Children: []Child{{ID: "x"}, {}}}}}},
			[]string{"sub: Strategy", "sub/x: Start is nil", "sub/#1: ID is empty", "sub/#1: Start is nil"}},
		{"itself", Spec{Children: loop}, []string{"self: Children contain this supervisor itself"}},
		{"endless", endless, []string{"0/0/0"}},
		{"endless pointer", endlessAgain, []string{"0/0/0"}},
		{"dynamic", DynamicSpec{}, nil},
		{"dynamic faults", DynamicSpec{MaxChildren: -1, Intensity: -5, Template: Child{Restart: 9}},
			[]string{"Intensity", "MaxChildren is -1", "Template: Restart"}},
		{"partitioned", PartitionedSpec{Child: func(int) Child { return ok }}, nil},
		{"partitioned faults", PartitionedSpec{Partitions: -1}, []string{"Partitions is -1", "Child is nil"}},
		{"partition significant", PartitionedSpec{Partitions: 1, Child: func(int) Child { return with(func(c *Child) { c.Significant = true }) }},
			[]string{"0: Significant", "0: Significant"}},
		{"backoff", Spec{Backoff: Backoff{Min: -1, Factor: 0.5, Jitter: 2}}, []string{"Backoff Min", "Backoff.Factor", "Backoff.Jitter"}},
		{"backoff max", Spec{Backoff: Backoff{Min: 2, Max: 1}}, []string{"Backoff.Max"}},
		{"backoff no min", Spec{Backoff: Backoff{Max: time.Second}}, []string{"Backoff.Min is zero"}},
	} {
		err := Validate(tc.spec)
		if len(tc.want) == 0 {
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
			}
			continue
		}
		spec, ok := errors.AsType[*SpecError](err)
		if !ok {
			t.Errorf("%s: got %v, want a SpecError", tc.name, err)
			continue
		}
		if len(spec.Faults) != len(tc.want) {
			t.Errorf("%s: got %d faults, want %d: %v", tc.name, len(spec.Faults), len(tc.want), err)
			continue
		}
		for i, f := range spec.Faults {
			text := f.String()
			if f.Path == "" {
				text = strings.TrimPrefix(text, ": ")
			}
			if !strings.HasPrefix(text, tc.want[i]) {
				t.Errorf("%s: fault %d is %q, want %q…", tc.name, i, text, tc.want[i])
			}
		}
	}
}

func TestSpecIsCopied(t *testing.T) {
	kids := []Child{{ID: "a", Start: idle}, {ID: "sub", Supervisor: Spec{Children: []Child{{ID: "x", Start: idle}}}}}
	b := Spec{Children: kids}.prepare()
	kids[0].ID = "changed"
	kids[1].Supervisor.(Spec).Children[0].ID = "changed"
	if b.children[0].ID != "a" || b.children[1].Supervisor.prepare().children[0].ID != "x" {
		t.Error("a change after Start got through")
	}
	if b.conf.intensity != DefaultIntensity || b.conf.period != DefaultPeriod {
		t.Errorf("defaults are missing: %+v", b.conf)
	}
}

func TestErrorTexts(t *testing.T) {
	one := &SpecError{Faults: []Fault{{Path: "a", Field: "ID", Why: "is bad"}}}
	two := &SpecError{Faults: append(one.Faults, Fault{Field: "Period", Why: "is bad"})}
	start := &StartError{ID: "a", Err: errBoom}
	many := &IntensityError{ID: "a", Intensity: NoRestarts, Period: time.Second, Last: errBoom}
	for _, tc := range []struct {
		err  error
		want string
	}{
		{one, "supervision: bad specification: a: ID is bad"},
		{two, "supervision: bad specification, 2 faults:\n\ta: ID is bad\n\tPeriod is bad"},
		{start, `supervision: child "a" failed to start: boom`},
		{many, `supervision: more than 0 restarts in 1s; child "a" ended last: boom`},
	} {
		if tc.err.Error() != tc.want {
			t.Errorf("got %q, want %q", tc.err.Error(), tc.want)
		}
	}
	if !errors.Is(start, actor.Shutdown) || !errors.Is(start, errBoom) || !errors.Is(many, actor.Shutdown) || errors.Is(many, errBoom) {
		t.Error("the errors do not wrap what they should")
	}
	if classify(start) != exitShutdown || classify(many) != exitShutdown || classify(nil) != exitNormal {
		t.Error("the errors have the wrong class")
	}
	if classify(&actor.ExitError{Reason: actor.Normal}) != exitAbnormal || classify(&actor.PanicError{Value: actor.Normal}) != exitAbnormal {
		t.Error("exit and panic errors must be abnormal")
	}
}
