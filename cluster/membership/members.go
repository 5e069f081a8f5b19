package membership

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// ErrClosed: the Members was closed, or has left. Start another one, with a new incarnation.
var ErrClosed = errors.New("cluster/membership: closed")

// Members is one node's view of who is there. Its methods may be called by any number of goroutines.
type Members struct {
	cfg  Config
	name string // of the node, as memberlist has it
	ml   *memberlist.Memberlist
	tr   *transport
	keys *memberlist.Keyring // nil: plain text
	out  *outbox

	rejected  rejections
	conflicts rejections

	packetsIn, packetsOut, streamsIn, streamsOut atomic.Uint64

	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // every goroutine of ours
	kick   chan struct{}  // the rejoiner shall look again
	turn   chan struct{}  // held by who changes our own node or the ring: memberlist can have one such at a time
	ended  chan struct{}  // closed when Close is through

	mu      sync.Mutex // protects the fields below
	meta    []byte
	leaving bool
	closed  bool
	table   map[nodeid.ID]entry
	alive   map[string]int // members by address
	book    *book
}

// Member is another node, as seen here.
type Member struct {
	ID   nodeid.ID
	Addr string
	Meta []byte
	// Leaving says that it has said goodbye.
	Leaving bool
}

// Start makes the node a cluster of one. Join it to others. The packet socket is closed if Start fails.
func Start(cfg Config) (*Members, error) {
	cfg = cfg.defaults()
	if err := cfg.check(); err != nil {
		if cfg.Packets != nil {
			_ = cfg.Packets.Close()
		}
		return nil, err
	}
	m := &Members{
		cfg: cfg, name: cfg.Node.String(), meta: bytes.Clone(cfg.Meta), out: newOutbox(),
		kick: make(chan struct{}, 1), turn: make(chan struct{}, 1), ended: make(chan struct{}),
		table: map[nodeid.ID]entry{}, alive: map[string]int{}, book: newBook(cfg.Rejoin, cfg.Advertise.String()),
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.tr = newTransport(m, cfg)
	var err error
	if m.keys, err = newKeyring(cfg.Keys); err == nil {
		m.ml, err = memberlist.Create(m.listConfig())
	}
	if err != nil {
		m.cancel()
		_ = m.tr.Shutdown()
		return nil, fmt.Errorf("cluster/membership: %w", err)
	}
	m.tr.start()
	m.wg.Go(func() { m.out.run(m.ctx.Done(), m.call) })
	if !cfg.Rejoin.Disabled {
		m.wg.Go(m.rejoin)
	}
	return m, nil
}

// listConfig is what memberlist is told.
func (m *Members) listConfig() *memberlist.Config {
	p, d := m.cfg.Profile, delegate{m}
	c := memberlist.DefaultLANConfig()
	c.Name, c.Label = m.name, m.cfg.Cluster
	c.Transport, c.Keyring = m.tr, m.keys
	c.BindPort, c.AdvertisePort = int(m.cfg.Advertise.Port()), int(m.cfg.Advertise.Port())
	c.Delegate, c.Events, c.Alive, c.Conflict = d, d, d, d
	c.ProbeInterval, c.ProbeTimeout, c.IndirectChecks = p.ProbeInterval, p.ProbeTimeout, p.IndirectChecks
	c.SuspicionMult, c.SuspicionMaxTimeoutMult = p.SuspicionMult, p.SuspicionMaxMult
	c.RetransmitMult, c.GossipInterval, c.GossipNodes = p.RetransmitMult, p.GossipInterval, p.GossipNodes
	c.GossipToTheDeadTime, c.PushPullInterval, c.TCPTimeout = p.GossipToTheDead, p.PushPullInterval, p.StreamTimeout
	c.EnableCompression = false // it costs more than it saves, and a decompressor is one more thing to attack
	c.UDPBufferSize = 1400
	c.Logger = newLogger(m)
	return c
}

// call hands one thing to the outside.
func (m *Members) call(it item) {
	if it.log != nil {
		if h := m.cfg.Logger.Handler(); h.Enabled(m.ctx, it.log.Level) {
			_ = h.Handle(m.ctx, *it.log)
		}
		return
	}
	if e := it.event; e.Err != nil {
		m.cfg.Logger.LogAttrs(m.ctx, slog.LevelWarn, e.Kind.String(), slog.String("addr", e.Addr), slog.Any("error", e.Err))
	}
	if m.cfg.Events != nil {
		m.cfg.Events(it.event)
	}
}

// Accept takes a stream that another node has opened for gossip. It does not block, and owns the stream.
func (m *Members) Accept(c net.Conn) { m.tr.accept(c) }

// Self is the node itself.
func (m *Members) Self() Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Member{ID: m.cfg.Node, Addr: m.cfg.Advertise.String(), Meta: bytes.Clone(m.meta), Leaving: m.leaving}
}

// Members returns the others that are alive, by name and incarnation. Suspects are among them.
func (m *Members) Members() []Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Member, 0, len(m.table))
	for id, e := range m.table {
		out = append(out, Member{ID: id, Addr: e.addr, Meta: bytes.Clone(e.meta), Leaving: e.leaving})
	}
	slices.SortFunc(out, func(a, b Member) int { return a.ID.Compare(b.ID) })
	return out
}

// Alone reports whether nobody else is alive.
func (m *Members) Alone() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.table) == 0
}

// Health is how well this node keeps its own deadlines: 0 is well, and each point makes its probes slower by one interval.
func (m *Members) Health() int { return m.ml.GetHealthScore() }

// Stats are counters. They only grow.
type Stats struct {
	// PacketsIn were passed on, PacketsOut sent; streams likewise.
	PacketsIn, PacketsOut, StreamsIn, StreamsOut uint64
	// Rejected counts by reason, in the words of the errors.
	Rejected map[string]uint64
	// LogsDropped are lines that a slow logger did not get.
	LogsDropped uint64
	// Known is how many addresses the rejoiner remembers.
	Known int
}

// Stats returns the counters.
func (m *Members) Stats() Stats {
	m.mu.Lock()
	known := len(m.book.peers)
	m.mu.Unlock()
	return Stats{
		PacketsIn: m.packetsIn.Load(), PacketsOut: m.packetsOut.Load(), StreamsIn: m.streamsIn.Load(), StreamsOut: m.streamsOut.Load(),
		Rejected: m.rejected.total(), LogsDropped: m.out.droppedLogs(), Known: known,
	}
}

// SetMeta changes what the others learn of us. They do so within a few gossip intervals; SetMeta does not wait for it.
func (m *Members) SetMeta(meta []byte) error {
	if len(meta) > MaxMeta {
		return &ConfigError{Field: "Meta", Value: fmt.Sprintf("%d bytes", len(meta)), Why: fmt.Sprintf("there can be up to %d", MaxMeta),
			Cure: "advertise an address or a version, and send the rest when connected"}
	}
	return m.tell(func() { m.meta = bytes.Clone(meta) })
}

// tell changes our own node and lets the others know.
func (m *Members) tell(change func()) error {
	select {
	case m.turn <- struct{}{}:
	case <-m.ctx.Done():
		return ErrClosed
	}
	defer func() { <-m.turn }()
	m.mu.Lock()
	if m.closed || m.leaving {
		m.mu.Unlock()
		return ErrClosed
	}
	change()
	m.mu.Unlock()
	// It would wait until the news has gone out often enough. That it complains of not having waited is no fault.
	_ = m.ml.UpdateNode(time.Nanosecond)
	return nil
}

// Leave says goodbye and waits until the others have very likely heard it: they see [Leaving], then [Left]. Afterwards the
// node is still there, and should be closed. It ends early with ctx. A second Leave returns [ErrClosed].
func (m *Members) Leave(ctx context.Context) error {
	if err := m.tell(func() { m.leaving = true }); err != nil {
		return err
	}
	// Gossip reaches nearly all, and who misses it would take the departure for a death: so each is told directly as well.
	m.sayGoodbye()
	if err := m.spread(ctx); err != nil {
		return err
	}
	m.sayGoodbye()
	if err := m.depart(); err != nil {
		return err
	}
	return m.spread(ctx)
}

// sayGoodbye sends a packet to every member.
func (m *Members) sayGoodbye() {
	message := append([]byte{goodbye}, m.name...)
	for _, o := range m.Members() {
		if err := m.ml.SendToAddress(memberlist.Address{Addr: o.Addr, Name: o.ID.String()}, message); err != nil {
			m.log(slog.LevelDebug, "goodbye was not sent", slog.String("to", o.Addr), slog.Any("error", err))
		}
	}
}

// depart takes us out of the list. It must not happen after a shutdown.
func (m *Members) depart() error {
	select {
	case m.turn <- struct{}{}:
	case <-m.ctx.Done():
		return ErrClosed
	}
	defer func() { <-m.turn }()
	if m.ctx.Err() != nil {
		return ErrClosed
	}
	_ = m.ml.Leave(time.Nanosecond) // as in tell
	return nil
}

// spread waits until a piece of news has gone out as often as it ever will from here.
func (m *Members) spread(ctx context.Context) error {
	others := len(m.Members())
	if others == 0 {
		return nil
	}
	p := m.cfg.Profile
	copies := p.RetransmitMult * int(math.Ceil(math.Log10(float64(others+2))))
	perRound := min(p.GossipNodes, others)
	t := time.NewTimer(time.Duration((copies+perRound-1)/perRound+1) * p.GossipInterval)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-m.ctx.Done():
		return ErrClosed
	}
}

// Close ends everything at once, without a goodbye, and waits for every goroutine. What was not told yet is not told any
// more. It must not be called by [Config].Events.
func (m *Members) Close() {
	m.mu.Lock()
	first := !m.closed
	m.closed = true
	m.mu.Unlock()
	if !first {
		<-m.ended
		return
	}
	m.cancel()
	m.turn <- struct{}{} // nobody is inside memberlist with our own node, or will be
	_ = m.ml.Shutdown()
	<-m.turn
	m.wg.Wait()
	close(m.ended)
}
