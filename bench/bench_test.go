package main

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestMain makes this program the second node, if told so.
func TestMain(m *testing.M) {
	if os.Getenv(farVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// BenchmarkBaseline is two units of the report.
func BenchmarkBaseline(b *testing.B) {
	b.Run("chan", func(b *testing.B) { benchmark(b, channelSend(1)) })
	b.Run("hop", func(b *testing.B) { benchmark(b, channelPingPong()) })
}

// BenchmarkSend is the workloads with one consumer.
func BenchmarkSend(b *testing.B) { benchmarkWorks(b, "send/") }

// BenchmarkPass is ping-pong, pairs and ring, per hop.
func BenchmarkPass(b *testing.B) { benchmarkWorks(b, "pass/") }

// BenchmarkAsk is the requests.
func BenchmarkAsk(b *testing.B) { benchmarkWorks(b, "ask/") }

// BenchmarkProcess is spawning and ending.
func BenchmarkProcess(b *testing.B) { benchmarkWorks(b, "process/spawn", "process/random") }

// BenchmarkSupervise is restarting, starting and stopping children.
func BenchmarkSupervise(b *testing.B) {
	benchmarkWorks(b, "supervise/restart")
	b.Run("start/"+foundation, func(b *testing.B) { benchmarkContestant(b, ours(loads(foundFamily(starting)))) })
	b.Run("stop/"+foundation, func(b *testing.B) { benchmarkContestant(b, ours(loads(foundFamily(stopping)))) })
}

// BenchmarkFar is the workloads between two OS processes; allocations are those of this one.
func BenchmarkFar(b *testing.B) {
	benchmarkWorks(b, "far/send", "far/fan-in", "far/ask", "far/pipeline", "far/spawn", "far/down")
}

// benchmarkWorks runs the workloads whose name begins with one of the prefixes, as Go benchmarks. Erlang is not among
// them.
func benchmarkWorks(b *testing.B, prefixes ...string) {
	for _, g := range suite(100_000) {
		for _, w := range g.works {
			if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(w.id, p) }) {
				continue
			}
			_, name, _ := strings.Cut(w.id, "/")
			for _, c := range w.without(true, false).by {
				sub := name + "/" + c.who
				if c.what != "" {
					sub += "/" + c.what
				}
				b.Run(sub, func(b *testing.B) { benchmarkContestant(b, c) })
			}
		}
	}
}

// benchmarkContestant starts the contestant's load and runs it.
func benchmarkContestant(b *testing.B, c contestant) {
	p, err := c.start(&env{processes: 100_000})
	if err != nil {
		b.Fatal(err)
	}
	part, ok := p.(interface{ self() *timed })
	if !ok {
		b.Fatalf("%s is not measured per operation", c.who)
	}
	t := part.self()
	benchmark(b, t.load)
	if err := t.close(); err != nil {
		b.Error(err)
	}
}

// benchmark runs b.N operations. Some loads round up, so the time per operation is of those that took place.
func benchmark(b *testing.B, l load) {
	ctx, cancel := context.WithTimeoutCause(b.Context(), onceLimit, errTooSlow)
	defer cancel()
	b.ReportAllocs()
	b.ResetTimer()
	ops, took, err := l.run(ctx, b.N)
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(ops), "ns/op")
}
