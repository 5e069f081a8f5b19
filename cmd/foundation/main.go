// Command foundation starts nodes of a cluster and makes the keys they need.
//
//	foundation run                                     # a node that finds others on this machine
//	foundation run -profile lan -strategy dns -service nodes.example.org -port 7946 …
//	foundation keygen > gossip.key                     # a key for -gossip-key-file
//	foundation keygen -tls certs -nodes ann,bob        # a small authority and a certificate for each node
//	foundation version
//	foundation help [command]
//
// The status is 0 after a node has left in order, 1 when something failed, 2 when the arguments are wrong, and 130 when a second
// signal cut the leaving short.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	os.Exit(program(context.Background(), os.Args[1:], surroundings{os.Stdout, os.Stderr, signals}))
}

// surroundings of a command.
type surroundings struct {
	stdout, stderr io.Writer
	signals        <-chan os.Signal
}

// The statuses a program can end with.
const (
	statusOK      = 0
	statusFailed  = 1
	statusUsage   = 2
	statusHurried = 130 // as a shell says of a program that was interrupted
)

// usageError says that the arguments are wrong.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func wrong(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errHurried: a second signal came before the node had left.
var errHurried = errors.New("the node did not leave in order: there was a second signal")

// command is one of the words after the program's name.
type command struct {
	name  string
	short string
	run   func(ctx context.Context, args []string, s surroundings) error
}

func commands() []command {
	return []command{
		{"run", "start a node and tell what happens in its cluster", runNode},
		{"keygen", "make a gossip key, or certificates for nodes", keygen},
		{"version", "say which version this is", version},
	}
}

// program runs a command and returns the status of the process.
func program(ctx context.Context, args []string, s surroundings) int {
	err := dispatch(ctx, args, s)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return statusOK
	case errors.Is(err, errHurried):
		fmt.Fprintln(s.stderr, "foundation:", err)
		return statusHurried
	}
	fmt.Fprintln(s.stderr, "foundation:", err)
	if _, usage := errors.AsType[usageError](err); usage {
		return statusUsage
	}
	return statusFailed
}

func dispatch(ctx context.Context, args []string, s surroundings) error {
	if len(args) == 0 {
		usage(s.stderr)
		return wrong("name a command")
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		if len(rest) == 0 {
			usage(s.stdout)
			return nil
		}
		name, rest, s.stderr = rest[0], []string{"-help"}, s.stdout
	}
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, rest, s)
		}
	}
	return wrong("there is no command %q; see: foundation help", name)
}

func usage(w io.Writer) {
	fmt.Fprint(w, "foundation starts nodes of a cluster and makes the keys they need.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  foundation %-8s  %s\n", c.name, c.short)
	}
	fmt.Fprintf(w, "  foundation %-8s  %s\n", "help", "explain a command")
}

// parseFlags parses args, none of which may be left over.
func parseFlags(flags *flag.FlagSet, args []string, s surroundings) error {
	flags.SetOutput(io.Discard) // the error is printed once, by program
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(s.stderr, "foundation %s:\n", flags.Name())
		flags.SetOutput(s.stderr)
		flags.PrintDefaults()
		return err
	case err != nil:
		return wrong("%s: %w; see: foundation help %[1]s", flags.Name(), err)
	case flags.NArg() > 0:
		return wrong("%s: unexpected argument %q; see: foundation help %[1]s", flags.Name(), flags.Arg(0))
	}
	return nil
}
