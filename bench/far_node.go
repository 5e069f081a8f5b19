package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/pprof"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
)

// The environment of the second process. The first variable makes it the other node and holds the address to join; the second
// names the file for its CPU profile.
const (
	farVariable  = "FOUNDATION_BENCH_FAR"
	farProfile   = "FOUNDATION_BENCH_FAR_PROFILE"
	farReady     = "ready "
	farLastQuote = -1 // the Size of a run's last quote
)

// item is the small struct of the workloads between two nodes: about 30 bytes on the wire.
type item struct {
	ID   int64
	Kind uint32
	Name string
}

// block is the large message.
type block struct {
	Data []byte
	Last bool
}

// collect asks for what arrived since the last time.
type collect struct{ actor.Replies[arrived] }

// arrived is what a sink counted: messages, the sum of their IDs, and how many came out of turn.
type arrived struct {
	Count, Sum, Gaps int64
}

// stateRequest asks for the state of the process.
type stateRequest struct{ actor.Replies[farState] }

// farState is what the other process allocated since its start, and lost.
type farState struct {
	Mallocs, Dead uint64
	DeadBy        string
}

// idler is the argument of the process that SpawnOn starts.
type idler struct{ Number int64 }

func nodeConfig() cluster.Config {
	return cluster.Config{
		Types: []cluster.Type{
			cluster.TypeOf[item]("bench.item"), cluster.TypeOf[quote]("bench.quote"), cluster.TypeOf[block]("bench.block"),
			cluster.TypeOf[collect]("bench.collect"), cluster.TypeOf[arrived]("bench.arrived"),
			cluster.TypeOf[increment]("bench.increment"),
			cluster.TypeOf[stateRequest]("bench.staterequest"), cluster.TypeOf[farState]("bench.state"),
		},
		Kinds: []cluster.Kind{cluster.KindOf("bench.idler", func(idler) (actor.Actor, error) {
			return actor.Func(func(ctx *actor.Context, _ any) error { return ctx.Unhandled() }), nil
		})},
		Logger: slog.New(slog.DiscardHandler),
	}
}

// beFar is the program of the second process: it joins the node at seed, says that it is ready, and ends with its input.
func beFar(seed string, in io.Reader, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), pairStartLimit, errTooSlow)
	defer cancel()
	sys, err := newNodeSystem("far")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shutdown(sys)) }()
	if err := spawnFar(sys); err != nil {
		return err
	}
	cfg := nodeConfig()
	cfg.Seeds = []string{seed}
	node, err := cluster.Join(ctx, sys, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave(node)) }()
	raw, err := serveTCP()
	if err != nil {
		return err
	}
	defer raw.close()
	stop, err := profileFar(os.Getenv(farProfile))
	if err != nil {
		return err
	}
	defer stop()
	if _, err := fmt.Fprintln(out, farReady+raw.addr()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

func shutdown(sys *actor.System) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), pairEndLimit/4, errTooSlow)
	defer cancel()
	return sys.Shutdown(ctx)
}

func leave(node *cluster.Node) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), pairEndLimit/4, errTooSlow)
	defer cancel()
	return node.Leave(ctx)
}

// profileFar writes a CPU profile of this process to the file until stop is called. An empty name is for none.
func profileFar(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(fmt.Sprintf("%s.%d", file, os.Getpid()))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
	}, nil
}

// spawnFar starts the processes that the workloads address, by their names.
func spawnFar(sys *actor.System) error {
	_, err := sys.Spawn(actor.Func(incrementer), actor.WithName("echo"))
	_, err2 := sys.Spawn(actor.Func(incrementer), actor.WithName("inline"), actor.WithInline())
	_, err3 := sys.Spawn(&farSink{}, actor.WithName("sink"))
	counter, err4 := sys.Spawn(&farCounter{}, actor.WithName("counter"))
	_, err5 := actor.SpawnTyped(sys, typedSink(counter), actor.WithName("quotes"))
	_, err6 := sys.Spawn(blockSink(counter), actor.WithName("blocks"))
	_, err7 := sys.Spawn(actor.Func(answerState), actor.WithName("state"))
	return errors.Join(err, err2, err3, err4, err5, err6, err7)
}

// take counts a message.
func (a *arrived) take(id int64) {
	if id != a.Count {
		a.Gaps++
	}
	a.Count++
	a.Sum += id
}

// farSink counts items and tells how many there were when it is asked, behind them.
type farSink struct{ arrived }

func (s *farSink) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case item:
		s.take(m.ID)
	case collect:
		actor.Reply(ctx, m, s.arrived)
		s.arrived = arrived{}
	default:
		return ctx.Unhandled()
	}
	return nil
}

// typedSink counts quotes by value. It cannot be asked, so it tells counter when the last one has come.
func typedSink(counter actor.PID) actor.TypedFunc[quote] {
	var seen arrived
	return func(ctx *actor.Context, q quote) error {
		seen.take(int64(q.ID))
		if q.Size == farLastQuote {
			ctx.Send(counter, seen)
			seen = arrived{}
		}
		return nil
	}
}

// blockSink counts large messages; their lane may be overtaken by a question, so that it tells counter as well.
func blockSink(counter actor.PID) actor.Func {
	var seen arrived
	return func(ctx *actor.Context, msg any) error {
		b, ok := msg.(block)
		if !ok {
			return ctx.Unhandled()
		}
		seen.Count++
		seen.Sum += int64(len(b.Data))
		if b.Last {
			ctx.Send(counter, seen)
			seen = arrived{}
		}
		return nil
	}
}

// farCounter brings together the result of a run and the question for it, whichever comes first.
type farCounter struct {
	result []arrived
	asker  []actor.ReplyTo[arrived]
}

func (c *farCounter) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case arrived:
		c.result = append(c.result, m)
	case collect:
		c.asker = append(c.asker, actor.DeferReply(ctx, m))
	default:
		return ctx.Unhandled()
	}
	if len(c.result) > 0 && len(c.asker) > 0 {
		c.asker[0].Reply(c.result[0])
		c.result, c.asker = c.result[1:], c.asker[1:]
	}
	return nil
}

// answerState tells the state of this process, after a collection: that of the next run's garbage is the next run's.
func answerState(ctx *actor.Context, msg any) error {
	req, ok := msg.(stateRequest)
	if !ok {
		return ctx.Unhandled()
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := ctx.System().Stats()
	actor.Reply(ctx, req, farState{Mallocs: m.Mallocs, Dead: s.Dead, DeadBy: fmt.Sprint(s.DeadBy)})
	return nil
}

// checkArrived compares what a sink counted with n messages whose IDs are 0 to n-1 from each of producers.
func checkArrived(got arrived, n, producers int) error {
	want := arrived{Count: int64(n * producers), Sum: int64(producers) * (int64(n) * int64(n-1) / 2)}
	if producers > 1 {
		got.Gaps = 0 // every producer counts by itself
	}
	if got != want {
		return fmt.Errorf("%d messages with sum %d arrived, %d of them out of turn; sent were %d with sum %d",
			got.Count, got.Sum, got.Gaps, want.Count, want.Sum)
	}
	return nil
}
