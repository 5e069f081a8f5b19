package actor_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

// Links go both ways, whoever made them.
func TestLink_IsBidirectional(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		for _, first := range []bool{true, false} {
			x, y := r.trapper(k), r.trapper(k)
			x.call(func(p proc) { p.Link(y.pid) })
			if !first {
				x, y = y, x
			}
			x.tell(func(proc) error { return errBoom })
			y.expectExit(x.pid, errBoom)
			y.expectNothing()
		}
	})
}

// There is at most one link between two processes, also if both make it.
func TestLink_AtMostOne(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, y := r.trapper(k), r.start(k)
		x.call(func(p proc) { p.Link(y.pid); p.Link(y.pid) })
		y.call(func(p proc) { p.Link(x.pid) })
		if info, _ := r.sys.Info(x.pid); !slices.Equal(info.Links, []actor.PID{y.pid}) {
			t.Fatalf("%+v", info)
		}
		gone := r.witness(y.pid)
		y.tell(func(proc) error { return errBoom })
		gone()
		x.expectExit(y.pid, errBoom)
		x.expectNothing()
	})
}

// One Unlink, of either side, removes it however often it was made.
func TestLink_UnlinkOfEitherSideRemovesIt(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		for _, mine := range []bool{true, false} {
			x, y := r.trapper(k), r.trapper(k)
			x.call(func(p proc) { p.Link(y.pid); p.Link(y.pid) })
			if mine {
				x.call(func(p proc) { p.Unlink(y.pid) })
			} else {
				y.call(func(p proc) { p.Unlink(x.pid) })
			}
			for _, z := range []*puppet{x, y} {
				if info, _ := r.sys.Info(z.pid); len(info.Links) > 0 {
					t.Fatalf("%+v", info)
				}
			}
			gone := r.witness(y.pid)
			y.tell(func(proc) error { return errBoom })
			gone()
			x.expectNothing()
		}
	})
}

// A link to oneself is nothing.
func TestLink_ToItself(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.trapper(k)
		x.call(func(p proc) { p.Link(p.Self()); p.Unlink(p.Self()) })
		x.expectNothing()
	})
}

// A link to what does not exist is an exit signal with NoProc at once, which ends a process that does not trap.
func TestLink_ToADeadProcess(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		dead := r.start(k)
		r.sys.Exit(dead.pid, actor.Kill)
		foreign, err := r.sys.ParsePID("<elsewhere/1.1>")
		if err != nil {
			t.Fatal(err)
		}
		x := r.trapper(k)
		for pid, reason := range map[actor.PID]error{
			dead.pid: actor.NoProc, {}: actor.NoProc, r.sys.Named("nobody"): actor.NoProc, foreign: actor.NoConnection,
		} {
			x.call(func(p proc) { p.Link(pid) })
			x.expectExit(pid, reason)
		}
		x.call(func(p proc) { p.Link(dead.pid); p.Unlink(dead.pid) })
		x.expectNothing()
		y := r.start(k)
		gone := r.witness(y.pid)
		y.tell(func(p proc) error { p.Link(dead.pid); return nil })
		if reason := gone(); reason != actor.NoProc {
			t.Fatal(reason)
		}
	})
}

// A link by name is to the process that holds the name at that time.
func TestLink_ByName(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, y := r.trapper(k), r.start(k, actor.WithName("it"))
		x.call(func(p proc) { p.Link(r.sys.Named("it")) })
		r.sys.Unregister("it")
		y.tell(func(proc) error { return errBoom })
		x.expectExit(y.pid, errBoom)
	})
}

// What a process does on an exit signal of a link, by its reason and whether it traps.
func TestLink_Reasons(t *testing.T) {
	exit := &actor.ExitError{Reason: actor.Normal}
	reasons := []struct {
		reason error
		normal bool
	}{
		{nil, true},
		{actor.Normal, true},
		{fmt.Errorf("all done: %w", actor.Normal), true},
		{actor.Shutdown, false},
		{fmt.Errorf("scaling down: %w", actor.Shutdown), false},
		{actor.Kill, false}, // of a link it is a reason like others: it can be trapped, and stays kill
		{actor.Killed, false},
		{errBoom, false},
		{exit, false},
		{fmt.Errorf("asked: %w", exit), false},
		{errors.Join(actor.Normal, exit), false},
		{&actor.PanicError{Value: actor.Normal}, false},
		{fmt.Errorf("recovered: %w", &actor.PanicError{Value: actor.Shutdown}), false},
	}
	for _, c := range reasons {
		t.Run(fmt.Sprint(c.reason), func(t *testing.T) {
			eachKind(t, func(t *testing.T, r *rig, k kind) {
				x, plainly, trapping := r.start(k), r.start(k), r.trapper(k)
				plainly.call(func(p proc) { p.Link(x.pid) })
				trapping.call(func(p proc) { p.Link(x.pid) })
				gone, linked := r.witness(x.pid), r.witness(plainly.pid)
				x.tell(func(p proc) error {
					if c.normal {
						p.Exit(p.Self(), c.reason)
						return nil
					}
					return c.reason
				})
				want := c.reason
				if want == nil {
					want = actor.Normal
				}
				if reason := gone(); reason != want {
					t.Fatal(reason)
				}
				if e := next[actor.ExitSignal](trapping); e.From != x.pid || e.Reason != want {
					t.Fatalf("%+v", e)
				}
				if actor.IsNormal(c.reason) != c.normal {
					t.Fatal("IsNormal is wrong")
				}
				if c.normal {
					plainly.call(func(p proc) {
						if p.Err() != nil {
							t.Error("a normal end of a link told it to exit")
						}
					})
				} else if reason := linked(); reason != want {
					t.Fatal(reason)
				}
			})
		})
	}
}

// The end of one runs through a chain of links, with its reason, up to the one that traps.
func TestLink_Chain(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		const length = 20
		top := r.trapper(k)
		last := top
		first := last
		for i := range length {
			x := r.start(k)
			last.call(func(p proc) { p.Link(x.pid) })
			last = x
			if i == 0 {
				first = x
			}
		}
		last.tell(func(proc) error { return errBoom })
		top.expectExit(first.pid, errBoom)
		if st := r.sys.Stats(); st.Exited != length {
			t.Fatalf("%d of %d ended", st.Exited, length)
		}
	})
}

// A ring of links ends once.
func TestLink_Ring(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		const length = 40 // more than a small map holds, for the hub
		hub := r.start(k)
		ring := make([]*puppet, length)
		for i := range ring {
			ring[i] = r.start(k)
			ring[i].call(func(p proc) {
				p.Link(hub.pid)
				if i > 0 {
					p.Link(ring[i-1].pid)
				}
			})
		}
		ring[0].call(func(p proc) { p.Link(ring[length-1].pid) })
		hub.tell(func(proc) error { return errBoom })
		for _, x := range ring {
			if e := r.exited(x.pid); e.Reason != errBoom {
				t.Fatal(e)
			}
		}
		if n := count(r, func(actor.Exited) bool { return true }); n != length+1 {
			t.Fatalf("%d Exited", n)
		}
	})
}

// After Unlink nothing of the link is delivered, whatever goes on at the other end.
func TestLink_UnlinkIsFinal(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.trapper(k)
		for range 50 {
			y := r.start(plain)
			x.call(func(p proc) { p.Link(y.pid) })
			gone := r.witness(y.pid)
			y.tell(func(proc) error { return errBoom })
			after := make(chan struct{})
			x.tell(func(p proc) error { p.Unlink(y.pid); p.Send(p.Self(), note{v: "unlinked"}); close(after); return nil })
			r.wait(after, "Unlink")
			gone()
			x.call(func(proc) {})
			for late := false; len(x.got) > 0; {
				switch (<-x.got).(type) {
				case string:
					late = true
				case actor.ExitSignal:
					if late {
						t.Fatal("an ExitSignal after Unlink")
					}
				}
			}
		}
	})
}

// Two processes that link and unlink each other at random agree in the end.
func TestLink_BothAtOnce(t *testing.T) {
	r := newRig(t)
	rng := random(t)
	for range 50 {
		x, y := r.trapper(plain), r.trapper(blocking)
		for _, both := range [][2]*puppet{{x, y}, {y, x}} {
			ops := make([]bool, 20)
			for i := range ops {
				ops[i] = rng.IntN(2) == 0
			}
			both[0].tell(func(p proc) error {
				for _, link := range ops {
					if link {
						p.Link(both[1].pid)
					} else {
						p.Unlink(both[1].pid)
					}
				}
				return nil
			})
		}
		x.call(func(proc) {})
		y.call(func(proc) {})
		x.call(func(p proc) { p.Link(y.pid) }) // now they are
		y.tell(func(proc) error { return errBoom })
		x.expectExit(y.pid, errBoom)
		x.expectNothing()
	}
}

// A process that dies while others link to it tells each of them, with its reason or with NoProc.
func TestLink_WhileTheOtherEnds(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		linkers := make([]*puppet, 4)
		for i := range linkers {
			linkers[i] = r.trapper(k)
		}
		for i := range 40 {
			x := r.start(k)
			for _, l := range linkers {
				l.tell(func(p proc) error { p.Link(x.pid); return nil })
			}
			if i%2 == 0 {
				r.sys.Exit(x.pid, actor.Kill)
			} else {
				r.sys.Exit(x.pid, errBoom)
			}
			for _, l := range linkers {
				e := next[actor.ExitSignal](l)
				if e.From != x.pid || e.Reason != actor.NoProc && e.Reason != actor.Killed && e.Reason != errBoom {
					t.Fatalf("%+v", e)
				}
			}
		}
		for _, l := range linkers {
			l.expectNothing()
			if info, _ := r.sys.Info(l.pid); len(info.Links) > 0 {
				t.Fatalf("%+v", info)
			}
		}
	})
}

// An exit signal of a link that is gone is not one: only Exit sends those.
func TestLink_TrappedExitOfExitSurvivesUnlink(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, y := r.trapper(k), r.start(plain)
		x.call(func(p proc) { p.Link(y.pid) })
		release := x.blockIn(func(p proc) error { p.Unlink(y.pid); return nil })
		y.call(func(p proc) { p.Exit(x.pid, errOther) })
		gone := r.witness(y.pid)
		y.tell(func(proc) error { return errBoom })
		gone()
		release()
		x.expectExit(y.pid, errOther)
		x.expectNothing()
	})
}

// TrapExit(false) lets exits end the process again; what was trapped before stays a message.
func TestTrapExit_Off(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.trapper(k)
		r.sys.Exit(x.pid, errOther)
		x.expectExit(actor.PID{}, errOther)
		x.call(func(p proc) { p.TrapExit(false) })
		r.sys.Exit(x.pid, errBoom)
		if e := r.exited(x.pid); e.Reason != errBoom {
			t.Fatal(e)
		}
	})
}

// No mailbox drops a signal that is a message, and none evicts it.
func TestSignals_NeedNoRoom(t *testing.T) {
	for _, c := range fullMailboxes {
		for _, base := range []kind{plain, typed, blocking} {
			t.Run(c.name+"/"+base.name, func(t *testing.T) {
				r := newRig(t)
				k := kind{c.name, base.actor, []actor.SpawnOption{actor.WithMailbox(c.spec)}}
				x := r.trapper(k)
				const n = 20
				var refs []actor.MonitorRef
				var ends []*puppet
				for range n {
					y := r.start(plain)
					ends = append(ends, y)
					x.call(func(p proc) { refs = append(refs, p.Monitor(y.pid)); p.Link(y.pid) })
				}
				release := x.blockIn(nil)
				for i, y := range ends {
					_ = r.sys.TrySend(x.pid, note{v: i})
					gone := r.witness(y.pid)
					y.tell(func(proc) error { return errBoom })
					gone()
				}
				_ = r.sys.TrySend(x.pid, note{v: "last"})
				release()
				exits, downs := 0, 0
				for exits < n || downs < n {
					switch v := take(t, x.got, "a signal").(type) {
					case actor.ExitSignal:
						exits++
					case actor.Down:
						if v.Ref != refs[downs] {
							t.Fatalf("Down %d out of order", downs)
						}
						downs++
					}
				}
			})
		}
	}
}
