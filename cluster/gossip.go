package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/foundation-runtime/foundation/cluster/membership"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/transport"
	"github.com/foundation-runtime/foundation/cluster/view"
)

// gossipPreface tells gossip streams from sessions, on the same port.
const gossipPreface = 'g'

// gossip starts SWIM on the sockets of this life.
func (l *life) gossip(packets net.PacketConn, advertise string) error {
	addr, err := resolve(l.ctx, advertise)
	if err != nil {
		packets.Close()
		return &ConfigError{"Advertise", advertise, err.Error(), "give an address of this machine that others reach"}
	}
	l.members, err = membership.Start(membership.Config{
		Node: l.id, Cluster: l.n.cfg.Cluster, Profile: l.n.timing.gossip, Keys: l.n.currentKeys(),
		Packets: packets, Advertise: addr, Events: l.gossiped, Check: l.gossipCheck, Logger: l.n.log,
		Dial: func(ctx context.Context, addr string) (net.Conn, error) {
			return l.transport.DialStream(ctx, addr, gossipPreface)
		},
	})
	if err != nil {
		packets.Close()
		return err
	}
	l.transport.HandleStream(gossipPreface, l.members.Accept)
	return nil
}

// resolve makes an address of host:port, for gossip carries addresses only.
func resolve(ctx context.Context, hostport string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddrPort(hostport); err == nil {
		if a.Addr().IsUnspecified() {
			return a, errors.New("nobody can be reached at an unspecified address")
		}
		return a, nil
	}
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return netip.AddrPort{}, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	n, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(ips[0].Unmap(), uint16(n)), nil
}

// gossipCheck keeps a second node of a living member's name out of the gossip, as check does of sessions. Lives that are over pass:
// the view tells them.
func (l *life) gossipCheck(id nodeid.ID, addr string, _ []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.view.Admit(id, addr)
	if errors.Is(err, view.ErrDuplicateName) || errors.Is(err, view.ErrProbing) || errors.Is(err, view.ErrFull) {
		return err
	}
	return nil
}

// gossiped is what SWIM says.
func (l *life) gossiped(e membership.Event) {
	switch e.Kind {
	case membership.Alive, membership.Updated:
		l.step(view.SwimAlive{ID: e.ID, Addr: e.Addr})
	case membership.Dead:
		l.step(view.SwimDead{ID: e.ID})
	case membership.Left:
		l.step(view.SwimLeft{ID: e.ID})
	case membership.Conflict, membership.Rejected:
		l.n.log.Warn("cluster: gossip was refused", "addr", e.Addr, "error", e.Err)
	}
}

// gossipWith joins the gossip of a node that a session was made with.
func (l *life) gossipWith(ctx context.Context, addr string) error {
	_, err := l.members.Join(ctx, addr)
	if errors.Is(err, membership.ErrKey) {
		return fmt.Errorf("%w: %w", ErrGossipKey, err)
	}
	if err != nil {
		l.n.log.Info("cluster: gossip does not reach a member; it is tried again", "addr", addr, "error", err)
	}
	return nil
}

// The versions of the protocol between nodes that this one speaks.
const (
	protocolMin = 1
	protocolMax = 1
)

func (n *Node) transportConfig(l *life, listen string) transport.Config {
	facts := n.facts()
	types := n.types.Names()
	meta := appendInfo(nil, view.Info{Zone: n.cfg.Zone, Labels: n.cfg.Labels, Weight: n.cfg.Weight})
	return transport.Config{
		Self: func() transport.Hello {
			return transport.Hello{
				Cluster: n.cfg.Cluster, Node: l.id, ProtocolMin: protocolMin, ProtocolMax: protocolMax,
				Facts: facts, Types: types, Meta: meta,
			}
		},
		Network: n.cfg.Network, Listen: listen, Advertise: n.cfg.Advertise, TLS: n.cfg.TLS, Check: l.check,
		Lanes: n.cfg.Lanes, Compress: n.cfg.Compress, Limits: n.cfg.Limits, Logger: n.log,
	}
}

// facts must be equal at all nodes.
func (n *Node) facts() map[string]string {
	return map[string]string{
		"profile":    n.cfg.Profile.String(),
		"partitions": fmt.Sprint(n.Placement().Partitions),
		"seed":       fmt.Sprint(n.cfg.Seed),
	}
}
