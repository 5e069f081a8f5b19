// Supervised shows a tree of processes that heals itself: workers that crash, a pool that is killed, and a service that
// waits longer after every failure. It prints the tree before, and after a hundred crashes, and what was restarted.
//
//	go run ./examples/supervised [-dot] [-jobs n]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/supervision"
)

var errUnlucky = errors.New("out of luck")

// worker crashes now and then: by an error, or by a panic.
func worker() actor.Actor {
	return actor.Func(func(c *actor.Context, msg any) error {
		switch n, _ := msg.(int); {
		case n%2 == 0:
			return fmt.Errorf("job %d: %w", n, errUnlucky)
		default:
			panic(fmt.Sprintf("job %d was too much", n))
		}
	})
}

func named(id string) supervision.Child {
	return supervision.Child{ID: id, Start: worker, Options: []actor.SpawnOption{actor.WithName(id)}}
}

func tree() supervision.Spec {
	workers := supervision.Spec{Intensity: 1000, Children: []supervision.Child{named("ada"), named("bob"), named("cyd")}}
	chain := supervision.Spec{Strategy: supervision.RestForOne, Intensity: 1000,
		Children: []supervision.Child{named("source"), named("filter"), named("sink")}}
	flaky := supervision.Spec{Intensity: 1000, Backoff: supervision.Backoff{Min: 10 * time.Millisecond, Max: 80 * time.Millisecond, Jitter: 0.2},
		Children: []supervision.Child{named("flaky")}}
	return supervision.Spec{Intensity: 1000, Children: []supervision.Child{
		{ID: "workers", Supervisor: workers},
		{ID: "chain", Supervisor: chain},
		{ID: "patience", Supervisor: flaky},
		{ID: "pool", Supervisor: supervision.PartitionedSpec{Partitions: 2, Child: func(int) supervision.Child { return supervision.Child{Start: worker} }}},
	}}
}

func main() {
	dot := flag.Bool("dot", false, "print the tree as a Graphviz graph")
	jobs := flag.Int("jobs", 100, "how many jobs, each of which crashes a worker")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *jobs, *dot); err != nil {
		fmt.Fprintln(os.Stderr, "supervised:", err)
		os.Exit(1)
	}
}

// run shows the tree, lets that many jobs crash the workers, kills the pool, and shows the tree when all is well again.
func run(ctx context.Context, out io.Writer, jobs int, dot bool) error {
	sys, err := actor.NewSystem("demo", actor.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	sup, err := supervision.Start(sys, tree(), actor.WithName("top"))
	if err != nil {
		return errors.Join(err, sys.Shutdown(ctx))
	}
	fmt.Fprintf(out, "Before:\n%s\n", supervision.Tree(sys))
	all := running(sys)
	ended := crash(sys, jobs)
	if pool, ok := sup.Child("pool"); ok { // not even this harms the others
		sys.Exit(pool.PID, actor.Kill)
		err = await(ctx, func() bool { return !sys.Alive(pool.PID) })
	}
	if err = errors.Join(err, await(ctx, func() bool { return running(sys) == all })); err != nil {
		return errors.Join(err, sys.Shutdown(ctx))
	}
	after := supervision.Tree(sys)
	fmt.Fprintf(out, "After %d processes ended:\n%s\n", ended, after)
	if dot {
		fmt.Fprintln(out, after.DOT())
	}
	if err := sup.Stop(ctx); err != nil {
		return err
	}
	return sys.Shutdown(ctx)
}

// crash sends jobs to workers picked at random and returns how many processes ended by that: those that crashed, and
// what their strategy took along.
func crash(sys *actor.System, jobs int) int {
	done := make(chan actor.Exited, 1024)
	cancel := sys.Subscribe(func(e actor.Event) {
		if x, ok := e.(actor.Exited); ok {
			select {
			case done <- x:
			default:
			}
		}
	})
	defer cancel()
	names := []string{"ada", "bob", "cyd", "source", "filter", "sink", "flaky"}
	ended := 0
	for i := range jobs {
		sys.Send(sys.Named(names[rand.IntN(len(names))]), i)
		select {
		case <-done:
			ended++
		case <-time.After(100 * time.Millisecond): // nobody was there: it waits for its restart
		}
	}
	return ended + len(done)
}

// running counts the living processes in the tree. A supervisor may not have heard yet of a child that has just ended.
func running(sys *actor.System) (n int) {
	supervision.Tree(sys).Walk(func(node *supervision.Node, _ int) bool {
		if sys.Alive(node.PID) {
			n++
		}
		return true
	})
	return n
}

// await looks every few milliseconds whether it is so: restarts may wait for their backoff.
func await(ctx context.Context, so func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, errors.New("the tree does not heal"))
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
