// Supervised shows a tree of processes that heals itself: workers that crash, a pool that is killed, and a service that
// waits longer after every failure. It prints the tree before, and after a hundred crashes, and what was restarted.
//
//	go run ./examples/supervised [-dot]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
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
	flag.Parse()
	if err := run(*dot); err != nil {
		fmt.Fprintln(os.Stderr, "supervised:", err)
		os.Exit(1)
	}
}

func run(dot bool) error {
	ctx := context.Background()
	sys, err := actor.NewSystem("demo", actor.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	var ended int
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
	sup, err := supervision.Start(sys, tree(), actor.WithName("top"))
	if err != nil {
		return err
	}
	fmt.Printf("Before:\n%s\n", supervision.Tree(sys))
	names := []string{"ada", "bob", "cyd", "source", "filter", "sink", "flaky"}
	for i := range 100 {
		sys.Send(sys.Named(names[rand.IntN(len(names))]), i)
		select { // every crash, and what its strategy takes along
		case <-done:
			ended++
		case <-time.After(100 * time.Millisecond): // nobody was there: it waits for its restart
		}
	}
	if pool, ok := sup.Child("pool"); ok { // not even this harms the others
		sys.Exit(pool.PID, actor.Kill)
	}
	<-time.After(200 * time.Millisecond) // the longest backoff
	f := supervision.Tree(sys)
	fmt.Printf("After %d processes ended:\n%s\n", ended+len(done), f)
	if dot {
		fmt.Println(f.DOT())
	}
	if err := sup.Stop(ctx); err != nil {
		return err
	}
	return sys.Shutdown(ctx)
}
