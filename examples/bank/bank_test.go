package main

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := session(ctx, os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// alice deposits 100.00 and has 100.00
	// bob deposits 5.00 and has 5.00
	// alice sends 200.00 to bob: refused, alice has 100.00, 100.00 too little
	// alice sends 1.00 to carol: refused, carol: no such account
	// alice sends 60.00 to bob: alice has 40.00, bob has 65.00
	// bob is rich: 65.00
}

// open starts a bank that ends with the test.
func open(t *testing.T) (context.Context, actor.PID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	sys, err := actor.NewSystem("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	bank, err := sys.Spawn(NewBank())
	if err != nil {
		t.Fatal(err)
	}
	return ctx, bank
}

func TestRefusalsChangeNothing(t *testing.T) {
	ctx, bank := open(t)
	for _, name := range []string{"a", "b"} {
		if _, err := actor.Ask(ctx, bank, Deposit{Account: name, Amount: 100}); err != nil {
			t.Fatal(err)
		}
	}
	var funds *FundsError
	_, err := actor.Ask(ctx, bank, Transfer{From: "a", To: "b", Amount: 101})
	if !errors.As(err, &funds) || funds.Missing != 1 {
		t.Errorf("more than there is: %v", err)
	}
	for _, amount := range []int64{0, -5} {
		if _, err := actor.Ask(ctx, bank, Transfer{From: "a", To: "b", Amount: amount}); !errors.Is(err, ErrAmount) {
			t.Errorf("a transfer of %d: %v", amount, err)
		}
		if _, err := actor.Ask(ctx, bank, Deposit{Account: "a", Amount: amount}); !errors.Is(err, ErrAmount) {
			t.Errorf("a deposit of %d: %v", amount, err)
		}
	}
	for _, name := range []string{"a", "b"} {
		if n, err := actor.Ask(ctx, bank, Balance{Account: name}); n != 100 || err != nil {
			t.Errorf("%s has %d, %v", name, n, err)
		}
	}
	if _, err := actor.Ask(ctx, bank, Balance{Account: "c"}); !errors.Is(err, ErrNoAccount) {
		t.Errorf("an unknown account: %v", err)
	}
}

// TestAwaitBalanceDoesNotBlock: the bank serves others while it owes an answer, and answers everybody who is due.
func TestAwaitBalanceDoesNotBlock(t *testing.T) {
	ctx, bank := open(t)
	answers := make(chan int64, 2)
	for range 2 {
		go func() {
			n, err := actor.Ask(ctx, bank, AwaitBalance{Account: "a", AtLeast: 20})
			if err != nil {
				t.Error(err)
			}
			answers <- n
		}()
	}
	for _, want := range []int64{10, 20} {
		if n, err := actor.Ask(ctx, bank, Deposit{Account: "a", Amount: 10}); n != want || err != nil {
			t.Fatalf("deposit: %d, %v", n, err)
		}
	}
	for range 2 {
		if n := <-answers; n != 20 {
			t.Errorf("waited for 20 and got %d", n)
		}
	}
}

// TestTheBankOwesItsAnswers: whoever waits learns that the bank ended.
func TestTheBankOwesItsAnswers(t *testing.T) {
	ctx, bank := open(t)
	sys, err := actor.NewSystem("short-lived")
	if err != nil {
		t.Fatal(err)
	}
	doomed, err := sys.Spawn(NewBank())
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := actor.Ask(ctx, doomed, AwaitBalance{Account: "a", AtLeast: 1})
		failed <- err
	}()
	if err := sys.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	// Whether the request came before the end (ExitError) or after it (NoProc), the wait is over.
	if err := <-failed; err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := actor.Ask(ctx, bank, Deposit{Account: "a", Amount: 1}); err != nil {
		t.Errorf("another bank: %v", err)
	}
}
