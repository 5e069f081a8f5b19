package actor_test

import (
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

func TestInfo(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	kids := make(chan actor.PID, 1)
	labels := map[string]string{"kind": "parent"}
	other := spawnFn(t, s, doubler)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		switch msg {
		case "child":
			kid, err := c.SpawnLink(actor.Func(doubler))
			c.Monitor(other)
			c.TrapExit(true)
			kids <- kid
			return err
		case "wait":
			g.pass()
		}
		return nil
	}, actor.WithName("parent"), actor.WithLabels(labels))
	labels["kind"] = "changed"
	info, ok := s.Info(pid)
	if !ok || info.PID != pid || info.Name != "parent" || info.Status != actor.StatusIdle || !info.Parent.IsZero() || info.Labels["kind"] != "parent" {
		t.Fatalf("%+v", info)
	}
	s.Send(pid, "child")
	kid := recv(t, kids, "the child")
	s.Send(pid, "wait")
	recv(t, g.arrived, "the handler")
	s.Send(pid, 1)
	s.Send(pid, 2)
	info, _ = s.Info(s.Named("parent"))
	if info.Queued != 2 || info.Status != actor.StatusBusy || !info.TrapExit || !slices.Equal(info.Links, []actor.PID{kid}) || !slices.Equal(info.Monitors, []actor.PID{other}) {
		t.Fatalf("%+v", info)
	}
	if info, _ = s.Info(kid); info.Parent != pid || !slices.Equal(info.Links, []actor.PID{pid}) {
		t.Fatalf("%+v", info)
	}
	if info, _ = s.Info(other); !slices.Equal(info.MonitoredBy, []actor.PID{pid}) {
		t.Fatalf("%+v", info)
	}
	g.unlock()
	until(t, "four are handled", func() bool { i, _ := s.Info(pid); return i.Handled == 4 && i.Status == actor.StatusIdle })
	all := slices.Collect(s.Processes())
	if len(all) != 3 || !slices.Contains(all, kid) {
		t.Fatal(all)
	}
	s.Exit(pid, actor.Kill)
	untilGone(t, s, pid)
	for _, p := range []actor.PID{pid, {}, s.Named("parent")} {
		if _, ok := s.Info(p); ok {
			t.Fatal("there is Info of", p)
		}
	}
}

func TestStatusOfAProcessThatIsToldToExit(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	pid := spawnFn(t, s, func(*actor.Context, any) error { g.pass(); return nil })
	s.Send(pid, 1)
	recv(t, g.arrived, "the handler")
	s.Exit(pid, actor.Shutdown)
	if i, _ := s.Info(pid); i.Status != actor.StatusExiting || i.Status.String() != "exiting" {
		t.Fatalf("%+v", i)
	}
}

func TestSuspendAndResume(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	got := make(chan any, 16)
	pid := spawnFn(t, s, func(_ *actor.Context, msg any) error {
		got <- msg
		if msg == 0 {
			g.pass()
		}
		return nil
	})
	for i := range 4 {
		s.Send(pid, i)
	}
	recv(t, g.arrived, "the handler")
	for range 2 {
		if err := s.Suspend(pid); err != nil {
			t.Fatal(err)
		}
	}
	g.unlock()
	recvEq(t, got, any(0), "the message being handled")
	until(t, "it is suspended", func() bool { i, _ := s.Info(pid); return i.Status == actor.StatusSuspended && i.Handled == 1 })
	if st := conserved(t, s); st.Sent != 4 || st.Queued != 3 || len(got) != 0 {
		t.Fatalf("%+v", st)
	}
	if err := s.Resume(pid); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 4; i++ {
		recvEq(t, got, any(i), "a message after Resume")
	}
	wantErr(t, s.Resume(pid), nil) // once more does nothing
	s.Send(pid, 4)
	recvEq(t, got, any(4), "the last")
	wantErr(t, s.Suspend(actor.PID{}), actor.NoProc)
	wantErr(t, s.Resume(actor.PID{}), actor.NoProc)
	books(t, s, 5, 5, 0)
}

// One message is in hand and none is queued: nothing of it may be counted twice.
func TestSuspendedQueueIsCountedOnce(t *testing.T) {
	s := sysOf(t)
	g := newBarrier(t)
	pid := spawnFn(t, s, func(*actor.Context, any) error { g.pass(); return nil })
	s.Send(pid, 1)
	recv(t, g.arrived, "the handler")
	if err := s.Suspend(pid); err != nil {
		t.Fatal(err)
	}
	g.unlock()
	books(t, s, 1, 1, 0)
	s.Send(pid, 2)
	if st := conserved(t, s); st.Sent != 2 || st.Queued != 1 {
		t.Fatalf("%+v", st)
	}
}

func TestExitsActOnSuspendedProcesses(t *testing.T) {
	for _, reason := range []error{actor.Shutdown, actor.Kill} {
		s := sysOf(t)
		log := recordEvents(t, s)
		pid := spawnFn(t, s, doubler)
		if err := s.Suspend(pid); err != nil {
			t.Fatal(err)
		}
		s.Send(pid, "queued")
		s.Exit(pid, reason)
		deadLetterOf(t, log, "queued", actor.ErrExited)
		untilGone(t, s, pid)
		conserved(t, s)
	}
}

func TestTrace(t *testing.T) {
	s := sysOf(t)
	traced := make(chan any, 16)
	from := make(chan actor.PID, 16)
	for name, a := range map[string]actor.Actor{
		"plain": actor.Func(func(*actor.Context, any) error { return nil }),
		"typed": actor.Typed(actor.TypedFunc[int](func(*actor.Context, int) error { return nil })),
	} {
		t.Run(name, func(t *testing.T) {
			pid := spawnActor(t, s, a)
			odd := func(msg any) bool { n, ok := msg.(int); return ok && n%2 == 1 }
			stop, err := s.Trace(pid, odd, func(m actor.Traced) { traced <- m.Message; from <- m.From })
			if err != nil {
				t.Fatal(err)
			}
			sender := spawnFn(t, s, func(c *actor.Context, msg any) error { c.Send(pid, msg); return nil })
			for i := range 6 {
				s.Send(sender, i)
			}
			for _, want := range []int{1, 3, 5} {
				recvEq(t, traced, any(want), "a traced message")
				recvEq(t, from, sender, "its sender")
			}
			stop()
			stop()
			s.Send(pid, 7)
			until(t, "all are handled", func() bool { i, _ := s.Info(pid); return i.Handled == 7 })
			if len(traced) != 0 {
				t.Fatal("it is still traced")
			}
			if _, err := s.Trace(pid, nil, func(actor.Traced) { panic("tracer") }); err != nil {
				t.Fatal(err)
			}
			s.Send(pid, 8)
			until(t, "it survived the tracer", func() bool { i, _ := s.Info(pid); return i.Handled == 8 })
		})
	}
	_, err := s.Trace(actor.PID{}, nil, func(actor.Traced) {})
	wantErr(t, err, actor.NoProc)
	if _, err := s.Trace(spawnFn(t, s, doubler), nil, nil); err == nil {
		t.Fatal("a nil function was accepted")
	}
}

func TestSubscribe(t *testing.T) {
	s := sysOf(t)
	calls := 0
	cancel := s.Subscribe(func(actor.Event) { calls++; panic("subscriber") })
	log := recordEvents(t, s)
	boom := errors.New("boom")
	pid := spawnFn(t, s, doubler, actor.WithName("x"))
	findEvent(t, log, "the start", func(e actor.Spawned) bool { return e.PID == pid && e.Name == "x" && e.Parent.IsZero() })
	s.Send(pid, boom)
	findEvent(t, log, "the end", func(e actor.Exited) bool { return e.PID == pid && e.Name == "x" && e.Reason == boom })
	s.Send(pid, "late")
	d := deadLetterOf(t, log, "late", actor.NoProc)
	if d.To != pid || !d.From.IsZero() {
		t.Fatalf("%+v", d)
	}
	if calls < 3 {
		t.Fatal("a subscriber that panicked is not called again")
	}
	cancel()
	cancel()
	n := calls
	s.Send(pid, "later")
	deadLetterOf(t, log, "later", actor.NoProc)
	if calls != n {
		t.Fatal("a canceled subscriber was called")
	}
	s.Send(pid, d) // an event that is a dead letter is counted and not told
	if st := s.Stats(); st.Dead != 3 {
		t.Fatalf("%+v", st)
	}
	if n := countEvents(log, func(d actor.DeadLetter) bool { _, ok := d.Message.(actor.Event); return ok }); n != 0 {
		t.Fatal("an event that became a dead letter was told")
	}
}

func TestWarningsComeOnce(t *testing.T) {
	s := sysOf(t, actor.WithHighWater(10), actor.WithLongTurn(3*time.Millisecond))
	log := recordEvents(t, s)
	g := newBarrier(t)
	pid := spawnFn(t, s, func(_ *actor.Context, msg any) error {
		if msg == "wait" {
			g.pass()
		}
		return nil
	})
	s.Send(pid, "wait")
	recv(t, g.arrived, "the handler")
	for i := range 20 {
		s.Send(pid, i)
	}
	w := findEvent(t, log, "the long turn", func(w actor.Warning) bool { return w.Kind == actor.LongTurn })
	if w.PID != pid || w.Lasts < 3*time.Millisecond {
		t.Fatalf("%+v", w)
	}
	w = findEvent(t, log, "the long queue", func(w actor.Warning) bool { return w.Kind == actor.HighWater })
	if w.PID != pid || w.Queued != 20 {
		t.Fatalf("%+v", w)
	}
	g.unlock()
	until(t, "all are handled", func() bool { i, _ := s.Info(pid); return i.Handled == 21 })
	kinds := map[actor.WarningKind]int{}
	countEvents(log, func(w actor.Warning) bool { kinds[w.Kind]++; return true })
	if !maps.Equal(kinds, map[actor.WarningKind]int{actor.HighWater: 1, actor.LongTurn: 1}) {
		t.Fatal(kinds)
	}
}

func TestHighWaterOfBlockingProcesses(t *testing.T) {
	s := sysOf(t, actor.WithHighWater(10))
	log := recordEvents(t, s)
	pid := script(t, s, func(p *actor.Process) error { <-p.Done(); return nil })
	for i := range 50 {
		s.Send(pid, i)
	}
	findEvent(t, log, "the long queue", func(w actor.Warning) bool { return w.Kind == actor.HighWater && w.PID == pid })
}

// A queue that grows although its process is never found in one turn for long.
func TestHighWaterOfABusyProcess(t *testing.T) {
	s := sysOf(t, actor.WithHighWater(1000), actor.WithWorkers(1))
	log := recordEvents(t, s)
	var stop atomic.Bool
	defer stop.Store(true)
	pid := spawnFn(t, s, func(c *actor.Context, msg any) error {
		if !stop.Load() {
			c.Send(c.Self(), msg)
		}
		return nil
	})
	for i := range 2000 {
		s.Send(pid, i)
	}
	findEvent(t, log, "the long queue", func(w actor.Warning) bool { return w.Kind == actor.HighWater && w.PID == pid })
}
