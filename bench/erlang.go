package main

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// beamSources are the Erlang side of the workloads. They are compiled at the start of a run, into a temporary
// directory.
//
//go:embed beam/*.erl
var beamSources embed.FS

// errNoErlang says that Erlang is not installed, and how to change that.
var errNoErlang = errors.New("no figures of Erlang/OTP: erl and erlc are not on PATH; make bench-deps installs them")

// beam is a running Erlang node that performs workloads on command. The protocol is lines of text: a command is the
// name of a workload and a number of operations, its answer the name and the nanoseconds per operation (or bytes per
// process), or "error", the name and why.
type beam struct {
	version string
	cmd     *exec.Cmd
	in      io.WriteCloser
	lines   chan string // answers; closed when the node ends
	dir     string      // with the compiled program
	lent    bool        // dir is another's
	broken  error       // why no further command is possible
}

// beamStartLimit bounds compiling and starting the Erlang program.
const beamStartLimit = 60 * time.Second

// startBeam compiles and starts the Erlang program, with room for that many processes. It returns errNoErlang if there is no Erlang.
func startBeam(ctx context.Context, processes int) (*beam, error) {
	for _, tool := range []string{"erl", "erlc"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, errNoErlang
		}
	}
	ctx, cancel := context.WithTimeout(ctx, beamStartLimit)
	defer cancel()
	dir, err := os.MkdirTemp("", "foundation-bench-")
	if err != nil {
		return nil, err
	}
	b := &beam{dir: dir, lines: make(chan string, 1)}
	err = b.compile(ctx)
	if err == nil {
		err = b.start(ctx, "+P", strconv.Itoa(2*processes+million), "-s", "bench", "main")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting Erlang: %w", err), b.stop())
	}
	return b, nil
}

// start starts the node with these flags and reads its greeting.
func (b *beam) start(ctx context.Context, flags ...string) error {
	b.cmd = exec.Command("erl", append([]string{"-noshell", "-pa", b.dir}, flags...)...)
	b.cmd.Stderr = os.Stderr
	in, err := b.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := b.cmd.Start(); err != nil {
		b.cmd = nil
		return err
	}
	b.in = in
	go func() {
		defer close(b.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			b.lines <- s.Text()
		}
	}()
	fields, err := b.answer(ctx, "ready")
	if err != nil {
		return err
	}
	b.version = strings.Join(fields, " ")
	return nil
}

// compile writes the embedded sources and runs erlc on them.
func (b *beam) compile(ctx context.Context) error {
	entries, err := beamSources.ReadDir("beam")
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, err := beamSources.ReadFile("beam/" + e.Name())
		if err != nil {
			return err
		}
		file := filepath.Join(b.dir, e.Name())
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return err
		}
		if out, err := exec.CommandContext(ctx, "erlc", "-o", b.dir, file).CombinedOutput(); err != nil {
			return fmt.Errorf("erlc %s: %w\n%s", e.Name(), err, out)
		}
	}
	return nil
}

// answer reads one line and returns what stands behind name.
func (b *beam) answer(ctx context.Context, name string) ([]string, error) {
	select {
	case line, ok := <-b.lines:
		if !ok {
			b.broken = errors.New("the Erlang node ended")
			return nil, b.broken
		}
		fields, err := parseAnswer(line, name)
		if errors.Is(err, errProtocol) {
			b.broken = err
		}
		return fields, err
	case <-ctx.Done():
		b.broken = fmt.Errorf("no answer to %q from Erlang: %w", name, context.Cause(ctx))
		return nil, b.broken
	}
}

// errProtocol says that the two programs no longer speak of the same thing.
var errProtocol = errors.New("unexpected line from Erlang")

// parseAnswer splits an answer to the command of that name.
func parseAnswer(line, name string) ([]string, error) {
	fields := strings.Fields(line)
	switch {
	case len(fields) >= 2 && fields[0] == name:
		return fields[1:], nil
	case len(fields) >= 2 && fields[0] == "error" && fields[1] == name:
		return nil, fmt.Errorf("in Erlang: %s", strings.Join(fields[2:], " "))
	default:
		return nil, fmt.Errorf("%w: %q in answer to %q", errProtocol, line, name)
	}
}

// call performs a command and returns the figure it yields.
func (b *beam) call(ctx context.Context, name string, n int) (float64, error) {
	if b.broken != nil {
		return 0, b.broken
	}
	if _, err := fmt.Fprintf(b.in, "%s %d\n", name, n); err != nil {
		b.broken = err
		return 0, err
	}
	fields, err := b.answer(ctx, name)
	if err != nil {
		return 0, err
	}
	figure, err := strconv.ParseFloat(fields[0], 64)
	if err != nil || !(figure > 0) {
		return 0, fmt.Errorf("%w: %q is no figure for %q", errProtocol, fields[0], name)
	}
	return figure, nil
}

// stop ends the node and removes what was compiled.
func (b *beam) stop() error {
	if b.cmd != nil {
		b.in.Close() // the node ends with its input
		force := time.AfterFunc(5*time.Second, func() { b.cmd.Process.Kill() })
		for range b.lines {
		}
		b.cmd.Wait() // how it ends does not matter any more
		force.Stop()
	}
	if b.lent {
		return nil
	}
	return os.RemoveAll(b.dir)
}

// erlang makes the start function of the workload of that name.
func erlang(name string) func(e *env) (load, error) {
	return func(e *env) (load, error) {
		if e.erl == nil {
			return load{}, errNoErlang
		}
		return load{
			external: true,
			run: func(ctx context.Context, n int) (int, time.Duration, error) {
				perOp, err := e.erl.call(ctx, name, n)
				if err != nil {
					return 0, 0, err
				}
				return n, time.Duration(perOp * float64(n)), nil
			},
		}, nil
	}
}
