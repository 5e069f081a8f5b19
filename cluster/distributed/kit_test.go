package distributed_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/distributed"
	"github.com/foundation-runtime/foundation/internal/fakenet"
)

var quiet = slog.New(slog.DiscardHandler)

// waitLimit bounds what must happen soon.
const waitLimit = 40 * time.Second

// lan is a cluster with supervisors on a network in memory, one host a node: 10.0.0.1 and so on.
type lan struct {
	t     *testing.T
	net   *fakenet.Network
	world *world
	conf  func(i int, c *cluster.Config)
	nodes []*node

	redistribute distributed.Redistribution
}

type node struct {
	*distributed.Supervisor
	sys  *actor.System
	node *cluster.Node
	name string
	dead atomic.Bool // what it goes on doing is not seen by anybody
}

func host(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }
func addr(i int) string { return host(i) + ":7946" }

// world is outside of all partitions, and sees every process of a child.
type world struct {
	mu     sync.Mutex
	live   map[string]map[actor.PID]string // by id: process and node
	starts map[string]int
	ends   map[string][]error
	broken map[string]bool // ids whose Init fails
}

func (w *world) began(id string, pid actor.PID, at *node) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at.dead.Load() {
		return
	}
	if w.live[id] == nil {
		w.live[id] = map[actor.PID]string{}
	}
	w.live[id][pid] = at.name
	w.starts[id]++
}

func (w *world) over(id string, pid actor.PID, why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.live[id], pid)
	w.ends[id] = append(w.ends[id], why)
}

// crashed forgets all processes of a node.
func (w *world) crashed(node string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, of := range w.live {
		for pid, n := range of {
			if n == node {
				delete(of, pid)
			}
		}
	}
}

func (w *world) count(id string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.live[id])
}

func (w *world) started(id string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.starts[id]
}

func (w *world) nodeOf(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.live[id] {
		return n
	}
	return ""
}

// exactly reports whether of each id there are n processes.
func (w *world) exactly(n int, ids []string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if len(w.live[id]) != n {
			return false
		}
	}
	return true
}

func (w *world) wrong(n int, ids []string) (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if len(w.live[id]) != n && len(list) < 10 {
			list = append(list, fmt.Sprint(id, w.live[id]))
		}
	}
	return list
}

// job is what the children of the tests take.
type job struct {
	ID   string
	Note string
}

var (
	errBoom   = errors.New("boom")
	errBroken = errors.New("broken")
)

// worker is what they are.
type worker struct {
	w  *world
	at *node
	job
}

func (k *worker) Init(c *actor.Context) error {
	k.w.mu.Lock()
	broken := k.w.broken[k.ID]
	k.w.mu.Unlock()
	switch {
	case broken:
		return errBroken
	case k.Note == "ignore":
		return actor.Ignore
	}
	k.w.began(k.ID, c.Self(), k.at)
	if k.Note == "poison" {
		c.Send(c.Self(), "crash")
	}
	return nil
}

func (k *worker) Receive(_ *actor.Context, msg any) error {
	switch msg {
	case "crash":
		return errBoom
	case "normal":
		return actor.Normal
	case "panic":
		panic("as it was told")
	}
	return nil
}

func (k *worker) Terminate(c *actor.Context, why error) { k.w.over(k.ID, c.Self(), why) }

// newLAN starts n nodes and waits until all have all.
func newLAN(t *testing.T, n int, conf func(i int, c *cluster.Config), mode ...distributed.Redistribution) *lan {
	t.Helper()
	l := &lan{t: t, net: fakenet.New(fakenet.Config{Latency: 100 * time.Microsecond}), conf: conf}
	l.world = &world{live: map[string]map[actor.PID]string{}, starts: map[string]int{}, ends: map[string][]error{}, broken: map[string]bool{}}
	for _, m := range mode {
		l.redistribute = m
	}
	t.Cleanup(func() {
		l.net.Close()
		<-time.After(time.Minute) // memberlist's probes end some time after it was shut down
	})
	for i := range n {
		l.add(i)
	}
	l.whole()
	return l
}

// add starts the node of host i.
func (l *lan) add(i int) *node {
	l.t.Helper()
	sys, err := actor.NewSystem(fmt.Sprintf("n%d", i+1), actor.WithLogger(quiet))
	if err != nil {
		l.t.Fatal(err)
	}
	var seeds []string
	for k := range i {
		seeds = append(seeds, addr(k))
	}
	if i == 0 && len(l.nodes) > 1 {
		seeds = append(seeds, addr(1))
	}
	cfg := cluster.Config{Network: l.net.Host(host(i)), Listen: addr(i), Seeds: seeds, Types: append(distributed.Types(), moveTypes...), Logger: quiet}
	if l.conf != nil {
		l.conf(i, &cfg)
	}
	x := &node{sys: sys, name: sys.Name()}
	cfg.Kinds = append(cfg.Kinds, cluster.KindOf("worker", func(j job) (actor.Actor, error) { return &worker{w: l.world, at: x, job: j}, nil }))
	cfg.Kinds = append(cfg.Kinds, cluster.KindOf("ledger", func(j job) (actor.Actor, error) { return &ledger{w: l.world, at: x, job: j}, nil }))
	joined, err := cluster.Join(within(l.t), sys, cfg)
	if err != nil {
		l.t.Fatal(err)
	}
	x.node = joined
	x.Supervisor = l.open(x)
	l.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := x.Supervisor.Close(ctx); err != nil {
			l.t.Error(x.name, err, x.Busy())
		}
		_ = joined.Leave(ctx)
		if err := sys.Shutdown(ctx); err != nil {
			l.t.Error(x.name, err)
			for pid := range sys.Processes() {
				info, _ := sys.Info(pid)
				l.t.Logf("left: %+v", info)
			}
		}
	})
	if i < len(l.nodes) {
		l.nodes[i] = x
	} else {
		l.nodes = append(l.nodes, x)
	}
	return x
}

func (l *lan) open(x *node) *distributed.Supervisor {
	l.t.Helper()
	d, err := distributed.New(x.node, distributed.Config{Logger: quiet, Redistribute: l.redistribute})
	if err != nil {
		l.t.Fatal(err)
	}
	return d
}

// whole waits until all see all up, and know all.
func (l *lan) whole() {
	l.t.Helper()
	defer func() {
		if !l.t.Failed() {
			return
		}
		for _, x := range l.nodes {
			l.t.Log(x.node.Self(), "sees")
			for _, m := range x.node.Members() {
				l.t.Log("    ", m, m.State, m.Why)
			}
		}
	}()
	until(l.t, "all are up everywhere", func() bool {
		for _, x := range l.nodes {
			up := 0
			for _, m := range x.node.Members() {
				if m.State == cluster.Up {
					up++
				}
			}
			if up != len(l.nodes) {
				return false
			}
		}
		return true
	})
	for _, x := range l.nodes {
		if err := x.WaitForSync(within(l.t)); err != nil {
			l.t.Fatal(x.name, err)
		}
	}
	<-time.After(50 * time.Millisecond) // all have heard that all start children
}

// crash takes a node away, as kill -9 of its process does: its connections are reset, and dials refused.
func (l *lan) crash(i int) {
	l.t.Helper()
	x := l.nodes[i]
	x.dead.Store(true)
	l.net.Crash(host(i))
	l.world.crashed(x.name)
	go func() { // nothing of it gets out
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = x.node.Leave(ctx)
	}()
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	t.Cleanup(cancel)
	return ctx
}

func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(waitLimit)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		<-tick.C
	}
}

func spec(id string) distributed.Child {
	return distributed.Child{ID: id, Kind: "worker", Args: job{ID: id}}
}

func ids(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("c%04d", i)
	}
	return list
}

// start starts children from several goroutines, as a program would.
func (x *node) start(t testing.TB, list []string) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, len(list))
	for g := range 16 {
		wg.Go(func() {
			for i := g; i < len(list); i += 16 {
				_, errs[i] = x.Start(within(t), spec(list[i]))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
