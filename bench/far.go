package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
)

// pair is two nodes of a cluster: one here, one in another OS process, which is this program again. All who do the same
// work share it, and it ends with the last of them.
type pair struct {
	sys   *actor.System
	node  *cluster.Node
	far   cluster.Member
	cmd   *exec.Cmd
	in    io.WriteCloser
	tcp   string // where the other process listens for raw TCP
	users int
}

// Limits of the pair's life. What answers at all does so in milliseconds.
const (
	pairStartLimit = 20 * time.Second
	pairEndLimit   = 10 * time.Second
	farAskLimit    = 10 * time.Second
)

// usePair returns the pair, and starts it if there is none. Each user calls dropPair once.
func (e *env) usePair() (*pair, error) {
	if e.pair == nil {
		ctx, cancel := context.WithTimeoutCause(context.Background(), pairStartLimit, errTooSlow)
		defer cancel()
		p := &pair{}
		if err := p.start(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("starting two nodes: %w", err), p.end())
		}
		e.pair = p
	}
	e.pair.users++
	return e.pair, nil
}

// dropPair is called by a user of the pair that is done. The last one ends both nodes, after a look at what they lost.
func (e *env) dropPair() error {
	p := e.pair
	p.users--
	if p.users > 0 {
		return nil
	}
	e.pair = nil
	return errors.Join(p.atRest(), p.end())
}

// start starts this node, then the other, which joins it.
func (p *pair) start(ctx context.Context) (err error) {
	if p.sys, err = newNodeSystem("near"); err != nil {
		return err
	}
	if p.node, err = cluster.Join(ctx, p.sys, nodeConfig()); err != nil {
		return err
	}
	lines, err := p.launch(p.node.Self().Addr)
	if err != nil {
		return err
	}
	select {
	case line := <-lines:
		addr, ok := strings.CutPrefix(line, farReady)
		if !ok {
			return fmt.Errorf("the other process said %q, not that it is ready", line)
		}
		p.tcp = addr
	case <-ctx.Done():
		return fmt.Errorf("the other process is not ready: %w", context.Cause(ctx))
	}
	return pollUntil(ctx, func() bool {
		m, ok := p.node.Member("far")
		p.far = m
		return ok && m.State == cluster.Up
	})
}

// launch starts this program as the other node. The first line it writes comes from the channel, an empty one if it ends without.
func (p *pair) launch(seed string) (<-chan string, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), farVariable+"="+seed)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p.cmd, p.in = cmd, in
	lines := make(chan string, 1)
	go func() { // ends with the first line, or with the process, for which end waits
		line, _ := bufio.NewReader(out).ReadString('\n')
		lines <- strings.TrimSpace(line)
	}()
	return lines, nil
}

// end ends the other process by closing its input, by force if that is not enough, and then this node.
func (p *pair) end() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), pairEndLimit, errTooSlow)
	defer cancel()
	var errs []error
	if p.cmd != nil {
		p.in.Close()
		force := time.AfterFunc(pairEndLimit/2, func() { p.cmd.Process.Kill() })
		if err := p.cmd.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("the other process: %w", err))
		}
		force.Stop()
	}
	if p.node != nil {
		errs = append(errs, p.node.Leave(ctx))
	}
	if p.sys != nil {
		errs = append(errs, p.sys.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// atRest checks that nothing was lost, here, there, or on the way.
func (p *pair) atRest() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), pairEndLimit, errTooSlow)
	defer cancel()
	there, err := p.state(ctx)
	if err == nil && there.Dead != 0 {
		err = fmt.Errorf("%d messages became dead letters at the other node: %s", there.Dead, there.DeadBy)
	}
	if s := p.sys.Stats(); s.ConveyLost != 0 {
		err = errors.Join(err, fmt.Errorf("%d of %d messages were lost on the way", s.ConveyLost, s.Conveyed))
	}
	return errors.Join(err, atRest(ctx, p.sys))
}

// named is the process of that name at the other node.
func (p *pair) named(name string) (actor.PID, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), farAskLimit, errTooSlow)
	defer cancel()
	pid, ok, err := p.node.Whereis(ctx, p.far, name)
	if err == nil && !ok {
		err = fmt.Errorf("there is no %q at the other node", name)
	}
	return pid, err
}

// state asks the other node how much it allocated and lost so far.
func (p *pair) state(ctx context.Context) (farState, error) {
	return actor.Ask(ctx, p.node.Named(p.far, "state"), stateRequest{})
}

// newNodeSystem starts a quiet system of that name.
func newNodeSystem(name string) (*actor.System, error) {
	return actor.NewSystem(name, actor.WithLogger(slog.New(slog.DiscardHandler)))
}

// between makes the start function of a contestant from what makes a load of a pair and a process there.
func between(name string, start func(p *pair, to actor.PID) (load, error)) func(*env) (load, error) {
	return func(e *env) (load, error) {
		p, err := e.usePair()
		if err != nil {
			return load{}, err
		}
		var l load
		to, err := p.named(name)
		if err == nil {
			l, err = start(p, to)
		}
		if err != nil {
			return load{}, errors.Join(err, e.dropPair())
		}
		own := l.close
		l.close = func() error {
			var err error
			if own != nil {
				err = own()
			}
			return errors.Join(err, e.dropPair())
		}
		if !l.external {
			l.far = p.state
		}
		return l, nil
	}
}
