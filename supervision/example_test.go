package supervision_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/supervision"
)

func newSystem() *actor.System {
	sys, err := actor.NewSystem("example", actor.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	return sys
}

// Divide asks for A/B.
type Divide struct {
	actor.Replies[int]
	A, B int
}

// Divider says so when it is up, and panics when B is zero.
type Divider struct{ up chan<- string }

func (d Divider) Init(*actor.Context) error {
	d.up <- "up"
	return nil
}

func (d Divider) Receive(c *actor.Context, msg any) error {
	if q, ok := msg.(Divide); ok {
		actor.Reply(c, q, q.A/q.B)
	}
	return nil
}

// A worker that panics is started again under the same name. Who asked learns why there is no answer.
func Example() {
	ctx := context.Background()
	sys := newSystem()
	up := make(chan string, 2)
	sup, err := supervision.Start(sys, supervision.Spec{Children: []supervision.Child{{
		ID:      "divider",
		Start:   func() actor.Actor { return Divider{up} },
		Options: []actor.SpawnOption{actor.WithName("divider")},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-up)
	divider := sys.Named("divider")
	fmt.Println(actor.Ask(ctx, divider, Divide{A: 6, B: 3}))

	_, err = actor.Ask(ctx, divider, Divide{A: 1, B: 0})
	if crash, ok := errors.AsType[*actor.PanicError](err); ok {
		fmt.Println(crash.Value)
	}
	fmt.Println(<-up, "again")
	fmt.Println(actor.Ask(ctx, divider, Divide{A: 8, B: 2}))
	fmt.Println(sup.Stop(ctx), sys.Shutdown(ctx))
	// Output:
	// up
	// 2 <nil>
	// runtime error: integer divide by zero
	// up again
	// 4 <nil>
	// <nil> <nil>
}

// A specification with faults starts nothing and names every one.
func ExampleValidate() {
	fmt.Println(supervision.Validate(supervision.Spec{
		Intensity: -5,
		Children: []supervision.Child{
			{ID: "a", Start: func() actor.Actor { return Divider{} }, Significant: true, Restart: supervision.Temporary},
			{ID: "pool", Supervisor: supervision.DynamicSpec{MaxChildren: -1}},
		},
	}))
	// Output:
	// supervision: bad specification, 3 faults:
	// 	Intensity is -5; use a positive number, 0 for the default or NoRestarts
	// 	a: Significant needs a supervisor with AutoShutdown AnySignificant or AllSignificant
	// 	pool: MaxChildren is -1; use a positive number, or 0 for no limit
}

// Stream runs a function for every item, a few at a time, each as a process: one that panics spoils its own item alone.
func ExampleStream() {
	ctx := context.Background()
	sys := newSystem()
	tasks, err := supervision.StartDynamic(sys, supervision.DynamicSpec{})
	if err != nil {
		fmt.Println(err)
		return
	}
	share := func(_ *actor.Process, n int) (int, error) { return 60 / n, nil }
	o := supervision.StreamOptions{MaxConcurrency: 2}
	for r := range supervision.Stream(ctx, tasks, slices.Values([]int{1, 2, 0, 3}), share, o) {
		if _, crashed := errors.AsType[*actor.PanicError](r.Err); crashed {
			fmt.Println(r.Item, "crashed")
			continue
		}
		fmt.Println(r.Item, r.Value)
	}
	fmt.Println(sys.Shutdown(ctx))
	// Output:
	// 1 60
	// 2 30
	// 0 crashed
	// 3 20
	// <nil>
}
