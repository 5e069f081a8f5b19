package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
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

// output is what the flags say about the form of the results.
type output struct {
	json, markdown bool
	update         string
}

// parse reads the command line. Help goes to out.
func parse(args []string, out io.Writer) (config, error) {
	var cfg config
	var form output
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(out)
	pattern := fs.String("run", ".", "measure the workloads whose name matches this regular expression (see -list)")
	peers := fs.String("peers", "all", "all: also protoactor-go, and Erlang if it is installed; none: without them")
	fs.BoolVar(&cfg.list, "list", false, "print the names of the workloads and end")
	fs.DurationVar(&cfg.time, "time", time.Second, "how long to measure each implementation of a workload, all rounds together")
	fs.IntVar(&cfg.rounds, "rounds", 9, "how many rounds to take the median of")
	fs.IntVar(&cfg.processes, "processes", million, "how many processes the workloads with many idle processes have")
	fs.BoolVar(&form.json, "json", false, "print JSON, with the figures of every round")
	fs.BoolVar(&form.markdown, "markdown", false, "print Markdown tables")
	fs.StringVar(&form.update, "update", "", "put Markdown tables between the lines <!-- bench --> and <!-- /bench --> of this `file`")
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
	if *peers != "all" && *peers != "none" {
		return cfg, fmt.Errorf("-peers %q: want all or none", *peers)
	}
	cfg.peers = *peers == "all"
	if err := cfg.validate(); err != nil {
		return cfg, err
	}
	if cfg.write, err = form.writer(); err != nil {
		return cfg, err
	}
	cfg.groups = matching(suite(cfg.processes), expr)
	if len(cfg.groups) == 0 {
		return cfg, fmt.Errorf("-run %q matches no workload; -list prints their names", *pattern)
	}
	return cfg, nil
}

// validate checks the numbers.
func (c config) validate() error {
	switch {
	case c.rounds < 1 || c.rounds > 1000:
		return fmt.Errorf("-rounds %d: want 1 to 1000", c.rounds)
	case c.time < time.Duration(c.rounds)*time.Millisecond || c.time > time.Hour:
		return fmt.Errorf("-time %v: want at least a millisecond per round, and at most an hour", c.time)
	case c.processes < 1000 || c.processes > 100*million:
		return fmt.Errorf("-processes %d: want 1000 to 100000000", c.processes)
	}
	return nil
}

// writer returns what writes a report in the form asked for. A page to update is looked at now: nobody likes to learn
// of a wrong name after minutes.
func (o output) writer() (func(report.Report, io.Writer) error, error) {
	switch {
	case o.json && o.markdown || o.update != "" && (o.json || o.markdown):
		return nil, errors.New("-json, -markdown and -update exclude each other")
	case o.json:
		return report.Report.WriteJSON, nil
	case o.markdown:
		return report.Report.WriteMarkdown, nil
	case o.update == "":
		return report.Report.WriteText, nil
	}
	if _, err := spliced(o.update, report.Report{}); err != nil {
		return nil, err
	}
	return func(rep report.Report, out io.Writer) error {
		page, err := spliced(o.update, rep)
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.update, []byte(page), 0o644); err != nil {
			return err
		}
		return rep.WriteText(out)
	}, nil
}

// spliced returns the page in that file with the report in it.
func spliced(file string, rep report.Report) (string, error) {
	page, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("-update: %w", err)
	}
	var tables strings.Builder
	if err := rep.WriteMarkdown(&tables); err != nil {
		return "", err
	}
	text, err := report.Splice(string(page), tables.String())
	if err != nil {
		return "", fmt.Errorf("-update %s: %w", file, err)
	}
	return text, nil
}
