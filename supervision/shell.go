package supervision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// shell is the process of a supervisor. It turns messages into events of its machine and carries out what the machine
// decides, with nothing but what any process can do: links, monitors, exits and timers.
type shell struct {
	v        *view
	log      *slog.Logger
	parent   actor.PID // whose exits are orders; zero if started by a System
	nested   bool      // a child of a supervisor, which waits for ready
	parentUp actor.MonitorRef
	up       bool // the first children are started
	ended    bool
	reason   error
	token    uint64
	asks     map[uint64]actor.ReplyTo[answer]
	waiting  []actor.ReplyTo[answer] // who waits for the first start; who waits for the end gets no reply
	timers   map[uint64]actor.Timer
	told     map[actor.PID]actor.MonitorRef // children that were told to exit
	probes   map[actor.PID]probe
	subs     map[actor.PID]*view    // of children that are supervisors
	orphans  map[actor.PID]*orphans // of those among them that were killed
}

// call is a request to a supervisor.
type call struct {
	actor.Replies[answer]
	kind  callKind
	child *Child
	id    string
	pid   actor.PID
}

type callKind uint8

const (
	callStart     = callKind(cmdStart)
	callTerminate = callKind(cmdTerminate)
	callRestart   = callKind(cmdRestart)
	callDelete    = callKind(cmdDelete)
	callAwaitUp   = callKind(16) // answered when the first children are up
	callStop      = callKind(17) // never answered: the asker learns of the end
	callSync      = callKind(18) // answered at once, when everything before was taken up
)

type answer struct {
	pid actor.PID
	err error
}

type timeout struct{ timer uint64 }

// readyReport tells a supervisor that the sender, a child, is ready.
type readyReport struct{}

func newShell(b *blueprint, parent actor.PID, nested bool) *shell {
	m := newMachine[actor.PID](b.conf, rand.Float64)
	for i := range b.children {
		m.add(&b.children[i])
	}
	v := &view{m: m, kind: b.kind, template: b.template, epoch: time.Now()}
	v.partitions.Store(int64(len(b.children)))
	return &shell{v: v, parent: parent, nested: nested}
}

func (s *shell) now() time.Duration { return time.Since(s.v.epoch) }

// Init starts the first children as far as that takes no waiting for messages.
func (s *shell) Init(ctx *actor.Context) error {
	ctx.TrapExit(true)
	s.log = ctx.Logger() // names the supervisor's PID
	s.v.born(ctx.System(), ctx.Self())
	if !s.parent.IsZero() && !s.nested {
		s.parentUp = ctx.Monitor(s.parent)
	}
	s.step(ctx, func(now time.Duration) { s.v.m.begin(now) })
	return s.verdict()
}

// step reports an event to the machine and carries out what follows.
func (s *shell) step(ctx *actor.Context, event func(now time.Duration)) {
	s.v.mu.Lock()
	event(s.now())
	a, ok := s.v.m.next()
	s.v.mu.Unlock()
	for ok {
		s.do(ctx, a)
		s.v.mu.Lock()
		a, ok = s.v.m.next()
		s.v.mu.Unlock()
	}
}

// verdict is what a handler returns: the exit reason once the supervisor has ended.
func (s *shell) verdict() error {
	if !s.ended {
		return nil
	}
	if s.reason == nil {
		return actor.Normal
	}
	return s.reason
}

// Receive takes up one event.
func (s *shell) Receive(ctx *actor.Context, msg any) error {
	switch msg := msg.(type) {
	case actor.ExitSignal:
		s.exitSignal(ctx, msg)
	case actor.Down:
		s.down(ctx, msg)
	case timeout:
		delete(s.timers, msg.timer)
		s.step(ctx, func(now time.Duration) { s.v.m.fired(now, msg.timer) })
	case readyReport:
		child := ctx.Sender()
		s.step(ctx, func(now time.Duration) { s.v.m.ready(now, child) })
	case call:
		s.call(ctx, msg)
	case probeDue:
		s.probe(ctx, msg.child)
	case orphansLate:
		s.orphansLate(ctx, msg.supervisor)
	case probeLate:
		s.probeLate(ctx, msg.probe)
	default:
		s.log.Warn("supervisor: unexpected message", "message", fmt.Sprintf("%T", msg))
		return ctx.Unhandled()
	}
	return s.verdict()
}

// exitSignal: a child ended, or the supervisor is told to end by its parent or from outside any process. Others are
// ignored, as OTP does.
func (s *shell) exitSignal(ctx *actor.Context, sig actor.ExitSignal) {
	if sig.From.IsZero() || sig.From == s.parent {
		s.step(ctx, func(now time.Duration) { s.v.m.told(now, sig.Reason) })
		return
	}
	if s.probeEnded(ctx, sig.From, sig.Reason) {
		return
	}
	if ref, ok := s.told[sig.From]; ok {
		delete(s.told, sig.From)
		ctx.Demonitor(ref)
	}
	s.childEnded(ctx, sig.From, sig.Reason)
}

// childEnded: the process of a child has ended.
func (s *shell) childEnded(ctx *actor.Context, pid actor.PID, reason error) {
	if s.orphans[pid] == nil && !s.adopt(ctx, pid, reason) {
		s.gone(ctx, pid, reason)
	}
}

// gone tells the machine that a child has ended.
func (s *shell) gone(ctx *actor.Context, pid actor.PID, reason error) {
	if e := s.v.m.table.byPID[pid]; e != nil && e.child.onEnd != nil { // only this process writes the table
		e.child.onEnd(pid, reason)
	}
	s.step(ctx, func(now time.Duration) { s.v.m.exited(now, pid, classify(reason), reason) })
}

// down: a child that was told to exit has ended, seen by the monitor because it had unlinked itself; or the parent of a
// supervisor that is not linked to it yet.
func (s *shell) down(ctx *actor.Context, d actor.Down) {
	if errors.Is(d.Reason, actor.NoProc) && ctx.System().Alive(d.PID) {
		ctx.SendAfter(time.Millisecond, ctx.Self(), d) // it was ending already, and is not done with that: look again
		return
	}
	if ref, ok := s.told[d.PID]; ok && ref == d.Ref {
		delete(s.told, d.PID)
		ctx.Unlink(d.PID)
		s.childEnded(ctx, d.PID, d.Reason)
		return
	}
	if s.orphanDown(ctx, d) {
		return
	}
	if d.PID == s.parent && d.Ref == s.parentUp {
		s.step(ctx, func(now time.Duration) { s.v.m.told(now, d.Reason) })
	}
}

func (s *shell) call(ctx *actor.Context, c call) {
	switch c.kind {
	case callAwaitUp:
		if s.up {
			actor.Reply(ctx, c, answer{})
			return
		}
		s.waiting = append(s.waiting, actor.DeferReply(ctx, c))
	case callStop:
		actor.DeferReply(ctx, c)
		s.step(ctx, func(now time.Duration) { s.v.m.told(now, actor.Shutdown) })
	case callSync:
		actor.Reply(ctx, c, answer{})
	default:
		if s.asks == nil {
			s.asks = make(map[uint64]actor.ReplyTo[answer])
		}
		s.token++
		s.asks[s.token] = actor.DeferReply(ctx, c)
		cmd := &command[actor.PID]{kind: commandKind(c.kind), token: s.token, id: c.id, pid: c.pid}
		if c.child != nil {
			cmd.child = c.child
		}
		s.step(ctx, func(now time.Duration) { s.v.m.command(now, cmd) })
	}
}

func (s *shell) do(ctx *actor.Context, a action[actor.PID]) {
	switch a.kind {
	case actStart:
		s.start(ctx, a.e)
	case actExit:
		s.watch(ctx, a.pid)
		ctx.Exit(a.pid, actor.Shutdown)
	case actKill:
		s.watch(ctx, a.pid)
		ctx.Exit(a.pid, actor.Kill)
	case actTimer:
		s.setTimer(ctx, a.timer, a.delay)
	case actNoTimer:
		if t, ok := s.timers[a.timer]; ok {
			t.Stop()
			delete(s.timers, a.timer)
		}
	case actReply:
		if a.err != nil && a.end == endStart {
			a.err = &StartError{ID: a.e.child.ID, Err: a.err}
		}
		to := s.asks[a.token]
		delete(s.asks, a.token)
		to.Reply(answer{pid: a.pid, err: a.err})
	case actReady:
		s.ready(ctx)
	case actEnd:
		s.end(a)
	case actReport:
		s.report(ctx, a)
	}
}

func (s *shell) setTimer(ctx *actor.Context, timer uint64, d time.Duration) {
	if d <= 0 {
		ctx.Send(ctx.Self(), timeout{timer})
		return
	}
	if s.timers == nil {
		s.timers = make(map[uint64]actor.Timer)
	}
	s.timers[timer] = ctx.SendAfter(d, ctx.Self(), timeout{timer})
}

// watch monitors a child before it is told to exit: the link alone would not do if the child has unlinked itself.
func (s *shell) watch(ctx *actor.Context, pid actor.PID) {
	if _, ok := s.told[pid]; ok {
		return
	}
	if s.told == nil {
		s.told = make(map[actor.PID]actor.MonitorRef)
	}
	s.told[pid] = ctx.Monitor(pid)
}

// start spawns a child and tells the machine what came of it.
func (s *shell) start(ctx *actor.Context, e *entry[actor.PID]) {
	c := e.child
	a, err := c.incarnate(ctx.Self())
	sub, _ := a.(*shell)
	var pid actor.PID
	if err == nil {
		opts := c.Options
		if sub != nil {
			opts = append(opts[:len(opts):len(opts)], actor.EndsChildren())
		}
		pid, err = ctx.SpawnLink(a, opts...)
	}
	if sub != nil && err == nil {
		s.keep(pid, sub.v)
	}
	ignored := errors.Is(err, actor.Ignore)
	if ignored {
		err = nil
	}
	s.v.mu.Lock()
	s.v.m.spawned(s.now(), e, pid, ignored, err)
	s.v.mu.Unlock()
}

// incarnate makes the actor of a child's next incarnation.
func (c *Child) incarnate(supervisor actor.PID) (a actor.Actor, err error) {
	if c.Supervisor != nil {
		return newShell(c.Supervisor.prepare(), supervisor, true), nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = &actor.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	if a = c.Start(); a == nil {
		err = fmt.Errorf("supervision: Start of child %q returned nil; it must return a fresh actor", c.ID)
	}
	return a, err
}

// ready tells those who wait that the first children are up. Only now a parent that is no supervisor is linked.
func (s *shell) ready(ctx *actor.Context) {
	s.up = true
	switch {
	case s.nested:
		ctx.Send(s.parent, readyReport{})
	case !s.parent.IsZero():
		ctx.Link(s.parent)
		ctx.Demonitor(s.parentUp)
	}
	for _, to := range s.waiting {
		to.Reply(answer{})
	}
	s.waiting = nil
}

func (s *shell) end(a action[actor.PID]) {
	s.ended = true
	switch a.end {
	case endTold:
		s.reason = a.err
	case endStart:
		s.reason = &StartError{ID: a.e.child.ID, Err: a.err}
		s.v.mu.Lock()
		s.v.failed = s.reason
		s.v.mu.Unlock()
	case endAuto:
		s.reason = actor.Shutdown
	case endIntensity:
		c := s.v.m.conf
		s.reason = &IntensityError{ID: a.e.child.ID, Intensity: c.intensity, Period: c.period, Last: a.err}
	}
	s.v.forget()
}

// Terminate ends what the supervisor still knows when it did not end by its own decision.
func (s *shell) Terminate(*actor.Context, error) { s.v.forget() }

func (s *shell) report(ctx *actor.Context, a action[actor.PID]) {
	r := reports[a.report]
	if a.report == reportStarted {
		s.watchLife(ctx, a.e)
	}
	if s.log.Enabled(context.Background(), r.level) {
		s.log.Log(context.Background(), r.level, r.text, "child", a.e.child.ID, "pid", a.e.pid, "reason", a.err, "restart", a.e.child.Restart)
	}
}

// reports are the texts of what is told to the log.
var reports = [...]struct {
	level slog.Level
	text  string
}{
	reportStarted:   {slog.LevelDebug, "supervisor: child started"},
	reportCrashed:   {slog.LevelWarn, "supervisor: child ended"},
	reportStopped:   {slog.LevelWarn, "supervisor: child did not end as told"},
	reportStart:     {slog.LevelWarn, "supervisor: child failed to start"},
	reportIntensity: {slog.LevelError, "supervisor: too many restarts, giving up"},
}

// Ready tells the supervisor of the calling process that it is ready, as a Child with a Ready time must. Further calls
// and calls of other processes have no effect.
func Ready(c interface {
	actor.Sender
	Self() actor.PID
	System() *actor.System
}) {
	if info, ok := c.System().Info(c.Self()); ok {
		c.Send(info.Parent, readyReport{})
	}
}
