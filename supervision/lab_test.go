package supervision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// lab is a System on virtual time that remembers how processes ended.
type lab struct {
	*testing.T
	sys *actor.System
	ctx context.Context

	mu    sync.Mutex // protects the fields below
	exits map[actor.PID]error
	order []actor.PID // of ends
}

func inLab(t *testing.T, f func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sys, err := actor.NewSystem("lab", actor.WithLogger(slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatal(err)
		}
		l := &lab{T: t, sys: sys, ctx: t.Context(), exits: map[actor.PID]error{}}
		cancel := sys.Subscribe(func(e actor.Event) {
			if x, ok := e.(actor.Exited); ok {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.exits[x.PID] = x.Reason
				l.order = append(l.order, x.PID)
			}
		})
		defer func() {
			cancel()
			<-time.After(time.Hour) // naps of killed workers are over
			if err := sys.Shutdown(context.Background()); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		}()
		f(l)
	})
}

func (l *lab) settle() { synctest.Wait() }

var errDied = errors.New("died")

// otherShutdown is OTP's {shutdown, some_info}.
var otherShutdown = fmt.Errorf("%w: some info", actor.Shutdown)

// Messages to a worker.
type (
	end struct{ reason error }             // end with this reason
	nap struct{ d time.Duration }          // sleep through everything but a kill
	run struct{ f func(c *actor.Context) } // do this
)

// worker is supervisor_1 of the suite, and with its fields set the others.
type worker struct {
	init      func(c *actor.Context) error
	trap      bool
	obey      error         // with trap: what it ends with when told to exit; nil: the reason it was told
	terminate time.Duration // how long its Terminate takes
}

func (w *worker) Init(c *actor.Context) error {
	if w.trap {
		c.TrapExit(true)
	}
	if w.init != nil {
		return w.init(c)
	}
	return nil
}

func (w *worker) Receive(c *actor.Context, msg any) error {
	switch m := msg.(type) {
	case end:
		return m.reason
	case nap:
		<-time.After(m.d)
	case run:
		m.f(c)
	case actor.ExitSignal:
		if w.obey != nil {
			return w.obey
		}
		return m.Reason
	}
	return nil
}

func (w *worker) Terminate(*actor.Context, error) {
	if w.terminate > 0 {
		<-time.After(w.terminate)
	}
}

func plain() actor.Actor { return &worker{} }

// kid is a child that is a plain worker, changed.
func kid(id string, change ...func(*Child)) Child {
	c := Child{ID: id, Start: plain, Shutdown: time.Second}
	for _, f := range change {
		f(&c)
	}
	return c
}

func as(r Restart) func(*Child)               { return func(c *Child) { c.Restart = r } }
func shutdownIn(d time.Duration) func(*Child) { return func(c *Child) { c.Shutdown = d } }
func significant(c *Child)                    { c.Significant = true }
func from(f func() actor.Actor) func(*Child)  { return func(c *Child) { c.Start = f } }
func initially(f func(c *actor.Context) error) func(*Child) {
	return from(func() actor.Actor { return &worker{init: f} })
}

// spec is what most cases of the suite use: two restarts in an hour.
func spec(kids ...Child) Spec { return Spec{Intensity: 2, Period: time.Hour, Children: kids} }

func (l *lab) start(s Spec) *Supervisor {
	l.Helper()
	sup, err := Start(l.sys, s)
	if err != nil {
		l.Fatalf("Start: %v", err)
	}
	return sup
}

func (l *lab) dynamic(s DynamicSpec) *Dynamic {
	l.Helper()
	d, err := StartDynamic(l.sys, s)
	if err != nil {
		l.Fatalf("StartDynamic: %v", err)
	}
	return d
}

func (l *lab) add(s *Supervisor, c Child) actor.PID {
	l.Helper()
	pid, err := s.StartChild(l.ctx, c)
	if err != nil {
		l.Fatalf("StartChild(%s): %v", c.ID, err)
	}
	return pid
}

func (l *lab) addDyn(d *Dynamic, c Child) actor.PID {
	l.Helper()
	pid, err := d.StartChild(l.ctx, c)
	if err != nil {
		l.Fatalf("StartChild: %v", err)
	}
	return pid
}

// pid is the running process of a child; it must have one.
func (l *lab) pid(s *Supervisor, id string) actor.PID {
	l.Helper()
	c, ok := s.Child(id)
	if !ok || c.PID.IsZero() || !l.sys.Alive(c.PID) {
		l.Fatalf("%s does not run: %+v", id, s.Children())
	}
	return c.PID
}

// kill ends a process as the suite's terminate does, and lets everything settle.
func (l *lab) kill(pid actor.PID, reason error) {
	l.Helper()
	if errors.Is(reason, actor.Kill) || errors.Is(reason, actor.Shutdown) {
		l.sys.Exit(pid, reason)
	} else {
		l.sys.Send(pid, end{reason})
	}
	l.settle()
	l.ended(pid)
}

func (l *lab) ended(pids ...actor.PID) {
	l.Helper()
	for _, p := range pids {
		if l.sys.Alive(p) {
			l.Fatalf("%v lives", p)
		}
	}
}

func (l *lab) alive(pids ...actor.PID) {
	l.Helper()
	for _, p := range pids {
		if !l.sys.Alive(p) {
			l.Fatalf("%v has ended: %v", p, l.why(p))
		}
	}
}

// why is the reason a process ended with.
func (l *lab) why(pid actor.PID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.exits[pid]
}

func (l *lab) wantWhy(pid actor.PID, reason error) {
	l.Helper()
	l.ended(pid)
	if got := l.why(pid); !errors.Is(got, reason) {
		l.Errorf("%v ended with %v, want %v", pid, got, reason)
	}
}

func (l *lab) endings() []actor.PID {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.order
	l.order = nil
	return list
}

// stop ends a supervisor as the suite's terminate(SupPid, shutdown) does.
func (l *lab) stop(pid actor.PID) {
	l.Helper()
	l.sys.Exit(pid, actor.Shutdown)
	<-time.After(time.Hour)
	l.settle()
	l.wantWhy(pid, actor.Shutdown)
}

type counter interface{ Count() Counts }

// counts checks specs, active, supervisors, workers.
func (l *lab) counts(s counter, specs, active, supervisors, workers int) {
	l.Helper()
	if got, want := s.Count(), (Counts{specs, active, supervisors, workers}); got != want {
		l.Fatalf("Count() = %+v, want %+v", got, want)
	}
}

// wantErr checks an error, and that it is no other.
func (l *lab) wantErr(got, want error) {
	l.Helper()
	if !errors.Is(got, want) {
		l.Errorf("got error %v, want %v", got, want)
	}
}

// state of a child: "up", "idle", "restarting" or "none".
func (l *lab) state(s *Supervisor, id string) string {
	c, ok := s.Child(id)
	switch {
	case !ok:
		return "none"
	case c.Restarting:
		return "restarting"
	case c.PID.IsZero():
		return "idle"
	}
	return "up"
}

func (l *lab) wantState(s *Supervisor, id, want string) {
	l.Helper()
	if got := l.state(s, id); got != want {
		l.Fatalf("%s is %s, want %s", id, got, want)
	}
}

func (l *lab) ids(s *Supervisor) (list []string) {
	for _, c := range s.Children() {
		list = append(list, c.ID)
	}
	return list
}

// quietSystem is a System on real time.
func quietSystem(t testing.TB) *actor.System {
	t.Helper()
	sys, err := actor.NewSystem("real", actor.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return sys
}
