package actor_test

import (
	"context"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

// perRun is how many allocations a step makes that sends n messages, all of which were handled when it returns.
func perRun(t *testing.T, step func()) float64 {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for range 200 {
		step()
	}
	return testing.AllocsPerRun(500, step)
}

const sendsPerRun = 100

// sink is a process that says when it has handled sendsPerRun messages.
func sink(t *testing.T, s *actor.System) (actor.PID, chan struct{}) {
	done, n := make(chan struct{}, 1), 0
	return spawnFn(t, s, func(*actor.Context, any) error {
		if n++; n%sendsPerRun == 0 {
			done <- struct{}{}
		}
		return nil
	}), done
}

func typedSink(t *testing.T, s *actor.System) (actor.Ref[[3]int], chan struct{}) {
	done, n := make(chan struct{}, 1), 0
	return spawnTyped(t, s, func(*actor.Context, [3]int) error {
		if n++; n%sendsPerRun == 0 {
			done <- struct{}{}
		}
		return nil
	}), done
}

// Less than one allocation in a hundred sends: what is left is the run-time's own.
func wantNone(t *testing.T, what string, n float64) {
	t.Helper()
	if n >= 1 {
		t.Errorf("%s: %v allocations per %d sends", what, n, sendsPerRun)
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	s := sysOf(t)
	pid, done := sink(t, s)
	ref, typedDone := typedSink(t, s)
	msg := any(&struct{}{})
	with := s.With(actor.WithBaggage(context.Background(), "k", "v"))
	wantNone(t, "System.Send", perRun(t, func() {
		for range sendsPerRun {
			s.Send(pid, msg)
		}
		<-done
	}))
	wantNone(t, "Scope.Send", perRun(t, func() {
		for range sendsPerRun {
			with.Send(pid, msg)
		}
		<-done
	}))
	wantNone(t, "Ref.Send from a System", perRun(t, func() {
		for i := range sendsPerRun {
			ref.Send(s, [3]int{i, i, i})
		}
		<-typedDone
	}))
	wantNone(t, "Ref.Send from a Scope", perRun(t, func() {
		for i := range sendsPerRun {
			ref.Send(with, [3]int{i, i, i})
		}
		<-typedDone
	}))
}

func TestSendOfAProcessAllocatesNothing(t *testing.T) {
	s := sysOf(t)
	pid, done := sink(t, s)
	ref, typedDone := typedSink(t, s)
	msg := any(&struct{}{})
	sender := spawnFn(t, s, func(c *actor.Context, m any) error {
		for i := range sendsPerRun {
			if m == msg {
				c.Send(pid, msg)
			} else {
				ref.Send(c, [3]int{i, i, i})
			}
		}
		return nil
	})
	with := s.With(actor.WithBaggage(context.Background(), "k", "v"))
	wantNone(t, "Context.Send", perRun(t, func() { s.Send(sender, msg); <-done }))
	wantNone(t, "Context.Send with baggage", perRun(t, func() { with.Send(sender, msg); <-done }))
	typed := any(&struct{ n int }{})
	wantNone(t, "Ref.Send from a Context", perRun(t, func() { s.Send(sender, typed); <-typedDone }))
	wantNone(t, "Ref.Send from a Context with baggage", perRun(t, func() { with.Send(sender, typed); <-typedDone }))
	name := s.Named("nobody yet")
	if err := s.Register("nobody yet", pid); err != nil {
		t.Fatal(err)
	}
	wantNone(t, "Send to an address", perRun(t, func() {
		for range sendsPerRun {
			s.Send(name, msg)
		}
		<-done
	}))
}

func TestAskAllocatesItsRecordOnly(t *testing.T) {
	s := sysOf(t)
	ctx := context.Background()
	for _, opts := range [][]actor.SpawnOption{nil, {actor.WithInline()}} {
		pid := spawnFn(t, s, doubler, opts...)
		if n := perRun(t, func() {
			if n, err := actor.Ask(ctx, pid, askDouble{n: 4}); n != 8 || err != nil {
				t.Fatal(n, err)
			}
		}); n > 2 { // the record, and the request when it is boxed
			t.Errorf("%v allocations per Ask", n)
		}
	}
}
