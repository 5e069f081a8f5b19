// Command chat is a chat without a server: everybody of this user who starts it on this machine is in one room.
//
//	go run ./examples/chat -name ann     # in one terminal
//	go run ./examples/chat -name bob     # in another
//
// The two find each other by a directory for temporary files; with -mdns, by multicast, on other machines too. What one types
// the others read. /who lists who is there, /quit or the end of the input leaves. A terminal that is killed is noticed by the
// others at once, for every room monitors all the others.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/strategies"
	"github.com/foundation-runtime/foundation/strategies/file"
	"github.com/foundation-runtime/foundation/strategies/mdns"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := program(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

// leaving bounds how long the others are told goodbye.
const leaving = 5 * time.Second

// program is main with its surroundings as arguments.
func program(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	name, cfg, err := parse(args, errs)
	if err != nil {
		return err
	}
	p, err := enter(ctx, name, cfg, func(line string) { fmt.Fprintln(out, line) })
	if errors.Is(err, cluster.ErrDuplicateName) {
		return fmt.Errorf("somebody in the chat is called %s already; choose another name with -name", name)
	}
	if err != nil {
		return err
	}
	for line := range lines(ctx, in) {
		if !p.typed(line) {
			break
		}
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaving)
	defer cancel()
	return p.leave(end)
}

// lines yields what is typed until the input or ctx ends. The goroutine that reads may be left behind in a Read: nothing can
// interrupt that of a terminal, and the program is about to end.
func lines(ctx context.Context, in io.Reader) func(yield func(string) bool) {
	typed := make(chan string)
	go func() {
		defer close(typed)
		for s := bufio.NewScanner(in); s.Scan(); {
			select {
			case typed <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return func(yield func(string) bool) {
		for {
			select {
			case line, more := <-typed:
				if !more || !yield(line) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// parse makes a name and a configuration of the arguments.
func parse(args []string, usage io.Writer) (name string, cfg cluster.Config, err error) {
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&name, "name", fmt.Sprintf("guest-%d", os.Getpid()), "`name` that others see; everybody needs one of his own")
	dir := flags.String("dir", "", "`directory` where those on one machine find each other (default: one of this user, for temporary files)")
	multicast := flags.Bool("mdns", false, "look on the local network, too: only where everybody on it may take part")
	verbose := flags.Bool("v", false, "log what the cluster does")
	if err := flags.Parse(args); err != nil {
		return "", cfg, err
	}
	if flags.NArg() > 0 {
		return "", cfg, fmt.Errorf("unexpected argument %q: say who you are with -name %[1]s", flags.Arg(0))
	}
	if err := nodeid.CheckName(name); err != nil {
		return "", cfg, fmt.Errorf("-name %q: %w", name, err)
	}
	level := slog.LevelError
	if *verbose {
		level = slog.LevelInfo
	}
	cfg = cluster.Config{Cluster: "chat", Logger: slog.New(slog.NewTextHandler(usage, &slog.HandlerOptions{Level: level}))}
	here, err := file.New(file.Config{Dir: *dir, Cluster: "chat", Interval: 200 * time.Millisecond})
	if err != nil {
		return "", cfg, err
	}
	cfg.Strategy = here
	if *multicast {
		if err := everywhere(&cfg, here); err != nil {
			return "", cfg, fmt.Errorf("-mdns: %w", err)
		}
	}
	return name, cfg, nil
}

// everywhere makes cfg find others on the network, and be found there.
func everywhere(cfg *cluster.Config, here strategies.Strategy) error {
	near, err := mdns.New(mdns.Config{Cluster: "chat"})
	if err != nil {
		return err
	}
	if cfg.Strategy, err = strategies.NewUnion(here, near); err != nil {
		return err
	}
	// A UDP socket is not connected to anybody by this, but knows which of our addresses it would use.
	conn, err := net.Dial("udp4", "224.0.0.251:5353")
	if err != nil {
		return fmt.Errorf("no network: %w", err)
	}
	defer conn.Close()
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	cfg.Listen = net.JoinHostPort(host, "0")
	return err
}
