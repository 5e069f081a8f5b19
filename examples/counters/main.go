// Command counters keeps 2,000 counters on three nodes, each of which is a process of the operating system, and counts with all of them
// while a node leaves, another one joins, and one is killed with SIGKILL.
//
//	go run ./examples/counters [-n counters] [-v]
//
// The program itself is one more node, on which no counter runs: it sends requests to the counters by their names, and keeps account
// of the answers. A node that leaves hands its counters over with what they have counted, and nothing is lost. One that joins gets
// nothing by that alone. What was counted on a node that is killed is lost with it: its counters start anew elsewhere, and the program
// says how many updates that were.
//
// The program ends with status 0 only if everything adds up: every counter is where it should be, and says in the end what was
// acknowledged to the program since the counter was last started anew. A request that fails may have been counted or not: only those to
// the node that is killed may fail.
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
)

// limit is for everything.
const limit = 25 * time.Second

// nodeVariable is set in the processes that are nodes: to the arguments of one, as JSON.
const nodeVariable = "FOUNDATION_COUNTERS_NODE"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var err error
	if args := os.Getenv(nodeVariable); args != "" {
		err = beNode(ctx, args, os.Stdin, os.Stdout)
	} else {
		err = program(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "counters:", err)
		os.Exit(1)
	}
}

// options come from the command line.
type options struct {
	counters int
	verbose  bool
}

func parse(args []string, usage io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("counters", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.IntVar(&o.counters, "n", 2000, "how many counters there are")
	flags.BoolVar(&o.verbose, "v", false, "log what the nodes do")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.counters < 30 || o.counters > maxCounters:
		return o, fmt.Errorf("-n %d: choose a number from 30 to %d", o.counters, maxCounters)
	}
	return o, nil
}

// maxCounters is what the time limit has room for.
const maxCounters = 10000

// program is main of the process that directs the nodes.
func program(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "counters-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d := director{options: o, dir: dir, out: stdout, errs: stderr, began: time.Now(), nodes: map[string]*process{}}
	defer d.end()
	return d.direct(ctx)
}
