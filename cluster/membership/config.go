package membership

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

const (
	// MaxMeta is the size of the largest metadata, in bytes. Two of the 512 that the protocol has are ours.
	MaxMeta = 512 - metaHeader
	// MaxCluster is the length of the longest cluster name, in bytes.
	MaxCluster = 128
	// MaxPacketBytes is the size of the largest packet that is looked at. Ours are at most 1400 bytes.
	MaxPacketBytes = 4096
	// MaxStreamBytes is how much is read from one stream.
	MaxStreamBytes = 4 << 20
	// MaxStreams is how many streams of others are open at once; more are closed.
	MaxStreams = 128
)

// Config is what a [Members] needs.
type Config struct {
	// Node is who we are. Its incarnation must be greater than that of each earlier life under this name.
	Node nodeid.ID
	// Cluster is the name of the cluster. Nodes of others are refused; with keys that is cryptographically sure.
	Cluster string
	// Meta is what the others learn of us, up to [MaxMeta] bytes. See [Members.SetMeta].
	Meta []byte
	// Profile is how fast failures are noticed; all nodes should have the same. The zero value is [LAN].
	Profile Profile
	// Keys encrypt and authenticate everything: 16, 24 or 32 bytes each, the first is used for sending, all for receiving.
	// Without keys everything is plain text, and whoever reaches the port can do anything.
	Keys [][]byte
	// Packets is the packet socket. It belongs to the Members from Start on, which closes it.
	Packets net.PacketConn
	// Dial opens a stream to the gossip of another node: whatever it takes to have the other side's Accept called.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// Advertise is the address at which the others reach us, packets and streams. The zero value is that of Packets, if it
	// is bound to one address.
	Advertise netip.AddrPort
	// Events is told what happens, by one goroutine. It may take its time: what happens meanwhile waits, without bound. It
	// must not call [Members.Close]. Nil is allowed.
	Events func(Event)
	// Check decides whether a node may be a member, each time that it is heard of: an error refuses it, here. It is called
	// under locks: it must return at once and must not call anything of this package. Nil admits all.
	Check func(id nodeid.ID, addr string, meta []byte) error
	// Rejoin is how lost nodes are looked for.
	Rejoin RejoinConfig
	// Logger takes what memberlist and this package have to say. Nil discards it.
	Logger *slog.Logger
}

// ConfigError is what is wrong with a field, and what to do about it.
type ConfigError struct {
	Field string
	Value any
	Why   string
	Cure  string
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("cluster/membership: %s is %v: %s; %s", e.Field, e.Value, e.Why, e.Cure)
}

// defaults returns c with what was left out.
func (c Config) defaults() Config {
	if c.Profile == (Profile{}) {
		c.Profile = LAN()
	}
	if !c.Advertise.IsValid() && c.Packets != nil {
		if a, err := netip.ParseAddrPort(c.Packets.LocalAddr().String()); err == nil {
			c.Advertise = a
		}
	}
	c.Advertise = netip.AddrPortFrom(c.Advertise.Addr().Unmap(), c.Advertise.Port())
	c.Rejoin = c.Rejoin.defaults()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// check returns everything that is wrong with c, which has its defaults.
func (c Config) check() error {
	var errs []error
	bad := func(field string, value any, why, cure string) {
		errs = append(errs, &ConfigError{Field: field, Value: value, Why: why, Cure: cure})
	}
	if err := nodeid.CheckName(c.Node.Name); err != nil {
		bad("Node", c.Node, err.Error(), "see nodeid.CheckName")
	}
	if c.Node.Incarnation == 0 {
		bad("Node", c.Node, "it has no incarnation", "take one from nodeid.Next")
	}
	if c.Cluster == "" || len(c.Cluster) > MaxCluster {
		bad("Cluster", fmt.Sprintf("%q", c.Cluster), fmt.Sprintf("it must have 1 to %d bytes", MaxCluster),
			"give all nodes of the cluster the same name, and no other cluster")
	}
	if len(c.Meta) > MaxMeta {
		bad("Meta", fmt.Sprintf("%d bytes", len(c.Meta)), fmt.Sprintf("there can be up to %d", MaxMeta),
			"advertise an address or a version, and send the rest when connected")
	}
	c.Profile.check(bad)
	c.Rejoin.check(bad)
	for i, k := range c.Keys {
		if err := checkKey(k); err != nil {
			bad(fmt.Sprintf("Keys[%d]", i), fmt.Sprintf("%d bytes", len(k)), "a key has 16, 24 or 32 bytes", "take them from a random source")
		}
	}
	if c.Packets == nil {
		bad("Packets", nil, "there is no packet socket", "open one on the address of the data port")
	}
	if c.Dial == nil {
		bad("Dial", nil, "streams cannot be opened", "give the dialler of the data port")
	}
	if a := c.Advertise; !a.IsValid() || a.Addr().IsUnspecified() || a.Port() == 0 {
		bad("Advertise", a, "the others cannot reach that", "give the address and port at which this node is reached")
	}
	return errors.Join(errs...)
}
