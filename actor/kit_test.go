package actor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// enough bounds every wait of these tests; nothing is expected to take so long.
const enough = 10 * time.Second

// sysOf makes a System that is shut down, within a time that is enough, when the test ends.
func sysOf(t testing.TB, opts ...actor.Option) *actor.System {
	t.Helper()
	s, err := actor.NewSystem("test", append([]actor.Option{actor.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutDown(t, s) })
	return s
}

func shutDown(t testing.TB, s *actor.System) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// within is a context that ends with the test's patience.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	t.Cleanup(cancel)
	return ctx
}

// spawnFn starts a process of a function.
func spawnFn(t testing.TB, s actor.Spawner, f func(c *actor.Context, msg any) error, opts ...actor.SpawnOption) actor.PID {
	t.Helper()
	return spawnActor(t, s, actor.Func(f), opts...)
}

// spawnActor starts any actor.
func spawnActor(t testing.TB, s actor.Spawner, a actor.Actor, opts ...actor.SpawnOption) actor.PID {
	t.Helper()
	pid, err := s.Spawn(a, opts...)
	if err != nil {
		t.Fatalf("Spawn: %v", err)
	}
	return pid
}

// recv receives one value, or fails the test with what was awaited.
func recv[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v, ok := <-c:
		if !ok {
			t.Fatalf("%s: the channel was closed", what)
		}
		return v
	case <-time.After(enough):
		t.Fatalf("waited in vain for %s", what)
	}
	panic("unreachable")
}

// recvEnd waits for a channel to be closed.
func recvEnd(t testing.TB, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(enough):
		t.Fatalf("waited in vain for %s", what)
	}
}

// recvEq takes one value and compares it.
func recvEq[T comparable](t testing.TB, c <-chan T, want T, what string) {
	t.Helper()
	if got := recv(t, c, what); got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// until repeats a look until it is true.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(enough); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// wantErr fails unless errors.Is(err, want).
func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

// wantExit fails unless err is an ExitError of pid with a reason.
func wantExit(t testing.TB, err error, pid actor.PID, reason error) {
	t.Helper()
	var exit *actor.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("error %v, want an ExitError with %v", err, reason)
	}
	if exit.PID != pid || !errors.Is(exit.Reason, reason) {
		t.Fatalf("ExitError of %v with %v, want %v with %v", exit.PID, exit.Reason, pid, reason)
	}
}

// eventLog records what a System publishes.
type eventLog struct {
	mu   sync.Mutex
	list []actor.Event
	more chan struct{}
}

func recordEvents(t testing.TB, s *actor.System) *eventLog {
	t.Helper()
	e := &eventLog{more: make(chan struct{}, 1)}
	t.Cleanup(s.Subscribe(func(ev actor.Event) {
		e.mu.Lock()
		e.list = append(e.list, ev)
		e.mu.Unlock()
		select {
		case e.more <- struct{}{}:
		default:
		}
	}))
	return e
}

// findEvent waits for an event that accept likes.
func findEvent[E actor.Event](t testing.TB, e *eventLog, what string, accept func(E) bool) E {
	t.Helper()
	timeout := time.After(enough)
	for {
		e.mu.Lock()
		for _, ev := range e.list {
			if x, ok := ev.(E); ok && accept(x) {
				e.mu.Unlock()
				return x
			}
		}
		n := len(e.list)
		e.mu.Unlock()
		select {
		case <-e.more:
		case <-timeout:
			t.Fatalf("waited in vain for the event of %s among %d", what, n)
		}
	}
}

// countEvents is how many events accept likes so far.
func countEvents[E actor.Event](e *eventLog, accept func(E) bool) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.list {
		if x, ok := ev.(E); ok && accept(x) {
			n++
		}
	}
	return n
}

// deadLetterOf waits for the dead letter of a message.
func deadLetterOf(t testing.TB, e *eventLog, msg any, reason error) actor.DeadLetter {
	t.Helper()
	return findEvent(t, e, fmt.Sprintf("dead letter of %v with %v", msg, reason), func(d actor.DeadLetter) bool {
		return d.Message == msg && errors.Is(d.Reason, reason)
	})
}

// untilGone waits until a process has ended.
func untilGone(t testing.TB, s *actor.System, pid actor.PID) {
	t.Helper()
	until(t, pid.String()+" is gone", func() bool { return !s.Alive(pid) })
}

// conserved waits until nothing is under way and the books are balanced.
func conserved(t testing.TB, s *actor.System) actor.Stats {
	t.Helper()
	var st actor.Stats
	balanced := func() bool {
		st = s.Stats()
		var by uint64
		for _, n := range st.DeadBy {
			by += n
		}
		return st.Sent == st.Handled+st.Dead+uint64(st.Queued) && by == st.Dead
	}
	for end := time.Now().Add(enough / 4); !balanced(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("the books are not balanced: %+v", st)
		}
	}
	return st
}

// Messages and requests of these tests.
type (
	askDouble struct {
		actor.Replies[int]
		n int
	}
	askGreet struct {
		actor.Replies[fmt.Stringer]
		name string
	}
	askSilent struct{ actor.Replies[int] }
)

// doubler answers askDouble.
func doubler(c *actor.Context, msg any) error {
	switch m := msg.(type) {
	case askDouble:
		actor.Reply(c, m, 2*m.n)
	case error:
		return m
	}
	return nil
}

// barrier is what a handler waits at until the test opens it.
type barrier struct {
	arrived, open chan struct{}
	once          sync.Once
}

func newBarrier(t testing.TB) *barrier {
	g := &barrier{arrived: make(chan struct{}, 1000), open: make(chan struct{})}
	t.Cleanup(g.unlock)
	return g
}

func (g *barrier) unlock() { g.once.Do(func() { close(g.open) }) }

// pass is called by the handler.
func (g *barrier) pass() {
	g.arrived <- struct{}{}
	<-g.open
}

// books waits until the System counted this much, and checks that it is balanced.
func books(t testing.TB, s *actor.System, sent, handled, dead uint64) {
	t.Helper()
	until(t, fmt.Sprintf("%d were sent, %d handled, %d dead", sent, handled, dead), func() bool {
		st := s.Stats()
		return st.Sent == sent && st.Handled == handled && st.Dead == dead
	})
	conserved(t, s)
}
