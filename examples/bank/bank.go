package main

import (
	"errors"
	"fmt"

	"github.com/foundation-runtime/foundation/actor"
)

// The requests of a bank. Each names the type of its answer, so that asking for a balance gives an int64 and nothing
// has to be converted. Amounts are in cents.
type (
	// Deposit adds to an account, opening it if need be, and answers with the new balance.
	Deposit struct {
		actor.Replies[int64]
		Account string
		Amount  int64
	}

	// Balance answers with what is in an account.
	Balance struct {
		actor.Replies[int64]
		Account string
	}

	// Transfer moves an amount between two accounts, whole or not at all.
	Transfer struct {
		actor.Replies[Moved]
		From, To string
		Amount   int64
	}

	// AwaitBalance answers once there is at least so much in an account, which may be at once, later or never.
	AwaitBalance struct {
		actor.Replies[int64]
		Account string
		AtLeast int64
	}
)

// Moved answers a [Transfer] with both balances.
type Moved struct{ From, To int64 }

// ErrNoAccount is the answer about an account that was never opened. Open it with a [Deposit].
var ErrNoAccount = errors.New("no such account")

// ErrAmount is the answer to a request to move nothing, or less. Ask for a positive amount.
var ErrAmount = errors.New("the amount must be positive")

// FundsError is the answer to a transfer of more than there is.
type FundsError struct {
	Account      string
	Has, Missing int64
}

func (e *FundsError) Error() string {
	return fmt.Sprintf("%s has %s, %s too little", e.Account, money(e.Has), money(e.Missing))
}

// Bank is a process that holds accounts. It handles one request at a time, which is all the locking there is.
type Bank struct {
	balance map[string]int64
	waiting map[string][]waiter // by account
}

// waiter is somebody who asked and is answered later.
type waiter struct {
	atLeast int64
	reply   actor.ReplyTo[int64]
}

// NewBank returns a bank without accounts.
func NewBank() *Bank {
	return &Bank{balance: map[string]int64{}, waiting: map[string][]waiter{}}
}

// Receive implements actor.Actor. A refusal goes to the asker alone: the bank itself is fine, so it returns nil.
func (b *Bank) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case Deposit:
		answer(ctx, m, func() (int64, error) { return b.deposit(m) })
	case Balance:
		answer(ctx, m, func() (int64, error) { return b.find(m.Account) })
	case Transfer:
		answer(ctx, m, func() (Moved, error) { return b.transfer(m) })
	case AwaitBalance:
		// The answer is owed from now on, while other requests are served.
		w := waiter{m.AtLeast, actor.DeferReply(ctx, m)}
		b.waiting[m.Account] = append(b.waiting[m.Account], w)
		b.wake(m.Account)
	default:
		return ctx.Unhandled()
	}
	return nil
}

// answer replies with what f returns, or fails the asker with its error.
func answer[R any](ctx *actor.Context, req actor.Request[R], f func() (R, error)) {
	r, err := f()
	if err != nil {
		actor.Fail(ctx, err)
		return
	}
	actor.Reply(ctx, req, r)
}

func (b *Bank) find(account string) (int64, error) {
	balance, ok := b.balance[account]
	if !ok {
		return 0, fmt.Errorf("%s: %w", account, ErrNoAccount)
	}
	return balance, nil
}

func (b *Bank) deposit(d Deposit) (int64, error) {
	if d.Amount <= 0 {
		return 0, ErrAmount
	}
	b.balance[d.Account] += d.Amount
	b.wake(d.Account)
	return b.balance[d.Account], nil
}

func (b *Bank) transfer(t Transfer) (Moved, error) {
	if t.Amount <= 0 {
		return Moved{}, ErrAmount
	}
	has, err := b.find(t.From)
	if err != nil {
		return Moved{}, err
	}
	if _, err := b.find(t.To); err != nil {
		return Moved{}, err
	}
	if has < t.Amount {
		return Moved{}, &FundsError{t.From, has, t.Amount - has}
	}
	b.balance[t.From] -= t.Amount
	b.balance[t.To] += t.Amount
	b.wake(t.To)
	return Moved{b.balance[t.From], b.balance[t.To]}, nil
}

// wake answers those who waited for what is now in the account. Nobody is told about an account that does not exist.
func (b *Bank) wake(account string) {
	balance, ok := b.balance[account]
	if !ok {
		return
	}
	still := b.waiting[account][:0]
	for _, w := range b.waiting[account] {
		if balance >= w.atLeast {
			w.reply.Reply(balance)
		} else {
			still = append(still, w)
		}
	}
	if len(still) == 0 {
		delete(b.waiting, account)
		return
	}
	b.waiting[account] = still
}

func money(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
