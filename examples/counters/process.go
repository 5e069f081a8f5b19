package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// process is that of a node. Its input is a leash: when the director ends, it does too.
type process struct {
	name   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	events chan event    // closed when there will be no more
	exited chan struct{} // closed when err is there
	err    error
}

// startProcess starts this program as a node.
func startProcess(a arguments, errs io.Writer) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	p := &process{name: a.Name, cmd: exec.Command(program), events: make(chan event, 10), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), nodeVariable+"="+string(text))
	p.cmd.Stderr = errs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", a.Name, err)
	}
	go func() {
		defer close(p.exited)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var e event
			if json.Unmarshal(lines.Bytes(), &e) == nil {
				p.events <- e
			}
		}
		close(p.events)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// await waits for the next event, which has to be of a kind.
func (p *process) await(ctx context.Context, kind string) (event, error) {
	select {
	case e, more := <-p.events:
		if !more {
			<-p.exited
			return e, fmt.Errorf("%s ended before it was %q: %w", p.name, kind, p.err)
		}
		if e.Kind != kind {
			return e, fmt.Errorf("%s is %q, not %q", p.name, e.Kind, kind)
		}
		return e, nil
	case <-ctx.Done():
		return event{}, fmt.Errorf("waiting for %s to be %q: %w", p.name, kind, ctx.Err())
	}
}

// leave tells the node to, and waits until its process has ended well.
func (p *process) leave(ctx context.Context) (event, error) {
	if _, err := io.WriteString(p.in, commandLeave+"\n"); err != nil {
		return event{}, fmt.Errorf("%s does not listen: %w", p.name, err)
	}
	e, err := p.await(ctx, eventLeft)
	if err != nil {
		return e, err
	}
	select {
	case <-p.exited:
		return e, p.err
	case <-ctx.Done():
		return e, fmt.Errorf("%s does not end: %w", p.name, ctx.Err())
	}
}

// kill ends the process with SIGKILL and waits for it; of one that has ended that does nothing.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	for range p.events {
	}
	<-p.exited
}
