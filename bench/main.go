// Command bench measures the hot path of the actor package beside Go channels, protoactor-go and, if it is installed,
// Erlang/OTP, and two nodes of package cluster beside raw TCP and Erlang/OTP, all on the same workloads in the same run.
//
//	go run ./bench                      # everything, under four minutes
//	go run ./bench -run 'send|ask'      # some of it
//	go run ./bench -list                # the names -run is matched with
//	go run ./bench -peers none          # without protoactor-go and Erlang
//	go run ./bench -processes 10000000  # ten million idle processes instead of one
//	go run ./bench -update docs/benchmarks.md
//	go test -bench . ./bench            # the hot path in the form that benchstat reads
//
// It prints one table per group of workloads: the work, who does it, the figure (a median over rounds), the spread of
// the rounds, the ratio to a Go channel, allocations and bytes per operation, the goal and whether it is met.
//
// # How it measures
//
// Machines differ and are noisy, so goals are ratios to a Go channel of the same run. "chan" is one message through a
// buffered channel with one producer and one consumer, "hop" one hop of a ping-pong over unbuffered channels. A round
// measures the unit and then each implementation in turn, each for the same slice of time; ratios are formed round by
// round and their median is judged.
//
// Between two nodes the units are "tcp", one record of 30 bytes through a buffered TCP connection, and "rtt", the same there and
// back. The other node is this program again, in an OS process that ends with its input, on loopback. Its allocations are the
// figure "far". With FOUNDATION_BENCH_FAR_PROFILE=file it writes its CPU profile to file.pid.
//
// Every workload checks its own result: all messages are counted, replies compared, balls must come home, and ours end
// with the system's statistics free of dead letters. What does not come within a time limit, or comes twice, is an
// error, shown in the table, and the program ends with status 1. Missed goals are shown and do not change the status.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

func main() {
	if seed := os.Getenv(farVariable); seed != "" {
		if err := beFar(seed, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench: the other node:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	if cfg.list {
		for _, g := range cfg.groups {
			for _, w := range g.works {
				fmt.Fprintf(stdout, "%-16s %s\n", w.id, w.title)
			}
		}
		return 0
	}
	rep, err := measureAll(ctx, cfg, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	if err := cfg.write(rep, stdout); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	if rep.Tally()[report.Failed] > 0 {
		return 1
	}
	return 0
}

// measureAll runs the selected workloads and tells its progress on stderr.
func measureAll(ctx context.Context, cfg config, stderr io.Writer) (rep report.Report, err error) {
	begin := time.Now()
	rep = report.Report{Date: begin, Rounds: cfg.rounds, Bases: make(map[report.Unit]report.Series)}
	e := &env{processes: cfg.processes}
	defer func() { err = errors.Join(err, e.end()) }()
	if cfg.peers {
		e.erl, err = startBeam(ctx, cfg.processes)
		switch {
		case errors.Is(err, errNoErlang):
			rep.Notes = append(rep.Notes, err.Error())
		case err != nil:
			return rep, err
		default:
			defer func() { err = errors.Join(err, e.erl.stop()) }()
		}
	}
	rep.Machine = machine(e.erl, cfg.peers)

	total, done := 0, 0
	for _, g := range cfg.groups {
		total += len(g.works)
	}
	r := runner{env: e, rounds: cfg.rounds, time: cfg.time}
	for _, g := range cfg.groups {
		rg := report.Group{Title: g.title}
		for _, w := range g.works {
			done++
			fmt.Fprintf(stderr, "[%d/%d] %s\n", done, total, w.title)
			rows, unit, err := r.measure(ctx, w.without(cfg.peers, e.erl != nil))
			if err != nil {
				return rep, err
			}
			if unit != nil {
				rep.Bases[w.base] = append(rep.Bases[w.base], unit...)
			}
			rg.Rows = append(rg.Rows, rows...)
		}
		rep.Groups = append(rep.Groups, rg)
	}
	rep.Duration = time.Since(begin).Round(time.Second).String()
	return rep, nil
}
