package actor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/mailbox"
)

type pointerActor struct{}

func (*pointerActor) Receive(*actor.Context, any) error { return nil }

type pointerTyped struct{}

func (*pointerTyped) Receive(*actor.Context, int) error { return nil }

func TestNilActors(t *testing.T) {
	s := sysOf(t)
	var p *pointerActor
	var pt *pointerTyped
	for name, a := range map[string]actor.Actor{
		"nil":                nil,
		"nil pointer":        p,
		"nil Func":           actor.Func(nil),
		"nil Blocking":       actor.Blocking(nil),
		"Typed of nil":       actor.Typed[int](nil),
		"Typed of a pointer": actor.Typed[int](pt),
		"Typed of a func":    actor.Typed[int](actor.TypedFunc[int](nil)),
	} {
		if pid, err := s.Spawn(a); err == nil || !pid.IsZero() || !strings.Contains(err.Error(), "nil") {
			t.Errorf("%s: %v, %v", name, pid, err)
		}
	}
	if _, err := actor.SpawnTyped[int](s, nil); err == nil {
		t.Error("SpawnTyped(nil)")
	}
	if _, err := actor.SpawnTyped[int](s, actor.TypedFunc[int](nil)); err == nil {
		t.Error("SpawnTyped(TypedFunc(nil))")
	}
	if _, err := s.Go(nil); err == nil {
		t.Error("Go(nil)")
	}
	pid := spawnFn(t, s, func(c *actor.Context, _ any) error {
		if _, err := c.Spawn(nil); err == nil {
			t.Error("Context.Spawn(nil)")
		}
		if _, err := c.SpawnLink(actor.Typed[int](nil)); err == nil {
			t.Error("Context.SpawnLink(Typed(nil))")
		}
		c.Become(nil)
		c.Become(p)
		c.Become(actor.Typed[int](nil))
		c.Unbecome()
		return nil
	})
	s.Send(pid, 1)
	s.Send(pid, 2)
	until(t, "both are handled", func() bool { return s.Stats().Handled == 2 })
	if n := s.Stats().Processes; n != 1 {
		t.Fatalf("%d processes", n)
	}
}

func TestBadOptions(t *testing.T) {
	s := sysOf(t)
	spawnFn(t, s, doubler, actor.WithName("taken"))
	for name, x := range map[string]struct {
		opts []actor.SpawnOption
		want string
	}{
		"nil option":        {[]actor.SpawnOption{nil}, "option is nil"},
		"empty name":        {[]actor.SpawnOption{actor.WithName("")}, "name is empty"},
		"taken name":        {[]actor.SpawnOption{actor.WithName("taken")}, "taken"},
		"negative capacity": {[]actor.SpawnOption{actor.WithMailbox(mailbox.Spec{Capacity: -1})}, "Capacity"},
		"bad overflow":      {[]actor.SpawnOption{actor.WithMailbox(mailbox.Spec{Capacity: 1, Overflow: 9})}, "Overflow"},
		"levels alone":      {[]actor.SpawnOption{actor.WithMailbox(mailbox.Spec{Levels: 3})}, "Level"},
		"two at once":       {[]actor.SpawnOption{actor.WithName(""), actor.WithMailbox(mailbox.Spec{Capacity: -1})}, "Capacity"},
	} {
		for _, a := range []actor.Actor{actor.Func(doubler), actor.Blocking(func(*actor.Process) error { return nil }), &idler{make(chan any, 1)}} {
			if pid, err := s.Spawn(a, x.opts...); err == nil || !pid.IsZero() || !strings.Contains(err.Error(), x.want) {
				t.Errorf("%s: %v, %v", name, pid, err)
			}
		}
	}
	_, err := s.Spawn(actor.Func(doubler), actor.WithName("taken"))
	wantErr(t, err, actor.ErrNameTaken)
	if st := s.Stats(); st.Processes != 1 || st.Spawned != 1 {
		t.Fatalf("a process that failed to start is left: %+v", st)
	}
	for name, opts := range map[string][]actor.Option{
		"nil": {nil}, "workers": {actor.WithWorkers(0)}, "logger": {actor.WithLogger(nil)}, "water": {actor.WithHighWater(-1)}, "turn": {actor.WithLongTurn(0)},
	} {
		if _, err := actor.NewSystem("x", opts...); err == nil {
			t.Error(name)
		}
	}
	for _, name := range []string{"", "a b", "<a>", "a\n", `"`} {
		if _, err := actor.NewSystem(name); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

func TestNamesTakenUnderFire(t *testing.T) {
	s := sysOf(t)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() { // finds processes that are about to be withdrawn
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for pid := range s.Processes() {
				s.Send(pid, "found")
			}
		}
	}()
	spawnFn(t, s, doubler, actor.WithName("taken"))
	for range 500 {
		_, err := s.Spawn(actor.Func(doubler), actor.WithName("taken"))
		wantErr(t, err, actor.ErrNameTaken)
	}
	close(stop)
	recvEnd(t, done, "the sender")
	until(t, "all is handled", func() bool { st := s.Stats(); return st.Queued == 0 && st.Sent == st.Handled+st.Dead })
	conserved(t, s)
}

func TestRegister(t *testing.T) {
	s := sysOf(t)
	a, b := spawnFn(t, s, doubler), spawnFn(t, s, doubler)
	wantErr(t, s.Register("a", a), nil)
	wantErr(t, s.Register("a", a), nil)
	wantErr(t, s.Register("a", b), actor.ErrNameTaken)
	wantErr(t, s.Register("x", actor.PID{}), actor.NoProc)
	if s.Register("", b) == nil || s.Register("other", a) == nil {
		t.Error("an empty or a second name was accepted")
	}
	if pid, ok := s.Whereis("a"); !ok || pid != a {
		t.Error(pid, ok)
	}
	if !s.Unregister("a") || s.Unregister("a") {
		t.Error("Unregister is true once")
	}
	wantErr(t, s.Register("b", a), nil)
	other := sysOf(t)
	wantErr(t, other.Register("c", a), actor.NoProc)
}

// Everything that takes a PID takes the zero PID, one of another node and one of a dead process.
func TestPIDsOfNobody(t *testing.T) {
	s := sysOf(t)
	dead := spawnFn(t, s, doubler)
	s.Exit(dead, actor.Kill)
	untilGone(t, s, dead)
	far, _ := s.ParsePID("<far/1.1>")
	done := make(chan struct{})
	pid := spawnFn(t, s, func(c *actor.Context, _ any) error {
		defer close(done)
		c.TrapExit(true)
		for _, p := range []actor.PID{{}, far, dead, s.Named("nobody")} {
			c.Send(p, 1)
			if c.TrySend(p, 1) == nil {
				t.Error("TrySend to nobody")
			}
			c.Link(p)
			c.Unlink(p)
			c.Demonitor(c.Monitor(p))
			c.Exit(p, nil)
			c.Exit(p, actor.Kill)
			c.SendAfter(0, p, 1).Stop()
			c.Forward(p)
			actor.RefOf[int](p).Send(c, 1)
		}
		c.Demonitor(actor.MonitorRef{})
		c.IdleAfter(-1)
		c.Unstash()
		return nil
	})
	s.Send(pid, 1)
	recvEnd(t, done, "the handler")
	for _, p := range []actor.PID{{}, far, dead} {
		s.Send(p, 1)
		s.Exit(p, nil)
		s.SendAfter(time.Hour, p, 1).Stop()
		if s.Alive(p) {
			t.Error("nobody is alive")
		}
	}
	if !s.Alive(pid) {
		t.Error("it was harmed")
	}
	conserved(t, s)
}
