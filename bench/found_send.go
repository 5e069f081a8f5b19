package main

import (
	"context"
	"runtime"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// noteSink spawns a process that counts notes in s.
func noteSink(sys *actor.System, s *sink) (actor.PID, error) {
	return sys.Spawn(actor.Func(func(_ *actor.Context, msg any) error {
		if _, ok := msg.(*note); !ok {
			s.fail(errUnexpected(msg))
			return nil
		}
		s.take()
		return nil
	}))
}

// foundSend sends a pointer from a goroutine to a process.
func foundSend(*env) (load, error) { return foundSends(newSink(1), 1) }

// foundFlood sends a pointer to a process, without flow control.
func foundFlood(*env) (load, error) { return foundSends(newFlood(), 1) }

// foundFanIn sends from a goroutine per core to one process.
func foundFanIn(*env) (load, error) {
	producers := runtime.GOMAXPROCS(0)
	return foundSends(newSink(producers), producers)
}

// foundSends sends a pointer from that many goroutines to one process.
func foundSends(s *sink, producers int) (load, error) {
	sys, err := newSystem()
	if err != nil {
		return load{}, err
	}
	pid, err := noteSink(sys, s)
	send := func(k int) {
		var m any = &note{}
		for range k {
			sys.Send(pid, m)
		}
	}
	return started(sys, err, load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
		return s.run(ctx, n, func() error { return s.produceFrom(ctx, producers, n, send) })
	}})
}

// foundQuotes sends 32-byte structs by value to a typed process.
func foundQuotes(*env) (load, error) {
	sys, err := newSystem()
	if err != nil {
		return load{}, err
	}
	s := newSink(1)
	ref, err := actor.SpawnTyped(sys, actor.TypedFunc[quote](func(_ *actor.Context, q quote) error {
		s.sum += q.ID
		s.take()
		return nil
	}))
	return started(sys, err, load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
		next := uint64(0)
		ops, took, err := s.run(ctx, n, func() error {
			return s.produce(ctx, n, func(k int) {
				for range k {
					ref.Send(sys, quote{ID: next, Bid: 1, Ask: 2, Size: 3})
					next++
				}
			})
		})
		if err != nil {
			return 0, 0, err
		}
		return ops, took, checkSum(s.sum, n)
	}})
}

// mailman is a process that sends a chunk of notes to the sink for every credit it gets.
type mailman struct {
	sys  *actor.System
	sink actor.PID
	left int
	send func(m *mailman, ctx *actor.Context, k int)
}

// creditMsg tells the mailman to send another chunk.
type creditMsg struct{}

func (m *mailman) Receive(ctx *actor.Context, msg any) error {
	switch msg := msg.(type) {
	case creditMsg:
	case ball: // the number of notes of the next run
		m.left = msg.left
		return nil
	default:
		return errUnexpected(msg)
	}
	k := min(m.left, mailChunk)
	m.left -= k
	m.send(m, ctx, k)
	return nil
}

// mailChunk is how many notes a mailman sends in one turn: few enough for its turns to stay below any limit.
const mailChunk = 512

// foundMail sends notes from one process to another, with send.
func foundMail(send func(m *mailman, ctx *actor.Context, k int), baggage bool) func(*env) (load, error) {
	return func(*env) (load, error) {
		sys, err := newSystem()
		if err != nil {
			return load{}, err
		}
		var sender actor.Sender = sys
		if baggage {
			sender = sys.With(actor.WithBaggage(context.Background(), "tenant", "acme"))
		}
		s := &sink{flow: newFlow(mailChunk, credits)}
		sink, err := noteSink(sys, s)
		if err != nil {
			return started(sys, err, load{})
		}
		man, err := sys.Spawn(&mailman{sys: sys, sink: sink, send: send})
		return started(sys, err, load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
			return s.run(ctx, n, func() error {
				sys.Send(man, ball{left: n})
				return s.produce(ctx, n, func(int) { sender.Send(man, creditMsg{}) })
			})
		}})
	}
}

// sendPlain sends k notes without a sender.
func sendPlain(m *mailman, _ *actor.Context, k int) {
	var msg any = &note{}
	for range k {
		m.sys.Send(m.sink, msg)
	}
}

// sendSigned sends k notes with the process as their sender, and with the baggage of the message it handles.
func sendSigned(m *mailman, ctx *actor.Context, k int) {
	var msg any = &note{}
	for range k {
		ctx.Send(m.sink, msg)
	}
}
