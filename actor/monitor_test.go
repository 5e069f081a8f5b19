package actor_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

// OTP monitor_SUITE: case_1. A monitors B; B makes A exit and then ends itself.
func TestMonitor_TheMonitoredEndsItsMonitor(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		for range 20 {
			a, b, top := r.start(k), r.start(k), r.trapper(plain)
			top.call(func(p proc) { p.Link(a.pid) })
			a.call(func(p proc) { p.Monitor(b.pid) })
			b.tell(func(p proc) error { p.Exit(a.pid, errBoom); return errOther })
			top.expectExit(a.pid, errBoom)
			r.exited(b.pid)
		}
	})
}

// OTP monitor_SUITE: case_1a. As case_1, with SpawnMonitor.
func TestMonitor_TheMonitoredEndsItsSpawner(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		for range 20 {
			a, b, top := r.start(k), r.puppet(), r.trapper(plain)
			top.call(func(p proc) { p.Link(a.pid) })
			a.call(func(p proc) {
				var err error
				if b.pid, _, err = p.SpawnMonitor(k.actor(b), k.opts...); err != nil {
					t.Error(err)
				}
			})
			b.tell(func(p proc) error { p.Exit(a.pid, errBoom); return errOther })
			top.expectExit(a.pid, errBoom)
			r.exited(b.pid)
		}
	})
}

// OTP monitor_SUITE: case_2. Only who made a monitor can end it: for others its reference is of no monitor.
func TestMonitor_DemonitorByTheMonitored(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		a, b := r.start(k), r.start(k)
		var ref actor.MonitorRef
		a.call(func(p proc) { ref = p.Monitor(b.pid) })
		b.tell(func(p proc) error { p.Demonitor(ref); return actor.Normal })
		a.expectDown(ref, b.pid, actor.Normal)
	})
}

// OTP monitor_SUITE: case_2a. As case_2, with SpawnMonitor.
func TestMonitor_DemonitorByTheSpawned(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		a, b := r.start(k), r.puppet()
		var ref actor.MonitorRef
		a.call(func(p proc) {
			var err error
			if b.pid, ref, err = p.SpawnMonitor(k.actor(b), k.opts...); err != nil {
				t.Error(err)
			}
		})
		b.tell(func(p proc) error { p.Demonitor(ref); return errBoom })
		a.expectDown(ref, b.pid, errBoom)
	})
}

// OTP monitor_SUITE: mon_e_1. What cannot be monitored is Down at once.
func TestMonitor_OfWhatIsNoProcess(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		foreign, err := r.sys.ParsePID("<elsewhere/7.1>")
		if err != nil {
			t.Fatal(err)
		}
		x := r.start(k)
		for pid, reason := range map[actor.PID]error{
			{}: actor.NoProc, r.sys.Named("nobody"): actor.NoProc, foreign: actor.NoConnection,
		} {
			var ref actor.MonitorRef
			x.call(func(p proc) { ref = p.Monitor(pid) })
			x.expectDown(ref, pid, reason)
		}
		if info, _ := r.sys.Info(x.pid); len(info.Monitors) > 0 {
			t.Fatalf("%+v", info)
		}
	})
}

// OTP monitor_SUITE: demon_e_1 and demon_1. Demonitor of what is no monitor of the caller does nothing.
func TestDemonitor_OfNoMonitor(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, y := r.start(k), r.start(k)
		var ref actor.MonitorRef
		y.call(func(p proc) { ref = p.Monitor(x.pid) })
		x.call(func(p proc) {
			p.Demonitor(actor.MonitorRef{})
			p.Demonitor(ref) // the wrong end
		})
		x.tell(func(proc) error { return errBoom })
		y.expectDown(ref, x.pid, errBoom)
	})
}

// OTP monitor_SUITE: demon_2.
func TestDemonitor_Cases(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.start(k)
		var ref actor.MonitorRef
		x.call(func(p proc) { // of itself, twice
			ref = p.Monitor(p.Self())
			p.Demonitor(ref)
			p.Demonitor(ref)
		})
		x.expectNothing()

		y := r.start(k)
		x.call(func(p proc) { ref = p.Monitor(y.pid) })
		y.tell(func(proc) error { return actor.Normal })
		x.expectDown(ref, y.pid, actor.Normal)
		x.call(func(p proc) { p.Demonitor(ref) }) // after the Down

		z := r.start(k)
		gone := r.witness(z.pid)
		x.call(func(p proc) { p.Demonitor(p.Monitor(z.pid)) })
		r.sys.Exit(z.pid, errBoom)
		gone()
		x.expectNothing()
	})
}

// OTP monitor_SUITE: demonitor_flush, with and without a Down that is queued already. Here every Demonitor flushes.
func TestDemonitor_Flush(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, y := r.start(k), r.start(plain)
		var m [4]actor.MonitorRef
		x.call(func(p proc) {
			for i := range m {
				m[i] = p.Monitor(y.pid)
			}
			p.Demonitor(m[0])
		})
		gone := r.witness(y.pid)
		release := x.blockIn(func(p proc) error { p.Demonitor(m[2]); return nil })
		r.sys.Exit(y.pid, errBoom)
		gone()
		release()
		x.expectDown(m[1], y.pid, errBoom)
		x.expectDown(m[3], y.pid, errBoom)
		x.expectNothing()
	})
}

// OTP monitor_SUITE: local_remove_monitor. Demonitor while the monitored ends: a Down before it or none, never one after.
func TestDemonitor_WhileTheMonitoredEnds(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.start(k)
		for range 10 {
			var refs []actor.MonitorRef
			x.call(func(p proc) {
				for range 20 {
					_, ref, err := p.SpawnMonitor(actor.Blocking(func(*actor.Process) error { return nil }))
					if err != nil {
						t.Error(err)
					}
					refs = append(refs, ref)
				}
			})
			seen := map[actor.MonitorRef]bool{}
			for _, ref := range refs {
				x.call(func(p proc) {
					for len(x.got) > 0 {
						seen[(<-x.got).(actor.Down).Ref] = true
					}
					p.Demonitor(ref)
				})
			}
			x.call(func(proc) {})
			for len(x.got) > 0 {
				d := (<-x.got).(actor.Down)
				if seen[d.Ref] {
					t.Fatal("a second Down")
				}
				seen[d.Ref] = true
			}
		}
		x.expectNothing()
		if info, _ := r.sys.Info(x.pid); len(info.Monitors) > 0 {
			t.Fatalf("%+v", info)
		}
	})
}

// OTP monitor_SUITE: mon_1.
func TestMonitor_Cases(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.start(k)
		var ref actor.MonitorRef
		for _, reason := range []error{actor.Normal, errBoom, actor.Shutdown} {
			y := r.start(k)
			x.call(func(p proc) { ref = p.Monitor(y.pid) })
			y.tell(func(proc) error { return reason })
			x.expectDown(ref, y.pid, reason)
			x.call(func(p proc) { ref = p.Monitor(y.pid) })
			x.expectDown(ref, y.pid, actor.NoProc)
		}
		// By name: of the process that holds it at that time.
		y := r.start(k, actor.WithName("jeeves"))
		x.call(func(p proc) { ref = p.Monitor(r.sys.Named("jeeves")) })
		y.tell(func(proc) error { return errBoom })
		x.expectDown(ref, y.pid, errBoom)
		x.call(func(p proc) { ref = p.Monitor(r.sys.Named("jeeves")) })
		x.expectDown(ref, r.sys.Named("jeeves"), actor.NoProc)
	})
}

// Monitors stack: each has its own reference and its own Down, in the order they were made.
func TestMonitor_Stacks(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, y := r.start(k), r.start(k)
		var refs []actor.MonitorRef
		x.call(func(p proc) {
			for range 10 {
				refs = append(refs, p.Monitor(y.pid))
			}
			p.Demonitor(refs[4])
		})
		y.tell(func(proc) error { return errBoom })
		for i, ref := range refs {
			if i != 4 {
				x.expectDown(ref, y.pid, errBoom)
			}
		}
		x.expectNothing()
	})
}

// Monitors go one way: the end of the monitor is nothing to the monitored.
func TestMonitor_IsUnidirectional(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, y := r.start(k), r.trapper(k)
		x.call(func(p proc) { p.Monitor(y.pid) })
		gone := r.witness(x.pid)
		x.tell(func(proc) error { return errBoom })
		gone()
		y.expectNothing()
	})
}

// OTP monitor_SUITE: large_exit.
func TestMonitor_LargeReason(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.start(k)
		for i := range 20 {
			y := r.start(k)
			x.call(func(p proc) { p.Monitor(y.pid) })
			reason := fmt.Errorf("%d %s: %w", i, strings.Repeat("large ", 10000), errBoom)
			y.tell(func(proc) error { return reason })
			if d := next[actor.Down](x); d.Reason != reason {
				t.Fatal("another reason arrived")
			}
		}
	})
}

// OTP monitor_SUITE: list_cleanup. Nothing is left of a monitor at either end, whichever of them ends it.
func TestMonitor_LeavesNothingBehind(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, y := r.start(k), r.start(k, actor.WithName("jeeves"))
		state := func(z *puppet) string {
			info, _ := r.sys.Info(z.pid)
			return fmt.Sprint(info.Monitors, info.MonitoredBy)
		}
		none := fmt.Sprint([]actor.PID{}, []actor.PID{})
		check := func(xs, ys string) {
			t.Helper()
			if state(x) != xs || state(y) != ys {
				t.Fatalf("%s and %s, want %s and %s", state(x), state(y), xs, ys)
			}
		}
		check(none, none)
		var ref actor.MonitorRef
		of := fmt.Sprint([]actor.PID{y.pid}, []actor.PID{})
		by := fmt.Sprint([]actor.PID{}, []actor.PID{x.pid})
		x.call(func(p proc) { ref = p.Monitor(y.pid) })
		check(of, by)
		x.call(func(p proc) { p.Demonitor(ref) })
		check(none, none)
		x.call(func(p proc) { ref = p.Monitor(r.sys.Named("jeeves")) })
		check(of, by)
		y.tell(func(proc) error { return nil })
		y.tell(func(proc) error { return actor.Normal })
		x.expectDown(ref, y.pid, actor.Normal)
		if state(x) != none {
			t.Fatal(state(x))
		}
		// The monitor crashes.
		y = r.start(k)
		x.call(func(p proc) { p.Monitor(y.pid) })
		gone := r.witness(x.pid)
		x.tell(func(proc) error { return errBoom })
		gone()
		y.call(func(proc) {})
		if state(y) != none {
			t.Fatal(state(y))
		}
	})
}

// OTP monitor_SUITE: mixer, on one node. Many monitors in both directions, ended in any order.
func TestMonitor_Mixer(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		rng := random(t)
		x := r.start(k)
		for range 4 {
			var ys []*puppet
			var pids []actor.PID
			mine, theirs := map[actor.MonitorRef]*puppet{}, map[*puppet]actor.MonitorRef{}
			for range 24 { // more than a small map holds
				y := r.start(k)
				ys, pids = append(ys, y), append(pids, y.pid)
				y.call(func(p proc) { theirs[y] = p.Monitor(x.pid) })
				x.call(func(p proc) { mine[p.Monitor(y.pid)] = y })
			}
			info, _ := r.sys.Info(x.pid)
			if !sameSet(info.Monitors, pids) || !sameSet(info.MonitoredBy, pids) {
				t.Fatalf("%+v", info)
			}
			rng.Shuffle(len(ys), func(i, j int) { ys[i], ys[j] = ys[j], ys[i] })
			for i, y := range ys {
				switch i % 3 {
				case 0:
					y.call(func(p proc) { p.Demonitor(theirs[y]) })
					fallthrough
				case 1:
					y.tell(func(proc) error { return errBoom })
					if d := next[actor.Down](x); mine[d.Ref] != y || d.Reason != errBoom {
						t.Fatalf("%+v", d)
					}
				default:
					y.call(func(p proc) { p.Demonitor(theirs[y]) })
					for ref, z := range mine {
						if z == y {
							x.call(func(p proc) { p.Demonitor(ref) })
						}
					}
				}
			}
			if info, _ := r.sys.Info(x.pid); len(info.Monitors)+len(info.MonitoredBy) > 0 {
				t.Fatalf("%+v", info)
			}
		}
		x.expectNothing()
	})
}

func sameSet(a, b []actor.PID) bool {
	text := func(pids []actor.PID) (out []string) {
		for _, p := range pids {
			out = append(out, p.String())
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(text(a), text(b))
}

// OTP monitor_SUITE: named_down. Once the Down is there, the name is free.
func TestMonitor_DownComesAfterTheNameIsFree(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.start(k)
		for range 20 {
			y := r.start(k, actor.WithName("it"))
			x.call(func(p proc) { p.Monitor(r.sys.Named("it")); p.Exit(y.pid, errBoom) })
			next[actor.Down](x)
			if err := r.sys.Register("it", x.pid); err != nil {
				t.Fatal(err)
			}
			r.sys.Unregister("it")
		}
	})
}

// OTP monitor_SUITE: noproc_catch. A process that watches one that is gone gets NoProc, and goes on.
func TestMonitor_NoProcLeavesTheCallerAlone(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, y := r.start(k), r.start(k)
		r.sys.Exit(y.pid, actor.Kill)
		var ref actor.MonitorRef
		x.call(func(p proc) { ref = p.Monitor(y.pid); p.Demonitor(ref) })
		x.expectNothing()
		x.call(func(p proc) { ref = p.Monitor(y.pid) })
		x.expectDown(ref, y.pid, actor.NoProc)
	})
}

// OTP monitor_SUITE: otp_5827. A stale PID is Down at once, also when its slot is in use again.
func TestMonitor_OfAStalePID(t *testing.T) {
	r := newRig(t)
	x, y := r.start(plain), r.start(plain)
	r.sys.Exit(y.pid, actor.Kill)
	z := r.start(plain) // slots of processes that ended are used first
	var ref actor.MonitorRef
	x.call(func(p proc) { ref = p.Monitor(y.pid) })
	x.expectDown(ref, y.pid, actor.NoProc)
	if z.pid == y.pid || r.sys.Alive(y.pid) {
		t.Fatal("the stale PID reaches the new process")
	}
	r.sys.Send(y.pid, note{v: "stale"})
	if d := r.deadLetter("stale"); d.Reason != actor.NoProc {
		t.Fatal(d)
	}
	z.expectNothing()
}

// Monitors made while the monitored ends: each has exactly one Down.
func TestMonitor_WhileTheMonitoredEnds(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		monitors := make([]*puppet, 4)
		for i := range monitors {
			monitors[i] = r.start(k)
		}
		for i := range 40 {
			y := r.start(k)
			for _, m := range monitors {
				m.tell(func(p proc) error { p.Monitor(y.pid); return nil })
			}
			reason := errBoom
			if i%2 == 0 {
				reason = actor.Kill
			}
			r.sys.Exit(y.pid, reason)
			for _, m := range monitors {
				d := next[actor.Down](m)
				if d.PID != y.pid || !errors.Is(d.Reason, actor.NoProc) && !errors.Is(d.Reason, actor.Killed) && d.Reason != errBoom {
					t.Fatalf("%+v", d)
				}
			}
		}
		for _, m := range monitors {
			m.expectNothing()
		}
	})
}
