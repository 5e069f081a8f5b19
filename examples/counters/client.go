package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

const (
	// pace is the time between two updates of a counter.
	pace = 250 * time.Millisecond
	// patience is how long an answer is waited for.
	patience = 8 * time.Second
	// again is the pause after a request that failed.
	again = 20 * time.Millisecond
)

// client sends updates to one counter, by an address that stays good wherever the counter is.
type client struct {
	id   string
	to   actor.PID
	kick chan struct{} // holds one at most: ask at once

	mu      sync.Mutex // protects the following
	account account
	wrong   error         // the first thing that cannot be
	failure error         // why a request failed last
	asked   time.Time     // when the last request that was answered was sent
	slowest time.Duration // of the answers since the last look
}

// run sends updates until ctx ends; then it still waits for the answer that it is owed.
func (c *client) run(ctx context.Context, first time.Duration) {
	timer := time.NewTimer(first)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-c.kick:
		case <-ctx.Done():
			return
		}
		if err := c.update(context.WithoutCancel(ctx)); err != nil {
			timer.Reset(again)
		} else {
			timer.Reset(pace)
		}
	}
}

// update sends the next update.
func (c *client) update(ctx context.Context) error {
	c.mu.Lock()
	c.account.next++
	n := c.account.next
	c.mu.Unlock()
	return c.ask(ctx, update{N: n}, 1)
}

// ask sends a request, which is of so many updates, and enters what comes of it.
func (c *client) ask(ctx context.Context, request actor.Request[tally], updates uint64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	t, err := actor.Ask(ctx, c.to, request)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.account.unanswered(updates)
		c.failure = err
		return err
	}
	if err := c.account.answered(t, updates); err != nil && c.wrong == nil {
		c.wrong = fmt.Errorf("%s: %w", c.id, err)
	}
	c.asked, c.slowest = began, max(c.slowest, time.Since(began))
	return nil
}

// hurry lets the client ask at once, if it does not wait for an answer.
func (c *client) hurry() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// look is what a client knows at one moment.
type look struct {
	account
	wrong, failure error
	asked          time.Time
	slowest        time.Duration
}

// look returns what is known, and begins anew to measure the slowest answer if fresh.
func (c *client) look(fresh bool) look {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := look{c.account, c.wrong, c.failure, c.asked, c.slowest}
	if fresh {
		c.slowest = 0
	}
	return l
}
