package actor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

// OTP signal_SUITE: xm_sig_order. What was sent before an exit signal may be handled, what was sent after it is not.
func TestSignalOrder_NothingSentAfterAnExitIsHandled(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		watcher, sender := r.start(plain), r.start(plain)
		for range 100 {
			x := r.start(k)
			var ref actor.MonitorRef
			watcher.call(func(p proc) { ref = p.Monitor(x.pid) })
			sender.call(func(p proc) {
				for range 3 {
					p.Send(x.pid, note{v: "may reach"})
				}
				p.Exit(x.pid, errBoom)
				for range 3 {
					p.Send(x.pid, note{v: "may not reach"})
				}
			})
			watcher.expectDown(ref, x.pid, errBoom)
			for len(x.got) > 0 {
				if v := <-x.got; v != "may reach" {
					t.Fatalf("handled %q", v)
				}
			}
		}
	})
}

// The same for a selective receive that is looking through the queue when the exit comes.
func TestSignalOrder_NothingSentAfterAnExitIsOffered(t *testing.T) {
	for _, k := range kinds {
		if k.terminates() {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			r := newRig(t)
			pid, err := r.sys.Go(func(p *actor.Process) error {
				_, err := p.ReceiveMatch(context.Background(), func(msg any) bool {
					if msg == "after" {
						t.Error("offered what was sent after the exit")
					}
					r.sys.Exit(p.Self(), errBoom)
					r.sys.Send(p.Self(), "after")
					return false
				})
				return err
			}, k.opts...)
			if err != nil {
				t.Fatal(err)
			}
			r.sys.Send(pid, "before")
			if e := r.exited(pid); e.Reason != errBoom {
				t.Fatal(e)
			}
			for _, msg := range []string{"before", "after"} {
				if d := r.deadLetter(msg); d.Reason != actor.ErrExited {
					t.Fatal(d)
				}
			}
		})
	}
}

// Messages of one process to another arrive in the order sent, and the signals that are messages stand among them.
func TestSignalOrder_DownAndExitSignalKeepTheirPlace(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.trapper(k)
		y := r.start(plain)
		var ref actor.MonitorRef
		x.call(func(p proc) { p.Link(y.pid); ref = p.Monitor(y.pid) })
		y.tell(func(p proc) error {
			p.Send(x.pid, note{v: 1})
			p.Exit(x.pid, errOther)
			p.Send(x.pid, note{v: 2})
			return errBoom
		})
		if v := next[int](x); v != 1 {
			t.Fatal(v)
		}
		x.expectExit(y.pid, errOther)
		if v := next[int](x); v != 2 {
			t.Fatal(v)
		}
		x.expectExit(y.pid, errBoom) // links are told before monitors
		x.expectDown(ref, y.pid, errBoom)
		x.expectNothing()
	})
}

func TestSignalOrder_ManySendersEachInOrder(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		type numbered struct{ sender, n int }
		x := r.start(k)
		const senders, each = 4, 200
		for s := range senders {
			y := r.start(plain)
			y.tell(func(p proc) error {
				for n := range each {
					p.Send(x.pid, note{v: numbered{s, n}})
				}
				return nil
			})
		}
		var want [senders]int
		for range senders * each {
			m := next[numbered](x)
			if m.n != want[m.sender] {
				t.Fatalf("sender %d: got %d, want %d", m.sender, m.n, want[m.sender])
			}
			want[m.sender]++
		}
	})
}

// pendingExit makes an exit signal of a link reach a process while its handler runs, which then does something about it.
func pendingExit(r *rig, k kind, trap bool, then func(p proc, from actor.PID) error) (x *puppet, reason error) {
	x, master := r.start(k), r.trapper(plain)
	from := r.start(plain)
	x.call(func(p proc) { p.TrapExit(trap); p.Link(from.pid) })
	master.call(func(p proc) { p.Link(x.pid) })
	gone := r.witness(from.pid)
	release := x.blockIn(func(p proc) error { return then(p, from.pid) })
	from.tell(func(proc) error { return errBoom })
	gone()
	release()
	if trap {
		return x, nil
	}
	return x, next[actor.ExitSignal](master).Reason
}

// OTP signal_SUITE: pending_exit_unlink_process. Unlink does not take back an exit signal that was accepted.
func TestPendingExit_Unlink(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		_, reason := pendingExit(r, k, false, func(p proc, from actor.PID) error { p.Unlink(from); return nil })
		if reason != errBoom {
			t.Fatal(reason)
		}
	})
}

// OTP signal_SUITE: pending_exit_trap_exit.
func TestPendingExit_TrapExit(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		_, reason := pendingExit(r, k, false, func(p proc, from actor.PID) error { p.TrapExit(true); return nil })
		if reason != errBoom {
			t.Fatal(reason)
		}
	})
}

// OTP signal_SUITE: pending_exit_receive. The exit acts before the next message.
func TestPendingExit_Receive(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, reason := pendingExit(r, k, false, func(p proc, from actor.PID) error {
			p.Send(p.Self(), note{v: "handled"})
			return nil
		})
		if reason != errBoom {
			t.Fatal(reason)
		}
		if d := r.deadLetter("handled"); d.Reason != actor.ErrExited || len(x.got) > 0 {
			t.Fatal(d.Reason, len(x.got))
		}
	})
}

// OTP signal_SUITE: pending_exit_exit and exit_before_pending_exit. A process can end by itself though it was told to.
func TestPendingExit_ExitByMyself(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		_, reason := pendingExit(r, k, false, func(p proc, from actor.PID) error { return errOther })
		if reason != errOther {
			t.Fatal(reason)
		}
	})
}

// A handler that stops waiting because it was told to exit, and says no more than that, ends with the reason it was told.
func TestPendingExit_CanceledIsTheReasonTold(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.start(k)
		gone := r.witness(x.pid)
		in := make(chan struct{})
		x.tell(func(p proc) error {
			close(in)
			<-p.Done()
			return fmt.Errorf("worker: %w", p.Err())
		})
		x.wait(in, "the handler")
		r.sys.Exit(x.pid, actor.Shutdown)
		if reason := gone(); reason != actor.Shutdown {
			t.Fatal(reason)
		}
	})
}

// OTP signal_SUITE: pending_exit_gc. A reason of any size arrives as it is.
func TestPendingExit_LargeReason(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		large := make([]error, 10000)
		for i := range large {
			large[i] = errBoom
		}
		reason := errors.Join(large...)
		x, y := r.start(k), r.trapper(k)
		y.call(func(p proc) { p.Link(x.pid) })
		release := x.blockIn(nil)
		r.sys.Exit(x.pid, reason)
		release()
		if e := next[actor.ExitSignal](y); e.Reason != reason {
			t.Fatalf("the reason changed")
		}
	})
}

// A trapped ExitSignal that waits in the queue is taken back by Unlink, and only that of the link.
func TestPendingExit_UnlinkOfTrapped(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x, _ := pendingExit(r, k, true, func(p proc, from actor.PID) error { p.Unlink(from); return nil })
		x.expectNothing()
	})
}

// OTP signal_SUITE: pending_exit_is_process_alive, pending_exit_process_info_1, pending_exit_process_info_2. OTP shows a
// process as gone once it was told to exit; here that holds for Kill, and any other is alive until its Terminate is done.
func TestPendingExit_AliveAndInfo(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, k kind) {
		x := r.start(k)
		x.blockIn(nil)
		y := r.start(plain)
		y.call(func(p proc) {
			p.Exit(x.pid, errBoom)
			if info, ok := r.sys.Info(x.pid); !ok || info.Status != actor.StatusExiting || !r.sys.Alive(x.pid) {
				t.Errorf("told to exit: %+v, %v", info, ok)
			}
			p.Exit(x.pid, actor.Kill)
			if _, ok := r.sys.Info(x.pid); ok || r.sys.Alive(x.pid) {
				t.Error("killed, but still there")
			}
			if err := p.TrySend(x.pid, note{}); !errors.Is(err, actor.NoProc) {
				t.Errorf("TrySend to a killed process: %v", err)
			}
		})
		if e := r.exited(x.pid); e.Reason != actor.Killed {
			t.Fatal(e.Reason)
		}
	})
}

// OTP signal_SUITE: kill2killed. Along a line of links the reason of exit/2 with kill is killed, that of a process that
// ends itself with kill is kill, which is a reason like any other.
func TestKill2Killed(t *testing.T) {
	ways := []struct {
		name string
		end  func(r *rig, last *puppet)
		want error
	}{
		{"exit of another", func(r *rig, last *puppet) { r.sys.Exit(last.pid, actor.Kill) }, actor.Killed},
		{"exit of itself", func(r *rig, last *puppet) {
			last.tell(func(p proc) error { p.Exit(p.Self(), actor.Kill); return nil })
		}, actor.Killed},
		{"return", func(r *rig, last *puppet) { last.tell(func(proc) error { return actor.Kill }) }, actor.Kill},
	}
	for _, way := range ways {
		for _, n := range []int{1, 2, 9, 10} {
			t.Run(fmt.Sprint(way.name, " ", n), func(t *testing.T) {
				eachKind(t, func(t *testing.T, r *rig, k kind) {
					tester := r.trapper(k)
					head := tester
					var first *puppet
					for range n {
						x := r.start(k)
						head.call(func(p proc) { p.Link(x.pid) })
						if first == nil {
							first = x
						}
						head = x
					}
					way.end(r, head)
					if e := next[actor.ExitSignal](tester); e.From != first.pid || e.Reason != way.want {
						t.Fatalf("%+v, want %v", e, way.want)
					}
				})
			})
		}
	}
}
