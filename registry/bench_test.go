package registry_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/registry"
)

// loopback starts n nodes on the machine's own network.
func loopback(b testing.TB, n int) (nodes []*node) {
	b.Helper()
	var seeds []string
	for i := range n {
		sys, err := actor.NewSystem(fmt.Sprint("b", i), actor.WithLogger(quiet))
		if err != nil {
			b.Fatal(err)
		}
		joined, err := cluster.Join(within(b), sys, cluster.Config{Seeds: seeds, Logger: quiet})
		if err != nil {
			b.Fatal(err)
		}
		seeds = append(seeds, joined.Self().Addr)
		r, err := registry.New(joined, registry.Config{Logger: quiet})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_ = r.Close(ctx)
			_ = joined.Leave(ctx)
			_ = sys.Shutdown(ctx)
		})
		nodes = append(nodes, &node{Registry: r, sys: sys, node: joined, name: sys.Name()})
	}
	for _, x := range nodes {
		until(b, "all are up", func() bool { return len(x.node.Members()) == n })
		if err := x.Ready(within(b)); err != nil {
			b.Fatal(err)
		}
	}
	return nodes
}

func BenchmarkWhereis(b *testing.B) {
	for _, count := range []int{100, 100_000} {
		x := loopback(b, 1)[0]
		names := make([]string, count)
		pid := x.process(b)
		for i := range names {
			names[i] = fmt.Sprint("some/name/", i)
			if err := x.Register(context.Background(), names[i], pid); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, ok := x.Whereis(names[i]); !ok {
					b.Fatal("missing")
				}
				if i++; i == count {
					i = 0
				}
			}
		})
	}
	b.Run("channel", func(b *testing.B) {
		c := make(chan int, 1024)
		go func() {
			for i := range b.N {
				c <- i
			}
			close(c)
		}()
		for range c {
		}
	})
}

func TestWhereisAllocatesNothing(t *testing.T) {
	x := loopback(t, 1)[0]
	pid := x.register(t, "bank")
	if n := testing.AllocsPerRun(1000, func() {
		if got, ok := x.Whereis("bank"); !ok || got != pid {
			t.Error("missing")
		}
		x.Whereis("nobody")
	}); n != 0 {
		t.Error("allocations:", n)
	}
}

func BenchmarkRegister(b *testing.B) {
	x := loopback(b, 1)[0]
	pid := x.process(b)
	ctx := context.Background()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		name := fmt.Sprint("n/", i)
		i++
		if err := x.Register(ctx, name, pid); err != nil {
			b.Fatal(err)
		}
		if err := x.Unregister(ctx, name); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRegisterSync(b *testing.B) {
	x := loopback(b, 3)[0]
	pid := x.process(b)
	ctx := context.Background()
	i := 0
	for b.Loop() {
		i++
		if err := x.RegisterSync(ctx, fmt.Sprint("n/", i), pid, registry.Majority); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPropagation is the time from Register until all of five nodes see it.
func BenchmarkPropagation(b *testing.B) {
	nodes := loopback(b, 5)
	pid := nodes[0].process(b)
	var took []time.Duration
	i := 0
	for b.Loop() {
		i++
		name := fmt.Sprint("n/", i)
		began := time.Now()
		if err := nodes[0].Register(context.Background(), name, pid); err != nil {
			b.Fatal(err)
		}
		for _, x := range nodes {
			if _, err := x.Await(context.Background(), name); err != nil {
				b.Fatal(err)
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkBurst is the time until another node sees 200 names.
func BenchmarkBurst(b *testing.B) {
	nodes := loopback(b, 2)
	pid := nodes[0].process(b)
	i := 0
	for b.Loop() {
		for range 200 {
			i++
			if err := nodes[0].Register(context.Background(), fmt.Sprint("n/", i), pid); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := nodes[1].Await(context.Background(), fmt.Sprint("n/", i)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemory registers a million names of one node, and says what a name costs there, its text included.
func BenchmarkMemory(b *testing.B) {
	const count = 1_000_000
	for b.Loop() {
		x := loopback(b, 1)[0]
		pid := x.process(b)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range count {
			if err := x.Register(context.Background(), fmt.Sprintf("user/%07d", i), pid); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/count, "B/name")
		runtime.KeepAlive(x)
	}
}
