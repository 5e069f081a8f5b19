package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	proto "github.com/asynkron/protoactor-go/actor"
)

// newProto starts a protoactor-go system that logs nothing.
func newProto() *proto.ActorSystem {
	return proto.NewActorSystem(proto.WithLoggerFactory(func(*proto.ActorSystem) *slog.Logger {
		return slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 1}))
	}))
}

// protoSink spawns an actor that counts the messages accept knows, and reports any other.
func protoSink(sys *proto.ActorSystem, s *sink, accept func(msg any) bool) *proto.PID {
	return sys.Root.Spawn(proto.PropsFromFunc(func(c proto.Context) {
		switch msg := c.Message().(type) {
		case proto.SystemMessage, proto.AutoReceiveMessage:
		default:
			if !accept(msg) {
				s.fail(errUnexpected(msg))
				return
			}
			s.take()
		}
	}))
}

// protoClose stops the actors and the system and waits for the actors to end.
func protoClose(sys *proto.ActorSystem, pids ...*proto.PID) func() error {
	return func() error {
		defer sys.Shutdown()
		for _, pid := range pids {
			if err := sys.Root.StopFuture(pid).Wait(); err != nil {
				return err
			}
		}
		return nil
	}
}

// protoSend sends a pointer to one actor.
func protoSend(*env) (load, error) { return protoSends(newSink(1), 1) }

// protoFlood sends a pointer to one actor, without flow control.
func protoFlood(*env) (load, error) { return protoSends(newFlood(), 1) }

// protoFanIn sends from a goroutine per core to one actor.
func protoFanIn(*env) (load, error) {
	producers := runtime.GOMAXPROCS(0)
	return protoSends(newSink(producers), producers)
}

// protoSends sends a pointer from that many goroutines to one actor.
func protoSends(s *sink, producers int) (load, error) {
	sys := newProto()
	pid := protoSink(sys, s, func(msg any) bool { _, ok := msg.(*note); return ok })
	send := func(k int) {
		var m any = &note{}
		for range k {
			sys.Root.Send(pid, m)
		}
	}
	return load{
		run: func(ctx context.Context, n int) (int, time.Duration, error) {
			return s.run(ctx, n, func() error { return s.produceFrom(ctx, producers, n, send) })
		},
		close: protoClose(sys, pid),
	}, nil
}

// protoQuotes sends 32-byte structs, which protoactor-go boxes.
func protoQuotes(*env) (load, error) {
	sys, s := newProto(), newSink(1)
	pid := protoSink(sys, s, func(msg any) bool {
		q, ok := msg.(quote)
		s.sum += q.ID
		return ok
	})
	return load{
		run: func(ctx context.Context, n int) (int, time.Duration, error) {
			next := uint64(0)
			ops, took, err := s.run(ctx, n, func() error {
				return s.produce(ctx, n, func(k int) {
					for range k {
						sys.Root.Send(pid, quote{ID: next, Bid: 1, Ask: 2, Size: 3})
						next++
					}
				})
			})
			if err != nil {
				return 0, 0, err
			}
			return ops, took, checkSum(s.sum, n)
		},
		close: protoClose(sys, pid),
	}, nil
}

// protoAsk sends a request from a goroutine and waits for its future.
func protoAsk(*env) (load, error) {
	sys := newProto()
	pid := sys.Root.Spawn(proto.PropsFromFunc(func(c proto.Context) {
		if q, ok := c.Message().(question); ok {
			c.Respond(q.N + 1)
		}
	}))
	return load{
		run: func(_ context.Context, n int) (int, time.Duration, error) {
			start := time.Now()
			for i := range n {
				got, err := sys.Root.RequestFuture(pid, question{i}, askTimeout).Result()
				if err != nil {
					return 0, 0, err
				}
				if err := checkAnswer(i, got); err != nil {
					return 0, 0, err
				}
			}
			return n, time.Since(start), nil
		},
		close: protoClose(sys, pid),
	}, nil
}

// protoSpawn spawns actors and stops each at once.
func protoSpawn(*env) (load, error) {
	sys, ended := newProto(), newTally(spawnChunk)
	props := proto.PropsFromFunc(func(c proto.Context) {
		if _, ok := c.Message().(*proto.Stopped); ok {
			ended.take()
		}
	})
	return load{
		run: func(ctx context.Context, n int) (int, time.Duration, error) {
			return ended.run(ctx, n, func(k int) {
				for range k {
					sys.Root.Stop(sys.Root.Spawn(props))
				}
			})
		},
		close: protoClose(sys),
	}, nil
}

// protoIdle spawns n actors and sends each a message.
func protoIdle(ctx context.Context, n int) (func() error, error) {
	sys := newProto()
	var seen atomic.Int64
	props := proto.PropsFromFunc(func(c proto.Context) {
		if _, ok := c.Message().(*note); ok {
			seen.Add(1)
		}
	})
	m := &note{}
	for range n {
		sys.Root.Send(sys.Root.Spawn(props), m)
	}
	if err := pollUntil(ctx, func() bool { return seen.Load() == int64(n) }); err != nil {
		return nil, fmt.Errorf("%d of %d messages arrived: %w", seen.Load(), n, err)
	}
	return protoClose(sys), nil
}

// protoEmpty starts a system in which an actor has lived and ended.
func protoEmpty(context.Context) (func() error, error) {
	sys := newProto()
	pid := sys.Root.Spawn(proto.PropsFromFunc(func(proto.Context) {}))
	return protoClose(sys), sys.Root.StopFuture(pid).Wait()
}
