package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/strategies/file"
)

// arguments of a node's process.
type arguments struct {
	Name    string
	Dir     string // where nodes find each other
	Ledger  string
	Planned [len(names)]uint64 // how many parcels to send to each node
	Expect  uint64             // how many are sent to this one
	Portion uint64
	Verbose bool
}

// event is a line that a node writes for the director.
type event struct {
	Kind    string  // of what follows
	Members int     `json:",omitempty"`
	Report  *report `json:",omitempty"`
}

// The kinds of events, and the lines that the director writes: command for a node.
const (
	eventReady  = "ready"  // joined, and the others' sinks are known
	eventHalf   = "half"   // of the parcels for this node were handled
	eventSent   = "sent"   // this node has sent everything
	eventReport = "report" // the answer to commandReport
	eventLeft   = "left"

	commandGo     = "go"
	commandReport = "report"
	commandLeave  = "leave"
)

// report is what a node knows.
type report struct {
	Sent, Got map[string]uint64            // parcels by node
	Gaps      uint64                       // breaks of their order
	Dead      map[string]map[string]uint64 // dead letters by node and reason
	InDoubt   map[string]uint64            // dead letters that may have been handled
	Strange   uint64                       // dead letters that are no parcels
	Monitors  []down
	Members   []down // members that are down, as the cluster says
	Balanced  bool   // the System's own count: sent = handled + dead + queued
}

// node is what a process is.
type node struct {
	args    arguments
	sys     *actor.System
	node    *cluster.Node
	ledger  *ledger
	sink    actor.PID
	senders []actor.PID

	mu     sync.Mutex // protects the following
	out    *json.Encoder
	lost   report // of it the parts that events fill
	unsent int    // senders that are not done
}

// beNode is main of a node's process. It leaves when it is told, and when the director is gone: its input ends then.
func beNode(ctx context.Context, text string, in io.Reader, out io.Writer) (err error) {
	n := &node{out: json.NewEncoder(out)}
	n.lost = report{Dead: map[string]map[string]uint64{}, InDoubt: map[string]uint64{}}
	if err := json.Unmarshal([]byte(text), &n.args); err != nil {
		return fmt.Errorf("%s: %w", nodeVariable, err)
	}
	if n.ledger, err = openLedger(n.args.Ledger); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.ledger.close()) }()
	if err := n.join(ctx); err != nil {
		return err
	}
	if err := n.prepare(ctx); err != nil {
		return err
	}
	n.say(event{Kind: eventReady, Members: len(n.node.Members())})
	for commands := bufio.NewScanner(in); commands.Scan() && ctx.Err() == nil; {
		switch commands.Text() {
		case commandGo:
			for _, pid := range n.senders {
				n.sys.Send(pid, begin{})
			}
		case commandReport:
			r, err := n.report(ctx)
			if err != nil {
				return err
			}
			n.say(event{Kind: eventReport, Report: &r})
		case commandLeave:
			if err := errors.Join(n.node.Leave(ctx), n.sys.Shutdown(ctx)); err != nil {
				return err
			}
			n.say(event{Kind: eventLeft})
			return nil
		}
	}
	return errors.New("the director is gone")
}

// join starts the System with its sink and makes it a node.
func (n *node) join(ctx context.Context) (err error) {
	level := slog.LevelError
	if n.args.Verbose {
		level = slog.LevelInfo
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("node", n.args.Name)
	if n.sys, err = actor.NewSystem(n.args.Name, actor.WithLogger(log)); err != nil {
		return err
	}
	n.sys.Subscribe(n.happened)
	n.sink, err = n.sys.Spawn(&sink{half: n.args.Expect / 2, ledger: n.ledger, count: map[string]uint64{},
		reached: func() { n.say(event{Kind: eventHalf}) }}, actor.WithName(sinkName))
	if err != nil {
		return err
	}
	strategy, err := file.New(file.Config{Dir: n.args.Dir, Interval: 50 * time.Millisecond})
	if err != nil {
		return err
	}
	n.node, err = cluster.Join(ctx, n.sys, cluster.Config{
		Cluster: "demo", Strategy: strategy, Types: []cluster.Type{cluster.TypeOf[parcel]("demo.parcel")}, Logger: log,
	})
	return err
}

// prepare waits until all nodes are up and starts a sender to each of the others.
func (n *node) prepare(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	n.node.Subscribe(func(e cluster.MemberEvent) {
		if e.Kind == cluster.MemberDown {
			n.mu.Lock()
			n.lost.Members = append(n.lost.Members, down{e.Member.Name, e.Member.Why, time.Now()})
			n.mu.Unlock()
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	for i, name := range names {
		if name == n.args.Name {
			continue
		}
		m, up := n.node.Member(name)
		for !up || m.State != cluster.Up {
			select {
			case <-changed:
				m, up = n.node.Member(name)
			case <-ctx.Done():
				return fmt.Errorf("waiting for %s: %w", name, ctx.Err())
			}
		}
		to, ok, err := n.node.Whereis(ctx, m, sinkName)
		if err != nil || !ok {
			return fmt.Errorf("the sink of %s: found %v: %w", name, ok, err)
		}
		n.unsent++
		pid, err := n.sys.Spawn(&sender{to: to, planned: n.args.Planned[i], portion: n.args.Portion, ledger: n.ledger, finish: n.finished})
		if err != nil {
			return err
		}
		n.senders = append(n.senders, pid)
	}
	return nil
}

func (n *node) say(e event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_ = n.out.Encode(e) // nobody listens: the input ends too
}

func (n *node) finished() {
	n.mu.Lock()
	n.unsent--
	last := n.unsent == 0
	n.mu.Unlock()
	if last {
		n.say(event{Kind: eventSent})
	}
}

// happened counts dead letters.
func (n *node) happened(e actor.Event) {
	letter, ok := e.(actor.DeadLetter)
	if !ok {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	to := letter.To.Node()
	switch _, counts := letter.Message.(parcel); {
	case !counts:
		n.lost.Strange++
	case errors.Is(letter.Reason, actor.ErrConnectionLost):
		n.lost.InDoubt[to]++
	default:
		if n.lost.Dead[to] == nil {
			n.lost.Dead[to] = map[string]uint64{}
		}
		n.lost.Dead[to][letter.Reason.Error()]++
	}
}

// report gathers what is known here.
func (n *node) report(ctx context.Context) (report, error) {
	r := report{Sent: map[string]uint64{}}
	for _, pid := range n.senders {
		s, err := actor.Ask(ctx, pid, sent{})
		if err != nil {
			return r, err
		}
		r.Sent[s.to] = s.count
		r.Monitors = append(r.Monitors, s.downs...)
	}
	g, err := actor.Ask(ctx, n.sink, got{})
	r.Got, r.Gaps = g.count, g.gaps
	s := n.sys.Stats()
	r.Balanced = s.Sent == s.Handled+s.Dead+uint64(s.Queued)

	n.mu.Lock()
	defer n.mu.Unlock()
	// A copy, for counting goes on.
	r.Dead, r.InDoubt = map[string]map[string]uint64{}, maps.Clone(n.lost.InDoubt)
	for to, reasons := range n.lost.Dead {
		r.Dead[to] = maps.Clone(reasons)
	}
	r.Strange, r.Members = n.lost.Strange, slices.Clone(n.lost.Members)
	return r, err
}
