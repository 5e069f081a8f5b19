package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
)

// Cases of OTP's suites between two nodes. Those between processes of one node are in package actor.

// puppet is a process that does as it is told, by a message that stays on its node, and notes all else.
type puppet struct {
	t   *testing.T
	sys *actor.System
	pid actor.PID
	got chan any
}

type order struct {
	f    func(c *actor.Context) error
	done chan struct{}
}

func newPuppet(t *testing.T, n *cluster.Node, opts ...actor.SpawnOption) *puppet {
	p := &puppet{t: t, sys: n.System(), got: make(chan any, 1000)}
	p.pid = spawn(t, n.System(), func(c *actor.Context, msg any) error {
		if o, ok := msg.(order); ok {
			defer close(o.done)
			return o.f(c)
		}
		p.got <- msg
		return nil
	}, opts...)
	return p
}

func (p *puppet) do(f func(c *actor.Context)) {
	p.tell(func(c *actor.Context) error { f(c); return nil })
}

func (p *puppet) tell(f func(c *actor.Context) error) {
	o := order{f, make(chan struct{})}
	p.sys.Send(p.pid, o)
	<-o.done
}

// from is the process as another System sees it.
func (p *puppet) from(n *cluster.Node) actor.PID { return n.System().PIDOf(p.pid.Address()) }

func (p *puppet) next(what string) any {
	p.t.Helper()
	return recv(p.t, p.got, what)
}

// monitored waits until n monitors of p have arrived: a Monitor takes its time to another node.
func (p *puppet) monitored(n int) {
	p.t.Helper()
	until(p.t, "the monitors are as they should", func() bool { i, _ := p.sys.Info(p.pid); return len(i.MonitoredBy) == n })
}

func (p *puppet) down(ref actor.MonitorRef, pid actor.PID, reason string) {
	p.t.Helper()
	if d, ok := p.next("a Down").(actor.Down); !ok || d.Ref != ref || d.PID != pid || d.Reason.Error() != reason {
		p.t.Fatalf("got %+v, want a Down of %v with %s", d, pid, reason)
	}
}

func (p *puppet) nothing() {
	p.t.Helper()
	<-time.After(100 * time.Millisecond) // virtual
	if len(p.got) > 0 {
		p.t.Fatalf("got %+v, want nothing", <-p.got)
	}
}

// OTP monitor_SUITE: case_1, case_1a, case_2, case_2a, mon_1, mon_2, between two nodes.
func TestMonitorSuite_Reasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		x := newPuppet(t, a)
		var ref actor.MonitorRef
		for _, reason := range []error{errBoom, actor.Normal, actor.Shutdown, fmt.Errorf("text")} {
			y := newPuppet(t, b)
			far := y.from(a)
			x.do(func(c *actor.Context) { ref = c.Monitor(far) })
			y.monitored(1)
			y.tell(func(*actor.Context) error { return reason })
			x.down(ref, far, reason.Error())
			x.do(func(c *actor.Context) { ref = c.Monitor(far) })
			x.down(ref, far, "noproc")
		}
		name := a.System().PIDOf(actor.Address{Node: "n2", Name: "nobody"})
		x.do(func(c *actor.Context) { ref = c.Monitor(name) })
		x.down(ref, name, "noproc")
		elsewhere := a.System().PIDOf(actor.Address{Node: "n9", Incarnation: 7, ID: 1 << 28})
		x.do(func(c *actor.Context) { ref = c.Monitor(elsewhere) })
		x.down(ref, elsewhere, "noconnection")
		x.nothing()
	})
}

// OTP monitor_SUITE: demon_1, demon_2, demon_3, demonitor_flush, local_remove_monitor, remote_remove_monitor.
func TestMonitorSuite_Removal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		x, y := newPuppet(t, a), newPuppet(t, b)
		far := y.from(a)
		var r1, r2 actor.MonitorRef
		x.do(func(c *actor.Context) { r1, r2 = c.Monitor(far), c.Monitor(far) })
		y.monitored(2)
		x.do(func(c *actor.Context) { c.Demonitor(r1); c.Demonitor(r1) })
		y.monitored(1)
		y.tell(func(*actor.Context) error { return errBoom })
		x.down(r2, far, "boom")
		x.do(func(c *actor.Context) { c.Demonitor(r2) })
		x.nothing()
		// A Down that stands in the queue already is not delivered after Demonitor.
		y = newPuppet(t, b)
		far = y.from(a)
		x.do(func(c *actor.Context) {
			r1 = c.Monitor(far)
			y.sys.Exit(y.pid, errBoom)
			<-time.After(10 * time.Millisecond)
			c.Demonitor(r1)
		})
		x.nothing()
		// The end of who monitors removes the monitor, however it ends.
		y = newPuppet(t, b)
		for _, reason := range []error{errBoom, actor.Kill} {
			z := newPuppet(t, a)
			z.do(func(c *actor.Context) { c.Monitor(y.from(a)) })
			y.monitored(1)
			a.System().Exit(z.pid, reason)
			y.monitored(0)
		}
	})
}

// OTP monitor_SUITE: large_exit, list_cleanup, named_down, otp_5827.
func TestMonitorSuite_Rest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		mb, _ := a.Member("n2")
		x := newPuppet(t, a)
		var ref actor.MonitorRef
		for i := range 5 {
			y := newPuppet(t, b)
			x.do(func(c *actor.Context) { ref = c.Monitor(y.from(a)) })
			y.monitored(1)
			text := fmt.Sprint(i, strings.Repeat(" large", 300))
			y.tell(func(*actor.Context) error { return fmt.Errorf("%s: %w", text, errBoom) })
			x.down(ref, y.from(a), text+": boom")
		}
		for range 20 { // once the Down is there, the name is free
			y := newPuppet(t, b, actor.WithName("it"))
			x.do(func(c *actor.Context) { ref = c.Monitor(a.Named(mb, "it")) })
			y.monitored(1)
			b.System().Exit(y.pid, errBoom)
			x.down(ref, a.Named(mb, "it"), "boom")
			if _, ok, err := a.Whereis(within(t), mb, "it"); ok || err != nil {
				t.Fatal("the name is taken still", err)
			}
		}
		// A stale PID is Down at once, also when its slot is in use again.
		y := newPuppet(t, b)
		old := y.from(a)
		b.System().Exit(y.pid, actor.Kill)
		until(t, "it is gone", func() bool { return !b.System().Alive(y.pid) })
		z := newPuppet(t, b)
		x.do(func(c *actor.Context) { ref = c.Monitor(old); c.Send(old, note{Text: "stale"}) })
		x.down(ref, old, "noproc")
		z.nothing()
		i, _ := a.System().Info(x.pid)
		if len(i.Monitors)+len(i.MonitoredBy)+len(i.Links) != 0 {
			t.Errorf("%+v", i)
		}
	})
}

// OTP monitor_SUITE: mixer, between nodes: many monitors in both directions, ended in any order.
func TestMonitorSuite_Mixer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seed := rand.Uint64()
		defer func() {
			if t.Failed() {
				t.Log("seed", seed)
			}
		}()
		rng := rand.New(rand.NewPCG(seed, 1))
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		x := newPuppet(t, a)
		var ys []*puppet
		refs := map[actor.MonitorRef]*puppet{}
		theirs := map[*puppet]actor.MonitorRef{}
		for range 40 {
			y := newPuppet(t, b)
			ys = append(ys, y)
			x.do(func(c *actor.Context) { refs[c.Monitor(y.from(a))] = y })
			y.monitored(1)
			y.do(func(c *actor.Context) { theirs[y] = c.Monitor(x.from(b)) })
		}
		rng.Shuffle(len(ys), func(i, j int) { ys[i], ys[j] = ys[j], ys[i] })
		want := 0
		for i, y := range ys {
			switch i % 3 {
			case 0:
				y.do(func(c *actor.Context) { c.Demonitor(theirs[y]) })
				fallthrough
			case 1:
				want++
				y.tell(func(*actor.Context) error { return errBoom })
			default:
				for ref, z := range refs {
					if z == y {
						x.do(func(c *actor.Context) { c.Demonitor(ref) })
					}
				}
			}
		}
		for range want {
			d := x.next("a Down").(actor.Down)
			if y := refs[d.Ref]; y == nil || d.PID != y.from(a) || d.Reason != errBoom {
				t.Fatalf("%+v", d)
			}
			delete(refs, d.Ref)
		}
		x.nothing()
	})
}

// OTP signal_SUITE: xm_sig_order, remote: messages, exits, links and monitors of one process to another keep their order.
func TestSignalSuite_RemoteOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		x := newPuppet(t, a)
		for i := range 100 {
			y := newPuppet(t, b)
			y.do(func(c *actor.Context) { c.TrapExit(true) })
			far := y.from(a)
			x.do(func(c *actor.Context) {
				c.Send(far, note{N: 1})
				c.Exit(far, errBoom)
				c.Send(far, note{N: 2})
				c.Link(far)
				c.Exit(far, actor.Shutdown)
				c.Unlink(far)
				c.Send(far, note{N: 3})
				c.Exit(far, actor.Kill)
				c.Send(far, note{N: 4})
			})
			var seen []string
			until(t, "it was killed", func() bool { return !b.System().Alive(y.pid) })
			for len(y.got) > 0 {
				switch m := (<-y.got).(type) {
				case note:
					seen = append(seen, fmt.Sprint(m.N))
				case actor.ExitSignal:
					seen = append(seen, m.Reason.Error())
				}
			}
			// The kill acts when it arrives; what stood in the queue may not have been handled. Nothing is out of order.
			if got, whole := strings.Join(seen, " "), "1 boom 2 shutdown 3"; !strings.HasPrefix(whole, got) {
				t.Fatalf("round %d: %s", i, got)
			}
		}
	})
}

// OTP signal_SUITE: kill2killed, and the exits of process_SUITE, between nodes.
func TestSignalSuite_RemoteExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		for _, c := range []struct {
			link bool  // a link that breaks, else exit/2
			send error // sent, or returned by the linked process
			trap bool
			want string // the exit signal, if trapped; else the reason of the end; "" for none
		}{
			{false, errBoom, false, "boom"}, {false, errBoom, true, "boom"}, {false, actor.Normal, false, ""}, {false, actor.Normal, true, "normal"},
			{false, actor.Kill, false, "killed"}, {false, actor.Kill, true, "killed"},
			{true, errBoom, false, "boom"}, {true, errBoom, true, "boom"}, {true, actor.Normal, false, ""}, {true, actor.Normal, true, "normal"},
			{true, actor.Kill, true, "kill"}, {true, actor.Kill, false, "kill"},
		} {
			x, y, watcher := newPuppet(t, a), newPuppet(t, b), newPuppet(t, b)
			var ref actor.MonitorRef
			watcher.do(func(ctx *actor.Context) { ref = ctx.Monitor(y.pid) })
			y.do(func(ctx *actor.Context) { ctx.TrapExit(c.trap) })
			if c.link {
				x.do(func(ctx *actor.Context) { ctx.Link(y.from(a)) })
				until(t, "the link is made", func() bool { i, _ := b.System().Info(y.pid); return len(i.Links) == 1 })
				x.tell(func(*actor.Context) error { return c.send })
			} else {
				x.do(func(ctx *actor.Context) { ctx.Exit(y.from(a), c.send) })
			}
			switch {
			case c.want == "":
				y.nothing()
				if !b.System().Alive(y.pid) {
					t.Errorf("%+v: it ended", c)
				}
			case c.trap && c.want != "killed":
				if e, ok := y.next("the exit").(actor.ExitSignal); !ok || e.From != x.from(b) || e.Reason.Error() != c.want {
					t.Errorf("%+v: %+v", c, e)
				}
			default:
				watcher.down(ref, y.pid, c.want)
			}
		}
	})
}
