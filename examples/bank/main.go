// Command bank shows requests: typed answers, refusals, and an answer that comes later than the next request.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := session(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bank:", err)
		os.Exit(1)
	}
}

// session opens a bank, does business with it and writes what happens.
func session(ctx context.Context, w io.Writer) (err error) {
	sys, err := actor.NewSystem("bank")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sys.Shutdown(ctx)) }()
	bank, err := sys.Spawn(NewBank())
	if err != nil {
		return err
	}

	for _, d := range []Deposit{{Account: "alice", Amount: 10000}, {Account: "bob", Amount: 500}} {
		balance, err := actor.Ask(ctx, bank, d)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s deposits %s and has %s\n", d.Account, money(d.Amount), money(balance))
	}

	// Somebody waits for bob to be rich. The bank goes on serving others meanwhile.
	rich := make(chan string, 1)
	go func() {
		balance, err := actor.Ask(ctx, bank, AwaitBalance{Account: "bob", AtLeast: 6000})
		if err != nil {
			rich <- err.Error()
			return
		}
		rich <- "bob is rich: " + money(balance)
	}()

	for _, t := range []Transfer{
		{From: "alice", To: "bob", Amount: 20000},
		{From: "alice", To: "carol", Amount: 100},
		{From: "alice", To: "bob", Amount: 6000},
	} {
		fmt.Fprintf(w, "%s sends %s to %s: ", t.From, money(t.Amount), t.To)
		moved, err := actor.Ask(ctx, bank, t)
		if err != nil {
			fmt.Fprintf(w, "refused, %v\n", err)
			continue
		}
		fmt.Fprintf(w, "%s has %s, %s has %s\n", t.From, money(moved.From), t.To, money(moved.To))
	}
	fmt.Fprintln(w, <-rich)
	return nil
}
