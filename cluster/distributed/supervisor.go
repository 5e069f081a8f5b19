package distributed

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

const (
	// tickEvery is how often digests are exchanged and requests repeated.
	tickEvery = 500 * time.Millisecond
	// batchFor is how long activations wait for others when some were sent just before.
	batchFor = time.Millisecond
)

// Supervisor is a node's part of the supervision of children that belong to the cluster.
type Supervisor struct {
	node          *cluster.Node
	sys           *actor.System
	cfg           Config
	log           *slog.Logger
	kinds         *kinds
	port          *cluster.Port
	root          actor.PID
	wake          chan struct{}
	ctx           context.Context // ends with Close
	cancel        context.CancelFunc
	ran           chan struct{} // closed when run has returned
	idle          chan struct{} // closed when nothing runs here after Close began
	cancelMembers func()
	subscribers

	mu     sync.Mutex // protects the fields below
	core   *core
	shard  crdt.Incarnation
	closed bool // it takes no more calls
	deaf   bool // it hears nothing more
}

// New opens the supervisor of a node. All nodes that are to run children open one each. What
// children can be are the Kinds of their cluster.Configs. It begins to collect
// what there is; it starts children when it has, see [Supervisor.WaitForSync].
func New(node *cluster.Node, cfg Config) (*Supervisor, error) {
	if node == nil {
		return nil, errors.New("cluster/distributed: New: the node is nil; make one with cluster.Join")
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg = cfg.filled()
	d := &Supervisor{
		node: node, sys: node.System(), cfg: cfg, log: cfg.Logger,
		wake: make(chan struct{}, 1), ran: make(chan struct{}), idle: make(chan struct{}),
	}
	var err error
	d.kinds = newKinds(node)
	d.core = newCore(node.Placement(), d.warn)
	d.core.tables[d.kinds.hash], d.core.hash = d.kinds.names, d.kinds.hash
	d.ctx, d.cancel = context.WithCancel(context.Background())
	if d.root, err = d.sys.Spawn(&root{d: d, guards: map[actor.PID]start{}, of: map[activation]actor.PID{}}, actor.EndsChildren()); err != nil {
		return nil, fmt.Errorf("cluster/distributed: New: %w", err)
	}
	d.core.always, d.core.rate, d.core.settleFor = cfg.Redistribute == Active, cfg.Rate, cfg.Settle
	d.core.root = d.root.Address().ID
	if d.port, err = node.OpenPort(portName, (*handler)(d)); err != nil {
		d.cancel()
		d.sys.Exit(d.root, actor.Kill)
		return nil, fmt.Errorf("cluster/distributed: New: %w", err)
	}
	d.cancelMembers = node.Subscribe(func(cluster.MemberEvent) { d.step(d.look) })
	go d.run()
	d.step(d.look)
	return d, nil
}

// handler hears the port. It is a type of its own so that its methods are not the Supervisor's.
type handler Supervisor

func memberID(m cluster.Member) member { return member{m.Name, m.Incarnation} }

// Renewed implements cluster.PortHandler.
func (h *handler) Renewed(self cluster.Member) {
	d := (*Supervisor)(h)
	d.step(func(c *core, now time.Time) {
		d.shard = max(crdt.MakeIncarnation(uint64(max(now.UnixMilli(), 1)), uint16(rand.Uint32())), d.shard+1, crdt.Incarnation(self.Incarnation))
		if err := c.renewed(memberID(self), d.shard, now); err != nil {
			d.log.Error("cluster/distributed: beginning anew failed", "error", err)
		}
		d.look(c, now)
	})
}

// Met implements cluster.PortHandler.
func (h *handler) Met(m cluster.Member) {
	d := (*Supervisor)(h)
	d.step(func(c *core, now time.Time) {
		c.met(memberID(m), now)
		d.look(c, now)
	})
}

// Received implements cluster.PortHandler.
func (h *handler) Received(m cluster.Member, rec []byte) {
	d := (*Supervisor)(h)
	var err error
	d.step(func(c *core, now time.Time) { err = c.received(memberID(m), rec, now) })
	if err != nil {
		d.log.Warn("cluster/distributed: a record is malformed", "node", m.Name, "error", err)
	}
}

// Gone implements cluster.PortHandler.
func (h *handler) Gone(m cluster.Member) {
	d := (*Supervisor)(h)
	d.step(func(c *core, now time.Time) {
		c.gone(memberID(m), now)
		d.look(c, now)
	})
}

// look tells the core what membership says now. It is read in each step that acts on it: an event may be late.
func (d *Supervisor) look(c *core, now time.Time) {
	all := d.node.Members()
	list := make([]presence, 0, len(all))
	self := false
	for _, m := range all {
		x := presence{
			of: memberID(m), place: place{m.Name, m.Zone, m.Labels, m.Weight},
			up:        m.State == cluster.Up || m.State == cluster.Suspect || m.State == cluster.Unreachable,
			reachable: m.State != cluster.Suspect && m.State != cluster.Unreachable,
		}
		if x.of == c.self {
			self = x.up
		}
		list = append(list, x)
	}
	c.members(self, list, now)
}

// step runs f on the core, and has what follows from it done.
func (d *Supervisor) step(f func(c *core, now time.Time)) {
	d.mu.Lock()
	if d.deaf {
		d.mu.Unlock()
		return
	}
	f(d.core, d.cfg.Now())
	todo := !d.core.out.empty() || d.core.more || d.core.unsent() || d.closed
	d.mu.Unlock()
	if todo {
		d.nudge()
	}
}

func (d *Supervisor) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run does what the core wants done, in order, and tells it the time.
func (d *Supervisor) run() {
	defer close(d.ran)
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	batch := time.NewTimer(0)
	defer batch.Stop()
	var flushed time.Time
	told := false
	for {
		select {
		case <-d.ctx.Done():
			d.perform(d.last())
			d.port.Close()
			return
		case <-d.wake:
		case <-batch.C:
		case <-tick.C:
			d.step(func(c *core, now time.Time) {
				d.look(c, now)
				c.tick(now)
			})
		}
		wait := batchFor - time.Since(flushed)
		out, quiet := d.take(wait <= 0)
		if wait <= 0 {
			flushed = time.Now()
		} else {
			batch.Reset(wait)
		}
		d.perform(out)
		if quiet && !told {
			told = true
			close(d.idle)
		}
	}
}

// take empties the outbox, with all that was written since the last flush if that is asked for. quiet: Close waits for nothing more.
func (d *Supervisor) take(flush bool) (out outbox, quiet bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.core.more {
		d.core.more = false
		d.core.departures(d.cfg.Now())
	}
	if flush {
		d.core.flush(d.cfg.Now())
	}
	out = d.core.out
	d.core.out = outbox{}
	return out, d.closed && !d.core.busy(d.cfg.Now())
}

// last is what the others are told at the end.
func (d *Supervisor) last() outbox {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.core.bye(d.cfg.Now())
	d.deaf = true
	return d.core.out
}

func (d *Supervisor) perform(out outbox) {
	for _, s := range out.sends {
		// An error is the end of the session, which Gone tells.
		_ = d.port.Send(cluster.Member{Name: s.to.Name, Incarnation: s.to.Incarnation}, s.rec)
	}
	for _, s := range out.starts {
		d.sys.Send(d.root, s)
	}
	for _, s := range out.stops {
		if x, ok := s.reason.(*conflictWith); ok {
			s.reason = &NameConflict{Name: s.id, Winner: d.pid(x.node, x.process)}
		}
		d.sys.Send(d.root, stopGuard(s))
	}
	for _, a := range out.acts {
		d.sys.Send(d.root, a)
	}
	for _, m := range out.marks {
		d.sys.Send(d.root, m)
	}
	d.tellFronts(out.routes)
	d.sendFlushes(out.flushes)
	for _, e := range out.events {
		for _, f := range d.subscribers.all() {
			d.deliver(f, e)
		}
	}
}

func (d *Supervisor) deliver(f func(Event), e Event) {
	defer func() {
		if v := recover(); v != nil {
			d.log.Error("cluster/distributed: a subscriber panicked", "panic", fmt.Sprint(v), "event", e.Kind.String())
		}
	}()
	f(e)
}

// make makes the actor of a child. The guard calls it.
func (d *Supervisor) make(s *spec) (actor.Actor, error) {
	d.mu.Lock()
	names := d.core.tables[s.types]
	d.mu.Unlock()
	return d.kinds.make(s, names)
}

func (d *Supervisor) started(s start, process uint64, movable bool, err error) {
	d.step(func(c *core, now time.Time) { c.started(s.id, s.guard, process, movable, err, now) })
}

func (d *Supervisor) snapshotted(s start, version uint32, state []byte, err error) {
	d.step(func(c *core, now time.Time) { c.snapshotted(s.id, s.guard, version, state, err, now) })
}

func (d *Supervisor) forwarded(at activation, by member) {
	d.step(func(c *core, now time.Time) { c.forwarded(at, by, now) })
}

func (d *Supervisor) flushCame(by member, ids []string, mark flushMark) {
	d.step(func(c *core, _ time.Time) { c.flushed(by, ids, mark) })
}

// rootOf is the process of a member that is told.
func (d *Supervisor) rootOf(m member) actor.PID {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m == d.core.self {
		return d.root
	}
	if p := d.core.peers[m]; p != nil {
		return d.pid(m, p.root)
	}
	return actor.PID{}
}

// tellFronts tells fronts where children are.
func (d *Supervisor) tellFronts(list []route) {
	for _, x := range list {
		m := routed{old: x.old, dead: x.dead, free: x.freed}
		if x.process != 0 {
			m.to = d.pid(x.to, x.process)
		}
		if x.old.Name != "" && !x.freed {
			m.oldRoot, m.newRoot = d.rootOf(x.old), d.rootOf(x.to)
		}
		d.sys.Send(x.front, m)
	}
}

// sendFlushes tells nodes that nothing more comes for processes that went. It goes behind what was sent to those.
func (d *Supervisor) sendFlushes(list []flush) {
	by := map[member][]string{}
	for _, f := range list {
		by[f.to] = append(by[f.to], f.id)
	}
	for to, ids := range by {
		d.mu.Lock()
		root := uint64(0)
		if p := d.core.peers[to]; p != nil {
			root = p.root
		}
		d.mu.Unlock()
		if root != 0 {
			d.sys.Send(d.root, flushOut{d.pid(to, root), ids})
		}
	}
}

func (d *Supervisor) ended(s start, reason error) {
	d.step(func(c *core, now time.Time) { c.ended(s.id, s.guard, reason, now) })
}

func (d *Supervisor) halt() { d.step(func(c *core, _ time.Time) { c.halt() }) }

func (d *Supervisor) warn(text string, args ...any) { d.log.Warn(text, args...) }

// pid is a process of a member.
func (d *Supervisor) pid(m member, id uint64) actor.PID {
	if id == 0 {
		return actor.PID{}
	}
	if m.Name == d.sys.Name() {
		return d.sys.PIDOf(actor.Address{Node: m.Name, ID: id})
	}
	return d.sys.PIDOf(actor.Address{Node: m.Name, Incarnation: m.Incarnation, ID: id})
}

// Close moves what runs here to where it belongs then, with its state and mail if it is a [Handoff]; else it ends, with [Moved], and the
// others start it anew. It begins when no member has come or gone for a second, and returns when all other nodes send nothing
// more to what was here. Close it before the node leaves. ctx bounds all that; what does not end in time is killed. Again: it waits
// for the same end.
func (d *Supervisor) Close(ctx context.Context) error {
	d.mu.Lock()
	again := d.closed
	d.closed = true
	d.mu.Unlock()
	if !again {
		d.step(func(c *core, now time.Time) { c.leave(now) })
		var err error
		select {
		case <-d.idle:
		case <-ctx.Done():
			err = ctx.Err()
		}
		d.cancelMembers()
		if err != nil {
			d.sys.Exit(d.root, actor.Kill)
		} else {
			d.sys.Send(d.root, endRoot{})
		}
		d.cancel()
		<-d.ran
		for _, f := range d.core.fronts { // nobody changes it any more
			d.sys.Exit(f.pid, actor.Shutdown)
		}
		return err
	}
	select {
	case <-d.ran:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
