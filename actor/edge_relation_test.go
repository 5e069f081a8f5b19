package actor_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

// doer runs functions as a process that traps exits and notes what it is told.
type doer struct {
	sys  *actor.System
	pid  actor.PID
	log  chan any
	seen []any
}

type act struct {
	f    func(*actor.Context)
	done chan struct{}
}

func newDoer(t *testing.T, s *actor.System, trap bool) *doer {
	d := &doer{sys: s, log: make(chan any, 64)}
	d.pid = spawnFn(t, s, func(c *actor.Context, msg any) error {
		switch m := msg.(type) {
		case act:
			defer close(m.done)
			m.f(c)
		case error:
			return m
		default:
			d.log <- msg
		}
		return nil
	})
	d.do(func(c *actor.Context) { c.TrapExit(trap) })
	return d
}

func (d *doer) do(f func(*actor.Context)) {
	m := act{f, make(chan struct{})}
	d.sys.Send(d.pid, m)
	<-m.done
}

// heard is all it was told so far.
func (d *doer) heard() []any {
	if d.sys.Alive(d.pid) {
		d.do(func(*actor.Context) {})
	}
	for len(d.log) > 0 {
		d.seen = append(d.seen, <-d.log)
	}
	return d.seen
}

func (d *doer) end(t *testing.T, reason error) {
	if reason == actor.Kill {
		d.sys.Exit(d.pid, actor.Kill)
	} else {
		d.sys.Send(d.pid, reason)
	}
	untilGone(t, d.sys, d.pid)
}

func TestFarLinks(t *testing.T) {
	a, b, w := couple(t)
	for _, reason := range []error{errBoom, actor.Normal, actor.Shutdown, actor.Kill} {
		for _, linker := range []int{0, 1} {
			x, y := newDoer(t, a, true), newDoer(t, b, true)
			far := remote(a, y.pid)
			if linker == 0 {
				x.do(func(c *actor.Context) { c.Link(far); c.Link(far) })
			} else {
				y.do(func(c *actor.Context) { c.Link(remote(b, x.pid)) })
			}
			until(t, "the link is made", func() bool {
				i, _ := a.Info(x.pid)
				j, _ := b.Info(y.pid)
				return len(i.Links) == 1 && len(j.Links) == 1
			})
			y.end(t, reason)
			want := reason
			if reason == actor.Kill {
				want = actor.Killed
			}
			recvEq(t, x.log, any(actor.ExitSignal{From: far, Reason: want}), "the end of the link")
			x.end(t, nil2normal)
		}
	}
	// Untrapped: it ends with the same reason, and so does what is linked to it.
	x, y := newDoer(t, a, false), newDoer(t, b, true)
	y.do(func(c *actor.Context) { c.Link(remote(b, x.pid)) })
	until(t, "the link is made", func() bool { i, _ := a.Info(x.pid); return len(i.Links) == 1 })
	y.do(func(c *actor.Context) { c.Exit(remote(b, x.pid), errBoom) })
	untilGone(t, a, x.pid)
	recvEq(t, y.log, any(actor.ExitSignal{From: remote(b, x.pid), Reason: errBoom}), "the end of the link")
	// A dead process, an address, a node that is out of reach.
	y.do(func(c *actor.Context) { c.Link(remote(b, x.pid)) })
	recvEq(t, y.log, any(actor.ExitSignal{From: remote(b, x.pid), Reason: actor.NoProc}), "a link to nobody")
	name := b.PIDOf(actor.Address{Node: "a", Name: "n"})
	y.do(func(c *actor.Context) { c.Link(name) })
	if e := recv(t, y.log, "a link to an address").(actor.ExitSignal); e.From != name || !errors.Is(e.Reason, actor.NoProc) {
		t.Fatal(e)
	}
	x = newDoer(t, a, true)
	y.do(func(c *actor.Context) { c.Link(remote(b, x.pid)) })
	until(t, "the link is made", func() bool { i, _ := a.Info(x.pid); return len(i.Links) == 1 })
	w.cut()
	recvEq(t, y.log, any(actor.ExitSignal{From: remote(b, x.pid), Reason: actor.NoConnection}), "the lost link")
	recvEq(t, x.log, any(actor.ExitSignal{From: remote(a, y.pid), Reason: actor.NoConnection}), "the lost link")
	y.do(func(c *actor.Context) { c.Link(remote(b, x.pid)) })
	recvEq(t, y.log, any(actor.ExitSignal{From: remote(b, x.pid), Reason: actor.NoConnection}), "a link over no connection")
	if l, m, n := w.ends[0].edge.Relations(); l+m+n != 0 {
		t.Fatal(l, m, n)
	}
}

var nil2normal = error(actor.Normal)

func TestFarExit(t *testing.T) {
	a, b, _ := couple(t)
	x := newDoer(t, a, true)
	for _, c := range []struct {
		reason error
		trap   bool
		want   error // of the ExitSignal, if trapped
	}{{errBoom, true, errBoom}, {actor.Normal, true, actor.Normal}, {errBoom, false, nil}, {actor.Kill, true, nil}} {
		y := newDoer(t, b, c.trap)
		x.do(func(ctx *actor.Context) { ctx.Exit(remote(a, y.pid), c.reason) })
		if c.want != nil {
			recvEq(t, y.log, any(actor.ExitSignal{From: remote(b, x.pid), Reason: c.want}), "the exit")
		} else {
			untilGone(t, b, y.pid)
		}
	}
	y := newDoer(t, b, false)
	a.Exit(remote(a, y.pid), actor.Normal) // ignored
	a.Exit(remote(a, y.pid), errBoom)
	untilGone(t, b, y.pid)
}

func TestFarMonitors(t *testing.T) {
	a, b, w := couple(t)
	for _, reason := range []error{errBoom, actor.Normal, actor.Kill} {
		x, y := newDoer(t, a, false), newDoer(t, b, false)
		far := remote(a, y.pid)
		var refs [4]actor.MonitorRef
		x.do(func(c *actor.Context) {
			for i := range refs {
				refs[i] = c.Monitor(far)
			}
			c.Demonitor(refs[1])
		})
		until(t, "the monitors are made", func() bool { i, _ := b.Info(y.pid); return len(i.MonitoredBy) == 3 })
		y.end(t, reason)
		want := reason
		if reason == actor.Kill {
			want = actor.Killed
		}
		for _, i := range []int{0, 2, 3} {
			recvEq(t, x.log, any(actor.Down{Ref: refs[i], PID: far, Reason: want}), "a Down")
		}
		var ref actor.MonitorRef
		x.do(func(c *actor.Context) { ref = c.Monitor(far) })
		recvEq(t, x.log, any(actor.Down{Ref: ref, PID: far, Reason: actor.NoProc}), "a Down of nobody")
	}
	// By name, and the end of the one that monitors.
	y := newDoer(t, b, false)
	if err := b.Register("it", y.pid); err != nil {
		t.Fatal(err)
	}
	x := newDoer(t, a, false)
	name := a.PIDOf(actor.Address{Node: "b", Incarnation: b.Incarnation(), Name: "it"})
	var ref actor.MonitorRef
	x.do(func(c *actor.Context) { ref = c.Monitor(name) })
	until(t, "it is monitored", func() bool { i, _ := b.Info(y.pid); return len(i.MonitoredBy) == 1 })
	z := newDoer(t, a, false)
	z.do(func(c *actor.Context) { c.Monitor(name); c.Link(remote(a, y.pid)); c.Unlink(remote(a, y.pid)) })
	until(t, "it is monitored twice", func() bool { i, _ := b.Info(y.pid); return len(i.MonitoredBy) == 2 })
	z.end(t, actor.Kill)
	until(t, "the second monitor is gone", func() bool { i, _ := b.Info(y.pid); return len(i.MonitoredBy) == 1 && len(i.Links) == 0 })
	y.end(t, errBoom)
	recvEq(t, x.log, any(actor.Down{Ref: ref, PID: name, Reason: errBoom}), "a Down of a name")
	// The connection.
	y = newDoer(t, b, false)
	x.do(func(c *actor.Context) { ref = c.Monitor(remote(a, y.pid)) })
	w.cut()
	recvEq(t, x.log, any(actor.Down{Ref: ref, PID: remote(a, y.pid), Reason: actor.NoConnection}), "a Down of a lost node")
	until(t, "nothing is left", func() bool {
		i, _ := b.Info(y.pid)
		l, m, n := w.ends[0].edge.Relations()
		k, o, p := w.ends[1].edge.Relations()
		return len(i.MonitoredBy)+l+m+n+k+o+p == 0
	})
}

// A reply, then the end: the Down never overtakes the reply.
func TestFarDownComesBehindWhatWasSentBefore(t *testing.T) {
	a, b, _ := couple(t)
	x := newDoer(t, a, false)
	for range 200 {
		y := spawnFn(t, b, func(c *actor.Context, msg any) error {
			c.Send(c.Sender(), "reply")
			return actor.Normal
		})
		x.do(func(c *actor.Context) { c.Monitor(remote(a, y)); c.Send(remote(a, y), 1) })
		recvEq(t, x.log, any("reply"), "the reply")
		if _, ok := recv(t, x.log, "the Down").(actor.Down); !ok {
			t.Fatal("no Down")
		}
	}
}

// Signals that claim a relation there is no record of are dropped and counted.
func TestForgedSignals(t *testing.T) {
	a, b, w := couple(t)
	x, y := newDoer(t, a, false), newDoer(t, b, true)
	edge := w.ends[0].edge
	from := remote(a, y.pid)
	edge.Arrive(actor.Signal{Kind: actor.SignalLinkExit, From: from, To: x.pid, Reason: errBoom})
	edge.Arrive(actor.Signal{Kind: actor.SignalDown, From: from, To: x.pid, Ref: 1, Reason: errBoom})
	z := newDoer(t, a, false)
	x.do(func(c *actor.Context) { c.Monitor(from) })
	for n := range uint64(50) { // right reference, other owner
		edge.Arrive(actor.Signal{Kind: actor.SignalDown, From: from, To: z.pid, Ref: n, Reason: errBoom})
	}
	edge.Arrive(actor.Signal{Kind: actor.SignalUnlinkAck, From: from, To: x.pid, Ref: 1})
	edge.Arrive(actor.Signal{Kind: actor.SignalAnswer, To: a.PIDOf(actor.Address{Node: "a", ID: 12345}), Message: 1})
	if len(x.heard())+len(z.heard()) != 0 || !a.Alive(x.pid) || edge.Forged() != 52 {
		t.Fatal(x.heard(), z.heard(), edge.Forged())
	}
	y.end(t, errBoom)
	recv(t, x.log, "the Down")
}

// Relations of two processes on two nodes, made and ended in any order while signals cross and the connection is lost: each is
// told exactly once, and nothing of it after Unlink or Demonitor; no record is left.
func TestFarRelationsAreToldOnce(t *testing.T) {
	runs := 1500
	if n, err := strconv.Atoi(os.Getenv("RELATION_RUNS")); err == nil {
		runs = n
	}
	rng := random(t)
	a, b := namedSys(t, "a"), namedSys(t, "b")
	w := join(t, a, b, true)
	for run := range runs {
		oneRelationRun(t, rng, w, run%2 == 0)
		if t.Failed() {
			t.Fatalf("in run %d", run)
		}
	}
}

// history is what one process did and was told, in order: link, unlink, exit.
type history struct {
	d       *doer
	other   actor.PID
	steps   []byte
	refs    map[actor.MonitorRef]bool // true: demonitored
	counted int
}

func (h *history) note() {
	for _, m := range h.d.heard()[h.counted:] {
		if _, ok := m.(actor.ExitSignal); ok {
			h.steps = append(h.steps, 'E')
		}
	}
	h.counted = len(h.d.seen)
}

func (h *history) act(rng *rand.Rand) {
	h.note()
	switch rng.IntN(5) {
	case 0, 1:
		h.d.do(func(c *actor.Context) { c.Link(h.other) })
		h.steps = append(h.steps, 'L')
	case 2:
		h.d.do(func(c *actor.Context) { c.Unlink(h.other) })
		h.note() // what was told before the Unlink
		h.steps = append(h.steps, 'U')
	case 3:
		h.d.do(func(c *actor.Context) { h.refs[c.Monitor(h.other)] = false })
	case 4:
		for ref, gone := range h.refs {
			if !gone && !slices.ContainsFunc(h.d.heard(), func(m any) bool { d, ok := m.(actor.Down); return ok && d.Ref == ref }) {
				h.d.do(func(c *actor.Context) { c.Demonitor(ref) })
				h.refs[ref] = !slices.ContainsFunc(h.d.heard(), func(m any) bool { d, ok := m.(actor.Down); return ok && d.Ref == ref })
				break
			}
		}
	}
}

func oneRelationRun(t *testing.T, rng *rand.Rand, w *wire, oneSided bool) {
	a, b := w.ends[0].sys, w.ends[1].sys
	x := &history{d: newDoer(t, a, true), refs: map[actor.MonitorRef]bool{}}
	y := &history{d: newDoer(t, b, true), refs: map[actor.MonitorRef]bool{}}
	x.other, y.other = remote(a, y.d.pid), remote(b, x.d.pid)
	dead := false
	for range 4 + rng.IntN(20) {
		switch k := rng.IntN(10); {
		case k < 4:
			x.act(rng)
		case k < 6 && !oneSided && !dead:
			y.act(rng)
		case k < 9:
			w.ends[rng.IntN(2)].step()
		case rng.IntN(4) == 0 && !dead:
			dead = true
			y.d.end(t, []error{errBoom, actor.Normal, actor.Kill}[rng.IntN(3)])
		}
	}
	if rng.IntN(2) == 0 {
		w.cut()
		for _, e := range w.ends {
			e.gone = false
		}
	}
	if !dead {
		y.d.end(t, errBoom)
	}
	w.settle(t, "y's end is told", func() bool { x.note(); return x.complete(oneSided) })
	w.check(t, x, oneSided)
	x.d.end(t, errBoom)
	w.settle(t, "x's end is told", func() bool { return true })
}

// settle moves all there is until no record is left; the end of a process is told a moment after it is not alive.
func (w *wire) settle(t *testing.T, what string, ok func() bool) {
	until(t, what, func() bool {
		for w.ends[0].step() || w.ends[1].step() {
		}
		l, m, n := w.ends[0].edge.Relations()
		i, j, k := w.ends[1].edge.Relations()
		return l+m+n+i+j+k == 0 && ok()
	})
}

func (h *history) told() map[actor.MonitorRef]int {
	told := map[actor.MonitorRef]int{}
	for _, m := range h.d.seen {
		if d, ok := m.(actor.Down); ok {
			told[d.Ref]++
		}
	}
	return told
}

func (h *history) complete(oneSided bool) bool {
	told := h.told()
	for ref, gone := range h.refs {
		if !gone && told[ref] == 0 {
			return false
		}
	}
	return !oneSided || len(h.steps) == 0 || h.steps[len(h.steps)-1] != 'L'
}

func (w *wire) check(t *testing.T, x *history, oneSided bool) {
	told := x.told()
	for ref, gone := range x.refs {
		if gone && told[ref] != 0 || !gone && told[ref] != 1 {
			t.Errorf("monitor %v, demonitored %v: told %d times", ref, gone, told[ref])
		}
	}
	if info, _ := w.ends[0].sys.Info(x.d.pid); len(info.Links)+len(info.Monitors)+len(info.MonitoredBy) != 0 {
		t.Errorf("%+v", info)
	}
	if !oneSided {
		return
	}
	linked := false
	for i, s := range x.steps {
		switch {
		case s == 'E' && !linked:
			t.Errorf("%s: exit %d without a link", x.steps, i)
		case s == 'L':
			linked = true
		default:
			linked = false
		}
	}
}
