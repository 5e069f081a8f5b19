package supervision

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Cases of OTP's supervisor_SUITE: start, stop. Each test names its case.

// supervisor_SUITE: sup_start_normal
func TestSupStartNormal(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec())
		l.stop(sup.PID())
	})
}

func ignoring(*actor.Context) error { return actor.Ignore }

// supervisor_SUITE: sup_start_ignore_child
func TestSupStartIgnoreChild(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec())
		if pid := l.add(sup, kid("child1", initially(ignoring))); !pid.IsZero() {
			t.Errorf("PID of an ignored child: %v", pid)
		}
		two := l.add(sup, kid("child2"))
		if !slices.Equal(l.ids(sup), []string{"child1", "child2"}) || l.pid(sup, "child2") != two {
			t.Errorf("children %+v", sup.Children())
		}
		l.wantState(sup, "child1", "idle")
		l.counts(sup, 2, 1, 0, 2)
	})
}

// supervisor_SUITE: sup_start_ignore_temporary_child
func TestSupStartIgnoreTemporaryChild(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec(kid("child1", as(Temporary), initially(ignoring)), kid("child2", as(Temporary))))
		l.wantState(sup, "child1", "none")
		l.wantState(sup, "child2", "up")
		l.counts(sup, 1, 1, 0, 1)
	})
}

// supervisor_SUITE: sup_start_ignore_temporary_child_start_child
func TestSupStartIgnoreTemporaryChildStartChild(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec())
		if pid := l.add(sup, kid("child1", as(Temporary), initially(ignoring))); !pid.IsZero() {
			t.Errorf("PID of an ignored child: %v", pid)
		}
		l.add(sup, kid("child2", as(Temporary)))
		l.wantState(sup, "child1", "none")
		l.counts(sup, 1, 1, 0, 1)
	})
}

// ignoreFirst gives children of which the first ignores.
func ignoreFirst() func(*actor.Context) error {
	n := 0
	return func(*actor.Context) error {
		if n++; n == 1 {
			return actor.Ignore
		}
		return nil
	}
}

// supervisor_SUITE: sup_start_ignore_temporary_child_start_child_simple
func TestSupStartIgnoreTemporaryChildStartChildSimple(t *testing.T) {
	inLab(t, func(l *lab) { ignoreSimple(l, Temporary) })
}

// supervisor_SUITE: sup_start_ignore_permanent_child_start_child_simple
func TestSupStartIgnorePermanentChildStartChildSimple(t *testing.T) {
	inLab(t, func(l *lab) {
		l.stop(ignoreSimple(l, Permanent).PID())
	})
}

func ignoreSimple(l *lab, r Restart) *Dynamic {
	d := l.dynamic(DynamicSpec{Template: kid("child1", as(r), initially(ignoreFirst()))})
	if pid := l.addDyn(d, Child{}); !pid.IsZero() {
		l.Errorf("PID of an ignored child: %v", pid)
	}
	pid := l.addDyn(d, Child{})
	if kids := d.Children(); len(kids) != 1 || kids[0].PID != pid {
		l.Errorf("children %+v", kids)
	}
	l.counts(d, 1, 1, 0, 1)
	return d
}

// supervisor_SUITE: sup_start_error_return
func TestSupStartErrorReturn(t *testing.T) {
	inLab(t, func(l *lab) {
		for _, bad := range []Spec{{Strategy: 99}, spec(Child{}), spec(kid("a"), kid("a"))} {
			before := l.sys.Stats().Spawned
			_, err := Start(l.sys, bad)
			if _, ok := errors.AsType[*SpecError](err); !ok {
				t.Errorf("got %v, want a SpecError", err)
			}
			if now := l.sys.Stats().Spawned; now != before {
				t.Errorf("a bad spec started %d processes", now-before)
			}
		}
		if _, err := Start(nil, spec()); err == nil {
			t.Error("Start(nil) must fail")
		}
	})
}

// supervisor_SUITE: sup_start_fail (code that describes the children crashes)
func TestSupStartFail(t *testing.T) {
	inLab(t, func(l *lab) {
		_, err := StartPartitioned(l.sys, PartitionedSpec{Child: func(int) Child { panic("boom") }})
		if _, ok := errors.AsType[*SpecError](err); !ok {
			t.Errorf("got %v, want a SpecError", err)
		}
		_, err = Start(l.sys, spec(kid("a", from(func() actor.Actor { panic("boom") }))))
		if p, ok := errors.AsType[*actor.PanicError](err); !ok || p.Value != "boom" {
			t.Errorf("got %v, want the panic", err)
		}
		_, err = Start(l.sys, spec(kid("a", from(func() actor.Actor { return nil }))))
		if e, ok := errors.AsType[*StartError](err); !ok || e.ID != "a" {
			t.Errorf("got %v, want a StartError of a", err)
		}
	})
}

// supervisor_SUITE: sup_start_restart_child_returns_error
func TestSupStartRestartChildReturnsError(t *testing.T) {
	inLab(t, func(l *lab) {
		ok := true
		sup := l.start(spec(kid("child1", initially(func(*actor.Context) error {
			if !ok {
				return errBoom
			}
			return nil
		}))))
		ok = false
		l.wantErr(sup.TerminateChild(l.ctx, "child1"), nil)
		_, err := sup.RestartChild(l.ctx, "child1")
		l.wantErr(err, errBoom)
		l.wantState(sup, "child1", "idle")
	})
}

// supervisor_SUITE: sup_start_child_returns_error
func TestSupStartChildReturnsError(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec())
		_, err := sup.StartChild(l.ctx, kid("child1", initially(func(*actor.Context) error { return errBoom })))
		if e, ok := errors.AsType[*StartError](err); !ok || e.ID != "child1" || !errors.Is(err, errBoom) {
			t.Errorf("got %v, want a StartError of child1 with boom", err)
		}
		_, err = sup.StartChild(l.ctx, kid("child2", initially(func(*actor.Context) error { panic("oops") })))
		if p, ok := errors.AsType[*actor.PanicError](err); !ok || p.Value != "oops" {
			t.Errorf("got %v, want the panic", err)
		}
		l.counts(sup, 0, 0, 0, 0)
	})
}

// supervisor_SUITE: sup_start_child_returns_error_simple
func TestSupStartChildReturnsErrorSimple(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.dynamic(DynamicSpec{})
		_, err := d.StartChild(l.ctx, kid("", initially(func(*actor.Context) error { return errBoom })))
		l.wantErr(err, errBoom)
		l.counts(d, 0, 0, 0, 0)
	})
}

// supervisor_SUITE: sup_start_map (defaults of a child)
func TestSupStartMap(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(Spec{Children: []Child{
			{ID: "child1", Start: plain},
			{ID: "child2", Start: plain, Shutdown: BrutalKill},
			{ID: "child3", Supervisor: Spec{}},
		}})
		for id, want := range map[string]time.Duration{"child1": DefaultShutdown, "child2": BrutalKill, "child3": Infinity} {
			e := sup.v.m.table.byID[id]
			if e.child.patience() != want || e.child.Restart != Permanent || (e.child.Supervisor != nil) != (id == "child3") {
				t.Errorf("%s: %+v", id, e.child)
			}
		}
		if _, ok := sup.Child("child4"); ok {
			t.Error("there is no child4")
		}
		l.stop(sup.PID())
	})
}

// supervisor_SUITE: sup_start_map_simple
func TestSupStartMapSimple(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.dynamic(DynamicSpec{Template: Child{Start: plain, Restart: Temporary}})
		for range 3 {
			pid := l.addDyn(d, Child{})
			c, ok := d.Child(pid)
			if e := d.v.m.table.byPID[pid]; !ok || c.Restart != Temporary || e.child.patience() != DefaultShutdown || e.child.Significant {
				t.Errorf("child %+v", c)
			}
		}
		if _, ok := d.Child(d.PID()); ok {
			t.Error("the supervisor is no child of its own")
		}
		l.stop(d.PID())
	})
}

// supervisor_SUITE: sup_start_map_faulty_specs
func TestSupStartMapFaultySpecs(t *testing.T) {
	inLab(t, func(l *lab) {
		for field, c := range map[string]Child{"ID": {Start: plain}, "Start": {ID: "child2"}} {
			_, err := Start(l.sys, Spec{Children: []Child{c}})
			if e, ok := errors.AsType[*SpecError](err); !ok || len(e.Faults) != 1 || e.Faults[0].Field != field {
				t.Errorf("got %v, want one fault of %s", err, field)
			}
		}
	})
}

// supervisor_SUITE: sup_stop_infinity
func TestSupStopInfinity(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec())
		one := l.add(sup, Child{ID: "child1", Supervisor: Spec{}, Shutdown: Infinity})
		two := l.add(sup, kid("child2", shutdownIn(Infinity)))
		l.stop(sup.PID())
		l.wantWhy(one, actor.Shutdown)
		l.wantWhy(two, actor.Shutdown)
	})
}

// supervisor_SUITE: sup_stop_timeout
func TestSupStopTimeout(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec())
		one, two := l.add(sup, kid("child1")), l.add(sup, kid("child2"))
		l.sys.Send(two, nap{time.Minute})
		l.settle()
		began := time.Now()
		// With one core the engine takes two looks of its monitor to see that the child waits.
		err, took := sup.Stop(l.ctx), time.Since(began)
		if err != nil || took < time.Second || took > time.Second+10*time.Millisecond {
			t.Errorf("Stop: %v after %v, want nil after a second", err, took)
		}
		l.wantWhy(one, actor.Shutdown)
		l.wantWhy(two, actor.Killed)
	})
}

// supervisor_SUITE: sup_stop_timeout_dynamic
func TestSupStopTimeoutDynamic(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.dynamic(DynamicSpec{Template: kid("", as(Temporary))})
		one, two := l.addDyn(d, Child{}), l.addDyn(d, Child{})
		l.sys.Send(two, nap{time.Minute})
		l.settle()
		l.stop(d.PID())
		l.wantWhy(one, actor.Shutdown)
		l.wantWhy(two, actor.Killed)
	})
}

// supervisor_SUITE: sup_stop_brutal_kill
func TestSupStopBrutalKill(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec())
		one, two := l.add(sup, kid("child1")), l.add(sup, kid("child2", shutdownIn(BrutalKill)))
		l.stop(sup.PID())
		l.wantWhy(one, actor.Shutdown)
		l.wantWhy(two, actor.Killed)
	})
}

// supervisor_SUITE: sup_stop_brutal_kill_dynamic
func TestSupStopBrutalKillDynamic(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.dynamic(DynamicSpec{Template: kid("", as(Temporary), shutdownIn(BrutalKill))})
		var pids []actor.PID
		for range 10 {
			pids = append(pids, l.addDyn(d, Child{}))
		}
		l.stop(d.PID())
		for _, p := range pids {
			l.wantWhy(p, actor.Killed)
		}
	})
}

var ownReasons = []error{actor.Normal, actor.Shutdown, otherShutdown, errDied}

// supervisor_SUITE: sup_stop_race
func TestSupStopRace(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec())
		first := l.add(sup, kid("child_a", as(Temporary)))
		want := map[actor.PID]error{}
		for r := Permanent; r <= Temporary; r++ {
			for i, reason := range ownReasons {
				id := r.String() + string(rune('0'+i))
				want[l.add(sup, kid(id, as(r)))] = reason
			}
		}
		last := l.add(sup, kid("child_z", as(Temporary), shutdownIn(2*time.Second),
			from(func() actor.Actor { return &worker{terminate: time.Second} })))
		l.sys.Exit(sup.PID(), actor.Shutdown)
		<-time.After(200 * time.Millisecond)
		for pid, reason := range want {
			l.sys.Send(pid, end{reason})
		}
		<-time.After(time.Minute)
		l.settle()
		l.wantWhy(sup.PID(), actor.Shutdown)
		l.wantWhy(last, actor.Shutdown)
		for pid, reason := range want {
			l.wantWhy(pid, reason)
		}
		l.wantWhy(first, actor.Shutdown)
	})
}

// supervisor_SUITE: sup_stop_non_shutdown_exit_dynamic
func TestSupStopNonShutdownExitDynamic(t *testing.T) {
	inLab(t, func(l *lab) {
		for r := Permanent; r <= Temporary; r++ {
			d := l.dynamic(DynamicSpec{})
			want := map[actor.PID]error{}
			for _, reason := range ownReasons {
				c := kid("", as(r), from(func() actor.Actor { return &worker{trap: true, obey: reason} }))
				want[l.addDyn(d, c)] = reason
			}
			l.stop(d.PID())
			for pid, reason := range want {
				l.wantWhy(pid, reason)
			}
		}
	})
}
