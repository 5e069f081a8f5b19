package cluster

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/membership"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/placement"
	"github.com/foundation-runtime/foundation/cluster/transport"
	"github.com/foundation-runtime/foundation/cluster/view"
)

// life is the node under one incarnation: sockets, sessions, gossip, and the view that decides. When others have declared it
// down, the node goes on with a new one.
type life struct {
	n         *Node
	id        nodeid.ID
	transport *transport.Transport
	members   *membership.Members
	ctx       context.Context
	cancel    context.CancelFunc
	wg        sync.WaitGroup // all goroutines of this life
	wake      chan struct{}  // outs or pending is not empty
	ready     chan struct{}  // closed when all of this is there, or came to nothing; nobody is admitted before
	snap      atomic.Pointer[snapshot]

	mu      sync.Mutex // protects the fields below
	view    *view.View
	outs    []view.Output
	peers   map[nodeid.ID]*peer
	waiting []chan struct{} // closed at the next change of the snapshot
	removed bool
	met     bool     // nobody who was met refused this node
	found   []string // addresses that the strategy reported last
	tells   map[nodeid.ID]error
}

// snapshot is what everybody reads of the view.
type snapshot struct {
	self    Member
	members []Member // sorted by name and incarnation, this node included
	viewID  uint64
	table   *placement.Table
	byName  map[string]Member // owners
}

func (s *snapshot) member(id nodeid.ID) (Member, bool) {
	for _, m := range s.members {
		if m.Name == id.Name && m.Incarnation == uint64(id.Incarnation) {
			return m, true
		}
	}
	return Member{}, false
}

// current is the latest life of a name that is not down.
func (s *snapshot) current(name string) (inc nodeid.Incarnation) {
	for _, m := range s.members {
		if m.Name == name && m.State < Down {
			inc = max(inc, nodeid.Incarnation(m.Incarnation))
		}
	}
	return inc
}

// begin starts a life on the sockets of n.
func (n *Node) begin(floor nodeid.Incarnation, listen string) (*life, error) {
	id := nodeid.ID{Name: n.sys.Name(), Incarnation: nodeid.Next(time.Now(), floor, uint16(rand.Uint32()))}
	l := &life{n: n, id: id, peers: map[nodeid.ID]*peer{}, wake: make(chan struct{}, 1), ready: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	advertise := n.cfg.Advertise
	info := view.Info{Zone: n.cfg.Zone, Labels: n.cfg.Labels, Weight: n.cfg.Weight}
	l.view = view.New(view.Member{ID: id, Addr: advertise, Info: info}, n.timing.view, time.Now())
	l.refresh()
	packets, err := l.listen(listen)
	if err == nil {
		if advertise == "" {
			advertise = l.transport.Addr()
		}
		l.mu.Lock()
		l.view = view.New(view.Member{ID: id, Addr: advertise, Info: info}, n.timing.view, time.Now())
		l.refresh()
		l.mu.Unlock()
		err = l.gossip(packets, advertise)
	}
	if err == nil {
		err = n.sys.Attach(l, uint64(id.Incarnation)) // last: from now on processes send
	}
	if err != nil {
		l.cancel()
		close(l.ready)
		l.end(context.Background(), false)
		return nil, err
	}
	close(l.ready)
	l.wg.Go(l.run)
	return l, nil
}

// listen opens the TCP and the UDP socket at the same port.
func (l *life) listen(addr string) (net.PacketConn, error) {
	const tries = 20
	var err error
	for range tries {
		if l.transport, err = transport.Start(l.n.transportConfig(l, addr), l); err != nil {
			return nil, err
		}
		var packets net.PacketConn
		if packets, err = l.n.cfg.Network.ListenPacket(l.transport.Addr()); err == nil {
			return packets, nil
		}
		ended, cancel := context.WithCancel(l.ctx)
		cancel()
		_ = l.transport.Close(ended)
		if _, port, splitErr := net.SplitHostPort(addr); splitErr != nil || port != "0" {
			return nil, err
		}
	}
	return nil, err
}

// leaveGossip is for how long a leaving node gossips that.
const leaveGossip = 250 * time.Millisecond

// end stops everything. With goodbye others are told that it is on purpose.
func (l *life) end(ctx context.Context, goodbye bool) error {
	var errs []error
	if l.members != nil && goodbye {
		// Whoever has a session is told there; gossip is for the others, and is not waited for until it has reached all.
		spread, cancel := context.WithTimeout(ctx, leaveGossip)
		_ = l.members.Leave(spread)
		cancel()
	}
	if l.transport != nil {
		if !goodbye {
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(ctx)
			cancel()
			_ = l.transport.Close(ctx)
		} else {
			errs = append(errs, l.transport.Close(ctx))
		}
	}
	l.cancel()
	if l.members != nil {
		l.members.Close()
	}
	l.wg.Wait()
	l.n.sys.Detach(l)
	return errors.Join(errs...)
}

// step tells the view something. What it answers is done by run, in order.
func (l *life) step(in view.Input) {
	l.mu.Lock()
	l.stepLocked(in)
	l.mu.Unlock()
}

func (l *life) stepLocked(in view.Input) {
	outs := l.view.Step(time.Now(), in)
	l.outs = append(l.outs, outs...)
	if len(outs) > 0 {
		l.refresh()
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// refresh makes a new snapshot. mu is held, or l is not running yet.
func (l *life) refresh() {
	old := l.snap.Load()
	s := &snapshot{viewID: l.view.ViewID(), self: memberOf(l.view.Self())}
	for _, m := range l.view.Members() {
		s.members = append(s.members, memberOf(m))
	}
	if old != nil && old.viewID == s.viewID && old.table != nil {
		s.table, s.byName = old.table, old.byName
	} else {
		s.table, s.byName = l.n.tableOf(l.view.Up())
	}
	l.snap.Store(s)
	for _, c := range l.waiting {
		close(c)
	}
	l.waiting = nil
}

// changed is closed when the snapshot changes after the call.
func (l *life) changed() <-chan struct{} {
	c := make(chan struct{})
	l.mu.Lock()
	l.waiting = append(l.waiting, c)
	l.mu.Unlock()
	return c
}

// run does what the view wants, beats, and tells the view the time.
func (l *life) run() {
	beat := time.NewTicker(l.n.timing.view.Heartbeat)
	defer beat.Stop()
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-l.wake:
		case <-beat.C:
			l.beat()
			l.tick()
		case <-tick.C:
			l.tick()
		}
		l.mu.Lock()
		outs := l.outs
		l.outs = nil
		next := l.view.NextTick()
		l.mu.Unlock()
		for _, o := range outs {
			l.do(o)
		}
		tick.Reset(max(time.Until(next), time.Millisecond))
	}
}

func (l *life) tick() {
	var in view.Tick
	for _, p := range l.each() {
		if s := p.session.Load(); s != nil {
			if at := s.Heard(); !at.IsZero() {
				in.Heard = append(in.Heard, view.Heard{ID: p.id, At: at})
			}
		}
	}
	l.step(in)
}

// beat sends a heartbeat to everybody.
func (l *life) beat() {
	l.mu.Lock()
	rec := l.statusLocked()
	l.mu.Unlock()
	for _, p := range l.each() {
		p.control(rec)
	}
}

func (l *life) statusLocked() []byte {
	return appendStatus(nil, status{state: l.view.Self().Says, viewID: l.view.ViewID(), broken: l.view.Broken()})
}

func (l *life) each() []*peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*peer, 0, len(l.peers))
	for _, p := range l.peers {
		all = append(all, p)
	}
	return all
}

// control sends a record about nodes, if there is a session; what it says is of no use later.
func (p *peer) control(rec []byte) {
	if s := p.session.Load(); s != nil && p.up.Load() {
		_ = s.SendAlways(transport.Control, rec)
	}
}

// do executes an output of the view.
func (l *life) do(o view.Output) {
	switch o := o.(type) {
	case view.Event:
		l.n.publish(MemberEvent{Kind: o.Kind, Member: memberOf(o.Member), Other: o.Other, Links: o.Links})
		if o.Kind == view.EventForgotten {
			l.mu.Lock()
			delete(l.peers, o.Member.ID)
			l.mu.Unlock()
		}
	case view.Connect:
		if p := l.peer(o.ID); p.session.Load() == nil {
			_, _ = p.connect()
		}
	case view.EndSession:
		l.transport.End(o.ID, errors.New("cluster: "+o.Why))
	case view.Dial:
		l.wg.Go(func() { l.dial(o) })
	case view.Ask:
		l.peer(o.To).control(appendAsk(nil, o.ID))
	case view.Answer:
		l.peer(o.To).control(appendAnswer(nil, o.ID, o.Refused))
	case view.Refuse:
		l.n.refused.log(l.n.log, slog.LevelWarn, "cluster: a node is not admitted", o.ID.String(), "error", o.Why)
	case view.Tell:
		l.wg.Go(func() { l.tell(o) })
	case view.SelfRemoved:
		l.mu.Lock()
		again := !l.removed
		l.removed = true
		l.mu.Unlock()
		if again {
			l.n.renew(l, o)
		}
	}
}

// tell brings a node the news that it is removed: as the refusal of a handshake, also where the view would admit it, because that
// node has removed this one and has to give in. It refuses our handshakes before it hears ours, so it has to be told when it
// dials: it does so about once in Silent, to tell us the same.
func (l *life) tell(o view.Tell) {
	l.mu.Lock()
	if l.tells == nil {
		l.tells = map[nodeid.ID]error{}
	}
	l.tells[o.ID] = refusal{&view.AdmitError{ID: o.ID, Err: view.ErrRemoved, Floor: o.Floor, Rank: o.Rank}}
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(l.ctx, 3*l.n.timing.view.Silent)
	defer cancel()
	_, _ = l.transport.Connect(ctx, o.Addr)
	<-ctx.Done()
	l.mu.Lock()
	delete(l.tells, o.ID)
	l.mu.Unlock()
}

// peer returns the peer with that identity, making it if need be.
func (l *life) peer(id nodeid.ID) *peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.peers[id]
	if p == nil {
		p = &peer{l: l, id: id}
		p.refs = refs{sys: l.n.sys, edge: l.n.sys.Edge(id.Name, uint64(id.Incarnation))}
		l.peers[id] = p
	}
	return p
}

// Peer implements actor.Remote.
func (l *life) Peer(e *actor.Edge) actor.Peer {
	id := nodeid.ID{Name: e.Node(), Incarnation: nodeid.Incarnation(e.Incarnation())}
	if _, known := l.snap.Load().member(id); !known && l.transport.Lookup(id) == nil {
		return stranger{l, id} // not remembered: anybody can make up a PID
	}
	return l.peer(id)
}

// Current implements actor.Remote.
func (l *life) Current(node string) uint64 { return uint64(l.snap.Load().current(node)) }

// stranger is a node that is no member. It may become one.
type stranger struct {
	l  *life
	id nodeid.ID
}

// Carry implements actor.Peer.
func (s stranger) Carry(sig actor.Signal) error {
	if _, err := s.l.way(s.id); err != nil {
		return err
	}
	return s.l.peer(s.id).Carry(sig)
}

// Wait implements actor.Peer.
func (s stranger) Wait(ctx context.Context) error { return s.l.peer(s.id).Wait(ctx) }
