package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

// baseline measures one of the units that ratios are in.
type baseline struct{ probe *timed }

// startBaseline returns the measurement of unit, nil if there is no unit. It is closed by the caller.
func startBaseline(unit report.Unit, e *env) (*baseline, error) {
	over := func(l load, err error) (*baseline, error) {
		l.far = nil
		return &baseline{&timed{load: l}}, err
	}
	switch unit {
	case report.TCP:
		return over(rawTCP(tcpStream, tcpOneWay)(e))
	case report.RTT:
		return over(rawTCP(tcpEcho, tcpRoundTrips)(e))
	case report.Chan:
		return &baseline{&timed{load: channelSend(1)}}, nil
	case report.Hop:
		return &baseline{&timed{load: channelPingPong()}}, nil
	case "":
		return nil, nil
	default:
		return nil, fmt.Errorf("no baseline %q", unit)
	}
}

// nanoseconds returns what one operation of the baseline takes now.
func (b *baseline) nanoseconds(ctx context.Context, slice time.Duration) (float64, error) {
	figures, err := b.probe.sample(ctx, slice)
	if err != nil {
		return 0, err
	}
	return figures[0].Values[0], nil
}

// channelCapacity is the buffer of the baseline's channel. Anything from 128 up measures the same.
const channelCapacity = 1024

// channelSend sends pointers through a buffered channel with one consumer. With one producer it is the unit "chan".
func channelSend(producers int) load {
	return load{run: func(_ context.Context, n int) (int, time.Duration, error) {
		c := make(chan any, channelCapacity)
		per := (n + producers - 1) / producers
		n = per * producers
		counted := make(chan int)
		go func() { counted <- countNotes(c) }()
		start := time.Now()
		var wg sync.WaitGroup
		for range producers {
			wg.Go(func() {
				var m any = &note{}
				for range per {
					c <- m
				}
			})
		}
		wg.Wait()
		close(c)
		got := <-counted
		took := time.Since(start)
		if got != n {
			return 0, 0, fmt.Errorf("%d of %d messages arrived", got, n)
		}
		return n, took, nil
	}}
}

// countNotes receives until c is closed.
func countNotes(c <-chan any) int {
	got := 0
	for m := range c {
		if _, ok := m.(*note); ok {
			got++
		}
	}
	return got
}

// channelQuotes sends 32-byte structs by value.
func channelQuotes(*env) (load, error) {
	return load{run: func(_ context.Context, n int) (int, time.Duration, error) {
		c := make(chan quote, channelCapacity)
		sums := make(chan uint64)
		go func() {
			var sum uint64
			for q := range c {
				sum += q.ID
			}
			sums <- sum
		}()
		start := time.Now()
		for i := range n {
			c <- quote{ID: uint64(i), Bid: 1, Ask: 2, Size: 3}
		}
		close(c)
		got := <-sums
		took := time.Since(start)
		return n, took, checkSum(got, n)
	}}, nil
}

// checkSum compares the sum of the IDs 0 … n-1 with what it must be.
func checkSum(got uint64, n int) error {
	if want := uint64(n) * uint64(n-1) / 2; got != want {
		return fmt.Errorf("the IDs of %d messages add up to %d, want %d", n, got, want)
	}
	return nil
}

// channelPingPong passes a ball between two goroutines over unbuffered channels: one operation is the unit "hop".
func channelPingPong() load {
	return load{run: func(_ context.Context, n int) (int, time.Duration, error) {
		there, back := make(chan any), make(chan any)
		go func() {
			defer close(back)
			for m := range there {
				m.(*ball).left--
				back <- m
			}
		}()
		n += n % 2
		b := &ball{left: n}
		start := time.Now()
		for b.left > 0 {
			b.left--
			there <- b
			<-back
		}
		took := time.Since(start)
		close(there)
		if _, more := <-back; more || b.left != 0 {
			return 0, 0, fmt.Errorf("a ball with %d hops left came back", b.left)
		}
		return n, took, nil
	}}
}

// channelAsk is a round trip: a request over one unbuffered channel, the reply over another.
func channelAsk(*env) (load, error) {
	return load{run: func(_ context.Context, n int) (int, time.Duration, error) {
		requests, replies := make(chan int), make(chan int)
		go func() {
			for r := range requests {
				replies <- r + 1
			}
		}()
		defer close(requests)
		start := time.Now()
		for i := range n {
			requests <- i
			if got := <-replies; got != i+1 {
				return 0, 0, fmt.Errorf("asked %d, got %d", i, got)
			}
		}
		return n, time.Since(start), nil
	}}, nil
}

// goroutineSpawn starts goroutines that end at once.
func goroutineSpawn(*env) (load, error) {
	count := newTally(spawnChunk)
	return load{run: func(ctx context.Context, n int) (int, time.Duration, error) {
		return count.run(ctx, n, func(k int) {
			for range k {
				go count.take()
			}
		})
	}}, nil
}

// spawnChunk is how many processes the spawning workloads start before they look how many have ended. At most
// credits × spawnChunk are alive at a time.
const spawnChunk = 256

// channelFanIn sends from a goroutine per core into one buffered channel.
func channelFanIn(*env) (load, error) { return channelSend(runtime.GOMAXPROCS(0)), nil }
