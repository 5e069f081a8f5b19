// Command probe runs one strategy and prints what it reports, one JSON object a line, for the end-to-end tests.
//
//	echo '{"Name":"nodes.test","Port":7000}' | probe [-announce name@host:port] dns
//
// The configuration on its input is that of the strategy's package as JSON. After SIGTERM or SIGINT it lets the strategy
// end in order, prints a last line with "end", and exits with status 0.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/find"
	"github.com/foundation-runtime/foundation/strategies"
)

// line is what is printed: a set, an error, or the end.
type line struct {
	Time  time.Time
	Peers []strategies.Peer `json:",omitempty"`
	Err   string            `json:",omitempty"`
	End   bool              `json:",omitempty"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run() error {
	self := flag.String("announce", "", "make this node known, as name@host:port")
	flag.Parse()
	strategy, err := find.Read(flag.Arg(0), os.Stdin)
	if err != nil {
		return err
	}
	if *self != "" {
		peer, err := strategies.ParsePeer(*self)
		if err != nil {
			return err
		}
		if err := strategies.Announce(strategy, peer); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	out := json.NewEncoder(os.Stdout)
	var failed error
	print := func(l line) {
		l.Time = time.Now()
		if err := out.Encode(l); err != nil && failed == nil {
			failed = err
			stop()
		}
	}
	err = strategy.Watch(ctx, func(u strategies.Update) {
		l := line{Peers: u.Peers}
		if u.Err != nil {
			l.Err = u.Err.Error()
		}
		print(l)
	})
	print(line{End: true})
	return errors.Join(err, failed)
}
