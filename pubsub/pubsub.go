package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/registry/crdt"
)

// Config of a PubSub. The zero value is good.
type Config struct {
	// Wait bounds how long Subscribe waits for other nodes; zero is two seconds.
	Wait time.Duration
	// Patience bounds how long a publisher waits for a node for which too much is under way. Then the event is lost for that
	// node, and counted there as a gap. Zero is five seconds, negative is not at all.
	Patience time.Duration
	// Dispatchers is how many processes deliver to topics with more than 512 subscribers; zero is one per core, up to 16.
	Dispatchers int
	// Logger; nil is slog.Default.
	Logger *slog.Logger
}

const (
	defaultWait     = 2 * time.Second
	defaultPatience = 5 * time.Second
	maxDispatchers  = 16
	// tickEvery is how often time is told to the core.
	tickEvery = 250 * time.Millisecond
)

func (c Config) filled() (Config, error) {
	var errs []error
	if c.Wait < 0 {
		errs = append(errs, fmt.Errorf("pubsub: Config.Wait %v is negative; leave it out for %v, or use SubscribeNoWait", c.Wait, defaultWait))
	}
	if c.Dispatchers < 0 || c.Dispatchers > maxDispatchers {
		errs = append(errs, fmt.Errorf("pubsub: Config.Dispatchers %d is not from 1 to %d; leave it out for one per core", c.Dispatchers, maxDispatchers))
	}
	if c.Wait == 0 {
		c.Wait = defaultWait
	}
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	if c.Dispatchers == 0 {
		c.Dispatchers = min(runtime.GOMAXPROCS(0), maxDispatchers)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c, errors.Join(errs...)
}

// PubSub is a node's part of the topics of the cluster.
type PubSub struct {
	node     *cluster.Node // nil without a cluster
	sys      *actor.System
	cfg      Config
	log      *slog.Logger
	instance uint64
	table    *table

	keeper      actor.PID
	pacer       actor.PID
	broker      actor.PID
	dispatchers []actor.Ref[job]
	port        *cluster.Port
	unsubscribe func()
	wake        chan struct{}
	ctx         context.Context // ends with Close
	cancel      context.CancelFunc
	ran         chan struct{} // closed when run has returned
	done        atomic.Bool
	seq         atomic.Uint64 // of events published and delivered here
	counters

	mu      sync.Mutex // protects the fields below, and buckets against writers
	core    *core      // nil without a cluster
	subs    map[actor.PID][]*subscription
	count   int
	gapped  map[*subscription]struct{} // who asked for gaps
	counts  map[uint64]*counting
	counted uint64
	closed  bool

	streamMu sync.Mutex // protects the field below
	streams  map[string]*stream
}

// New opens the topics of a node. All nodes that share topics open one each.
func New(node *cluster.Node, cfg Config) (*PubSub, error) {
	if node == nil {
		return nil, errors.New("pubsub: New: the node is nil; make one with cluster.Join, or use NewLocal")
	}
	return open(node, node.System(), cfg)
}

// NewLocal makes a PubSub of a System that belongs to no cluster, or whose topics are not shared.
func NewLocal(sys *actor.System, cfg Config) (*PubSub, error) {
	if sys == nil {
		return nil, errors.New("pubsub: NewLocal: the System is nil; make one with actor.NewSystem")
	}
	return open(nil, sys, cfg)
}

func open(n *cluster.Node, sys *actor.System, cfg Config) (*PubSub, error) {
	cfg, err := cfg.filled()
	if err != nil {
		return nil, err
	}
	p := &PubSub{
		node: n, sys: sys, cfg: cfg, log: cfg.Logger, instance: rand.Uint64() | 1, table: newTable(), unsubscribe: func() {},
		wake: make(chan struct{}, 1), ran: make(chan struct{}), subs: map[actor.PID][]*subscription{},
		gapped: map[*subscription]struct{}{}, counts: map[uint64]*counting{}, streams: map[string]*stream{},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if err := p.start(); err != nil {
		p.cancel()
		p.kill()
		return nil, fmt.Errorf("pubsub: New: %w", err)
	}
	if n == nil {
		close(p.ran)
	} else {
		p.unsubscribe = n.Subscribe(p.memberChanged)
		go p.run()
	}
	return p, nil
}

// start starts the processes and, in a cluster, begins to listen to the others.
func (p *PubSub) start() (err error) {
	if p.keeper, err = p.sys.Spawn(&keeper{p: p, refs: map[actor.PID]actor.MonitorRef{}}); err != nil {
		return err
	}
	if p.pacer, err = p.sys.Spawn(actor.Func(pace)); err != nil {
		return err
	}
	for range p.cfg.Dispatchers {
		d, err := actor.SpawnTyped[job](p.sys, dispatcher{p, len(p.dispatchers)}, actor.WithMailbox(dispatcherMailbox))
		if err != nil {
			return err
		}
		p.dispatchers = append(p.dispatchers, d)
	}
	if p.node == nil {
		return nil
	}
	shard := max(crdt.MakeIncarnation(uint64(max(time.Now().UnixMilli(), 1)), uint16(rand.Uint32())), crdt.Incarnation(p.node.Self().Incarnation))
	origin := crdt.Origin{Node: p.sys.Name(), Incarnation: shard}
	base := func(name string, begin bool) uint64 { return p.stream(name).number(begin) }
	if p.core, err = newCore(origin, p.instance, p.node.Codec().Names(), (*router)(p), base); err != nil {
		return err
	}
	b := &broker{p: p, sources: map[uint64]*source{}, byName: map[string]*source{}}
	if p.broker, err = p.sys.Spawn(b, actor.WithName(brokerName)); err != nil {
		return err
	}
	p.port, err = p.node.OpenPort(portName, (*handler)(p))
	return err
}

func (p *PubSub) kill() {
	for _, pid := range []actor.PID{p.broker, p.keeper, p.pacer} {
		if !pid.IsZero() {
			p.sys.Exit(pid, actor.Kill)
		}
	}
	for _, d := range p.dispatchers {
		p.sys.Exit(d.PID, actor.Kill)
	}
}

// Close ends all subscriptions and tells the other nodes. ctx bounds the waiting. Again: it waits for the same end and returns nil.
func (p *PubSub) Close(ctx context.Context) error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	var all []*subscription
	for _, subs := range p.subs {
		all = append(all, subs...)
	}
	p.mu.Unlock()
	if !again {
		p.done.Store(true)
		p.unsubscribe()
		for _, s := range all {
			p.end(s)
		}
		p.cancel()
		p.kill()
	}
	select {
	case <-p.ran:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// router is what the core sees of a PubSub.
type router PubSub

func (r *router) want(name, topic string, yes bool) {
	p := (*PubSub)(r)
	p.table.want(topic, p.stream(name), yes)
}

func (r *router) flood(name string, yes bool) {
	p := (*PubSub)(r)
	p.table.flood(p.stream(name), yes)
}

// stream is the way to a node.
func (p *PubSub) stream(name string) *stream {
	p.streamMu.Lock()
	defer p.streamMu.Unlock()
	s := p.streams[name]
	if s == nil {
		s = &stream{name: name}
		p.streams[name] = s
	}
	return s
}

// handler hears the port. It is a type of its own so that its methods are not the PubSub's.
type handler PubSub

// Renewed implements cluster.PortHandler: what this node wants is the same in another life.
func (h *handler) Renewed(cluster.Member) {}

// Met implements cluster.PortHandler.
func (h *handler) Met(m cluster.Member) {
	p := (*PubSub)(h)
	p.stream(m.Name).begin(idOf(m), p.node.Named(m, brokerName))
	p.step(func(c *core, now time.Time) { c.met(idOf(m), now) })
}

// Received implements cluster.PortHandler.
func (h *handler) Received(from cluster.Member, rec []byte) {
	p := (*PubSub)(h)
	m, err := parse(rec)
	if err != nil {
		p.log.Warn("pubsub: a record is malformed", "node", from.Name, "error", err)
		return
	}
	switch m.kind {
	case recordHello, recordWelcome:
		p.greeted(from, &m)
	case recordCount:
		n := p.localCount(m.topic)
		p.step(func(c *core, _ time.Time) { c.out = append(c.out, send{idOf(from), countedRecord(m.number, n)}) })
		return
	case recordCounted:
		p.countCame(from.Name, m.number, m.count)
		return
	}
	p.step(func(c *core, now time.Time) { c.received(idOf(from), &m, now) })
}

// greeted lets the broker know who sends, before anybody may rely on it.
func (p *PubSub) greeted(from cluster.Member, m *message) {
	if m.to != p.instance && (m.to != 0 || m.kind == recordWelcome) {
		return // the number is for who was here before; another record follows
	}
	types, err := p.node.Codec().Table(m.types)
	if err != nil {
		p.log.Warn("pubsub: the types of a node are malformed", "node", from.Name, "error", err)
		return
	}
	p.sys.Send(p.broker, greeting{
		node: from.Name, instance: m.instance, types: types, last: m.number, exact: m.kind == recordHello,
	})
}

// Gone implements cluster.PortHandler.
func (h *handler) Gone(m cluster.Member) {
	p := (*PubSub)(h)
	p.stream(m.Name).end(idOf(m))
	p.step(func(c *core, now time.Time) { c.gone(idOf(m), now) })
	p.countGone(m.Name)
}

func (p *PubSub) memberChanged(e cluster.MemberEvent) {
	if e.Kind == cluster.MemberForgotten {
		p.step(func(c *core, now time.Time) { c.forgotten(idOf(e.Member), now) })
	}
}

// step runs f on the core, and has what follows from it sent.
func (p *PubSub) step(f func(c *core, now time.Time)) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	f(p.core, time.Now())
	todo := len(p.core.out) > 0
	p.mu.Unlock()
	if todo {
		p.nudge()
	}
}

func (p *PubSub) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run sends what the core wants sent, in order, and tells it the time.
func (p *PubSub) run() {
	defer close(p.ran)
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.ctx.Done():
			p.mu.Lock()
			p.core.tellAll(&message{kind: recordBye})
			p.mu.Unlock()
			p.transmit()
			p.port.Close()
			return
		case <-p.wake:
		case <-tick.C:
			p.step(func(c *core, now time.Time) { c.tick(now) })
		}
		p.transmit()
	}
}

func (p *PubSub) transmit() {
	p.mu.Lock()
	p.core.flush()
	out := p.core.out
	p.core.out = nil
	p.mu.Unlock()
	for _, s := range out {
		// An error is the end of the session, which Gone tells.
		_ = p.port.Send(cluster.Member{Name: s.to.Name, Incarnation: s.to.Incarnation}, s.rec)
	}
}

// keeper is the process that hears of the ends of subscribers.
type keeper struct {
	p    *PubSub
	refs map[actor.PID]actor.MonitorRef
}

type (
	watchProcess   struct{ pid actor.PID }
	unwatchProcess struct{ pid actor.PID }
)

// Receive implements actor.Actor.
func (k *keeper) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case watchProcess:
		if _, ok := k.refs[m.pid]; !ok {
			k.refs[m.pid] = ctx.Monitor(m.pid)
		}
	case unwatchProcess:
		if ref, ok := k.refs[m.pid]; ok {
			ctx.Demonitor(ref)
			delete(k.refs, m.pid)
		}
	case actor.Down:
		delete(k.refs, m.PID)
		k.p.ended(m.PID)
	}
	return nil
}
