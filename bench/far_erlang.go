package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

// beamPair is two Erlang nodes on loopback, in OS processes of their own.
type beamPair struct{ near, far *beam }

// startBeamPair starts two nodes that run what from has compiled. They do without epmd, which would be left behind: the near one
// finds the far one at a port that was free just now, and listens for nobody.
func startBeamPair(ctx context.Context, from *beam) (*beamPair, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, beamStartLimit, errTooSlow)
	defer cancel()
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cookie := rand.Text()
	flags := func(name string, more ...string) []string {
		return append([]string{"-name", name, "-setcookie", cookie, "-start_epmd", "false", "-erl_epmd_port", port,
			"-kernel", "inet_dist_use_interface", "{127,0,0,1}"}, more...)
	}
	const near, far = "near@127.0.0.1", "far@127.0.0.1"
	p := &beamPair{lend(from), lend(from)}
	err = p.far.start(ctx, flags(far, "-s", "far", "main")...)
	if err == nil {
		err = p.near.start(ctx, flags(near, "-dist_listen", "false", "-far", far, "-s", "bench", "main")...)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting two Erlang nodes: %w", err), p.stop())
	}
	return p, nil
}

// lend is a node that is not started, with the program of from.
func lend(from *beam) *beam { return &beam{dir: from.dir, lent: true, lines: make(chan string, 1)} }

func (p *beamPair) stop() error { return errors.Join(p.near.stop(), p.far.stop()) }

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return strconv.Itoa(port), l.Close()
}

// useBeams returns the two Erlang nodes; they are started once and end with the run.
func (e *env) useBeams() (*beam, error) {
	if e.erl == nil {
		return nil, errNoErlang
	}
	if e.erls == nil {
		p, err := startBeamPair(context.Background(), e.erl)
		if err != nil {
			return nil, err
		}
		e.erls = p
	}
	return e.erls.near, nil
}

// end ends what workloads have started and share.
func (e *env) end() (err error) {
	if e.pair != nil { // a run that was broken off
		err = e.pair.end()
		e.pair = nil
	}
	if e.erls != nil {
		err = errors.Join(err, e.erls.stop())
		e.erls = nil
	}
	return err
}

// farErlang makes the start function of the workload of that name between two Erlang nodes.
func farErlang(name string) func(*env) (load, error) {
	return func(e *env) (load, error) {
		near, err := e.useBeams()
		if err != nil {
			return load{}, err
		}
		return erlang(name)(&env{erl: near})
	}
}

// farErlangStream measures calls beside a stream of large messages between two Erlang nodes.
func farErlangStream(ctx context.Context, e *env) ([]report.Figure, error) {
	near, err := e.useBeams()
	if err != nil {
		return nil, err
	}
	p99, err := near.call(ctx, "far_stream", streamAsks)
	if err != nil {
		return nil, err
	}
	return []report.Figure{{Name: report.P99, Unit: report.Milliseconds, Values: report.Series{p99 / float64(time.Millisecond)}}}, nil
}
