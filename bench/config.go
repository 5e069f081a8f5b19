package main

import (
	"flag"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

// config is what the command line asks for.
type config struct {
	groups    []group
	time      time.Duration
	rounds    int
	peers     bool
	processes int
	list      bool
	write     func(report.Report, io.Writer) error
}

// parse reads the command line. Help goes to out.
func parse(args []string, out io.Writer) (config, error) {
	var cfg config
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(out)
	pattern := fs.String("run", ".", "measure the workloads whose name matches this regular expression (see -list)")
	peers := fs.String("peers", "all", "all: also protoactor-go, and Erlang if it is installed; none: without them")
	asJSON := fs.Bool("json", false, "print JSON, with the figures of every round")
	asMarkdown := fs.Bool("markdown", false, "print Markdown tables")
	fs.BoolVar(&cfg.list, "list", false, "print the names of the workloads and end")
	fs.DurationVar(&cfg.time, "time", time.Second, "how long to measure each implementation of a workload, all rounds together")
	fs.IntVar(&cfg.rounds, "rounds", 9, "how many rounds to take the median of")
	fs.IntVar(&cfg.processes, "processes", million, "how many processes the workloads with many idle processes have")
	if err := fs.Parse(args); err != nil {
		return cfg, err
	}
	if fs.NArg() > 0 {
		return cfg, fmt.Errorf("unexpected argument %q: workloads are chosen with -run", fs.Arg(0))
	}
	expr, err := regexp.Compile(*pattern)
	if err != nil {
		return cfg, fmt.Errorf("-run: %w", err)
	}
	switch *peers {
	case "all":
		cfg.peers = true
	case "none":
	default:
		return cfg, fmt.Errorf("-peers %q: want all or none", *peers)
	}
	switch {
	case cfg.rounds < 1 || cfg.rounds > 1000:
		return cfg, fmt.Errorf("-rounds %d: want 1 to 1000", cfg.rounds)
	case cfg.time < time.Duration(cfg.rounds)*time.Millisecond || cfg.time > time.Hour:
		return cfg, fmt.Errorf("-time %v: want at least a millisecond per round, and at most an hour", cfg.time)
	case cfg.processes < 1000 || cfg.processes > 100*million:
		return cfg, fmt.Errorf("-processes %d: want 1000 to 100000000", cfg.processes)
	case *asJSON && *asMarkdown:
		return cfg, fmt.Errorf("-json and -markdown exclude each other")
	}
	cfg.write = report.Report.WriteText
	if *asJSON {
		cfg.write = report.Report.WriteJSON
	}
	if *asMarkdown {
		cfg.write = report.Report.WriteMarkdown
	}
	cfg.groups = matching(suite(cfg.processes), expr)
	if len(cfg.groups) == 0 {
		return cfg, fmt.Errorf("-run %q matches no workload; -list prints their names", *pattern)
	}
	return cfg, nil
}
