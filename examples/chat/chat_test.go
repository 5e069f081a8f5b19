package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// asProgram makes this test binary the program.
const asProgram = "CHAT_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const patience = 20 * time.Second

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// screen is what one user sees.
type screen struct {
	t     *testing.T
	who   string
	lines chan string
}

func newScreen(t *testing.T, who string) *screen { return &screen{t, who, make(chan string, 1000)} }

// shows waits for lines, in any order, whatever comes between them.
func (s *screen) shows(want ...string) {
	s.t.Helper()
	var seen []string
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for len(want) > 0 {
		select {
		case line, more := <-s.lines:
			if !more {
				s.t.Fatalf("%s: the output ended without %q after %q", s.who, want, seen)
			}
			seen = append(seen, line)
			if i := slices.Index(want, line); i >= 0 {
				want = slices.Delete(want, i, i+1)
			}
		case <-timer.C:
			s.t.Fatalf("%s: no %q after %q", s.who, want, seen)
		}
	}
}

// user is a participant in this process, with what he sees.
type user struct {
	*participant
	*screen
}

func join(t *testing.T, dir, name string) user {
	t.Helper()
	s := newScreen(t, name)
	name, cfg, err := parse([]string{"-name", name, "-dir", dir}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	p, err := enter(bounded(t), name, cfg, func(line string) { s.lines <- line })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.leave(bounded(t)) })
	return user{p, s}
}

// TestThreeTalk: everybody hears everybody, in order; who leaves is said to have left.
func TestThreeTalk(t *testing.T) {
	dir := t.TempDir()
	ann, bob := join(t, dir, "ann"), join(t, dir, "bob")
	cyd := join(t, dir, "cyd")
	ann.shows("bob is here", "cyd is here")
	bob.shows("ann is here", "cyd is here")
	cyd.shows("ann is here", "bob is here")
	ann.typed("one")
	ann.typed("two \x1b[31mred")
	for _, u := range []user{bob, cyd} {
		u.shows("ann: one")
		u.shows("ann: two [31mred")
	}
	cyd.typed("hello")
	ann.shows("cyd: hello")
	bob.shows("cyd: hello")
	ann.typed("/who")
	ann.shows("ann (you), bob, cyd")

	if err := bob.leave(bounded(t)); err != nil {
		t.Fatal(err)
	}
	ann.shows("bob has left")
	cyd.shows("bob has left")
	again := join(t, dir, "bob")
	ann.shows("bob is here")
	again.shows("ann is here")
	again.typed("back")
	ann.shows("bob: back")
}

// TestNameIsTaken: whoever comes second under a name is told, and disturbs nobody.
func TestNameIsTaken(t *testing.T) {
	dir := t.TempDir()
	ann := join(t, dir, "ann")
	err := program(bounded(t), []string{"-name", "ann", "-dir", dir}, strings.NewReader("hi\n"), io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "called ann already; choose another name with -name") {
		t.Errorf("the second got %v", err)
	}
	ann.shows("somebody else wants to be called ann")
	bob := join(t, dir, "bob")
	bob.shows("ann is here")
	bob.typed("well?")
	ann.shows("bob: well?")
}

// process is the program in a process of its own.
type process struct {
	*exec.Cmd
	*screen
	in io.WriteCloser
}

func start(t *testing.T, dir, name string) process {
	t.Helper()
	p := process{Cmd: exec.Command(os.Args[0], "-name", name, "-dir", dir), screen: newScreen(t, name)}
	p.Env = append(os.Environ(), asProgram+"=1")
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-done
		_ = p.Wait()
	})
	return p
}

func (p process) types(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, text+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// TestProcesses: real processes find each other; one that is killed is gone and may come
// back, one whose input ends has left.
func TestProcesses(t *testing.T) {
	dir := t.TempDir()
	ann, bob, cyd := start(t, dir, "ann"), start(t, dir, "bob"), start(t, dir, "cyd")
	ann.shows("You are ann. Type to talk; /who lists who is there, /quit leaves.", "bob is here", "cyd is here")
	bob.shows("ann is here", "cyd is here")
	cyd.shows("ann is here", "bob is here")
	bob.types("hi from bob")
	for _, p := range []process{ann, cyd} {
		p.shows("bob: hi from bob")
	}
	if err := bob.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	ann.shows("bob is gone: noconnection")
	t.Logf("the kill was noticed after %v", time.Since(began).Round(time.Millisecond))
	cyd.shows("bob is gone: noconnection")
	ann.types("still there?")
	cyd.shows("ann: still there?")
	again := start(t, dir, "bob")
	again.shows("ann is here", "cyd is here")
	again.types("that was rude")
	for _, p := range []process{ann, cyd} {
		p.shows("bob is here", "bob: that was rude")
	}
	cyd.types("/quit")
	ann.shows("cyd has left")
	if err := ann.in.Close(); err != nil {
		t.Fatal(err)
	}
	for range ann.lines {
	}
	if err := ann.Wait(); err != nil {
		t.Errorf("ann ended with %v", err)
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"-name", "a b"}, "leave out white space"},
		{[]string{"-name", ""}, "name is empty"},
		{[]string{"ann"}, "-name ann"},
		{[]string{"-bogus"}, "-bogus"},
	} {
		err := program(bounded(t), c.args, strings.NewReader(""), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v does not say %q", c.args, err, c.says)
		}
	}
}
