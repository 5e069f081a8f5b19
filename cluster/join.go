package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/transport"
	"github.com/foundation-runtime/foundation/cluster/view"
	"github.com/foundation-runtime/foundation/strategies"
)

// oldError says that this incarnation is not admitted, but a greater one may be.
type oldError struct {
	floor nodeid.Incarnation
	err   error
}

func (e *oldError) Error() string { return e.err.Error() }
func (e *oldError) Unwrap() error { return e.err }

// probePause is how long a joiner waits before it asks again whether an earlier life of its name is dead.
const probePause = 20 * time.Millisecond

// join finds members, makes sessions with all of them and says that this node is up. known are addresses of members of an
// earlier life.
func (l *life) join(ctx context.Context, known ...strategies.Peer) error {
	seeds := make([]strategies.Peer, 0, len(l.n.cfg.Seeds))
	for _, s := range l.n.cfg.Seeds {
		addr, _ := strategies.ParseAddr(s)
		seeds = append(seeds, strategies.Peer{Addr: addr})
	}
	if err := l.introduce(ctx, seeds, true); err != nil {
		return err
	}
	if err := l.introduce(ctx, known, false); err != nil {
		return err
	}
	found := l.discover()
	if found != nil {
		timer := time.NewTimer(l.n.timing.discover)
		defer timer.Stop()
		select {
		case peers := <-found:
			if err := l.introduce(ctx, peers, false); err != nil {
				return err
			}
		case <-timer.C:
		case <-ctx.Done():
			return fmt.Errorf("cluster: Join: %w", ctx.Err())
		}
	}
	l.admitted()
	if err := l.barrier(ctx); err != nil {
		return err
	}
	l.step(view.SelfReady{})
	l.beat()
	return nil
}

// admitted lets gossip look for everybody known. Before nobody has refused this node it must not: gossip would pass it on.
func (l *life) admitted() {
	l.mu.Lock()
	l.met = true
	l.mu.Unlock()
	l.discovered(nil)
}

// discovered tells gossip of addresses: those of found, or those found before if it is nil, and the seeds.
func (l *life) discovered(found []string) {
	l.mu.Lock()
	if found != nil {
		l.found = found
	}
	addrs := append(append([]string(nil), l.n.cfg.Seeds...), l.found...)
	met := l.met
	l.mu.Unlock()
	if met {
		_ = l.members.Discovered(addrs...) // seeds were checked, strategies report well-formed addresses
	}
}

// introduce makes sessions with those who answer. seeds says that they were named by the user: then another cluster is a mistake.
func (l *life) introduce(ctx context.Context, peers []strategies.Peer, seeds bool) error {
	var wg sync.WaitGroup
	errs := make([]error, len(peers))
	self := l.snap.Load().self.Addr
	for i, p := range peers {
		if p.Addr == self {
			continue
		}
		wg.Go(func() { errs[i] = l.meet(ctx, p.Addr, seeds) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("cluster: Join: %w", ctx.Err())
	}
	return nil
}

// meet makes a session with whoever answers at addr. The error is one that joining cannot go on with; that nobody answers is none.
func (l *life) meet(ctx context.Context, addr string, seed bool) error {
	wait, cancel := context.WithTimeout(ctx, l.n.timing.barrier)
	defer cancel()
	for {
		s, err := l.transport.Connect(wait, addr)
		if err == nil {
			return l.gossipWith(wait, s.Peer().Addr)
		}
		r, ok := errors.AsType[*transport.RefusedError](err)
		if !ok || errors.Is(err, transport.ErrSelf) {
			l.n.log.Info("cluster: nobody was met", "addr", addr, "error", err)
			return nil
		}
		if errors.Is(err, transport.ErrCheck) && r.Remote {
			again, refused := l.refused(r)
			if !again {
				return refused
			}
			select {
			case <-time.After(probePause):
				continue
			case <-wait.Done():
				return refused
			}
		}
		if !seed && errors.Is(err, transport.ErrCluster) {
			l.n.log.Info("cluster: a node of another cluster was found", "addr", addr, "error", err)
			return nil
		}
		return fmt.Errorf("cluster: Join: %w", err)
	}
}

// refused reads why a member does not admit this node. again: it may do so in a moment.
func (l *life) refused(r *transport.RefusedError) (again bool, err error) {
	code, floor, _, parseErr := parseRefusal(r.Meta)
	err = fmt.Errorf("cluster: Join: %w", r)
	switch {
	case parseErr != nil:
		return false, err
	case code == refusedProbing:
		return true, fmt.Errorf("cluster: Join: %w: %w", ErrDuplicateName, r)
	case code == refusedDuplicate:
		return false, fmt.Errorf("cluster: Join: %w: %w", ErrDuplicateName, r)
	case code == refusedOld:
		return false, &oldError{floor, err}
	}
	return false, err
}

// barrier waits until there is a session with every member known, and each of them has said what it is.
func (l *life) barrier(ctx context.Context) error {
	limit := time.NewTimer(l.n.timing.barrier)
	defer limit.Stop()
	for {
		changed := l.changed()
		if l.complete() {
			return nil
		}
		poll := time.NewTimer(l.n.timing.view.Heartbeat)
		select {
		case <-changed:
		case <-poll.C: // sessions come up without a change of the view
		case <-limit.C:
			l.n.log.Warn("cluster: joined without a session with every member", "members", len(l.snap.Load().members))
			poll.Stop()
			return nil
		case <-ctx.Done():
			poll.Stop()
			return fmt.Errorf("cluster: Join: %w", ctx.Err())
		}
		poll.Stop()
		l.mu.Lock()
		removed := l.removed
		l.mu.Unlock()
		if removed {
			return &oldError{l.id.Incarnation, fmt.Errorf("cluster: Join: %w", view.ErrRemoved)}
		}
	}
}

func (l *life) complete() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.view.Members() {
		if m.ID == l.id || m.State >= Unreachable {
			continue
		}
		if p := l.peers[m.ID]; p == nil || !p.up.Load() || m.Says == 0 {
			return false
		}
	}
	return true
}

// others are the addresses of the other members, those that are down included: they may be back.
func (l *life) others() (peers []strategies.Peer) {
	for _, m := range l.snap.Load().members {
		if m.ID() != l.id && m.Addr != "" {
			peers = append(peers, strategies.Peer{Addr: m.Addr})
		}
	}
	return peers
}

// discover watches the strategy. The first set it reports comes from the channel; nil if there is no strategy.
func (l *life) discover() <-chan []strategies.Peer {
	s := l.n.cfg.Strategy
	if s == nil {
		return nil
	}
	first := make(chan []strategies.Peer, 1)
	self := strategies.Peer{Addr: l.snap.Load().self.Addr, Name: l.id.Name}
	l.wg.Go(func() { l.watch(s, self, first) })
	return first
}

func (l *life) watch(s strategies.Strategy, self strategies.Peer, first chan<- []strategies.Peer) {
	var known []strategies.Peer
	var mu sync.Mutex // protects known: a strategy reports from wherever it is
	found := func(u strategies.Update) {
		if u.Err != nil {
			l.n.log.Warn("cluster: discovery failed", "source", u.Source, "error", u.Err)
			return
		}
		mu.Lock()
		known = strategies.Apply(known, u, l.alive)
		peers := make([]strategies.Peer, 0, len(known))
		addrs := []string{}
		for _, p := range known {
			if p.Addr != self.Addr {
				peers = append(peers, p)
				addrs = append(addrs, p.Addr)
			}
		}
		mu.Unlock()
		l.discovered(addrs)
		select {
		case first <- peers:
		default:
		}
	}
	for pause := time.Duration(0); ; pause = min(2*pause+100*time.Millisecond, 10*time.Second) {
		err := strategies.Announce(s, self)
		if err == nil {
			err = s.Watch(l.ctx, found)
		}
		if l.ctx.Err() != nil {
			return
		}
		l.n.log.Warn("cluster: discovery ended; it is started again", "error", err)
		select {
		case <-time.After(pause):
		case <-l.ctx.Done():
			return
		}
	}
}

// alive reports whether this node is in touch with a member at p's address.
func (l *life) alive(p strategies.Peer) bool {
	for _, m := range l.snap.Load().members {
		if m.Addr == p.Addr && m.State < Unreachable {
			return true
		}
	}
	return false
}
