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
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
	"github.com/foundation-runtime/foundation/strategies/consul"
	"github.com/foundation-runtime/foundation/strategies/dns"
	"github.com/foundation-runtime/foundation/strategies/file"
	"github.com/foundation-runtime/foundation/strategies/gossip"
	"github.com/foundation-runtime/foundation/strategies/mdns"
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
	strategy, err := read(flag.Arg(0), os.Stdin)
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

// read makes a strategy from its configuration.
func read(kind string, r io.Reader) (strategies.Strategy, error) {
	in := json.NewDecoder(r)
	in.DisallowUnknownFields()
	switch kind {
	case "consul":
		return build(in, consul.New)
	case "dns":
		return build(in, dns.New)
	case "file":
		return build(in, file.New)
	case "gossip":
		return build(in, gossip.New)
	case "mdns":
		return build(in, mdns.New)
	}
	return nil, fmt.Errorf("%q is no strategy; name consul, dns, file, gossip or mdns", kind)
}

func build[Config any, S strategies.Strategy](in *json.Decoder, create func(Config) (S, error)) (strategies.Strategy, error) {
	var c Config
	if err := in.Decode(&c); err != nil {
		return nil, fmt.Errorf("the configuration on the input: %w", err)
	}
	s, err := create(c)
	if err != nil {
		return nil, err
	}
	return s, nil
}
