package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Flow control, the same for every implementation of a workload: a producer takes a credit for each chunk of messages
// and the consumer gives it back when it has seen as many. So at most credits × chunk messages are queued at any time,
// queues stay in the cache whatever their make, and a run of any length needs bounded memory. One credit costs a
// channel operation per chunk, which is nothing per message.
const (
	chunk   = 4096
	credits = 4
)

// flow is the shared half of a count of messages: how credit and the end of a run are told to the producers.
type flow struct {
	chunk  int
	credit chan struct{}
	done   chan struct{}
	failed chan error
	about  atomic.Int64 // messages seen, up to a chunk, for error texts
}

// newFlow makes a flow with that many credits of a chunk each.
func newFlow(chunk, credits int) flow {
	return flow{
		chunk:  chunk,
		credit: make(chan struct{}, credits),
		done:   make(chan struct{}, 1),
		failed: make(chan error, 1),
	}
}

// refill restores the state before a run.
func (f *flow) refill() {
	for len(f.credit) > 0 {
		<-f.credit
	}
	for len(f.credit) < cap(f.credit) {
		f.credit <- struct{}{}
	}
	f.about.Store(0)
}

// chunkSeen gives one credit back. It never blocks, also when more messages arrive than were sent.
func (f *flow) chunkSeen() {
	f.about.Add(int64(f.chunk))
	select {
	case f.credit <- struct{}{}:
	default:
	}
}

// finish ends the run.
func (f *flow) finish() {
	select {
	case f.done <- struct{}{}:
	default:
	}
}

// fail ends the run with an error; only the first one is kept.
func (f *flow) fail(err error) {
	select {
	case f.failed <- err:
	default:
	}
}

// produce sends n messages: burst is called with the number of messages to send next.
func (f *flow) produce(ctx context.Context, n int, burst func(k int)) error {
	for sent := 0; sent < n; {
		if err := f.await(ctx, f.credit, n); err != nil {
			return err
		}
		k := min(f.chunk, n-sent)
		burst(k)
		sent += k
	}
	return nil
}

// await waits for c, or for a failure, or for ctx. n is how many messages the run has, for the error.
func (f *flow) await(ctx context.Context, c <-chan struct{}, n int) error {
	select {
	case <-c:
		return nil
	case err := <-f.failed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("about %d of %d messages arrived, then none: %w", f.about.Load(), n, context.Cause(ctx))
	}
}

// sink counts the messages of one consumer. Its fields belong to the consumer during a run, and to the producer
// between runs: the queue measured orders the two, and the race detector checks that it does.
type sink struct {
	flow
	seen, want int
	sum        uint64
}

// newSink makes a sink for that many producers. There are more credits than producers: those who took one for less than
// a chunk and are finished cannot keep the others waiting.
func newSink(producers int) *sink { return &sink{flow: newFlow(chunk, max(credits, 2*producers))} }

// floodChunk is how many messages the workloads without flow control send before they wait for the last to arrive.
const floodChunk = million

// newFlood makes a sink with practically no flow control.
func newFlood() *sink { return &sink{flow: newFlow(floodChunk, 1)} }

// reset prepares for a run of n messages.
func (s *sink) reset(n int) {
	s.refill()
	s.seen, s.want, s.sum = 0, n, 0
}

// take counts one message.
func (s *sink) take() {
	s.seen++
	if s.seen%s.chunk == 0 {
		s.chunkSeen()
	}
	if s.seen >= s.want {
		s.full()
	}
}

// full is called for the last message and for those after it.
func (s *sink) full() {
	if s.seen > s.want {
		s.fail(fmt.Errorf("%d messages arrived, %d were sent", s.seen, s.want))
		return
	}
	s.finish()
}

// run times n messages from produce to the last arrival.
func (s *sink) run(ctx context.Context, n int, produce func() error) (int, time.Duration, error) {
	s.reset(n)
	start := time.Now()
	if err := produce(); err != nil {
		return 0, 0, err
	}
	if err := s.await(ctx, s.done, n); err != nil {
		return 0, 0, err
	}
	return n, time.Since(start), nil
}

// tally counts what many consumers see at once.
type tally struct {
	flow
	want atomic.Int64
	_    [64]byte
	seen atomic.Int64
	_    [64]byte
}

func newTally(chunk int) *tally { return &tally{flow: newFlow(chunk, credits)} }

// take counts one message, in any goroutine.
func (t *tally) take() {
	want := t.want.Load() // before seen: after it, the next run may have begun
	seen := t.seen.Add(1)
	if seen%int64(t.chunk) == 0 {
		t.chunkSeen()
	}
	if seen < want {
		return
	}
	if seen > want {
		t.fail(fmt.Errorf("%d arrived, %d were sent", seen, want))
		return
	}
	t.finish()
}

// run times n operations: burst starts k of them, and each calls take once when it is complete.
func (t *tally) run(ctx context.Context, n int, burst func(k int)) (int, time.Duration, error) {
	t.refill()
	t.want.Store(int64(n))
	t.seen.Store(0)
	start := time.Now()
	if err := t.produce(ctx, n, burst); err != nil {
		return 0, 0, err
	}
	if err := t.await(ctx, t.done, n); err != nil {
		return 0, 0, err
	}
	return n, time.Since(start), nil
}

// errUnexpected is what a consumer reports that got something nobody sent.
func errUnexpected(msg any) error {
	return fmt.Errorf("a message of type %T that nobody sent", msg)
}

// errTooSlow is the cause of a context that ended because a run did not.
var errTooSlow = errors.New("the run did not end within its time limit")

// produceFrom sends n messages from several goroutines, in bursts as produce does.
func (f *flow) produceFrom(ctx context.Context, producers, n int, burst func(k int)) error {
	if producers == 1 {
		return f.produce(ctx, n, burst)
	}
	errs := make([]error, producers)
	var wg sync.WaitGroup
	for p := range producers {
		share := n / producers
		if p < n%producers {
			share++
		}
		wg.Go(func() { errs[p] = f.produce(ctx, share, burst) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// pollUntil waits for what no event tells: that a runtime has come to rest.
func pollUntil(ctx context.Context, reached func() bool) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !reached() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
