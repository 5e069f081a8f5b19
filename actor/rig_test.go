package actor_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/mailbox"
)

// patience is how long a test waits for what must happen; it says nothing of how fast it has to.
const patience = 10 * time.Second

var (
	errBoom  = errors.New("boom")
	errOther = errors.New("other")
)

// rig is a System whose events are collected, and processes that do what the test says.
type rig struct {
	t   testing.TB
	sys *actor.System

	mu     sync.Mutex // protects events
	events []actor.Event
	change chan struct{} // replaced at every event
}

func newRig(t testing.TB, opts ...actor.Option) *rig {
	t.Helper()
	sys, err := actor.NewSystem("rig", opts...)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, sys: sys, change: make(chan struct{})}
	sys.Subscribe(func(e actor.Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, e)
		close(r.change)
		r.change = make(chan struct{})
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := sys.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if st := sys.Stats(); st.Sent != st.Handled+st.Dead+uint64(st.Queued) {
			t.Errorf("after Shutdown: Sent %d != Handled %d + Dead %d + Queued %d", st.Sent, st.Handled, st.Dead, st.Queued)
		}
	})
	return r
}

// await waits until an event is accepted.
func await[E actor.Event](r *rig, what string, ok func(E) bool) E {
	r.t.Helper()
	late := time.After(patience)
	for seen := 0; ; {
		r.mu.Lock()
		events, change := r.events[seen:], r.change
		r.mu.Unlock()
		for _, e := range events {
			if x, is := e.(E); is && ok(x) {
				return x
			}
		}
		seen += len(events)
		select {
		case <-change:
		case <-late:
			r.t.Fatalf("no event in time: %s", what)
		}
	}
}

// count is how many events so far are accepted.
func count[E actor.Event](r *rig, ok func(E) bool) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if x, is := e.(E); is && ok(x) {
			n++
		}
	}
	return n
}

func (r *rig) exited(pid actor.PID) actor.Exited {
	r.t.Helper()
	return await(r, "Exited of "+pid.String(), func(e actor.Exited) bool { return e.PID == pid })
}

func (r *rig) deadLetter(what any) actor.DeadLetter {
	r.t.Helper()
	return await(r, fmt.Sprint("dead letter ", what), func(d actor.DeadLetter) bool { return valueOf(d.Message) == what })
}

// proc is what every kind of process can do.
type proc interface {
	actor.Receiver
	Link(actor.PID)
	Unlink(actor.PID)
	Monitor(actor.PID) actor.MonitorRef
	Demonitor(actor.MonitorRef)
	TrapExit(bool)
	Exit(actor.PID, error)
	Spawn(actor.Actor, ...actor.SpawnOption) (actor.PID, error)
	SpawnLink(actor.Actor, ...actor.SpawnOption) (actor.PID, error)
	SpawnMonitor(actor.Actor, ...actor.SpawnOption) (actor.PID, actor.MonitorRef, error)
	Detach() actor.Scope
	TrySend(actor.PID, any) error
}

// note is what puppets take: something to do, or a value to report. It may be sent as a request.
type note struct {
	actor.Replies[int]
	do func(proc) error
	v  any
}

func valueOf(msg any) any {
	if n, ok := msg.(note); ok {
		return n.v
	}
	return msg
}

// puppet is a process that reports what it gets and does what it is told.
type puppet struct {
	*rig
	pid actor.PID
	got chan any
	end chan error // what its Terminate was given
}

// puppetActor is a puppet's behaviour.
type puppetActor struct{ *puppet }

func (a puppetActor) Receive(c *actor.Context, msg any) error { return a.handle(c, msg) }
func (a puppetActor) Terminate(_ *actor.Context, reason error) {
	a.end <- reason
}

type typedPuppet struct{ *puppet }

func (a typedPuppet) Receive(c *actor.Context, n note) error        { return a.handle(c, n) }
func (a typedPuppet) ReceiveSignal(c *actor.Context, sig any) error { return a.handle(c, sig) }
func (a typedPuppet) Terminate(_ *actor.Context, reason error)      { a.end <- reason }
func (x *puppet) handle(p proc, msg any) error {
	switch m := msg.(type) {
	case note:
		if m.do != nil {
			return m.do(p)
		}
		x.got <- m.v
	default:
		x.got <- msg
	}
	return nil
}

func (x *puppet) blocking(p *actor.Process) error {
	for {
		msg, err := p.Receive(context.Background())
		if err != nil {
			return err
		}
		if err := x.handle(p, msg); err != nil {
			return err
		}
	}
}

// kind is a kind of process.
type kind struct {
	name  string
	actor func(*puppet) actor.Actor
	opts  []actor.SpawnOption
}

func asPlain(x *puppet) actor.Actor    { return puppetActor{x} }
func asTyped(x *puppet) actor.Actor    { return actor.Typed(typedPuppet{x}) }
func asBlocking(x *puppet) actor.Actor { return actor.Blocking(x.blocking) }

var bounded = mailbox.Spec{Capacity: 64, Overflow: mailbox.Block}
var priority = mailbox.Spec{Levels: 2, Level: func(any) int { return 1 }}

var (
	plain    = kind{"plain", asPlain, nil}
	typed    = kind{"typed", asTyped, nil}
	blocking = kind{"blocking", asBlocking, nil}
	kinds    = []kind{
		plain, typed, blocking,
		{"inline", asPlain, []actor.SpawnOption{actor.WithInline()}},
		{"bounded", asPlain, []actor.SpawnOption{actor.WithMailbox(bounded)}},
		{"priority", asPlain, []actor.SpawnOption{actor.WithMailbox(priority)}},
		{"typed bounded", asTyped, []actor.SpawnOption{actor.WithMailbox(bounded)}},
		{"blocking bounded", asBlocking, []actor.SpawnOption{actor.WithMailbox(bounded)}},
	}
)

// fullMailboxes have no room for what the tests send.
var fullMailboxes = []struct {
	name string
	spec mailbox.Spec
}{
	{"Block", mailbox.Spec{Capacity: 2, Overflow: mailbox.Block}},
	{"DropNewest", mailbox.Spec{Capacity: 2, Overflow: mailbox.DropNewest}},
	{"DropOldest", mailbox.Spec{Capacity: 2, Overflow: mailbox.DropOldest}},
	{"Fail", mailbox.Spec{Capacity: 2, Overflow: mailbox.Fail}},
	{"Priority", priority},
}

func (k kind) terminates() bool { return k.name != "blocking" && k.name != "blocking bounded" }

// eachKind runs a test for every kind of process, all of one kind in a rig of their own.
func eachKind(t *testing.T, f func(t *testing.T, r *rig, k kind)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { f(t, newRig(t), k) })
	}
}

func (r *rig) puppet() *puppet {
	return &puppet{rig: r, got: make(chan any, 4096), end: make(chan error, 1)}
}

func (r *rig) start(k kind, opts ...actor.SpawnOption) *puppet {
	r.t.Helper()
	x := r.puppet()
	pid, err := r.sys.Spawn(k.actor(x), append(append([]actor.SpawnOption{}, k.opts...), opts...)...)
	if err != nil {
		r.t.Fatalf("Spawn: %v", err)
	}
	x.pid = pid
	return x
}

// trapper is a process that traps exits.
func (r *rig) trapper(k kind) *puppet {
	r.t.Helper()
	x := r.start(k)
	x.call(func(p proc) { p.TrapExit(true) })
	return x
}

// tell makes the process do something whose outcome is that of its handler.
func (x *puppet) tell(f func(p proc) error) { x.sys.Send(x.pid, note{do: f}) }

// call makes the process do something and waits for it.
func (x *puppet) call(f func(p proc)) {
	x.t.Helper()
	done := make(chan struct{})
	x.tell(func(p proc) error { defer close(done); f(p); return nil })
	x.wait(done, "the process to do as told")
}

func (x *puppet) send(v any) { x.sys.Send(x.pid, note{v: v}) }

func (r *rig) wait(done <-chan struct{}, what string) {
	r.t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		r.t.Fatalf("waited too long for %s", what)
	}
}

// take waits for a value from a channel.
func take[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited too long for %s", what)
		panic("unreachable")
	}
}

// next is the next thing the process got, which must be a T.
func next[T any](x *puppet) T {
	x.t.Helper()
	v := take(x.t, x.got, fmt.Sprintf("a %T", *new(T)))
	m, ok := v.(T)
	if !ok {
		x.t.Fatalf("got %T %v, want a %T", v, v, m)
	}
	return m
}

func (x *puppet) expectDown(ref actor.MonitorRef, pid actor.PID, reason error) {
	x.t.Helper()
	if d := next[actor.Down](x); d.Ref != ref || d.PID != pid || !errors.Is(d.Reason, reason) {
		x.t.Fatalf("got %+v, want Down{%v, %v, %v}", d, ref, pid, reason)
	}
}

func (x *puppet) expectExit(from actor.PID, reason error) {
	x.t.Helper()
	if e := next[actor.ExitSignal](x); e.From != from || !errors.Is(e.Reason, reason) {
		x.t.Fatalf("got %+v, want ExitSignal{%v, %v}", e, from, reason)
	}
}

// expectNothing checks that nothing else is in the process's queue.
func (x *puppet) expectNothing() {
	x.t.Helper()
	x.call(func(proc) {})
	select {
	case v := <-x.got:
		x.t.Fatalf("got %T %+v, want nothing", v, v)
	default:
	}
}

// witness monitors pid; its Down comes after everybody who linked or monitored before was told.
func (r *rig) witness(pid actor.PID) (gone func() error) {
	r.t.Helper()
	w := r.start(plain)
	w.call(func(p proc) { p.Monitor(pid) })
	return func() error { r.t.Helper(); return next[actor.Down](w).Reason }
}

// blockIn makes the process wait in a handler until release is called.
func (x *puppet) blockIn(after func(p proc) error) (release func()) {
	x.t.Helper()
	in, out := make(chan struct{}), make(chan struct{})
	x.tell(func(p proc) error {
		close(in)
		<-out
		if after != nil {
			return after(p)
		}
		return nil
	})
	x.wait(in, "the handler to begin")
	var once sync.Once
	release = func() { once.Do(func() { close(out) }) }
	x.t.Cleanup(release)
	return release
}

// ask asks in a goroutine of its own.
func (x *puppet) ask(do func(p proc) error) <-chan error {
	out := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, err := actor.Ask(ctx, x.pid, note{do: do})
		out <- err
	}()
	return out
}

// random returns a source whose seed is printed when the test fails.
func random(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}
