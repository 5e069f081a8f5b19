package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// Config of a registry. The zero value is good.
type Config struct {
	// Resolve decides who keeps a name that several hold: it returns the place of the one in Conflict.Holders. It is called at
	// one node, that of the first of them, not concurrently with itself, and has five seconds; then the first stays. All
	// nodes have a Resolve, or none has. Nil is for the first: the one registered first.
	Resolve func(Conflict) int
	// OnSkew is told when a node is refused because its clock is ahead. It must not block. Such nodes are also logged.
	OnSkew func(*SkewError)
	// Now reads the clock that says who was first; nil is time.Now.
	Now func() time.Time
	// Logger; nil is slog.Default.
	Logger *slog.Logger
}

const (
	// tickEvery is how often digests are exchanged, requests repeated and conflicts looked at again.
	tickEvery = 500 * time.Millisecond
	// batchFor is how long operations wait for others when some were sent just before.
	batchFor = time.Millisecond
)

// Registry is a node's part of the names and groups of the cluster.
type Registry struct {
	node   *cluster.Node
	sys    *actor.System
	cfg    Config
	log    *slog.Logger
	port   *cluster.Port
	keeper actor.PID
	table  *table // of core; read without the lock
	wake   chan struct{}
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	ran    chan struct{}  // closed when run has returned
	wg     sync.WaitGroup // resolvers and watchers
	watchers
	unsubscribe []func()

	mu       sync.Mutex // protects the fields below
	core     *core
	edges    map[member]*actor.Edge
	shard    crdt.Incarnation
	conflict []Conflict // the last maxLogged
	closed   bool
}

// New opens the registry of a node. All nodes of a cluster that share names open one each. It begins to collect what the others
// have registered; [Registry.Ready] waits for that.
func New(node *cluster.Node, cfg Config) (*Registry, error) {
	if node == nil {
		return nil, errors.New("registry: New: the node is nil; make one with cluster.Join")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := &Registry{
		node: node, sys: node.System(), cfg: cfg, log: cfg.Logger,
		wake: make(chan struct{}, 1), ran: make(chan struct{}), edges: map[member]*actor.Edge{},
	}
	r.core = newCore(world{pid: r.pid, alive: r.alive, wall: cfg.Now, warn: r.log.Warn, skew: r.skewed}, cfg.Resolve != nil)
	r.table = r.core.table
	r.ctx, r.cancel = context.WithCancel(context.Background())
	var err error
	if r.keeper, err = r.sys.Spawn(&keeper{r}); err != nil {
		return nil, fmt.Errorf("registry: New: %w", err)
	}
	if r.port, err = node.OpenPort(portName, (*handler)(r)); err != nil {
		r.cancel()
		r.sys.Exit(r.keeper, actor.Kill)
		return nil, fmt.Errorf("registry: New: %w", err)
	}
	r.unsubscribe = append(r.unsubscribe, node.Subscribe(r.memberChanged))
	if cancel, err := r.sys.Resolve(r.Whereis); err == nil {
		r.unsubscribe = append(r.unsubscribe, cancel)
	}
	go r.run()
	return r, nil
}

// Close takes back what processes of this node have registered, tells the others, and ends the registry; ctx bounds the telling.
// The processes go on. Again: it waits for the same end and returns nil. It also waits for calls of Watch's functions and of
// Config.Resolve that are under way: called from one of these it waits until ctx ends.
func (r *Registry) Close(ctx context.Context) error {
	r.mu.Lock()
	again := r.closed
	if !again {
		r.closed = true
		r.core.withdraw(time.Now())
		r.table.clear()
	}
	r.mu.Unlock()
	if !again {
		for _, f := range r.unsubscribe {
			f()
		}
		r.cancel()
		r.nudge()
	}
	select {
	case <-r.ran:
	case <-ctx.Done():
		return ctx.Err()
	}
	done := make(chan struct{})
	go func() { r.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// handler hears the port. It is a type of its own so that its methods are not the Registry's.
type handler Registry

func memberID(m cluster.Member) member { return member{m.Name, m.Incarnation} }

// Renewed implements cluster.PortHandler.
func (h *handler) Renewed(self cluster.Member) {
	r := (*Registry)(h)
	r.step(func(c *core, now time.Time) {
		r.shard = max(crdt.MakeIncarnation(uint64(max(r.cfg.Now().UnixMilli(), 1)), uint16(rand.Uint32())), r.shard+1, crdt.Incarnation(self.Incarnation))
		clear(r.edges)
		if err := c.renewed(memberID(self), r.shard, now); err != nil {
			r.log.Error("registry: beginning anew failed", "error", err)
		}
		c.members(r.presences(), now)
	})
}

// Met implements cluster.PortHandler.
func (h *handler) Met(m cluster.Member) {
	r := (*Registry)(h)
	r.step(func(c *core, now time.Time) {
		c.met(memberID(m), now)
		c.members(r.presences(), now)
	})
}

// Received implements cluster.PortHandler.
func (h *handler) Received(m cluster.Member, rec []byte) {
	r := (*Registry)(h)
	var err error
	r.step(func(c *core, now time.Time) { err = c.received(memberID(m), rec, now) })
	if err != nil {
		r.log.Warn("registry: a record is malformed", "node", m.Name, "error", err)
	}
}

// Gone implements cluster.PortHandler.
func (h *handler) Gone(m cluster.Member) {
	(*Registry)(h).step(func(c *core, now time.Time) { c.gone(memberID(m), now) })
}

func (r *Registry) memberChanged(e cluster.MemberEvent) {
	r.step(func(c *core, now time.Time) {
		c.members(r.presences(), now)
		if e.Kind == cluster.MemberForgotten {
			c.forgotten(memberID(e.Member), now)
			delete(r.edges, memberID(e.Member))
		}
	})
}

// presences is what membership says now. It is read in each step that acts on it: an event may be late.
func (r *Registry) presences() []presence {
	all := r.node.Members()
	list := make([]presence, 0, len(all))
	for _, m := range all {
		up := m.State == cluster.Up || m.State == cluster.Suspect
		list = append(list, presence{of: memberID(m), up: up, visible: up || m.State == cluster.Leaving})
	}
	return list
}

// step runs f on the core, and has what follows from it done.
func (r *Registry) step(f func(c *core, now time.Time)) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	now := time.Now()
	f(r.core, now)
	todo := !r.core.out.empty() || r.core.unsent()
	r.mu.Unlock()
	if todo {
		r.nudge()
	}
}

func (r *Registry) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run does what the core wants done, in order, and tells it the time.
func (r *Registry) run() {
	defer close(r.ran)
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	batch := time.NewTimer(0)
	defer batch.Stop()
	var flushed time.Time
	for {
		select {
		case <-r.ctx.Done():
			r.perform(r.take(true))
			r.watchers.close()
			r.port.Close()
			r.sys.Exit(r.keeper, actor.Kill)
			return
		case <-r.wake:
		case <-batch.C:
		case <-tick.C:
			r.step(func(c *core, now time.Time) {
				c.members(r.presences(), now)
				c.tick(now)
			})
		}
		wait := batchFor - time.Since(flushed)
		out := r.take(wait <= 0)
		if wait <= 0 {
			flushed = time.Now()
		} else {
			batch.Reset(wait)
		}
		r.perform(out)
	}
}

// take empties the outbox, with all that was written since the last flush if that is asked for.
func (r *Registry) take(flush bool) outbox {
	r.mu.Lock()
	defer r.mu.Unlock()
	if flush {
		r.core.flush(time.Now())
	}
	out := r.core.out
	r.core.out = outbox{}
	r.conflict = append(r.conflict, out.logged...)
	if n := len(r.conflict); n > maxLogged {
		r.conflict = append([]Conflict(nil), r.conflict[n-maxLogged:]...)
	}
	return out
}

func (r *Registry) perform(out outbox) {
	for _, id := range out.watches {
		r.sys.Send(r.keeper, watchProcess{r.local(id)})
	}
	for _, s := range out.sends {
		// An error is the end of the session, which Gone tells.
		_ = r.port.Send(cluster.Member{Name: s.to.Name, Incarnation: s.to.Incarnation}, s.rec)
	}
	for _, x := range out.changes {
		r.watchers.tell(x)
	}
	for _, x := range out.exits {
		r.log.Warn("registry: a name conflict ends a process", "pid", r.local(x.id).String(), "reason", x.reason)
		r.sys.Exit(r.local(x.id), x.reason)
	}
	for _, x := range out.resolves {
		r.resolve(x)
	}
}

// resolve asks the user who keeps a name.
func (r *Registry) resolve(x Conflict) {
	r.wg.Go(func() {
		choice := r.choose(x)
		r.step(func(c *core, now time.Time) { c.resolved(x, choice, now) })
	})
}

func (r *Registry) choose(x Conflict) (choice int) {
	defer func() {
		if v := recover(); v != nil {
			r.log.Error("registry: Config.Resolve panicked", "panic", fmt.Sprint(v), "name", x.Name)
			choice = 0
		}
	}()
	r.resolving.Lock()
	defer r.resolving.Unlock()
	return r.cfg.Resolve(x)
}

// skewed is called under the lock: whoever is to hear of it hears it on a goroutine of its own.
func (r *Registry) skewed(e *SkewError) {
	r.log.Warn("registry: a node is refused until its clock is set right", "error", e)
	if f := r.cfg.OnSkew; f != nil {
		r.wg.Go(func() { f(e) })
	}
}

// local is a process of this node.
func (r *Registry) local(id uint64) actor.PID {
	return r.sys.PIDOf(actor.Address{Node: r.sys.Name(), ID: id})
}

func (r *Registry) alive(id uint64) bool { return r.sys.Alive(r.local(id)) }

// pid is the process of a member. The core calls it, so mu is held.
func (r *Registry) pid(m member, id uint64) actor.PID {
	if m.Name == r.sys.Name() {
		return r.local(id)
	}
	e := r.edges[m]
	if e == nil {
		e = r.sys.Edge(m.Name, m.Incarnation)
		r.edges[m] = e
	}
	return e.PID(id)
}

// keeper is the process that hears of the ends of those that are registered.
type keeper struct{ r *Registry }

type watchProcess struct{ pid actor.PID }

// Receive implements actor.Actor.
func (k *keeper) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case watchProcess:
		ctx.Monitor(m.pid)
	case actor.Down:
		k.r.step(func(c *core, now time.Time) { c.exited(m.PID.Address().ID, now) })
	}
	return nil
}

// Terminate implements actor.Terminator: the System ends, and with it all that is registered here.
func (k *keeper) Terminate(*actor.Context, error) {
	k.r.step(func(c *core, now time.Time) { c.withdraw(now) })
}
