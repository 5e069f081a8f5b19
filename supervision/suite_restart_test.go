package supervision

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Cases of OTP's supervisor_SUITE: restart strategies.

// supervisor_SUITE: temporary_bystander
func TestTemporaryBystander(t *testing.T) {
	inLab(t, func(l *lab) {
		for _, s := range []Strategy{OneForAll, RestForOne} {
			sup := l.start(Spec{Strategy: s, Intensity: 2, Period: 300 * time.Second})
			one := l.add(sup, kid("child1"))
			l.add(sup, kid("child2", as(Temporary)))
			l.kill(one, actor.Normal)
			<-time.After(350 * time.Millisecond)
			l.alive(sup.PID())
			if ids := l.ids(sup); !slices.Equal(ids, []string{"child1"}) {
				t.Errorf("%v: children %v", s, ids)
			}
		}
	})
}

// supervisor_SUITE: multiple_restarts
func TestMultipleRestarts(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(Spec{Intensity: 1, Period: time.Second})
		l.add(sup, kid("child1", shutdownIn(BrutalKill)))
		for range 4 {
			l.kill(l.pid(sup, "child1"), errDied)
			<-time.After(2100 * time.Millisecond)
		}
		l.alive(sup.PID())
		l.wantErr(sup.TerminateChild(l.ctx, "child1"), nil)
		l.wantErr(sup.DeleteChild(l.ctx, "child1"), nil)
		l.kill(sup.PID(), actor.Kill)
	})
}

// The window is exact: a restart counts until Period after it, that instant included.
func TestIntensityWindowEdge(t *testing.T) {
	inLab(t, func(l *lab) {
		for wait, survives := range map[time.Duration]bool{time.Second: false, time.Second + time.Nanosecond: true} {
			sup := l.start(Spec{Intensity: 1, Period: time.Second, Children: []Child{kid("a")}})
			l.kill(l.pid(sup, "a"), errDied)
			<-time.After(wait)
			l.kill(l.pid(sup, "a"), errDied)
			if alive := l.sys.Alive(sup.PID()); alive != survives {
				t.Errorf("second restart after %v: supervisor alive = %v", wait, alive)
			}
		}
	})
}

// supervisor_SUITE: one_for_one
func TestOneForOne(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(spec())
		one, two := l.add(sup, kid("child1")), l.add(sup, kid("child2"))
		l.kill(one, errDied)
		if l.pid(sup, "child2") != two || l.pid(sup, "child1") == one {
			t.Errorf("children %+v", sup.Children())
		}
		l.counts(sup, 2, 2, 0, 2)
		l.kill(two, errDied)
		l.kill(l.pid(sup, "child2"), errDied)
		l.wantWhy(sup.PID(), actor.Shutdown)
		e, ok := errors.AsType[*IntensityError](l.why(sup.PID()))
		if !ok || e.ID != "child2" || e.Intensity != 2 || e.Last != errDied {
			t.Errorf("reason %v", l.why(sup.PID()))
		}
	})
}

// onceOnly fails from the second start on.
func onceOnly() func(*actor.Context) error {
	started := false
	return func(*actor.Context) error {
		if started {
			return errBoom
		}
		started = true
		return nil
	}
}

// supervisor_SUITE: one_for_one_escalation
func TestOneForOneEscalation(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(Spec{Intensity: 4, Period: time.Hour})
		one, two := l.add(sup, kid("child1", initially(onceOnly()))), l.add(sup, kid("child2"))
		l.kill(one, errDied)
		l.wantWhy(two, actor.Shutdown)
		l.wantWhy(sup.PID(), actor.Shutdown)
	})
}

// supervisor_SUITE: one_for_all
func TestOneForAll(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(Spec{Strategy: OneForAll, Intensity: 2, Period: time.Hour})
		one, two := l.add(sup, kid("child1")), l.add(sup, kid("child2"))
		l.kill(one, errDied)
		l.wantWhy(two, actor.Shutdown)
		if a, b := l.pid(sup, "child1"), l.pid(sup, "child2"); a == one || b == two {
			t.Error("not all were restarted")
		}
		l.counts(sup, 2, 2, 0, 2)
		l.kill(l.pid(sup, "child2"), errDied)
		l.kill(l.pid(sup, "child2"), errDied)
		l.wantWhy(sup.PID(), actor.Shutdown)
	})
}

// supervisor_SUITE: one_for_all_escalation
func TestOneForAllEscalation(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(Spec{Strategy: OneForAll, Intensity: 4, Period: time.Hour})
		one, two := l.add(sup, kid("child1")), l.add(sup, kid("child2", initially(onceOnly())))
		l.kill(one, errDied)
		l.wantWhy(two, actor.Shutdown)
		l.wantWhy(sup.PID(), actor.Shutdown)
	})
}

// gate is a child whose Init asks the test what to do.
type gate struct{ asks chan gateAsk }

type gateAsk struct {
	pid    actor.PID
	answer chan error
}

func (g *gate) kid(id string) Child {
	return kid(id, initially(func(c *actor.Context) error {
		a := gateAsk{c.Self(), make(chan error)}
		g.asks <- a
		return <-a.answer
	}))
}

func otherChildFails(t *testing.T, s Strategy, firstStopped bool) {
	inLab(t, func(l *lab) {
		one, two := &gate{make(chan gateAsk)}, &gate{make(chan gateAsk)}
		started := make(chan *Supervisor, 1)
		go func() {
			sup, _ := Start(l.sys, Spec{Strategy: s, Intensity: 3, Period: time.Hour, Children: []Child{one.kid("child1"), two.kid("child2")}})
			started <- sup
		}()
		pass := func(g *gate, err error) actor.PID { a := <-g.asks; a.answer <- err; return a.pid }
		first := pass(one, nil)
		pass(two, nil)
		sup := <-started
		l.sys.Send(first, end{errDied})
		again := pass(one, nil)
		pass(two, errBoom)
		if firstStopped {
			a := <-one.asks
			l.wantWhy(again, actor.Shutdown)
			a.answer <- nil
		}
		pass(two, nil)
		l.settle()
		if !firstStopped {
			l.alive(again)
		}
		l.counts(sup, 2, 2, 0, 2)
	})
}

// supervisor_SUITE: one_for_all_other_child_fails_restart
func TestOneForAllOtherChildFailsRestart(t *testing.T) { otherChildFails(t, OneForAll, true) }

// supervisor_SUITE: rest_for_one_other_child_fails_restart
func TestRestForOneOtherChildFailsRestart(t *testing.T) { otherChildFails(t, RestForOne, false) }

// supervisor_SUITE: simple_one_for_one, simple_one_for_one_extra (without the extra value)
func TestSimpleOneForOne(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.dynamic(DynamicSpec{Intensity: 2, Period: time.Hour, Template: kid("")})
		one, two := l.addDyn(d, Child{}), l.addDyn(d, Child{})
		l.kill(one, errDied)
		k := d.Children()
		if len(k) != 2 || k[0].PID == one || k[1].PID != two {
			t.Errorf("children %+v", k)
		}
		l.counts(d, 2, 2, 0, 2)
		l.kill(two, errDied)
		l.kill(d.Children()[0].PID, errDied)
		l.wantWhy(d.PID(), actor.Shutdown)
	})
}

// supervisor_SUITE: simple_one_for_one_shutdown
func TestSimpleOneForOneShutdown(t *testing.T) {
	inLab(t, func(l *lab) {
		slow := func(d time.Duration) Child {
			return Child{Shutdown: 2 * time.Second, Start: func() actor.Actor { return &worker{terminate: d} }}
		}
		d := l.dynamic(DynamicSpec{})
		one, two, three := l.addDyn(d, slow(time.Second)), l.addDyn(d, slow(time.Second)), l.addDyn(d, slow(5*time.Second))
		began := time.Now()
		if err := d.Stop(l.ctx); err != nil || time.Since(began) != 2*time.Second {
			t.Errorf("Stop: %v after %v, want nil after 2s", err, time.Since(began))
		}
		l.wantWhy(one, actor.Shutdown)
		l.wantWhy(two, actor.Shutdown)
		l.wantWhy(three, actor.Killed)
	})
}

// supervisor_SUITE: simple_one_for_one_escalation
func TestSimpleOneForOneEscalation(t *testing.T) {
	inLab(t, func(l *lab) {
		d := l.dynamic(DynamicSpec{Intensity: 4, Period: time.Hour})
		one, two := l.addDyn(d, kid("", initially(onceOnly()))), l.addDyn(d, kid(""))
		l.kill(one, errDied)
		l.wantWhy(two, actor.Shutdown)
		l.wantWhy(d.PID(), actor.Shutdown)
	})
}

// supervisor_SUITE: rest_for_one
func TestRestForOne(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(Spec{Strategy: RestForOne, Intensity: 2, Period: time.Hour})
		one, two, three := l.add(sup, kid("child1")), l.add(sup, kid("child2")), l.add(sup, kid("child3"))
		l.counts(sup, 3, 3, 0, 3)
		l.kill(two, errDied)
		l.wantWhy(three, actor.Shutdown)
		if l.pid(sup, "child1") != one || l.pid(sup, "child2") == two || l.pid(sup, "child3") == three {
			t.Errorf("children %+v", sup.Children())
		}
		l.counts(sup, 3, 3, 0, 3)
		l.kill(l.pid(sup, "child3"), errDied)
		l.kill(l.pid(sup, "child2"), errDied)
		l.wantWhy(sup.PID(), actor.Shutdown)
	})
}

// supervisor_SUITE: rest_for_one_escalation
func TestRestForOneEscalation(t *testing.T) {
	inLab(t, func(l *lab) {
		sup := l.start(Spec{Strategy: RestForOne, Intensity: 4, Period: time.Hour})
		one, two := l.add(sup, kid("child1")), l.add(sup, kid("child2", initially(onceOnly())))
		l.kill(one, errDied)
		l.wantWhy(two, actor.Shutdown)
		l.wantWhy(sup.PID(), actor.Shutdown)
	})
}

// supervisor_SUITE: order_of_children
func TestOrderOfChildren(t *testing.T) {
	inLab(t, func(l *lab) {
		ids := []string{"ch7", "ch3", "ch10", "ch2", "ch5"}
		var kids []Child
		var starts []string
		for _, id := range ids {
			kids = append(kids, kid(id, initially(func(*actor.Context) error { starts = append(starts, id); return nil })))
		}
		sup := l.start(Spec{Strategy: RestForOne, Intensity: 2, Period: time.Hour, Children: kids})
		if !slices.Equal(starts, ids) || !slices.Equal(l.ids(sup), ids) {
			t.Fatalf("started in order %v, shown as %v", starts, l.ids(sup))
		}
		pids := func() (list []actor.PID) {
			for _, id := range ids {
				list = append(list, l.pid(sup, id))
			}
			return list
		}
		p := pids()
		starts = nil
		l.kill(p[2], errDied)
		if got := l.endings(); !slices.Equal(got, []actor.PID{p[2], p[4], p[3]}) {
			t.Errorf("ended in order %v, pids %v", got, p)
		}
		if !slices.Equal(starts, ids[2:]) {
			t.Errorf("restarted in order %v", starts)
		}
		q := pids()
		if q[0] != p[0] || q[1] != p[1] {
			t.Error("children before were touched")
		}
		l.stop(sup.PID())
		slices.Reverse(q)
		if got := l.endings(); !slices.Equal(got, append(q, sup.PID())) {
			t.Errorf("ended in order %v, want %v", got, q)
		}
	})
}
