package netns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopWithin is how long a program may take to end after SIGTERM.
const stopWithin = 15 * time.Second

// Process is a program on a host.
type Process struct {
	Out, Err *Log // what it wrote

	t     testing.TB
	what  string
	cmd   *exec.Cmd
	done  chan struct{} // closed when it has ended
	state error         // how; to be read after done
}

// Start runs a program on h until it ends, or the test does.
func (h *Host) Start(program string, args ...string) *Process {
	h.net.t.Helper()
	return h.StartWith(nil, program, args...)
}

// StartWith is Start with something to read for the program.
func (h *Host) StartWith(input io.Reader, program string, args ...string) *Process {
	t := h.net.t
	t.Helper()
	p := &Process{Out: newLog(), Err: newLog(), t: t, what: h.name + ": " + program, done: make(chan struct{})}
	// ip becomes the program: the identifier stays.
	p.cmd = exec.Command("ip", append([]string{"netns", "exec", h.space, program}, args...)...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = input, p.Out, p.Err
	p.cmd.WaitDelay = stopWithin
	dieWithParent(p.cmd)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		p.state = p.cmd.Wait()
		p.Out.end()
		p.Err.end()
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s %s\nwrote:\n%s\nand as errors:\n%s", p.what, strings.Join(args, " "), p.Out.tail(), p.Err.tail())
		}
	})
	return p
}

// Signal sends s to the program; one that has ended does not mind.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	select {
	case <-p.done:
		return
	default:
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		select {
		case <-p.done:
		default:
			p.t.Logf("%s: %v", p.what, err) // it is just ending
		}
	}
}

// Kill ends the program as kill -9 does, and waits until it is gone.
func (p *Process) Kill() {
	p.t.Helper()
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// Stop asks the program to end, and waits. That it must be killed, or ends with an error, fails the test.
func (p *Process) Stop() {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		if p.state != nil {
			p.t.Errorf("%s ended with %v", p.what, p.state)
		}
	case <-time.After(stopWithin):
		p.t.Errorf("%s did not end within %v of SIGTERM", p.what, stopWithin)
		p.Kill()
	}
}

// ID is the identifier of the process.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ErrEnded is what [Log.Next] returns after the last line.
var ErrEnded = errors.New("netns: the program has ended")

// Log holds what a program wrote, line by line. Its methods may be used by several goroutines.
type Log struct {
	mu      sync.Mutex // protects the fields below
	lines   []string
	partial []byte
	ended   bool
	changed chan struct{} // closed at the next change
}

func newLog() *Log { return &Log{changed: make(chan struct{})} }

// Write takes in what the program wrote.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, b...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			break
		}
		l.lines = append(l.lines, string(line))
		l.partial = rest
	}
	l.wakeLocked()
	return len(b), nil
}

func (l *Log) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.partial) > 0 {
		l.lines = append(l.lines, string(l.partial))
		l.partial = nil
	}
	l.ended = true
	l.wakeLocked()
}

func (l *Log) wakeLocked() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Len is the number of whole lines so far.
func (l *Log) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.lines)
}

// Next waits for line i, counted from 0.
func (l *Log) Next(ctx context.Context, i int) (string, error) {
	for {
		l.mu.Lock()
		if i < len(l.lines) {
			defer l.mu.Unlock()
			return l.lines[i], nil
		}
		ended, changed := l.ended, l.changed
		l.mu.Unlock()
		if ended {
			return "", ErrEnded
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", fmt.Errorf("netns: line %d was not written: %w", i, context.Cause(ctx))
		}
	}
}

// tail is the end of the log, for people.
func (l *Log) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-40):], "\n")
}
