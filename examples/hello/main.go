// Command hello starts one process, asks it a question and prints the answer.
package main

import (
	"context"
	"fmt"

	"github.com/foundation-runtime/foundation/actor"
)

type Greet struct {
	actor.Replies[string] // the answer to a Greet is a string
	Name                  string
}

func main() {
	sys, _ := actor.NewSystem("hello")
	greeter, _ := sys.Spawn(actor.Func(func(ctx *actor.Context, msg any) error {
		g := msg.(Greet) // anything else ends the process, and only the process
		actor.Reply(ctx, g, "Hello, "+g.Name+"!")
		return nil
	}))
	answer, err := actor.Ask(context.Background(), greeter, Greet{Name: "world"})
	fmt.Println(answer, err)
}
