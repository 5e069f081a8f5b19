package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/foundation-runtime/foundation/cluster/codec"
	"github.com/foundation-runtime/foundation/cluster/network"
	"github.com/foundation-runtime/foundation/cluster/transport"
	"github.com/foundation-runtime/foundation/strategies"
)

// Config of a node. The zero value joins nobody and can be joined, on loopback, for development.
type Config struct {
	// Cluster is the name of the cluster; nodes of others are refused. Empty is "foundation".
	Cluster string
	// Profile sets the timing and what security is asked for: [Development], [LAN] or [WAN]. All nodes use the same.
	Profile Profile
	// Listen is the host:port for everything, TCP and UDP. Empty is a free port on 127.0.0.1 in development and ":7946" else.
	Listen string
	// Advertise is the host:port at which others reach this node, if that is not what it listens on. A node that listens on
	// every address tells the one that it uses towards others.
	Advertise string
	// Zone, Labels and Weight are told to all members. Weight, 1 to 16, is this node's share of keys; zero is 1.
	Zone   string
	Labels map[string]string
	Weight int

	// Seeds are addresses of members. What they refuse is an error of Join; that none answers is not.
	Seeds []string
	// Strategy finds members and makes this node known; nil for none.
	Strategy strategies.Strategy

	// Types are the messages, errors and states that travel, by name: see [TypeOf] and [ErrorOf].
	Types []Type
	// Kinds are what [Node.SpawnOn] of other nodes may start here.
	Kinds []Kind

	// TLS is needed but in development: TLS 1.3, and every node shows a certificate that names it.
	TLS *TLS
	// GossipKeys encrypt the gossip, 16, 24 or 32 bytes each: the first encrypts, all decrypt. Needed but in development.
	GossipKeys [][]byte
	// Insecure says that the network is trusted: LAN and WAN start without TLS and GossipKeys.
	Insecure bool

	// Lanes names lanes for [Node.SendOn] beside "bulk".
	Lanes []string
	// Outbound bounds what may wait for a peer.
	Outbound Outbound
	// Compress is the size in bytes from which frames are compressed; zero is 64 KiB, negative is never.
	Compress int
	// Limits of what is accepted; zero fields have the defaults of package transport and codec.
	Limits      transport.Limits
	CodecLimits codec.Limits

	// Partitions and Seed of the table of keys, equal at all nodes. Zero is placement's default.
	Partitions int
	Seed       uint64

	// Network to run on; nil is the operating system's.
	Network network.Network
	// Logger; nil is the System's choice, slog.Default.
	Logger *slog.Logger
}

// TLS is how a node proves who it is.
type TLS = transport.TLS

// Outbound says what happens to a message to a peer for which too much waits already, because the network or the peer is slow.
// Nothing of it concerns links, monitors, exits and answers: they are taken until twice the limit, and then the session ends.
type Outbound struct {
	// Limit is how many bytes may wait, or be sent and not acknowledged, per peer and lane; zero is 4 MiB.
	Limit int
	// Drop makes the message a dead letter at once. Else its sender waits, without holding up other processes.
	Drop bool
	// Patience bounds the waiting; then the message is a dead letter with actor.ErrOverloaded. Zero is for as long as the
	// session lives.
	Patience time.Duration
}

const (
	defaultCluster  = "foundation"
	defaultListen   = ":7946"
	defaultCompress = 64 << 10
)

func (c Config) filled() Config {
	if c.Cluster == "" {
		c.Cluster = defaultCluster
	}
	if c.Listen == "" {
		c.Listen = defaultListen
		if c.Profile == Development {
			c.Listen = "127.0.0.1:0"
		}
	}
	if c.Weight == 0 {
		c.Weight = 1
	}
	if c.Network == nil {
		c.Network = network.OS{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	switch {
	case c.Compress == 0:
		c.Compress = defaultCompress
	case c.Compress < 0:
		c.Compress = 0
	}
	if c.Outbound.Limit != 0 {
		c.Limits.Lane = c.Outbound.Limit
	}
	c.Labels = maps.Clone(c.Labels)
	return c
}

const (
	maxClusterName = 128
	maxWeight      = 16
	maxMetaBytes   = 16 << 10
)

// check says everything that is wrong with a filled Config, but for what the packages below check themselves.
func (c Config) check() error {
	var errs []error
	bad := func(field string, value any, why, cure string) {
		errs = append(errs, &ConfigError{field, value, why, cure})
	}
	if len(c.Cluster) > maxClusterName || strings.ContainsAny(c.Cluster, "@/#<>\" \t\r\n") {
		bad("Cluster", c.Cluster, "it is longer than 128 bytes or holds white space or any of @ / # < > and quotes", "choose a short plain name")
	}
	if _, ok := profiles[c.Profile]; !ok {
		bad("Profile", c.Profile, "there is no such profile", "use Development, LAN or WAN")
	}
	for field, addr := range map[string]string{"Listen": c.Listen, "Advertise": c.Advertise} {
		if _, _, err := net.SplitHostPort(addr); err != nil && addr != "" {
			bad(field, addr, "it is not host:port", `write "127.0.0.1:7946" or ":7946"`)
		}
	}
	if c.Weight < 1 || c.Weight > maxWeight {
		bad("Weight", c.Weight, "it is not from 1 to 16", "leave it out for 1")
	}
	size := len(c.Zone)
	for k, v := range c.Labels {
		size += len(k) + len(v) + 8
	}
	if size > maxMetaBytes {
		bad("Labels", len(c.Labels), fmt.Sprintf("labels and zone take more than %d bytes", maxMetaBytes), "keep them short: every node holds them")
	}
	for _, s := range c.Seeds {
		if _, err := strategies.ParseAddr(s); err != nil {
			bad("Seeds", s, err.Error(), "give host:port of a member")
		}
	}
	for _, k := range c.GossipKeys {
		if n := len(k); n != 16 && n != 24 && n != 32 {
			bad("GossipKeys", fmt.Sprintf("%d bytes", n), "a key has 16, 24 or 32 bytes", "make one with: foundation keygen")
		}
	}
	if c.Outbound.Limit < 0 || c.Outbound.Patience < 0 {
		bad("Outbound", c.Outbound, "a bound is negative", "leave it out for the default")
	}
	if c.Profile != Development && !c.Insecure && (c.TLS == nil || len(c.GossipKeys) == 0) {
		errs = append(errs, ErrInsecure)
	}
	names := map[string]bool{}
	for _, k := range c.Kinds {
		if k.name == "" || k.start == nil || names[k.name] {
			bad("Kinds", k.name, "the name is empty or there twice, or the kind was not made by KindOf", "give every kind a name of its own")
		}
		names[k.name] = true
	}
	return errors.Join(errs...)
}
