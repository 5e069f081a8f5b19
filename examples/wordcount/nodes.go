package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
)

// nodeVariable is set in processes that this program starts: to what they are, as JSON.
const nodeVariable = "WORDCOUNT_NODE"

type nodeArguments struct{ Name, Seed string }

// What may be started on a node, by name.
const (
	shardKind   = "wordcount.shard"
	counterKind = "wordcount.counter"
)

type (
	shardArguments   struct{}
	counterArguments struct{ Shards []actor.PID }
)

// settings are the same for all nodes.
func settings() cluster.Config {
	return cluster.Config{
		Cluster: "wordcount",
		Logger:  slog.New(slog.DiscardHandler),
		Types: []cluster.Type{
			cluster.TypeOf[piece]("wordcount.piece"), cluster.TypeOf[verdict]("wordcount.verdict"), cluster.TypeOf[partial]("wordcount.partial"),
			cluster.TypeOf[tally]("wordcount.tally"), cluster.TypeOf[shardTotal]("wordcount.total"),
		},
		Kinds: []cluster.Kind{
			cluster.KindOf(shardKind, func(shardArguments) (actor.Actor, error) { return newShard(), nil }),
			cluster.KindOf(counterKind, func(a counterArguments) (actor.Actor, error) {
				if len(a.Shards) == 0 {
					return nil, errors.New("a counter needs shards")
				}
				return actor.Blocking(counter{a.Shards}.run), nil
			}),
		},
	}
}

// beNode is main of the processes that are started: a node that does what the others ask, until its input ends. That is when
// whoever started it closes it or is gone.
func beNode(ctx context.Context, text string, in io.Reader) error {
	var a nodeArguments
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return fmt.Errorf("%s: %w", nodeVariable, err)
	}
	sys, err := actor.NewSystem(a.Name)
	if err != nil {
		return err
	}
	cfg := settings()
	cfg.Seeds = []string{a.Seed}
	node, err := cluster.Join(ctx, sys, cfg)
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); { // to its end
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(node.Leave(end), sys.Shutdown(end))
}

// team is this node and those that it started.
type team struct {
	sys      *actor.System
	node     *cluster.Node
	members  []cluster.Member
	children []*child
	next     atomic.Uint32
}

// child is another process of the operating system.
type child struct {
	*exec.Cmd
	leash io.Closer // its input
}

// runOnNodes counts the tree with processes on several nodes, and says how long that took, without starting and ending the nodes.
func runOnNodes(ctx context.Context, c config, fsys fs.FS, progress func(done, total int64), errs io.Writer) (r result, took time.Duration, err error) {
	t, err := assemble(ctx, c.nodes, errs)
	if err == nil {
		// Every node has some work.
		c.shards, c.readers = max(c.shards, c.nodes), max(c.readers, 2*c.nodes)
		start := time.Now()
		r, err = runIn(ctx, t.sys, places{t.shard, t.counter}, c, fsys, progress)
		took = time.Since(start)
		if errors.Is(err, actor.NoConnection) {
			err = fmt.Errorf("a node was lost, and with it the words of its shards: %w", err)
		}
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return r, took, errors.Join(err, t.disband(end))
}

// assemble starts the nodes and waits until all are up. What it returns is to be disbanded also if it failed.
func assemble(ctx context.Context, nodes int, errs io.Writer) (t *team, err error) {
	t = &team{}
	if t.sys, err = actor.NewSystem("node-1"); err != nil {
		return t, err
	}
	if t.node, err = cluster.Join(ctx, t.sys, settings()); err != nil {
		return t, err
	}
	changed := make(chan struct{}, 1)
	defer t.node.Subscribe(func(cluster.MemberEvent) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	for i := 2; i <= nodes; i++ {
		if err := t.start(nodeArguments{fmt.Sprintf("node-%d", i), t.node.Self().Addr}, errs); err != nil {
			return t, fmt.Errorf("start another process: %w", err)
		}
	}
	wait, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		t.members = t.members[:0]
		for _, m := range t.node.Members() {
			if m.State == cluster.Up {
				t.members = append(t.members, m)
			}
		}
		if len(t.members) == nodes {
			return t, nil
		}
		select {
		case <-changed:
		case <-wait.Done():
			return t, fmt.Errorf("%d of %d nodes are up: %w", len(t.members), nodes, wait.Err())
		}
	}
}

func (t *team) start(a nodeArguments, errs io.Writer) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), nodeVariable+"="+string(text))
	cmd.Stderr = errs
	leash, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		t.children = append(t.children, &child{cmd, leash})
	}
	return err
}

// shard starts a shard on one node after the other, linked to the caller.
func (t *team) shard(ctx *actor.Context) (actor.PID, error) {
	pid, err := t.spawn(ctx, shardKind, shardArguments{})
	if err == nil {
		ctx.Link(pid)
	}
	return pid, err
}

// counter starts a counter on one node after the other.
func (t *team) counter(ctx *actor.Context, shards []actor.PID) (actor.PID, error) {
	return t.spawn(ctx, counterKind, counterArguments{shards})
}

func (t *team) spawn(ctx context.Context, kind string, args any) (actor.PID, error) {
	i := int(t.next.Add(1)) % len(t.members)
	return t.node.SpawnOn(ctx, t.members[i], kind, args)
}

// disband ends the other processes, and this node. Who does not end in time is killed.
func (t *team) disband(ctx context.Context) error {
	var errs []error
	for _, c := range t.children {
		errs = append(errs, c.leash.Close())
	}
	for _, c := range t.children {
		stop := context.AfterFunc(ctx, func() { _ = c.Process.Kill() })
		errs = append(errs, c.Wait())
		stop()
	}
	if t.node != nil {
		errs = append(errs, t.node.Leave(ctx))
	}
	if t.sys != nil {
		errs = append(errs, t.sys.Shutdown(ctx))
	}
	return errors.Join(errs...)
}
