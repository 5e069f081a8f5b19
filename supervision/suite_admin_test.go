package supervision

import (
	"errors"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Cases of OTP's supervisor_SUITE: child administration, specifications, kinds of children.

// supervisor_SUITE: extra_return (without the extra value, which a Start here has no way to return)
func TestExtraReturn(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec(kid("child1")))
		one := l.pid(sup, "child1")
		l.wantErr(sup.TerminateChild(l.ctx, "hej"), ErrNotFound)
		l.wantErr(sup.DeleteChild(l.ctx, "hej"), ErrNotFound)
		_, err := sup.RestartChild(l.ctx, "hej")
		l.wantErr(err, ErrNotFound)
		l.wantErr(sup.DeleteChild(l.ctx, "child1"), ErrRunning)
		_, err = sup.RestartChild(l.ctx, "child1")
		l.wantErr(err, ErrRunning)
		l.counts(sup, 1, 1, 0, 1)

		l.wantErr(sup.TerminateChild(l.ctx, "child1"), nil)
		l.wantWhy(one, actor.Shutdown)
		l.wantState(sup, "child1", "idle")
		l.counts(sup, 1, 0, 0, 1)
		two, err := sup.RestartChild(l.ctx, "child1")
		if err != nil || two != l.pid(sup, "child1") || two == one {
			t.Errorf("RestartChild: %v, %v", two, err)
		}
		l.wantErr(sup.TerminateChild(l.ctx, "child1"), nil)
		l.wantErr(sup.TerminateChild(l.ctx, "child1"), nil)
		l.wantErr(sup.DeleteChild(l.ctx, "child1"), nil)
		_, err = sup.RestartChild(l.ctx, "child1")
		l.wantErr(err, ErrNotFound)
		l.counts(sup, 0, 0, 0, 0)

		three := l.add(sup, kid("child1"))
		l.kill(three, errDied)
		if four := l.pid(sup, "child1"); four == three {
			t.Error("not restarted")
		}
		l.counts(sup, 1, 1, 0, 1)
	})
}

// supervisor_SUITE: child_adm; Elixir's supervisor_test "child life cycle"
func TestChildAdm(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec(kid("child1")))
		one := l.pid(sup, "child1")
		l.counts(sup, 1, 1, 0, 1)
		if pid, err := sup.StartChild(l.ctx, kid("child1")); pid != one || !errors.Is(err, ErrAlreadyStarted) {
			t.Errorf("StartChild of a running one: %v, %v", pid, err)
		}
		nobody := Attach(l.sys, actor.PID{})
		l.wantErr(sup.TerminateChild(l.ctx, "hej"), ErrNotFound)
		l.wantErr(nobody.TerminateChild(l.ctx, "child1"), actor.NoProc)
		l.wantErr(sup.TerminateChild(l.ctx, "child1"), nil)
		l.wantWhy(one, actor.Shutdown)
		l.wantState(sup, "child1", "idle")
		l.counts(sup, 1, 0, 0, 1)
		l.wantErr(sup.TerminateChild(l.ctx, "child1"), nil)
		_, err := sup.StartChild(l.ctx, kid("child1"))
		l.wantErr(err, ErrAlreadyPresent)

		two, err := sup.RestartChild(l.ctx, "child1")
		l.wantErr(err, nil)
		if l.pid(sup, "child1") != two {
			t.Error("another PID is shown than was returned")
		}
		_, err = sup.RestartChild(l.ctx, "child1")
		l.wantErr(err, ErrRunning)
		_, err = sup.RestartChild(l.ctx, "child2")
		l.wantErr(err, ErrNotFound)

		l.wantErr(sup.DeleteChild(l.ctx, "child1"), ErrRunning)
		l.wantErr(sup.DeleteChild(l.ctx, "hej"), ErrNotFound)
		l.wantErr(nobody.DeleteChild(l.ctx, "child1"), actor.NoProc)
		l.wantErr(sup.TerminateChild(l.ctx, "child1"), nil)
		l.wantErr(sup.DeleteChild(l.ctx, "child1"), nil)
		_, err = sup.RestartChild(l.ctx, "child1")
		l.wantErr(err, ErrNotFound)
		l.counts(sup, 0, 0, 0, 0)

		_, err = nobody.StartChild(l.ctx, kid("child1"))
		l.wantErr(err, actor.NoProc)
		three := l.add(sup, kid("child1"))
		l.counts(sup, 1, 1, 0, 1)
		l.wantErr(sup.TerminateChild(l.ctx, three.String()), ErrNotFound)
		l.counts(sup, 1, 1, 0, 1)
		if len(nobody.Children()) != 0 || nobody.Count() != (Counts{}) {
			t.Error("a supervisor that does not exist has children")
		}
	})
}

// supervisor_SUITE: child_adm_simple (restart and delete do not exist for a Dynamic)
func TestChildAdmSimple(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.dynamic(DynamicSpec{Template: kid("")})
		l.counts(d, 0, 0, 0, 0)
		_, err := AttachDynamic(l.sys, actor.PID{}).StartChild(l.ctx, kid(""))
		l.wantErr(err, actor.NoProc)
		one := l.addDyn(d, Child{})
		l.counts(d, 1, 1, 0, 1)
		two := l.addDyn(d, Child{})
		if k := d.Children(); len(k) != 2 || k[0].PID != one || k[1].PID != two {
			t.Errorf("children %+v", k)
		}
		l.counts(d, 2, 2, 0, 2)
		l.wantErr(d.TerminateChild(l.ctx, one), nil)
		l.wantWhy(one, actor.Shutdown)
		l.counts(d, 1, 1, 0, 1)
		l.wantErr(d.TerminateChild(l.ctx, one), ErrNotFound) // Elixir's answer; OTP's is ok
		stranger, _ := l.sys.Spawn(plain())
		l.wantErr(d.TerminateChild(l.ctx, stranger), ErrNotFound)
		l.alive(stranger, two)
	})
}

// supervisor_SUITE: child_specs, child_specs_map (TestValidate has every fault; here they come through StartChild)
func TestChildSpecs(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec())
		for field, c := range map[string]Child{
			"ID":          {Start: plain},
			"Start":       {ID: "a"},
			"Restart":     kid("a", as(7)),
			"Shutdown":    kid("a", shutdownIn(-10)),
			"Significant": kid("a", as(Transient), significant),
		} {
			_, err := sup.StartChild(l.ctx, c)
			if e, ok := errors.AsType[*SpecError](err); !ok || len(e.Faults) != 1 || e.Faults[0].Field != field {
				t.Errorf("%s: got %v", field, err)
			}
		}
		l.counts(sup, 0, 0, 0, 0)
		for r := Permanent; r <= Temporary; r++ {
			for _, d := range []time.Duration{0, time.Second, Infinity, BrutalKill} {
				for _, auto := range []AutoShutdown{Never, AnySignificant, AllSignificant} {
					for _, sig := range []bool{false, true} {
						c := kid("a", as(r), shutdownIn(d))
						c.Significant = sig
						err := Validate(Spec{AutoShutdown: auto, Children: []Child{c}})
						if bad := sig && (auto == Never || r == Permanent); bad != (err != nil) {
							t.Errorf("%v %v %v significant=%v: %v", r, d, auto, sig, err)
						}
					}
				}
			}
		}
	})
}

// supervisor_SUITE: sup_flags
func TestSupFlags(t *testing.T) {
	inLab(t, func(l *lab) {
		for field, s := range map[string]Spec{
			"Strategy": {Strategy: 9}, "Intensity": {Intensity: -7}, "Period": {Period: -time.Second}, "AutoShutdown": {AutoShutdown: 9},
		} {
			_, err := Start(l.sys, s)
			if e, ok := errors.AsType[*SpecError](err); !ok || len(e.Faults) != 1 || e.Faults[0].Field != field {
				t.Errorf("%s: got %v", field, err)
			}
		}
	})
}

// ends lets child1 of a fresh supervisor end with each reason in turn and says how it must be afterwards.
func ends(t *testing.T, r Restart, want string, reasons ...error) {
	inLab(t, func(l *lab) {
		for _, reason := range reasons {
			sup := l.start(spec())
			one := l.add(sup, kid("child1", as(r)))
			l.kill(one, reason)
			l.wantState(sup, "child1", want)
			switch want {
			case "up":
				if l.pid(sup, "child1") == one {
					t.Error("not restarted")
				}
				l.counts(sup, 1, 1, 0, 1)
			case "idle":
				l.counts(sup, 1, 0, 0, 1)
				if _, err := sup.RestartChild(l.ctx, "child1"); err != nil {
					t.Errorf("RestartChild: %v", err)
				}
			default:
				l.counts(sup, 0, 0, 0, 0)
				l.add(sup, kid("child1", as(r)))
			}
		}
	})
}

// supervisor_SUITE: permanent_normal
func TestPermanentNormal(t *testing.T) { ends(t, Permanent, "up", actor.Normal) }

// supervisor_SUITE: transient_normal
func TestTransientNormal(t *testing.T) { ends(t, Transient, "idle", actor.Normal) }

// supervisor_SUITE: temporary_normal
func TestTemporaryNormal(t *testing.T) { ends(t, Temporary, "none", actor.Normal) }

// supervisor_SUITE: permanent_shutdown
func TestPermanentShutdown(t *testing.T) {
	ends(t, Permanent, "up", actor.Shutdown, otherShutdown)
}

// supervisor_SUITE: transient_shutdown
func TestTransientShutdown(t *testing.T) {
	ends(t, Transient, "idle", actor.Shutdown, otherShutdown)
}

// supervisor_SUITE: temporary_shutdown
func TestTemporaryShutdown(t *testing.T) {
	ends(t, Temporary, "none", actor.Shutdown, otherShutdown)
}

// supervisor_SUITE: permanent_abnormal
func TestPermanentAbnormal(t *testing.T) { ends(t, Permanent, "up", errDied, actor.Kill) }

// supervisor_SUITE: transient_abnormal (also: the error of a failed Ask is never normal)
func TestTransientAbnormal(t *testing.T) {
	ends(t, Transient, "up", errDied, actor.Kill, &actor.ExitError{Reason: actor.Shutdown})
}

// supervisor_SUITE: temporary_abnormal
func TestTemporaryAbnormal(t *testing.T) { ends(t, Temporary, "none", errDied, actor.Kill) }

// supervisor_SUITE: faulty_application_shutdown (a start that fails deep in a tree is told all the way up)
func TestFaultyApplicationShutdown(t *testing.T) {
	inLab(t, func(l *lab) {
		var before actor.PID
		bad := kid("server", initially(func(*actor.Context) error { return errBoom }))
		good := kid("good", initially(func(c *actor.Context) error { before = c.Self(); return nil }))
		_, err := Start(l.sys, spec(good, Child{ID: "app", Supervisor: Spec{Children: []Child{
			{ID: "inner", Supervisor: Spec{Children: []Child{bad}}},
		}}}))
		e, ok := errors.AsType[*StartError](err)
		if !ok || e.ID != "app" || !errors.Is(err, errBoom) || !errors.Is(err, actor.Shutdown) {
			t.Errorf("got %v", err)
		}
		l.wantWhy(before, actor.Shutdown)
		if n := l.sys.Stats().Processes; n != 0 {
			t.Errorf("%d processes are left", n)
		}
	})
}
