package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// director starts the nodes, tells them what to do and kills one.
type director struct {
	options
	dir   string
	out   io.Writer
	errs  io.Writer
	began time.Time

	nodes   []*child
	planned map[[2]string]uint64
}

// child is the process of a node. Its input is a leash: when the director ends, it does too.
type child struct {
	name   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	events chan event    // closed when there will be no more
	exited chan struct{} // closed when err is there
	err    error
}

// settle is how long the counts get to come to rest.
const settle = 5 * time.Second

func (d *director) direct(ctx context.Context) error {
	if err := d.start(); err != nil {
		return err
	}
	for _, c := range d.nodes {
		if _, err := c.await(ctx, eventReady); err != nil {
			return err
		}
	}
	d.say("all three are up, after finding each other in %s", filepath.Join(d.dir, "peers"))
	for _, c := range d.nodes {
		if err := c.tell(commandGo); err != nil {
			return err
		}
	}
	dead, survivors := d.nodes[victim], d.nodes[:victim]
	if _, err := dead.await(ctx, eventHalf); err != nil {
		return err
	}
	killed := time.Now()
	if err := dead.cmd.Process.Kill(); err != nil {
		return err
	}
	d.say("%s has handled half of what it will be sent, and is killed (SIGKILL, process %d)", dead.name, dead.cmd.Process.Pid)
	for _, c := range survivors {
		if _, err := c.await(ctx, eventSent); err != nil {
			return err
		}
	}
	<-dead.exited // what it wrote is there
	ledger, err := readLedger(d.ledger(dead.name))
	if err != nil {
		return err
	}
	streams, reports, wrong := d.settle(ctx, survivors, func(reports map[string]report) ([]stream, error) {
		return account(d.planned, dead.name, reports, ledger)
	})
	if reports == nil {
		return wrong
	}
	d.render(streams, reports, killed)
	for _, c := range survivors {
		wrong = errors.Join(wrong, d.leave(ctx, c))
	}
	if wrong != nil {
		return fmt.Errorf("it does not add up:\n%w", wrong)
	}
	d.say("the survivors have left; everything adds up")
	return nil
}

// settle asks for reports until they add up, or for long enough.
func (d *director) settle(ctx context.Context, survivors []*child, account func(map[string]report) ([]stream, error)) (streams []stream, reports map[string]report, err error) {
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for until := time.Now().Add(settle); ; {
		reports = map[string]report{}
		for _, c := range survivors {
			if err := c.tell(commandReport); err != nil {
				return nil, nil, err
			}
			e, err := c.await(ctx, eventReport)
			if err != nil {
				return nil, nil, err
			}
			reports[c.name] = *e.Report
		}
		if streams, err = account(reports); err == nil || time.Now().After(until) {
			return streams, reports, err
		}
		<-pause.C
	}
}

func (d *director) leave(ctx context.Context, c *child) error {
	err := c.tell(commandLeave)
	if err == nil {
		_, err = c.await(ctx, eventLeft)
	}
	if err != nil {
		return err
	}
	select {
	case <-c.exited:
		return c.err
	case <-ctx.Done():
		return fmt.Errorf("%s does not end: %w", c.name, ctx.Err())
	}
}

func (d *director) ledger(name string) string { return filepath.Join(d.dir, name+".ledger") }

// start starts the nodes' processes.
func (d *director) start() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	d.planned = plan(d.messages)
	portions := uint64(d.spread / tickEvery)
	for _, name := range names {
		a := arguments{Name: name, Dir: filepath.Join(d.dir, "peers"), Ledger: d.ledger(name), Verbose: d.verbose}
		for i, other := range names {
			a.Planned[i] = d.planned[[2]string{name, other}]
			a.Expect += d.planned[[2]string{other, name}]
			a.Portion = max(a.Portion, a.Planned[i]/portions+1)
		}
		text, err := json.Marshal(a)
		if err != nil {
			return err
		}
		c := &child{name: name, cmd: exec.Command(program), events: make(chan event, 100), exited: make(chan struct{})}
		c.cmd.Env = append(os.Environ(), nodeVariable+"="+string(text))
		c.cmd.Stderr = d.errs
		if err := c.start(); err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		d.nodes = append(d.nodes, c)
		d.say("%s is process %d", name, c.cmd.Process.Pid)
	}
	return nil
}

// plan divides the messages among the six streams.
func plan(messages int) map[[2]string]uint64 {
	p := map[[2]string]uint64{}
	streams := len(names) * (len(names) - 1)
	for _, from := range names {
		for _, to := range names {
			if from != to {
				p[[2]string{from, to}] = uint64((messages + len(p)) / streams)
			}
		}
	}
	return p
}

func (c *child) start() error {
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(c.exited)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var e event
			if json.Unmarshal(lines.Bytes(), &e) == nil {
				c.events <- e
			}
		}
		close(c.events)
		c.err = c.cmd.Wait()
	}()
	return nil
}

func (c *child) tell(command string) error {
	if _, err := io.WriteString(c.in, command+"\n"); err != nil {
		return fmt.Errorf("%s does not listen: %w", c.name, err)
	}
	return nil
}

// await waits for the next event of a kind.
func (c *child) await(ctx context.Context, kind string) (event, error) {
	for {
		select {
		case e, more := <-c.events:
			if !more {
				<-c.exited
				return e, fmt.Errorf("%s ended before it was %q: %w", c.name, kind, c.err)
			}
			if e.Kind == kind {
				return e, nil
			}
		case <-ctx.Done():
			return event{}, fmt.Errorf("waiting for %s to be %q: %w", c.name, kind, ctx.Err())
		}
	}
}

// end kills what still runs and waits for it.
func (d *director) end() {
	for _, c := range d.nodes {
		_ = c.cmd.Process.Kill() // of one that has ended this is an error
		for range c.events {
		}
		<-c.exited
	}
}
