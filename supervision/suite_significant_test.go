package supervision

import (
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

// Cases of OTP's supervisor_SUITE: significant children. (significant_upgrade_* change the code of a running
// supervisor, which Go cannot.)

// supervisor_SUITE: nonsignificant_temporary
func TestNonsignificantTemporary(t *testing.T) {
	inLab(t, func(l *lab) {
		for auto := Never; auto <= AllSignificant; auto++ {
			sup := l.start(Spec{AutoShutdown: auto})
			one := l.add(sup, kid("child1", as(Temporary)))
			l.wantErr(sup.TerminateChild(l.ctx, "child1"), nil)
			l.ended(one)
			for _, reason := range []error{actor.Kill, errDied, actor.Normal} {
				l.kill(l.add(sup, kid("child1", as(Temporary))), reason)
				l.alive(sup.PID())
			}
			l.stop(sup.PID())
		}
	})
}

// supervisor_SUITE: nonsignificant_transient
func TestNonsignificantTransient(t *testing.T) {
	inLab(t, func(l *lab) {
		for auto := Never; auto <= AllSignificant; auto++ {
			sup := l.start(Spec{AutoShutdown: auto, Intensity: 5})
			l.add(sup, kid("child1", as(Transient)))
			l.wantErr(sup.TerminateChild(l.ctx, "child1"), nil)
			if _, err := sup.RestartChild(l.ctx, "child1"); err != nil {
				t.Fatal(err)
			}
			for _, reason := range []error{actor.Kill, errDied, actor.Normal} {
				l.kill(l.pid(sup, "child1"), reason)
				l.alive(sup.PID())
			}
			l.wantState(sup, "child1", "idle")
			l.stop(sup.PID())
		}
	})
}

// trio starts a supervisor with two significant children and one that is not.
func (l *lab) trio(auto AutoShutdown, r Restart) (sup *Supervisor, one, two, three actor.PID) {
	sup = l.start(Spec{AutoShutdown: auto, Intensity: 5})
	one = l.add(sup, kid("child1", as(r), significant))
	two = l.add(sup, kid("child2", as(r), significant))
	three = l.add(sup, kid("child3", as(r)))
	return sup, one, two, three
}

// supervisor_SUITE: significant_temporary
func TestSignificantTemporary(t *testing.T) {
	inLab(t, func(l *lab) {
		sup, one, two, three := l.trio(AnySignificant, Temporary)
		l.wantErr(sup.TerminateChild(l.ctx, "child1"), nil)
		l.ended(one)
		l.alive(two, three, sup.PID())
		one = l.add(sup, kid("child1", as(Temporary), significant))
		l.kill(one, actor.Kill)
		l.ended(two, three, sup.PID())
		for _, reason := range []error{errDied, actor.Normal} {
			sup, one, two, three = l.trio(AnySignificant, Temporary)
			l.kill(one, reason)
			l.ended(two, three)
			l.wantWhy(sup.PID(), actor.Shutdown)
		}
		sup, one, two, three = l.trio(AllSignificant, Temporary)
		l.kill(one, actor.Normal)
		l.alive(two, three, sup.PID())
		l.kill(two, actor.Normal)
		l.ended(three)
		l.wantWhy(sup.PID(), actor.Shutdown)
	})
}

// supervisor_SUITE: significant_transient
func TestSignificantTransient(t *testing.T) {
	inLab(t, func(l *lab) {
		sup, one, two, three := l.trio(AnySignificant, Transient)
		l.wantErr(sup.TerminateChild(l.ctx, "child1"), nil)
		l.ended(one)
		l.alive(two, three, sup.PID())
		if _, err := sup.RestartChild(l.ctx, "child1"); err != nil {
			t.Fatal(err)
		}
		for _, reason := range []error{actor.Kill, errDied} {
			l.kill(l.pid(sup, "child1"), reason)
			l.alive(two, three, sup.PID())
		}
		l.kill(l.pid(sup, "child1"), actor.Normal)
		l.ended(two, three)
		l.wantWhy(sup.PID(), actor.Shutdown)

		sup, one, two, three = l.trio(AllSignificant, Transient)
		l.kill(one, actor.Normal)
		l.alive(two, three, sup.PID())
		l.kill(two, actor.Normal)
		l.ended(three)
		l.wantWhy(sup.PID(), actor.Shutdown)
	})
}

// supervisor_SUITE: significant_simple
func TestSignificantSimple(t *testing.T) {
	inLab(t, func(l *lab) {
		for _, auto := range []AutoShutdown{AnySignificant, AllSignificant} {
			d := l.dynamic(DynamicSpec{AutoShutdown: auto, Template: kid("", as(Temporary), significant)})
			one, two := l.addDyn(d, Child{}), l.addDyn(d, Child{})
			l.kill(one, actor.Normal)
			if auto == AllSignificant {
				l.alive(two, d.PID())
				l.kill(two, actor.Normal)
			}
			l.ended(two)
			l.wantWhy(d.PID(), actor.Shutdown)
		}
	})
}

// supervisor_SUITE: significant_bystander
func TestSignificantBystander(t *testing.T) {
	inLab(t, func(l *lab) {
		for s := OneForOne; s <= RestForOne; s++ {
			for _, auto := range []AutoShutdown{AnySignificant, AllSignificant} {
				sup := l.start(Spec{Strategy: s, AutoShutdown: auto, Intensity: 5})
				one := l.add(sup, kid("child1", as(Transient), significant))
				two := l.add(sup, kid("child2", as(Transient)))
				three := l.add(sup, kid("child3", as(Transient), significant))
				l.kill(two, actor.Kill)
				if l.sys.Alive(one) != (s != OneForAll) || l.sys.Alive(three) != (s == OneForOne) {
					t.Errorf("%v: child1 alive %v, child3 alive %v", s, l.sys.Alive(one), l.sys.Alive(three))
				}
				l.counts(sup, 3, 3, 0, 3)
				l.stop(sup.PID())
			}
		}
	})
}

// supervisor_SUITE: significant_escalation
func TestSignificantEscalation(t *testing.T) {
	inLab(t, func(l *lab) {
		for _, outer := range []bool{true, false} {
			sup := l.start(Spec{AutoShutdown: AnySignificant})
			inner := l.add(sup, Child{ID: "sup1", Restart: Transient, Significant: outer, Supervisor: Spec{AutoShutdown: AnySignificant}})
			one := l.add(Attach(l.sys, inner), kid("child1", as(Transient), significant))
			l.kill(one, actor.Normal)
			l.wantWhy(inner, actor.Shutdown)
			if l.sys.Alive(sup.PID()) == outer {
				t.Errorf("significant=%v: outer supervisor alive = %v", outer, !outer)
			}
		}
	})
}
