package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// soon is a context that ends after a moment, for runs that cannot succeed.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errTooSlow)
	t.Cleanup(cancel)
	return ctx
}

// runSink sends n messages through a channel to s, after change has had its way with them.
func runSink(ctx context.Context, s *sink, producers, n int, change func(c chan<- int, v int)) (int, error) {
	c := make(chan int, 64)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range c {
			s.take()
		}
	}()
	ops, _, err := s.run(ctx, n, func() error {
		return s.produceFrom(ctx, producers, n, func(k int) {
			for v := range k {
				change(c, v)
			}
		})
	})
	close(c)
	<-ended
	return ops, err
}

func pass(c chan<- int, v int) { c <- v }

func TestSinkCountsEveryMessage(t *testing.T) {
	for _, producers := range []int{1, 2, 7} {
		s := newSink(producers)
		for _, n := range []int{1, chunk - 1, chunk, 5*chunk + 1, 20 * chunk} {
			if ops, err := runSink(t.Context(), s, producers, n, pass); err != nil || ops != n {
				t.Errorf("%d producers, %d messages: %d, %v", producers, n, ops, err)
			}
		}
	}
}

func TestSinkReportsLostMessages(t *testing.T) {
	_, err := runSink(soon(t), newSink(1), 1, 3*chunk, func(c chan<- int, v int) {
		if v != 7 {
			c <- v
		}
	})
	if !errors.Is(err, errTooSlow) || !strings.Contains(err.Error(), "of 12288 messages arrived") {
		t.Errorf("got %v", err)
	}
}

func TestSinkReportsMessagesThatComeTwice(t *testing.T) {
	s := newSink(1)
	twice := func(c chan<- int, v int) {
		c <- v
		if v == 0 {
			c <- v
		}
	}
	// The last message may have been counted before the surplus one came: then the next run finds the error.
	_, first := runSink(t.Context(), s, 1, 1, twice)
	_, second := runSink(t.Context(), s, 1, 10, pass)
	if err := errors.Join(first, second); err == nil || !strings.Contains(err.Error(), "2 messages arrived, 1 were sent") {
		t.Errorf("got %v", err)
	}
}

func TestSinkEndsWithTheFirstFailure(t *testing.T) {
	s := newSink(1)
	s.reset(10)
	s.fail(errUnexpected("x"))
	s.fail(errUnexpected(1))
	err := s.await(t.Context(), s.done, 10)
	if err == nil || !strings.Contains(err.Error(), "string") {
		t.Errorf("got %v", err)
	}
}

func TestTallyCountsFromManyGoroutines(t *testing.T) {
	count := newTally(16)
	for _, n := range []int{1, 15, 16, 1000} {
		ops, _, err := count.run(t.Context(), n, func(k int) {
			for range k {
				go count.take()
			}
		})
		if err != nil || ops != n {
			t.Errorf("%d operations: %d, %v", n, ops, err)
		}
	}
}

func TestTallyReportsWhatIsMissing(t *testing.T) {
	count := newTally(16)
	_, _, err := count.run(soon(t), 40, func(k int) {
		for range k - 1 {
			count.take()
		}
	})
	if !errors.Is(err, errTooSlow) {
		t.Errorf("got %v", err)
	}
}

func TestRunBallsChecksEveryBall(t *testing.T) {
	play := func(ctx context.Context, hops func(b *ball)) error {
		count := newTally(1)
		_, _, err := runBalls(ctx, count, 3, 30, func(_ int, b *ball) {
			hops(b)
			count.take()
		})
		return err
	}
	if err := play(t.Context(), func(b *ball) { b.left = 0 }); err != nil {
		t.Errorf("balls that come home: %v", err)
	}
	if err := play(t.Context(), func(b *ball) { b.left = 4 }); err == nil || !strings.Contains(err.Error(), "4 of 10 hops left") {
		t.Errorf("balls that come home early: %v", err)
	}
}

func TestPollUntilEndsWithItsContext(t *testing.T) {
	if err := pollUntil(soon(t), func() bool { return false }); !errors.Is(err, errTooSlow) {
		t.Errorf("got %v", err)
	}
	tries := 0
	if err := pollUntil(t.Context(), func() bool { tries++; return tries == 3 }); err != nil || tries != 3 {
		t.Errorf("got %v after %d tries", err, tries)
	}
}
