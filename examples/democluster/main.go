// Command democluster shows what a cluster does when a node is killed: it starts three nodes as three processes of the operating
// system, which find each other, lets them send each other 100,000 numbered messages, kills one of them in the middle with
// SIGKILL, and accounts for every message.
//
//	go run ./examples/democluster [-messages n] [-v]
//
// Each message sent was handled, or is a dead letter with a reason, or was on its way when the node died. What the dead node
// itself sent and handled is known from its ledger, a file that outlives it. The program ends with status 0 only if everything
// adds up, each survivor was told of the death once by each of its monitors, and the survivors left in order.
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
const limit = 18 * time.Second

// nodeVariable is set in the processes that are nodes: to the arguments of one, as JSON.
const nodeVariable = "FOUNDATION_DEMO_NODE"

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
		fmt.Fprintln(os.Stderr, "democluster:", err)
		os.Exit(1)
	}
}

// names of the nodes. The last one is killed.
var names = [...]string{"ada", "bob", "cyd"}

const victim = 2

// options come from the command line.
type options struct {
	messages int
	spread   time.Duration
	verbose  bool
}

func parse(args []string, usage io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("democluster", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.IntVar(&o.messages, "messages", 100_000, "how many messages all nodes together send")
	flags.DurationVar(&o.spread, "spread", time.Second, "how long they take for it")
	flags.BoolVar(&o.verbose, "v", false, "log what the nodes do")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.messages < 600 || o.messages > 2_000_000:
		return o, fmt.Errorf("-messages %d: choose a number from 600 to 2000000", o.messages)
	case o.spread < 100*time.Millisecond || o.spread > 5*time.Second:
		return o, fmt.Errorf("-spread %v: choose a time from 100ms to 5s", o.spread)
	}
	return o, nil
}

// program is main of the process that directs the nodes.
func program(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "democluster-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d := director{options: o, dir: dir, out: stdout, errs: stderr, began: time.Now()}
	defer d.end()
	return d.direct(ctx)
}
