package supervision

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Cases of OTP's supervisor_SUITE: the rest.

// supervisor_SUITE: child_unlink
func TestChildUnlink(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec())
		pid := l.add(sup, kid("naughty_child"))
		l.sys.Send(pid, run{func(c *actor.Context) { c.Unlink(sup.PID()) }})
		l.settle()
		l.wantErr(sup.TerminateChild(l.ctx, "naughty_child"), nil)
		l.wantWhy(pid, actor.Shutdown)
		l.wantState(sup, "naughty_child", "idle")
	})
}

// supervisor_SUITE: tree
func TestTree(t *testing.T) {
	inLab(t, func(l *lab) {
		inner := func(id string, r Restart, kids ...Child) Child {
			return Child{ID: id, Restart: r, Supervisor: Spec{Intensity: 4, Period: time.Hour, Children: kids}}
		}
		sup := l.start(Spec{Strategy: OneForAll, Intensity: 4, Period: time.Hour})
		sup1 := Attach(l.sys, l.add(sup, inner("supchild1", Permanent, kid("child1"), kid("child2"))))
		sup2 := Attach(l.sys, l.add(sup, inner("supchild2", Permanent)))
		l.add(sup, inner("supchild3", Transient))
		l.wantErr(sup.TerminateChild(l.ctx, "supchild3"), nil)
		l.counts(sup, 3, 2, 3, 0)
		one, two := l.pid(sup1, "child1"), l.pid(sup1, "child2")
		l.counts(sup1, 2, 2, 0, 2)
		l.counts(sup2, 0, 0, 0, 0)
		three, four := l.add(sup2, kid("child3", initially(onceOnly()))), l.add(sup2, kid("child4"))
		l.counts(sup2, 2, 2, 0, 2)

		l.kill(four, errDied)
		if l.pid(sup1, "child1") != one || l.pid(sup1, "child2") != two || l.pid(sup2, "child3") != three || l.pid(sup2, "child4") == four {
			t.Error("more than the process that died was restarted")
		}
		l.kill(three, errDied)
		l.ended(one, two, sup1.PID(), sup2.PID())
		l.alive(sup.PID())
		l.counts(sup, 3, 3, 3, 0)
		l.counts(Attach(l.sys, l.pid(sup, "supchild1")), 2, 2, 0, 2)
		l.counts(Attach(l.sys, l.pid(sup, "supchild2")), 0, 0, 0, 0)
		l.counts(Attach(l.sys, l.pid(sup, "supchild3")), 0, 0, 0, 0)
	})
}

func countMany(t *testing.T, c Child) {
	inLab(t, func(l *lab) {
		d := l.dynamic(DynamicSpec{Template: c})
		for n := 1000; n <= 2000; n += 1000 {
			for range 1000 {
				l.addDyn(d, Child{})
			}
			if k := d.Children(); len(k) != n {
				t.Errorf("%d children shown of %d", len(k), n)
			}
			if c.Supervisor != nil {
				l.counts(d, n, n, n, 0)
			} else {
				l.counts(d, n, n, 0, n)
			}
		}
		for _, k := range d.Children() {
			l.sys.Exit(k.PID, actor.Kill)
		}
		l.settle()
		l.counts(d, 0, 0, 0, 0)
	})
}

// supervisor_SUITE: count_children
func TestCountChildren(t *testing.T) { countMany(t, kid("", as(Temporary))) }

// supervisor_SUITE: count_children_supervisor
func TestCountChildrenSupervisor(t *testing.T) {
	countMany(t, Child{Restart: Temporary, Supervisor: Spec{}})
}

// stuckStart is a child whose start takes two seconds and fails while fail is set.
func stuckStart(id string, fail *atomic.Bool) Child {
	return kid(id, shutdownIn(BrutalKill), initially(func(*actor.Context) error {
		if fail.Load() {
			<-time.After(2 * time.Second)
			return errBoom
		}
		return nil
	}))
}

// supervisor_SUITE: count_restarting_children
func TestCountRestartingChildren(t *testing.T) {
	inLab(t, func(l *lab) {
		var fail atomic.Bool
		d := l.dynamic(DynamicSpec{Intensity: 20, Period: 10 * time.Second, Template: stuckStart("", &fail)})
		for n := 1; n <= 3; n++ {
			l.addDyn(d, Child{})
			l.counts(d, n, n, 0, n)
		}
		for _, k := range d.Children() {
			l.kill(k.PID, errDied)
		}
		l.counts(d, 3, 3, 0, 3)
		k := d.Children()
		fail.Store(true)
		l.sys.Send(k[0].PID, end{errDied})
		l.sys.Send(k[1].PID, end{errDied})
		<-time.After(5 * time.Second)
		l.counts(d, 3, 1, 0, 3)
		fail.Store(false)
		<-time.After(5 * time.Second)
		l.counts(d, 3, 3, 0, 3)
		for n, k := range d.Children() {
			l.wantErr(d.TerminateChild(l.ctx, k.PID), nil)
			l.counts(d, 2-n, 2-n, 0, 2-n)
		}
	})
}

// supervisor_SUITE: do_not_save_start_parameters_for_temporary_children, simple_one_for_one_corruption
// (what a temporary child's Start captured is not kept beyond the child)
func TestDoNotSaveStartParametersForTemporaryChildren(t *testing.T) {
	inLab(t, func(l *lab) {
		var freed atomic.Int32
		big := func() Child {
			data := make([]byte, 1<<20)
			runtime.AddCleanup(&data[0], func(struct{}) { freed.Add(1) }, struct{}{})
			return kid("child", as(Temporary), from(func() actor.Actor { data[0]++; return &worker{} }))
		}
		for s := OneForOne; s <= RestForOne; s++ {
			sup := l.start(Spec{Strategy: s})
			l.kill(l.add(sup, big()), errDied)
			wantFreed(l, &freed)
			l.wantState(sup, "child", "none")
		}
		d := l.dynamic(DynamicSpec{})
		l.kill(l.addDyn(d, big()), errDied)
		wantFreed(l, &freed)
		l.kill(l.addDyn(d, big()), errDied)
		wantFreed(l, &freed)
	})
}

func wantFreed(l *lab, freed *atomic.Int32) {
	l.Helper()
	for range 50 {
		runtime.GC()
		if freed.Swap(0) > 0 {
			return
		}
		<-time.After(time.Millisecond)
	}
	l.Error("a temporary child that is gone is still held")
}

// supervisor_SUITE: do_not_save_child_specs_for_temporary_children
func TestDoNotSaveChildSpecsForTemporaryChildren(t *testing.T) {
	inLab(t, func(l *lab) {
		for s := OneForOne; s <= RestForOne; s++ {
			for _, reason := range []error{actor.Kill, actor.Normal, errDied, nil} {
				for r := Permanent; r <= Temporary; r++ {
					savedSpec(l, s, r, reason)
				}
			}
		}
	})
}

// savedSpec ends a child, by its supervisor if reason is nil, and looks whether its specification is still there.
func savedSpec(l *lab, s Strategy, r Restart, reason error) {
	sup := l.start(Spec{Strategy: s, Intensity: 2, Period: time.Hour})
	pid := l.add(sup, kid("child", as(r)))
	if reason == nil {
		l.wantErr(sup.TerminateChild(l.ctx, "child"), nil)
	} else {
		l.kill(pid, reason)
	}
	_, err := sup.StartChild(l.ctx, kid("child", as(r)))
	switch {
	case r == Temporary:
		l.wantErr(err, nil)
	case reason == nil || r == Transient && reason == actor.Normal:
		l.wantErr(err, ErrAlreadyPresent)
		_, err = sup.RestartChild(l.ctx, "child")
		l.wantErr(err, nil)
	default:
		l.wantErr(err, ErrAlreadyStarted)
	}
}

// supervisor_SUITE: simple_global_supervisor (names of this node)
func TestSimpleGlobalSupervisor(t *testing.T) {
	named := func(id string) func(*Child) {
		return func(c *Child) { c.Options = []actor.SpawnOption{actor.WithName(id)} }
	}
	steps := map[string]func(l *lab, sup2, server actor.PID){
		"kill_supervisor": func(l *lab, sup2, _ actor.PID) { l.kill(sup2, actor.Kill) },
		"kill_worker":     func(l *lab, _, server actor.PID) { l.kill(server, actor.Kill) },
		"exit_worker":     func(l *lab, _, server actor.PID) { l.kill(server, actor.Normal) },
		"restart_worker": func(l *lab, sup2, _ actor.PID) {
			s := Attach(l.sys, sup2)
			l.wantErr(s.TerminateChild(l.ctx, "child"), nil)
			_, err := s.RestartChild(l.ctx, "child")
			l.wantErr(err, nil)
		},
	}
	for name, do := range steps {
		t.Run(name, func(t *testing.T) {
			inLab(t, func(l *lab) {
				middle := Child{ID: "middle", Shutdown: 2 * time.Second,
					Supervisor: Spec{Strategy: OneForAll, Period: time.Minute, Children: []Child{kid("child", named("server"))}}}
				named("sup2")(&middle)
				top := l.start(Spec{Strategy: OneForAll, Period: time.Minute, Children: []Child{middle}})
				sup2, _ := l.sys.Whereis("sup2")
				server, ok := l.sys.Whereis("server")
				if !ok {
					t.Fatal("no server")
				}
				do(l, sup2, server)
				<-time.After(200 * time.Millisecond)
				now, ok := l.sys.Whereis("server")
				if _, two := l.sys.Whereis("sup2"); !ok || !two || now == server {
					t.Errorf("server is %v, was %v", now, server)
				}
				l.kill(top.PID(), actor.Kill)
				<-time.After(200 * time.Millisecond)
				_, one := l.sys.Whereis("sup2")
				_, two := l.sys.Whereis("server")
				if one || two {
					t.Error("names are left after the kill of the top")
				}
			})
		})
	}
}

// supervisor_SUITE: hanging_restart_loop
func TestHangingRestartLoop(t *testing.T) {
	inLab(t, func(l *lab) {
		var fail atomic.Bool
		sup := l.start(Spec{Intensity: 8, Period: 10 * time.Second})
		one := l.add(sup, stuckStart("child1", &fail))
		fail.Store(true)
		l.sys.Send(one, end{errDied})
		<-time.After(3 * time.Second)
		wantRestarting(l, sup, "child1")
		l.counts(sup, 1, 0, 0, 1)
		l.wantErr(sup.TerminateChild(l.ctx, "child1"), nil)
		l.wantState(sup, "child1", "idle")
		fail.Store(false)
		two, err := sup.RestartChild(l.ctx, "child1")
		l.wantErr(err, nil)
		fail.Store(true)
		l.sys.Send(two, end{errDied})
		<-time.After(3 * time.Second)
		l.stop(sup.PID())
		l.wantWhy(two, errDied)
	})
}

func wantRestarting(l *lab, sup *Supervisor, id string) {
	l.Helper()
	l.wantState(sup, id, "restarting")
	_, err := sup.StartChild(l.ctx, kid(id))
	l.wantErr(err, ErrAlreadyPresent)
	_, err = sup.RestartChild(l.ctx, id)
	l.wantErr(err, ErrRestarting)
	l.wantErr(sup.DeleteChild(l.ctx, id), ErrRestarting)
}

// supervisor_SUITE: hanging_restart_loop_rest_for_one
func TestHangingRestartLoopRestForOne(t *testing.T) {
	inLab(t, func(l *lab) {
		var fail atomic.Bool
		sup := l.start(Spec{Strategy: RestForOne, Intensity: 8, Period: 10 * time.Second})
		one := l.add(sup, kid("child1"))
		two := l.add(sup, stuckStart("child2", &fail))
		l.add(sup, kid("child3"))
		fail.Store(true)
		l.sys.Send(two, end{errDied})
		<-time.After(3 * time.Second)
		wantRestarting(l, sup, "child2")
		l.wantState(sup, "child3", "idle")
		l.counts(sup, 3, 1, 0, 3)
		l.wantErr(sup.TerminateChild(l.ctx, "child2"), nil)
		l.wantState(sup, "child2", "idle")
		l.wantState(sup, "child3", "idle")
		l.alive(one)
		fail.Store(false)
		_, err := sup.RestartChild(l.ctx, "child2")
		l.wantErr(err, nil)
		fail.Store(true)
		l.sys.Send(l.pid(sup, "child2"), end{errDied})
		<-time.After(3 * time.Second)
		l.stop(sup.PID())
	})
}

// supervisor_SUITE: hanging_restart_loop_simple
func TestHangingRestartLoopSimple(t *testing.T) {
	inLab(t, func(l *lab) {
		var fail atomic.Bool
		d := l.dynamic(DynamicSpec{Intensity: 8, Period: 10 * time.Second, Template: stuckStart("", &fail)})
		one := l.addDyn(d, Child{})
		fail.Store(true)
		l.sys.Send(one, end{errDied})
		<-time.After(3 * time.Second)
		if k := d.Children(); len(k) != 1 || !k[0].Restarting || !k[0].PID.IsZero() {
			t.Errorf("children %+v", k)
		}
		l.counts(d, 1, 0, 0, 1)
		l.wantErr(d.TerminateChild(l.ctx, one), nil)
		l.counts(d, 0, 0, 0, 0)
		fail.Store(false)
		two := l.addDyn(d, Child{})
		fail.Store(true)
		l.sys.Send(two, end{errDied})
		<-time.After(3 * time.Second)
		l.stop(d.PID())
		l.wantWhy(two, errDied)
	})
}

// startStop measures n children started and terminated one after the other.
func startStop(t *testing.T, n int, start func(i int) error, stop func(i int) error) (up, down time.Duration) {
	began := time.Now()
	for i := range n {
		if err := start(i); err != nil {
			t.Fatal(err)
		}
	}
	up = time.Since(began)
	began = time.Now()
	for i := range n {
		if err := stop(i); err != nil {
			t.Fatal(err)
		}
	}
	return up, time.Since(began)
}

// wantLinear allows three times the linear growth, as the suite does not quite.
func wantLinear(t *testing.T, what string, small, large time.Duration, factor int) {
	t.Logf("%s: %v, then %v for %d times as many", what, small, large, factor)
	if floor := 10 * time.Millisecond; large > time.Duration(10*factor)*max(small, floor) {
		t.Errorf("%s does not scale", what)
	}
}

// supervisor_SUITE: scale_start_stop_many_children
func TestScaleStartStopManyChildren(t *testing.T) {
	sys := quietSystem(t)
	sup, err := Start(sys, spec())
	if err != nil {
		t.Fatal(err)
	}
	small, large := 1000, 100_000
	if testing.Short() || raceEnabled {
		large = 10_000
	}
	id := func(i int) string { return fmt.Sprint(i) }
	start := func(i int) error { _, err := sup.StartChild(t.Context(), kid(id(i))); return err }
	stop := func(i int) error { return sup.TerminateChild(t.Context(), id(i)) }
	up1, down1 := startStop(t, small, start, stop)
	for i := range small {
		if err := sup.DeleteChild(t.Context(), id(i)); err != nil {
			t.Fatal(err)
		}
	}
	up2, down2 := startStop(t, large, start, stop)
	wantLinear(t, "start", up1, up2, large/small)
	wantLinear(t, "stop", down1, down2, large/small)
}

// supervisor_SUITE: simple_one_for_one_scale_many_temporary_children
func TestSimpleOneForOneScaleManyTemporaryChildren(t *testing.T) {
	sys := quietSystem(t)
	d, err := StartDynamic(sys, DynamicSpec{Template: kid("", as(Temporary))})
	if err != nil {
		t.Fatal(err)
	}
	var pids []actor.PID
	start := func(int) error {
		pid, err := d.StartChild(t.Context(), Child{})
		pids = append(pids, pid)
		return err
	}
	stop := func(i int) error { return d.TerminateChild(t.Context(), pids[i]) }
	up1, down1 := startStop(t, 1000, start, stop)
	pids = nil
	up2, down2 := startStop(t, 10_000, start, stop)
	wantLinear(t, "start", up1, up2, 10)
	wantLinear(t, "stop", down1, down2, 10)
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := d.StartChild(t.Context(), Child{}); !errors.Is(err, actor.NoProc) {
		t.Errorf("StartChild after the end: %v", err)
	}
}
