package mdns

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/grandcat/zeroconf"

	"github.com/foundation-runtime/foundation/strategies"
)

// Config of a Strategy; the zero value is good for a trusted network.
type Config struct {
	// Secret is shared by all nodes of the cluster. Empty: everybody may announce nodes.
	Secret []byte
	// Cluster keeps clusters on one network apart. Empty: "default".
	Cluster string
	// Interface to use, as in "eth0". Empty: all that carry multicast.
	Interface string
	// Interval between two looks. Zero: 3 s.
	Interval time.Duration
	// Listen is how long a look waits for answers. Zero: 1 s.
	Listen time.Duration
	// TTL is how long a peer stays that does not answer. Zero: 4 intervals.
	TTL time.Duration
}

const (
	service     = "_foundation._tcp"
	domain      = "local."
	reportEvery = time.Minute
	minSecret   = 16
)

// Strategy asks the local network.
type Strategy struct {
	config Config
	tagger *tagger
	self   strategies.Peer
}

// New checks c; it opens no socket.
func New(c Config) (*Strategy, error) {
	if c.Cluster == "" {
		c.Cluster = "default"
	}
	if c.Interval == 0 {
		c.Interval = 3 * time.Second
	}
	if c.Listen == 0 {
		c.Listen = time.Second
	}
	if c.TTL == 0 {
		c.TTL = 4 * c.Interval
	}
	if err := errors.Join(c.check()...); err != nil {
		return nil, err
	}
	t, err := newTagger(c.Secret, c.Cluster)
	return &Strategy{config: c, tagger: t}, err
}

func (c Config) check() (errs []error) {
	bad := func(field string, value any, why, cure string) {
		errs = append(errs, &strategies.ConfigError{Strategy: "strategies/mdns", Field: field, Value: value, Why: why, Cure: cure})
	}
	if n := len(c.Secret); n > 0 && n < minSecret {
		bad("Secret", fmt.Sprintf("(%d bytes)", n), fmt.Sprintf("it has less than %d bytes", minSecret),
			"draw 32 random bytes, or leave it empty on a trusted network")
	}
	if len(c.Cluster) > strategies.MaxNameBytes {
		bad("Cluster", c.Cluster, "it is too long", fmt.Sprintf("use up to %d bytes", strategies.MaxNameBytes))
	}
	if c.Interval < time.Millisecond {
		bad("Interval", c.Interval, "it is shorter than 1 ms", "leave it zero for 3 s")
	}
	if c.Listen < time.Millisecond {
		bad("Listen", c.Listen, "it is shorter than 1 ms", "leave it zero for 1 s")
	}
	if c.TTL < 2*(c.Interval+c.Listen) {
		bad("TTL", c.TTL, fmt.Sprintf("it is shorter than two looks of %v, so that one lost answer removes a peer", c.Interval+c.Listen),
			"leave it zero for 4 intervals")
	}
	return errs
}

// Announce implements [strategies.Announcer].
func (s *Strategy) Announce(self strategies.Peer) error {
	s.self = self
	return nil
}

// String names the strategy and its service.
func (s *Strategy) String() string { return "mdns(" + service + "." + domain + ")" }

// Watch implements [strategies.Strategy].
func (s *Strategy) Watch(ctx context.Context, found func(strategies.Update)) error {
	var id [16]byte
	rand.Read(id[:]) // never fails
	l := &look{Strategy: s, instance: hex.EncodeToString(id[:]), report: strategies.NewReporter(s.String(), found)}
	defer l.leave()
	for ctx.Err() == nil {
		if err := l.once(ctx); err != nil && ctx.Err() == nil {
			l.report.Err(err)
		}
		strategies.Pause(ctx, strategies.Jitter(s.config.Interval))
	}
	return nil
}

// look is the state of one Watch.
type look struct {
	*Strategy
	instance string
	report   *strategies.Reporter
	table    strategies.Table
	refused  time.Time // when a refusal was reported last

	server    *zeroconf.Server // nil if not announced
	announced string           // the interfaces it was announced on
}

// once announces if needed, asks, and reports what answers.
func (l *look) once(ctx context.Context) error {
	ifaces, err := interfaces(l.config.Interface)
	if err != nil {
		return err
	}
	if err := l.announce(ifaces); err != nil {
		return fmt.Errorf("others cannot see this node: %w", err)
	}
	// Over IPv4 alone: with both the library leaks a socket for each look on machines without IPv6.
	resolver, err := zeroconf.NewResolver(zeroconf.SelectIPTraffic(zeroconf.IPv4), zeroconf.SelectIfaces(ifaces))
	if err != nil {
		return fmt.Errorf("%w; check that the network carries multicast", err)
	}
	ctx, cancel := context.WithTimeout(ctx, l.config.Listen)
	defer cancel()
	entries := make(chan *zeroconf.ServiceEntry, 16)
	failed := resolver.Browse(ctx, service, domain, entries)
	for e := range entries { // the library closes it, and hangs for ever if nobody reads
		l.take(e, time.Now())
	}
	if failed != nil {
		return failed
	}
	l.table.Expire(time.Now(), l.config.TTL)
	l.report.Set(l.table.Peers())
	return nil
}

func (l *look) take(e *zeroconf.ServiceEntry, now time.Time) {
	if e.Instance == l.instance {
		return
	}
	p, err := l.tagger.read(e.Instance, e.Text)
	switch {
	case err == nil:
		if l.table.Len() < strategies.MaxPeers {
			l.table.Seen(p, now)
		}
		l.report.Set(l.table.Peers())
	case errors.Is(err, errForeign):
	case l.refused.IsZero() || now.Sub(l.refused) > reportEvery:
		l.refused = now
		l.report.Err(fmt.Errorf("a node at %v is refused: %w", e.AddrIPv4, err))
	}
}

// announce makes this node known on ifaces, unless it is already.
func (l *look) announce(ifaces []net.Interface) error {
	if l.self.Addr == "" || (l.server != nil && l.announced == names(ifaces)) {
		return nil
	}
	l.leave()
	host, port, err := net.SplitHostPort(l.self.Addr)
	if err != nil {
		return err
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		return err
	}
	l.server, err = zeroconf.RegisterProxy(l.instance, service, domain, number, l.instance, hostIPs(host, ifaces),
		l.tagger.write(l.instance, l.self), ifaces)
	if err != nil {
		return err
	}
	l.announced = names(ifaces)
	return nil
}

// leave says goodbye.
func (l *look) leave() {
	if l.server != nil {
		l.server.Shutdown()
		l.server = nil
	}
}

// hostIPs is what the address records say. Nodes do not read them, but the library shows no service without.
func hostIPs(host string, ifaces []net.Interface) (ips []string) {
	if ip := net.ParseIP(host); ip != nil {
		return []string{ip.String()}
	}
	for _, i := range ifaces {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil {
				ips = append(ips, ip.IP.String())
			}
		}
	}
	return ips
}

// interfaces is the one with that name, or all that carry multicast.
func interfaces(name string) (list []net.Interface, err error) {
	if name != "" {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return nil, fmt.Errorf("interface %s: %w; name one that exists, or none for all", name, err)
		}
		return []net.Interface{*i}, nil
	}
	all, err := net.Interfaces()
	for _, i := range all {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagMulticast != 0 {
			list = append(list, i)
		}
	}
	if err == nil && len(list) == 0 {
		err = errors.New("no network interface carries multicast; connect to a network, or name an Interface")
	}
	return list, err
}

// names tells sets of interfaces and their addresses apart.
func names(ifaces []net.Interface) (s string) {
	for _, i := range ifaces {
		addrs, _ := i.Addrs()
		s += fmt.Sprint(i.Index, i.Name, addrs, " ")
	}
	return s
}
