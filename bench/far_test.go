package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// startedPair is an env with a pair that stays until the test ends.
func startedPair(t *testing.T) (*env, *pair) {
	t.Helper()
	e := &env{}
	p, err := e.usePair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.end(); err != nil {
			t.Error(err)
		}
	})
	return e, p
}

// TestWorkBetweenTwoNodes does all of it, a little, with two processes.
func TestWorkBetweenTwoNodes(t *testing.T) {
	e, p := startedPair(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), onceLimit, errTooSlow)
	defer cancel()
	for _, w := range betweenNodes().works {
		for _, c := range w.without(false, false).by {
			probe, err := c.start(e)
			if err != nil {
				t.Fatalf("%s: %v", w.id, err)
			}
			part, ok := probe.(interface{ self() *timed })
			if !ok {
				continue
			}
			for _, n := range []int{1, 2, 130} {
				if ops, took, err := part.self().run(ctx, n); err != nil || ops < n || took <= 0 {
					t.Errorf("%s by %s of %d: %d in %v, %v", w.id, c.who, n, ops, took, err)
				}
			}
			if state, err := part.self().allocated(ctx); err != nil || state.Mallocs == 0 {
				t.Errorf("%s by %s: the other process tells %+v, %v", w.id, c.who, state, err)
			}
			if err := probe.close(); err != nil {
				t.Errorf("%s by %s: %v", w.id, c.who, err)
			}
		}
	}
	figures, err := farStream(3)(ctx, e)
	if err != nil || len(figures) != 4 {
		t.Errorf("beside a stream: %v, %v", figures, err)
	}
	if p.users != 1 {
		t.Errorf("%d users of the pair are left, want 1", p.users)
	}
	if err := e.dropPair(); err != nil {
		t.Error(err)
	}
}

func TestPairEndsWithItsLastUser(t *testing.T) {
	e, p := startedPair(t)
	if again, err := e.usePair(); err != nil || again != p {
		t.Fatalf("a second user gets another pair, or %v", err)
	}
	if err := e.dropPair(); err != nil || p.cmd.ProcessState != nil {
		t.Fatalf("the pair ended with its first user, or %v", err)
	}
	if err := e.dropPair(); err != nil {
		t.Error(err)
	}
	if s := p.cmd.ProcessState; s == nil || !s.Success() || e.pair != nil {
		t.Errorf("the other process ended with %v", s)
	}
}

func TestPairReportsDeadLetters(t *testing.T) {
	e, p := startedPair(t)
	echo, err := p.named("echo")
	if err != nil {
		t.Fatal(err)
	}
	p.sys.Send(echo, item{})                                             // which it does not handle
	if _, err := actor.Ask(t.Context(), echo, increment{}); err != nil { // it is behind the item now
		t.Fatal(err)
	}
	if err := e.dropPair(); err == nil || !strings.Contains(err.Error(), "1 messages became dead letters at the other node: map[unhandled:1]") {
		t.Errorf("got %v", err)
	}
}

func TestPairReportsAProcessThatDies(t *testing.T) {
	e, p := startedPair(t)
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := e.dropPair(); !errors.As(err, &exit) || exit.Success() {
		t.Errorf("got %v", err)
	}
}

func TestFarProgramTellsWhyItCannotStart(t *testing.T) {
	if err := beFar("nowhere", strings.NewReader(""), io.Discard); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
}

func TestCheckArrived(t *testing.T) {
	for _, c := range []struct {
		got          arrived
		n, producers int
		ok           bool
	}{
		{arrived{Count: 3, Sum: 3}, 3, 1, true},
		{arrived{Count: 2, Sum: 3}, 3, 1, false},          // one is lost
		{arrived{Count: 3, Sum: 4}, 3, 1, false},          // another came instead
		{arrived{Count: 3, Sum: 3, Gaps: 2}, 3, 1, false}, // two changed places
		{arrived{Count: 6, Sum: 6, Gaps: 4}, 3, 2, true},  // of two producers
		{arrived{Count: 5, Sum: 6, Gaps: 4}, 3, 2, false},
	} {
		if err := checkArrived(c.got, c.n, c.producers); (err == nil) != c.ok {
			t.Errorf("%+v of %d from %d: %v", c.got, c.n, c.producers, err)
		}
	}
	var a arrived
	for _, id := range []int64{0, 2, 1} {
		a.take(id)
	}
	if a != (arrived{Count: 3, Sum: 3, Gaps: 2}) {
		t.Errorf("got %+v", a)
	}
}

// TestPipelineKeepsItsDepth answers late, and counts who waits.
func TestPipelineKeepsItsDepth(t *testing.T) {
	sys, err := newSystem()
	if err != nil {
		t.Fatal(err)
	}
	waiting, most := 0, 0
	var open []func()
	target, err := sys.Spawn(actor.Func(func(ctx *actor.Context, msg any) error {
		req, ok := msg.(increment)
		if !ok {
			return ctx.Unhandled()
		}
		reply := actor.DeferReply(ctx, req)
		open = append(open, func() { reply.Reply(req.N + 1) })
		waiting++
		most = max(most, waiting)
		if waiting == pipelineDepth {
			for _, answer := range open {
				answer()
			}
			waiting, open = 0, nil
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeliner{target: target, done: make(chan error, 1)}
	pid, err := sys.Spawn(p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), farAskLimit)
	defer cancel()
	const n = 5 * pipelineDepth
	if _, _, err := tillDone(ctx, n, p.done, func() { sys.Send(pid, start{n}) }); err != nil {
		t.Error(err)
	}
	if err := closeSystem(sys)(); err != nil {
		t.Error(err)
	}
	if most != pipelineDepth {
		t.Errorf("%d requests were under way, want %d", most, pipelineDepth)
	}
}

// served is a connection to a server of raw TCP in this process.
func served(t *testing.T, kind byte) net.Conn {
	t.Helper()
	s, err := serveTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	c, err := dialTCP(s.addr(), kind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(farAskLimit)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRawTCP(t *testing.T) {
	echo, sink := served(t, tcpEcho), served(t, tcpStream)
	for _, n := range []int{1, 2, 5000} {
		if err := tcpRoundTrips(echo, n); err != nil {
			t.Errorf("%d round trips: %v", n, err)
		}
		if err := tcpOneWay(sink, n); err != nil {
			t.Errorf("%d one way: %v", n, err)
		}
	}
}

func TestRawTCPNoticesWrongAnswers(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		defer far.Close()
		b := make([]byte, 8+recordSize) // of both runs, or of one
		n, _ := io.ReadAtLeast(far, b, recordSize)
		b[0]++
		_, _ = far.Write(b[:n])
	}()
	if err := tcpRoundTrips(near, 1); err == nil || !strings.Contains(err.Error(), "sent") {
		t.Errorf("got %v", err)
	}
}

func TestBesideStreamEndsWithItsContext(t *testing.T) {
	if _, err := besideStream(soon(t), 3, make(chan struct{}), nil); !errors.Is(err, errTooSlow) {
		t.Errorf("got %v", err)
	}
	flowing := make(chan struct{})
	close(flowing)
	lost := errors.New("lost")
	if _, err := besideStream(t.Context(), 3, flowing, func(int) error { return lost }); !errors.Is(err, lost) {
		t.Errorf("got %v", err)
	}
	if took, err := besideStream(t.Context(), 3, flowing, func(int) error { return nil }); err != nil || len(took) != 3 {
		t.Errorf("got %v, %v", took, err)
	}
}

// TestErlangPair runs every command between two Erlang nodes once, if there is an Erlang.
func TestErlangPair(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b, err := startBeam(ctx, 1000)
	if errors.Is(err, errNoErlang) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	e := &env{erl: b}
	defer func() {
		if err := errors.Join(e.end(), b.stop()); err != nil {
			t.Error(err)
		}
	}()
	near, err := e.useBeams()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"far_send", "far_fan_in", "far_ask", "far_pipeline", "far_stream", "far_spawn", "far_down"} {
		for _, n := range []int{1, 100} {
			if _, err := near.call(ctx, name, n); err != nil {
				t.Errorf("%s %d: %v", name, n, err)
			}
		}
	}
}
