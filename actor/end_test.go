package actor_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

// A failed Terminate changes the reason, and nothing else.
func TestTerminate_Panics(t *testing.T) {
	for _, crash := range crashes {
		for _, told := range []bool{true, false} {
			t.Run(fmt.Sprint(crash.name, told), func(t *testing.T) {
				r := newRig(t, actor.WithWorkers(1))
				in := make(chan error, 1)
				pid, err := r.sys.Spawn(&starter{
					receive:   func(*actor.Context, any) error { return errOther },
					terminate: func(c *actor.Context, reason error) { in <- reason; crash.f() },
				}, actor.WithName("it"))
				if err != nil {
					t.Fatal(err)
				}
				gone := r.witness(pid)
				want := errOther
				if told {
					want = errBoom
					r.sys.Exit(pid, errBoom)
				}
				r.sys.Send(pid, 1)
				if reason := take(t, in, "Terminate"); reason != want {
					t.Fatal(reason)
				}
				var e *actor.PanicError
				if reason := gone(); !errors.As(reason, &e) || !crash.ok(e) {
					t.Fatal(reason)
				}
				r.start(plain, actor.WithName("it")).call(func(proc) {})
			})
		}
	}
}

// The order of an end: Terminate, while the process is alive; then it is not alive and its name is free; its queue becomes dead
// letters; askers are told; then links and monitors.
func TestEnd_Order(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	var log []string
	add := func(s string) { mu.Lock(); defer mu.Unlock(); log = append(log, s) }
	var x actor.PID
	state := func() string {
		_, named := r.sys.Whereis("it")
		return fmt.Sprintf(" alive=%v named=%v", r.sys.Alive(x), named)
	}
	holding, hold := make(chan struct{}), make(chan struct{})
	x, err := r.sys.Spawn(&starter{
		receive: func(c *actor.Context, msg any) error {
			if n, ok := msg.(note); ok && n.v == "defer" {
				actor.DeferReply(c, n)
				c.Send(c.Self(), "hold")
				return nil
			}
			close(holding)
			<-hold
			return errBoom
		},
		terminate: func(c *actor.Context, reason error) { add("Terminate" + state()) },
	}, actor.WithName("it"))
	if err != nil {
		t.Fatal(err)
	}
	y := r.trapper(plain)
	y.call(func(p proc) { p.Link(x); p.Monitor(x) })
	asked := make(chan struct{})
	caller := r.start(plain)
	caller.tell(func(p proc) error {
		actor.AskAsync(p.(*actor.Context), x, note{v: "defer"}, func(c *actor.Context, _ int, err error) error {
			add("asker" + state())
			close(asked)
			return nil
		})
		return nil
	})
	r.wait(holding, "the handler")
	r.sys.Subscribe(func(e actor.Event) {
		switch e := e.(type) {
		case actor.DeadLetter:
			add(fmt.Sprint(e.Message, state()))
		case actor.Exited:
			if e.PID == x {
				r.wait(asked, "the asker")
				add("Exited" + state())
			}
		}
	})
	r.sys.Send(x, "one")
	r.sys.Send(x, "two")
	close(hold)
	y.expectExit(x, errBoom)
	if d := next[actor.Down](y); d.Reason != errBoom {
		t.Fatal(d)
	}
	const gone = " alive=false named=false"
	want := []string{"Terminate alive=true named=true", "one" + gone, "two" + gone, "asker" + gone, "Exited" + gone}
	mu.Lock()
	defer mu.Unlock()
	if fmt.Sprint(log) != fmt.Sprint(want) {
		t.Fatalf("got  %v\nwant %v", log, want)
	}
}
