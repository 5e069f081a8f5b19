package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
	"github.com/foundation-runtime/foundation/cluster/membership"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/placement"
	"github.com/foundation-runtime/foundation/cluster/transport"
	"github.com/foundation-runtime/foundation/cluster/view"
)

// Node is a System's membership in a cluster.
type Node struct {
	sys      *actor.System
	cfg      Config
	timing   timing
	log      *slog.Logger
	types    *codec.Registry
	ownTypes *codec.Table // how this node numbers them
	kinds    map[string]Kind
	life     atomic.Pointer[life]
	events   *events
	refused  complaints
	ports    ports
	serving  actor.PID
	ctx      context.Context // ends when the node has left
	cancel   context.CancelFunc
	wg       sync.WaitGroup // what outlives a life

	mu         sync.Mutex    // protects the fields below
	left       chan struct{} // closed when Leave is done; nil before it began
	gossipKeys [][]byte
}

// Join makes sys a node of a cluster, under its name. It returns when this node is up: when it has sessions with all members it
// found, or found none. The error is a [ConfigError], several of them joined, what a seed or a member refused ([ErrCluster],
// [ErrDuplicateName], [ErrProtocol], [ErrFact], [ErrGossipKey], errors of certificates), or ctx's. ctx bounds the joining only.
//
// The System stays usable alone: before Join, and after [Node.Leave]. When it is shut down its node leaves.
func Join(ctx context.Context, sys *actor.System, cfg Config) (*Node, error) {
	if sys == nil {
		return nil, errors.New("cluster: Join: the System is nil; make one with actor.NewSystem")
	}
	if sys.Incarnation() != 0 {
		return nil, errors.New("cluster: Join: the System belongs to a cluster already; leave that first")
	}
	cfg = cfg.filled()
	if err := errors.Join(checkName(sys.Name()), cfg.check(), cfg.reachable()); err != nil {
		return nil, err
	}
	n := &Node{sys: sys, cfg: cfg, timing: profiles[cfg.Profile], log: cfg.Logger, kinds: map[string]Kind{}, gossipKeys: cfg.GossipKeys}
	if err := n.register(); err != nil {
		return nil, err
	}
	n.events = newEvents(n.log)
	n.ctx, n.cancel = context.WithCancel(context.Background())
	if err := n.enter(ctx); err != nil {
		n.cancel()
		n.wg.Wait()
		n.events.close()
		return nil, err
	}
	return n, nil
}

func checkName(name string) error {
	if err := nodeid.CheckName(name); err != nil {
		return fmt.Errorf("cluster: Join: System %q: %w", name, err)
	}
	return nil
}

// register knows all types and kinds.
func (n *Node) register() (err error) {
	types := slices.Concat(ownTypes(), n.cfg.Types)
	for _, k := range n.cfg.Kinds {
		n.kinds[k.name] = k
		types = append(types, k.argsType(types)...)
	}
	if n.types, err = codec.New(codec.Config{Types: types, Limits: n.cfg.CodecLimits}); err != nil {
		return err
	}
	n.ownTypes, err = n.types.Table(n.types.Names())
	return err
}

// enter begins lives until one is admitted.
func (n *Node) enter(ctx context.Context) error {
	floor := nodeid.Incarnation(0)
	for {
		l, err := n.begin(floor, n.cfg.Listen)
		if err != nil {
			return err
		}
		n.life.Store(l)
		if n.serving.IsZero() {
			if err := n.serve(); err != nil {
				_ = l.end(ctx, false)
				return err
			}
		}
		err = l.join(ctx)
		if err == nil {
			return nil
		}
		// With goodbye: some may have admitted it before others refused.
		parting, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveGossip)
		_ = l.end(parting, true)
		cancel()
		var old *oldError
		if !errors.As(err, &old) || ctx.Err() != nil {
			n.sys.Exit(n.serving, actor.Kill)
			return err
		}
		floor = max(old.floor, l.id.Incarnation)
	}
}

// renew goes on with a new incarnation: others hold this one down for good.
func (n *Node) renew(l *life, why view.SelfRemoved) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.left != nil {
		return // Leave waits for what began before it
	}
	n.log.Warn("cluster: others declared this node down; it joins anew", "by", why.By.String(), "incarnation", l.id.String())
	n.wg.Go(func() {
		addr, known := l.transport.Addr(), l.others()
		_ = l.end(context.Background(), false)
		floor := max(why.Floor, l.id.Incarnation)
		for pause := 10 * time.Millisecond; n.ctx.Err() == nil; pause = min(2*pause, time.Second) {
			next, err := n.begin(floor, addr)
			if err == nil {
				n.life.Store(next)
				n.publish(MemberEvent{Kind: MemberRenewed, Member: next.snap.Load().self})
				for _, p := range n.ports.all() {
					p.h.Renewed(next.snap.Load().self)
				}
				if err = next.join(n.ctx, known...); err == nil {
					return
				}
				var old *oldError
				if errors.As(err, &old) {
					floor = max(floor, old.floor)
				}
				floor = max(floor, next.id.Incarnation)
				_ = next.end(context.Background(), false)
			}
			n.log.Warn("cluster: joining anew failed; it is tried again", "error", err)
			select {
			case <-time.After(pause):
			case <-n.ctx.Done():
			}
		}
	})
}

// System is the System that joined.
func (n *Node) System() *actor.System { return n.sys }

// Self is this node as a member.
func (n *Node) Self() Member { return n.life.Load().snap.Load().self }

// Members are the members that are not down, this node included, by name.
func (n *Node) Members() []Member {
	all := n.life.Load().snap.Load().members
	live := make([]Member, 0, len(all))
	for _, m := range all {
		if m.State < Down {
			live = append(live, m)
		}
	}
	return live
}

// Member finds a member that is not down by its name.
func (n *Node) Member(name string) (Member, bool) {
	for _, m := range n.Members() {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

// Subscribe calls f with every change of the membership from now on, in order, on a goroutine of its own: what f takes its time for
// waits, without bound, and nobody else does. After cancel f is not called any more, but may still be running.
func (n *Node) Subscribe(f func(MemberEvent)) (cancel func()) { return n.events.subscribe(f) }

func (n *Node) publish(e MemberEvent) {
	n.log.Info("cluster: "+e.Kind.String(), "member", e.Member.String(), "why", e.Member.Why)
	n.events.put(e)
}

// Owner is the member where a key should live: by the table of partitions over the members that are up. All members that see the
// same ones up agree. It is not a lock, and says nothing of what runs where.
func (n *Node) Owner(key string) Member {
	s := n.life.Load().snap.Load()
	if m, ok := s.byName[s.table.Owner(key)]; ok {
		return m
	}
	return s.self // nobody is up yet
}

// Placement is how the table of [Node.Owner] is made.
func (n *Node) Placement() placement.Config {
	return placement.Config{Partitions: cmp.Or(n.cfg.Partitions, placement.DefaultPartitions), Seed: n.cfg.Seed}
}

// Codec knows the types of this node, for packages that keep values in records of their own.
func (n *Node) Codec() *codec.Registry { return n.types }

// Membership is the gossip of this life of the node: its health, its keys. It is replaced when the node joins anew.
func (n *Node) Membership() *membership.Members { return n.life.Load().members }

// tableOf is the table over the members that are up.
func (n *Node) tableOf(up []view.Member) (*placement.Table, map[string]Member) {
	byName := make(map[string]Member, len(up))
	members := make([]placement.Member, 0, len(up))
	for _, m := range up {
		byName[m.ID.Name] = memberOf(m)
		members = append(members, placement.Member{Name: m.ID.Name, Weight: max(m.Weight, 1)})
	}
	if len(members) == 0 {
		return new(placement.Table), byName
	}
	t, err := placement.New(n.Placement(), members)
	if err != nil { // members were checked when they were admitted
		n.log.Error("cluster: there is no table of keys", "error", err)
		return new(placement.Table), byName
	}
	return t, byName
}

// Named is the address of a name at a member: whoever holds it there when the message arrives.
func (n *Node) Named(m Member, name string) actor.PID {
	return n.sys.PIDOf(actor.Address{Node: m.Name, Incarnation: m.Incarnation, Name: name})
}

// SendOn sends a message, from nobody, on another lane than everything else: it may overtake that, or be overtaken, and does not
// hold it up. Lanes are "bulk" and those of Config.Lanes. It waits for room as System.Send does.
func (n *Node) SendOn(ctx context.Context, lane string, to actor.PID, msg any) error {
	number, ok := n.lane(lane)
	if !ok {
		return fmt.Errorf("cluster: SendOn: no lane %q; use \"bulk\" or name it in Config.Lanes of all nodes", lane)
	}
	a := to.Address()
	if a.Node == n.sys.Name() && a.Incarnation == n.sys.Incarnation() {
		return n.sys.TrySend(to, msg)
	}
	p, ok := n.life.Load().Peer(n.sys.Edge(a.Node, a.Incarnation)).(*peer)
	if !ok {
		return actor.NoConnection
	}
	sig := &actor.Signal{Kind: actor.SignalMessage, To: to, Message: msg}
	for {
		err := p.carry(sig, number)
		if err != actor.ErrOverloaded {
			return err
		}
		s := p.session.Load()
		if s == nil {
			return actor.NoConnection
		}
		if err := s.Wait(ctx, number); err != nil {
			return carryError(err)
		}
	}
}

func (n *Node) lane(name string) (transport.Lane, bool) {
	switch i := slices.Index(n.cfg.Lanes, name); {
	case name == "" || name == "default":
		return transport.Default, true
	case name == "bulk":
		return transport.Bulk, true
	case i >= 0:
		return transport.Bulk + 1 + transport.Lane(i), true
	}
	return 0, false
}

// Leave tells the others goodbye: what was sent is delivered as far as ctx allows, then the sessions end. Relations to other nodes
// break with actor.NoConnection; the System goes on alone. Calling it again waits for the same end.
func (n *Node) Leave(ctx context.Context) error {
	n.mu.Lock()
	if done := n.left; done != nil {
		n.mu.Unlock()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	n.left = make(chan struct{})
	n.mu.Unlock()
	defer close(n.left)
	n.cancel()
	n.wg.Wait() // no new life begins
	l := n.life.Load()
	l.step(view.SelfLeaving{})
	l.beat()
	n.sys.Exit(n.serving, actor.Shutdown)
	err := l.end(ctx, true)
	n.events.close()
	return err
}
