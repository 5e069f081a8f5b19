package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/foundation-runtime/foundation/cluster/distributed"
)

// The nodes: the first three begin, cyd leaves, dee joins, bob is killed.
const (
	ada = "ada"
	bob = "bob"
	cyd = "cyd"
	dee = "dee"
)

// director starts the nodes, counts with what runs there, and makes them come and go.
type director struct {
	options
	dir   string
	out   io.Writer
	errs  io.Writer
	began time.Time

	nodes   map[string]*process
	self    member
	clients []*client
	load    sync.WaitGroup
	stop    context.CancelFunc // of the load
}

func (d *director) direct(ctx context.Context) error {
	if err := d.prepare(ctx); err != nil {
		return err
	}
	d.sendLoad(ctx)
	for _, step := range []func(context.Context) error{d.run, d.leave, d.join, d.kill, d.run} {
		if err := step(ctx); err != nil {
			return errors.Join(err, d.faults())
		}
	}
	if err := d.close(ctx); err != nil {
		return fmt.Errorf("it does not add up:\n%w", err)
	}
	d.say("the counters are deleted, the nodes have left; everything adds up")
	return nil
}

// prepare starts three nodes and the counters.
func (d *director) prepare(ctx context.Context) (err error) {
	for _, name := range []string{ada, bob, cyd} {
		if err := d.start(name, 4); err != nil {
			return err
		}
	}
	if d.self, err = join(ctx, arguments{Name: "director", Dir: d.peers(), Members: 4, Verbose: d.verbose}, nil, d.errs); err != nil {
		return err
	}
	for _, name := range []string{ada, bob, cyd} {
		if _, err := d.nodes[name].await(ctx, eventReady); err != nil {
			return err
		}
	}
	// Each has said that it runs children; now all hear that of all.
	if err := pause(ctx, 300*time.Millisecond); err != nil {
		return err
	}
	began := time.Now()
	for i := range d.counters {
		d.clients = append(d.clients, &client{id: fmt.Sprintf("hits-%05d", i), kick: make(chan struct{}, 1)})
	}
	if err := d.each(func(c *client) error { return d.startCounter(ctx, c) }); err != nil {
		return err
	}
	d.say("%d counters were started in %v: %v", d.counters, round(time.Since(began)), d.owners())
	return nil
}

func (d *director) startCounter(ctx context.Context, c *client) error {
	_, err := d.self.Start(ctx, distributed.Child{
		ID: c.id, Kind: counterKind, Args: start{c.id}, Strategy: distributed.Partitioned, Key: c.id, Labels: roleLabel,
	})
	c.to = d.self.Named(c.id)
	return err
}

func (d *director) peers() string { return filepath.Join(d.dir, "peers") }

func (d *director) start(name string, members int) error {
	p, err := startProcess(arguments{Name: name, Dir: d.peers(), Members: members, Verbose: d.verbose}, d.errs)
	if err != nil {
		return err
	}
	d.nodes[name] = p
	d.say("%s is process %d", name, p.cmd.Process.Pid)
	return nil
}

// sendLoad lets all clients send, spread over their pace.
func (d *director) sendLoad(ctx context.Context) {
	ctx, d.stop = context.WithCancel(ctx)
	for i, c := range d.clients {
		d.load.Go(func() { c.run(ctx, pace*time.Duration(i)/time.Duration(len(d.clients))) })
	}
	d.say("each of them is sent an update every %v", pace)
}

// run lets the load go on for a while.
func (d *director) run(ctx context.Context) error { return pause(ctx, time.Second) }

// owners are the nodes of the counters that run, by the counter.
func (d *director) owners() placed {
	at := placed{}
	for _, c := range d.self.Children() {
		if c.State == distributed.Running {
			at[c.ID] = c.Node
		}
	}
	return at
}

// everyone waits until all counters have answered a request that was sent after a moment; those of a node that is lost in another
// life than before.
func (d *director) everyone(ctx context.Context, since time.Time, lost []string, before map[string]look) error {
	anew := map[string]bool{}
	for _, id := range lost {
		anew[id] = true
	}
	for _, c := range d.clients {
		c.hurry()
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	answers := func(l look, id string) bool {
		if anew[id] {
			return l.renewed > before[id].renewed
		}
		return !l.asked.Before(since)
	}
	for _, c := range d.clients {
		for l := c.look(false); !answers(l, c.id); l = c.look(false) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("%s does not answer: %w; its last failure: %v", c.id, ctx.Err(), l.failure)
			}
		}
	}
	return nil
}

// looks takes a look at all clients.
func (d *director) looks() map[string]look {
	all := map[string]look{}
	for _, c := range d.clients {
		all[c.id] = c.look(true)
	}
	return all
}

// faults are what clients found wrong.
func (d *director) faults() error {
	var list []error
	for _, c := range d.clients {
		if l := c.look(false); l.wrong != nil && len(list) < 10 {
			list = append(list, l.wrong)
		}
	}
	return errors.Join(list...)
}

// close ends the load, asks every counter what it has counted, and lets all go.
func (d *director) close(ctx context.Context) error {
	d.stop()
	d.load.Wait()
	wrong := d.each(func(c *client) error {
		if err := c.ask(ctx, read{}, 0); err != nil {
			return fmt.Errorf("%s does not say what it has counted: %w", c.id, err)
		}
		return nil
	})
	sum, fault := total(d.looks())
	wrong = errors.Join(wrong, fault, d.faults())
	d.say("asked for their values, %d counters say %d in all: of %d updates that were acknowledged, %d are lost with %s",
		len(d.clients), sum.count, sum.acked, sum.lost, bob)
	wrong = errors.Join(wrong, d.each(func(c *client) error { return d.self.Delete(ctx, c.id) }))
	for _, name := range []string{dee, ada} {
		_, err := d.nodes[name].leave(ctx)
		wrong = errors.Join(wrong, err)
	}
	return wrong
}

// each calls f with all clients, many at a time.
func (d *director) each(f func(*client) error) error {
	const width = 64
	errs := make([]error, len(d.clients))
	var workers sync.WaitGroup
	for first := range width {
		workers.Go(func() {
			for i := first; i < len(d.clients); i += width {
				errs[i] = f(d.clients[i])
			}
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

// end ends what still runs.
func (d *director) end() {
	if d.stop != nil {
		d.stop()
	}
	for _, p := range d.nodes {
		p.kill()
	}
	if d.self.sys != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		// It runs nothing, and the others are gone.
		if d.self.node != nil {
			_ = d.self.node.Leave(ctx)
		}
		_ = d.self.sys.Shutdown(ctx)
	}
	d.load.Wait()
}

func (d *director) say(format string, args ...any) {
	fmt.Fprintf(d.out, "%6.2fs  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}

func round(t time.Duration) time.Duration { return t.Round(100 * time.Microsecond) }

func pause(ctx context.Context, t time.Duration) error {
	select {
	case <-time.After(t):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
