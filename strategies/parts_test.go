package strategies_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
)

// source is a strategy the test speaks through.
type source struct {
	name      string
	say       chan strategies.Update
	end       chan any // an error to return, or a value to panic with
	started   int
	running   bool
	announced strategies.Peer
}

func newSource(name string) *source {
	return &source{name: name, say: make(chan strategies.Update), end: make(chan any)}
}

func (s *source) String() string { return s.name }

func (s *source) Announce(self strategies.Peer) error { s.announced = self; return nil }

func (s *source) Watch(ctx context.Context, found func(strategies.Update)) error {
	if s.running {
		return errors.New("watched twice")
	}
	s.running = true
	s.started++
	defer func() { s.running = false }()
	for {
		select {
		case u := <-s.say:
			found(u)
		case v := <-s.end:
			if err, ok := v.(error); ok {
				return err
			}
			panic(v)
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *source) finds(all ...string) {
	s.say <- strategies.Update{Peers: set(all...)}
	synctest.Wait()
}
func (s *source) fails() { s.say <- strategies.Update{Err: errors.New("no answer")}; synctest.Wait() }

// log records what a watch reports, one line per update.
type log struct{ lines []string }

func (l *log) take() string {
	all := strings.Join(l.lines, "; ")
	l.lines = nil
	return all
}

// watched runs f beside s.Watch in a bubble, and checks that all of it ends.
func watched(t *testing.T, s strategies.Strategy, f func(t *testing.T, l *log)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l, done := &log{}, make(chan error, 1)
	go func() {
		done <- s.Watch(ctx, func(u strategies.Update) {
			if u.Err != nil {
				l.lines = append(l.lines, "error")
			} else {
				l.lines = append(l.lines, show(u.Peers))
			}
		})
	}()
	synctest.Wait()
	f(t, l)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Watch returned %v", err)
	}
}

func expect(t *testing.T, l *log, want string) {
	t.Helper()
	if got := l.take(); got != want {
		t.Errorf("reported %s, want %s", got, want)
	}
}

func TestUnion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := newSource("one"), newSource("two")
		u, err := strategies.NewUnion(one, two)
		if err != nil {
			t.Fatal(err)
		}
		watched(t, u, func(t *testing.T, l *log) {
			one.finds("a", "b")
			expect(t, l, "[a:1 b:1]")
			two.finds("b", "c")
			expect(t, l, "[a:1 b:1 c:1]")
			two.finds("b")
			expect(t, l, "[a:1 b:1]")
			one.finds("b", "a")
			expect(t, l, "")
			one.fails()
			expect(t, l, "error")
			two.finds("c")
			expect(t, l, "[a:1 b:1 c:1]")
			one.finds()
			expect(t, l, "[c:1]")
		})
	})
}

func TestChainFallsBackAfterFailuresInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two, three := newSource("one"), newSource("two"), newSource("three")
		c, err := strategies.NewChain(2, one, two, three)
		if err != nil {
			t.Fatal(err)
		}
		watched(t, c, func(t *testing.T, l *log) {
			one.finds("a")
			one.fails()
			one.finds("a")
			one.fails()
			expect(t, l, "[a:1]; error; [a:1]; error")
			if two.running {
				t.Error("fell back after failures that were not in a row")
			}
			one.fails()
			expect(t, l, "error")
			if !one.running || !two.running || three.running {
				t.Errorf("running: %v %v %v", one.running, two.running, three.running)
			}
			two.finds("b")
			expect(t, l, "[a:1 b:1]")
			two.fails()
			two.fails()
			three.finds()
			expect(t, l, "error; error; [a:1 b:1]")
			three.fails()
			three.fails()
			three.fails()
			expect(t, l, "error; error; error")
			two.finds("c")
			expect(t, l, "[a:1 c:1]")
			if three.running {
				t.Error("the third runs though the second recovered")
			}
			one.finds("a")
			expect(t, l, "[a:1]")
			if two.running {
				t.Error("the second runs though the first recovered")
			}
			one.fails()
			one.fails()
			if two.started != 2 || !two.running {
				t.Error("the second did not start again")
			}
		})
	})
}

// TestChainEmptyIsAnAnswer: nobody there is not a failure.
func TestChainEmptyIsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := newSource("one"), newSource("two")
		c, _ := strategies.NewChain(1, one, two)
		watched(t, c, func(t *testing.T, l *log) {
			one.finds()
			expect(t, l, "[]")
			if two.running {
				t.Error("fell back on an empty set")
			}
		})
	})
}

func TestPartsThatEndAreStartedAgain(t *testing.T) {
	for _, end := range []any{errors.New("gone"), "panic"} {
		synctest.Test(t, func(t *testing.T) {
			one, two := newSource("one"), newSource("two")
			u, _ := strategies.NewUnion(one, two)
			watched(t, u, func(t *testing.T, l *log) {
				one.finds("a")
				one.end <- end
				synctest.Wait()
				expect(t, l, "[a:1]; error")
				two.finds("b")
				expect(t, l, "[a:1 b:1]")
				one.finds("c")
				expect(t, l, "[b:1 c:1]")
				one.end <- end
				synctest.Wait()
				before := time.Now()
				one.say <- strategies.Update{}
				if waited := time.Since(before); waited != 2*time.Second {
					t.Errorf("the second restart came after %v", waited)
				}
			})
		})
	}
}

func TestReporterLeavesOutWhatIsNoAddress(t *testing.T) {
	l := &log{}
	r := strategies.NewReporter("test", func(u strategies.Update) {
		l.lines = append(l.lines, fmt.Sprint(u.Peers, " ", u.Err != nil))
	})
	lie := []strategies.Peer{{Addr: "nonsense"}, {Addr: "b:1"}, {Addr: "a:1", Name: "x\n"}, {Addr: "A.:01"}}
	r.Set(lie)
	r.Set(lie)
	expect(t, l, "[] true; [a:1 b:1] false")
	r.Set(make([]strategies.Peer, strategies.MaxPeers+1))
	expect(t, l, "[] true")
	r.Set(nil)
	expect(t, l, "[] false")
}

func TestPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []struct {
			peers []strategies.Peer
			err   error
		}{{set("a"), nil}, {set("a"), nil}, {nil, errors.New("down")}, {set("a"), nil}, {nil, nil}}
		ctx, cancel := context.WithCancel(t.Context())
		l := &log{}
		began := time.Now()
		err := strategies.Poll(ctx, "test", 10*time.Second, time.Second, func(ctx context.Context) ([]strategies.Peer, error) {
			if len(answers) == 0 {
				<-ctx.Done()
				cancel()
				return nil, context.Cause(ctx)
			}
			a := answers[0]
			answers = answers[1:]
			return a.peers, a.err
		}, func(u strategies.Update) { l.lines = append(l.lines, fmt.Sprint(u.Peers, u.Err)) })
		if err != nil {
			t.Error(err)
		}
		expect(t, l, "[a:1] <nil>; [] test: down; [a:1] <nil>; [] <nil>")
		if d := time.Since(began); d < 45*time.Second || d > 57*time.Second {
			t.Errorf("five pauses of 10 s and a timeout of 1 s took %v", d)
		}
	})
}

func TestBackoff(t *testing.T) {
	var got []time.Duration
	for n := range 6 {
		got = append(got, strategies.Backoff(n, time.Second, 5*time.Second)/time.Second)
	}
	if !slices.Equal(got, []time.Duration{1, 1, 2, 4, 5, 5}) {
		t.Errorf("got %d", got)
	}
}

func TestBadConfigurationNamesFieldAndCure(t *testing.T) {
	s := newSource("one")
	u, _ := strategies.NewUnion(s)
	_, noParts := strategies.NewUnion()
	_, nilPart := strategies.NewChain(3, s, nil)
	_, after := strategies.NewChain(0, s)
	for field, err := range map[string]error{
		"Strategies":    noParts,
		"Strategies[1]": nilPart,
		"after":         after,
		"Self.Addr":     strategies.Announce(u, strategies.Peer{Addr: ":1"}),
		"Self.Name":     strategies.Announce(u, strategies.Peer{Addr: "a:1", Name: strings.Repeat("x", 200)}),
	} {
		c, ok := errors.AsType[*strategies.ConfigError](err)
		if !ok || c.Field != field || c.Why == "" || c.Cure == "" || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
	if err := strategies.Announce(u, strategies.Peer{Addr: "A:1", Name: "n"}); err != nil || s.announced.String() != "n@a:1" {
		t.Errorf("announced %v, %v", s.announced, err)
	}
}
