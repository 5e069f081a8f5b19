package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/bench/internal/report"
)

const (
	blockSize  = 1 << 20
	streamAsks = 400                  // how many requests are measured beside the stream
	streamPace = 2 * time.Millisecond // between two of them
	streamLead = 16                   // blocks that are sent before the first: more than may wait
)

// farStream measures requests, on the lane of everything, while large messages are sent on another as fast as it takes them.
func farStream(asks int) func(context.Context, *env) ([]report.Figure, error) {
	return func(ctx context.Context, e *env) (figures []report.Figure, err error) {
		p, err := e.usePair()
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, e.dropPair()) }()
		return p.measureStream(ctx, asks)
	}
}

func (p *pair) measureStream(ctx context.Context, asks int) ([]report.Figure, error) {
	echo, err1 := p.named("echo")
	sink, err2 := p.named("blocks")
	counter, err3 := p.named("counter")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	s := newStream(p, sink)
	go s.run(ctx)
	took, err := besideStream(ctx, asks, s.flowing, func(i int) error {
		got, err := actor.Ask(ctx, echo, increment{N: i})
		if err == nil && got != i+1 {
			err = checkAnswer(i, got)
		}
		return err
	})
	close(s.stop)
	<-s.ended
	if err := errors.Join(err, s.err); err != nil {
		return nil, err
	}
	got, err := actor.Ask(ctx, counter, collect{})
	elapsed := time.Since(s.began)
	if err != nil {
		return nil, err
	}
	if want := (arrived{Count: s.sent, Sum: s.sent * blockSize}); got != want {
		return nil, fmt.Errorf("of %d blocks %d arrived, with %d bytes", s.sent, got.Count, got.Sum)
	}
	return append(latencies(took), report.Figure{Name: "bulk per second", Unit: report.Bytes,
		Values: report.Series{float64(got.Sum) / elapsed.Seconds()}}), nil
}

// latencies are the figures of times in milliseconds.
func latencies(took report.Series) []report.Figure {
	figure := func(name string, v float64) report.Figure {
		return report.Figure{Name: name, Unit: report.Milliseconds, Values: report.Series{v}}
	}
	return []report.Figure{
		figure(report.P99, took.Percentile(99)),
		figure(report.P50, took.Median()),
		figure(report.Worst, took.Max()),
	}
}

// besideStream times n round trips, at a steady pace, from when flowing is closed.
func besideStream(ctx context.Context, n int, flowing <-chan struct{}, trip func(i int) error) (report.Series, error) {
	select {
	case <-flowing:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	pace := time.NewTicker(streamPace)
	defer pace.Stop()
	took := make(report.Series, n)
	for i := range took {
		select {
		case <-pace.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		begin := time.Now()
		if err := trip(i); err != nil {
			return nil, fmt.Errorf("request %d: %w", i, err)
		}
		took[i] = float64(time.Since(begin)) / float64(time.Millisecond)
	}
	return took, nil
}

// stream sends blocks on the bulk lane until it is stopped. What run sets is to be read when ended is closed.
type stream struct {
	p       *pair
	to      actor.PID
	data    []byte
	flowing chan struct{} // closed when the lane is full
	stop    chan struct{}
	ended   chan struct{}
	began   time.Time
	sent    int64
	err     error
}

func newStream(p *pair, to actor.PID) *stream {
	s := &stream{p: p, to: to, data: make([]byte, blockSize), flowing: make(chan struct{}), stop: make(chan struct{}), ended: make(chan struct{})}
	_, _ = rand.Read(s.data) // it never fails; what could be compressed would not be 1 MB on the wire
	return s
}

func (s *stream) run(ctx context.Context) {
	defer func() {
		if s.sent < streamLead {
			close(s.flowing) // for who waits for it
		}
		close(s.ended)
	}()
	s.began = time.Now()
	for s.err == nil {
		last := false
		select {
		case <-s.stop:
			last = true
		default:
		}
		if s.err = s.p.node.SendOn(ctx, "bulk", s.to, block{s.data, last}); s.err == nil {
			s.sent++
		}
		if last {
			return
		}
		if s.sent == streamLead {
			close(s.flowing)
		}
	}
}
