package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/distributed"
	"github.com/foundation-runtime/foundation/strategies/file"
)

// arguments of a node's process.
type arguments struct {
	Name    string
	Dir     string // where nodes find each other
	Members int    // how many there will be, this one included
	Verbose bool
}

// event is a line that a node writes for the director.
type event struct {
	Kind   string        // of what follows
	Moved  int           `json:",omitempty"` // counters that went elsewhere
	Within time.Duration `json:",omitempty"` // the first and the last of them
}

// The kinds of events, and the line that the director writes: command for a node.
const (
	eventReady = "ready" // runs counters
	eventLeft  = "left"

	commandLeave = "leave"
)

// roleLabel is what a node has that may run counters.
var roleLabel = map[string]string{"role": "counters"}

// member is a System in the cluster, with its supervisor.
type member struct {
	sys  *actor.System
	node *cluster.Node
	*distributed.Supervisor
}

// join makes a node, and returns when it sees so many others and knows what they run.
func join(ctx context.Context, a arguments, labels map[string]string, errs io.Writer) (m member, err error) {
	level := slog.LevelError
	if a.Verbose {
		level = slog.LevelInfo
	}
	log := slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: level})).With("node", a.Name)
	if m.sys, err = actor.NewSystem(a.Name, actor.WithLogger(log)); err != nil {
		return m, err
	}
	strategy, err := file.New(file.Config{Dir: a.Dir, Interval: 50 * time.Millisecond})
	if err != nil {
		return m, err
	}
	m.node, err = cluster.Join(ctx, m.sys, cluster.Config{
		Cluster: "counters", Strategy: strategy, Labels: labels, Logger: log, Types: append(distributed.Types(), types...),
		Kinds: []cluster.Kind{cluster.KindOf(counterKind, func(s start) (actor.Actor, error) { return &counter{start: s}, nil })},
	})
	if err != nil {
		return m, err
	}
	changed := make(chan struct{}, 1)
	cancel := m.node.Subscribe(func(cluster.MemberEvent) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	defer cancel()
	if m.Supervisor, err = distributed.New(m.node, distributed.Config{Logger: log}); err != nil {
		return m, err
	}
	for m.up() < a.Members {
		select {
		case <-changed:
		case <-ctx.Done():
			return m, fmt.Errorf("%s sees %v: %w", a.Name, m.node.Members(), ctx.Err())
		}
	}
	return m, m.WaitForSync(ctx)
}

// up counts the members that are.
func (m member) up() (n int) {
	for _, x := range m.node.Members() {
		if x.State == cluster.Up {
			n++
		}
	}
	return n
}

// leave takes the node out of the cluster. What runs on it is moved before.
func (m member) leave(ctx context.Context) error {
	return errors.Join(m.Close(ctx), m.node.Leave(ctx), m.sys.Shutdown(ctx))
}

// beNode is main of a node's process. It leaves when it is told, and ends when the director is gone: its input ends then.
func beNode(ctx context.Context, text string, in io.Reader, out io.Writer) error {
	var a arguments
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return fmt.Errorf("%s: %w", nodeVariable, err)
	}
	m, err := join(ctx, a, roleLabel, os.Stderr)
	if err != nil {
		return err
	}
	var moves moves
	m.Subscribe(moves.happened)
	say := json.NewEncoder(out)
	if err := say.Encode(event{Kind: eventReady}); err != nil {
		return err
	}
	if commands := bufio.NewScanner(in); !commands.Scan() || commands.Text() != commandLeave {
		return errors.New("the director is gone")
	}
	if err := m.leave(ctx); err != nil {
		return err
	}
	return say.Encode(moves.told())
}

// moves counts the counters that went elsewhere.
type moves struct {
	mu          sync.Mutex // protects the following
	count       int
	first, last time.Time
}

func (m *moves) happened(e distributed.Event) {
	if e.Kind != distributed.MovedAway {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = time.Now()
	if m.count++; m.count == 1 {
		m.first = m.last
	}
}

func (m *moves) told() event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return event{Kind: eventLeft, Moved: m.count, Within: m.last.Sub(m.first)}
}
