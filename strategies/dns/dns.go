package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
)

// Config of a Strategy.
type Config struct {
	// Name to ask for: with Port a name of hosts, as in "nodes.example.org"; without, one with SRV records, as in
	// "_foundation._tcp.example.org".
	Name string
	// Port of all nodes. Zero: ask for SRV records.
	Port int
	// Network is "ip", "ip4" or "ip6": which addresses to ask for. Empty: "ip", both.
	Network string
	// Server to ask, as host:port. Empty: those of the system.
	Server string
	// Interval between two questions. Zero: 5 s.
	Interval time.Duration
	// Timeout of one question, all retries included. Zero: 5 s.
	Timeout time.Duration
	// Keep is how long a peer stays that is not in the answers any more. Zero: 6 intervals.
	Keep time.Duration
}

// Strategy asks for one name.
type Strategy struct {
	config   Config
	resolver *net.Resolver
}

// New checks c; it asks nobody.
func New(c Config) (*Strategy, error) {
	if c.Network == "" {
		c.Network = "ip"
	}
	if c.Interval == 0 {
		c.Interval = 5 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Keep == 0 {
		c.Keep = 6 * c.Interval
	}
	if err := errors.Join(c.check()...); err != nil {
		return nil, err
	}
	return &Strategy{c, resolver(c.Server)}, nil
}

func (c Config) check() (errs []error) {
	bad := func(field string, value any, why, cure string) {
		errs = append(errs, &strategies.ConfigError{Strategy: "strategies/dns", Field: field, Value: value, Why: why, Cure: cure})
	}
	switch _, err := strategies.ParseAddr(net.JoinHostPort(c.Name, "1")); {
	case c.Name == "":
		bad("Name", c.Name, "it is empty", "give the name that has an address for each node")
	case err != nil:
		bad("Name", c.Name, err.Error(), "give a DNS name, without a port")
	}
	if c.Port < 0 || c.Port > 65535 {
		bad("Port", c.Port, "it is not a port", "give the cluster port of the nodes, or 0 to ask for SRV records")
	}
	if c.Port == 0 && !strings.HasPrefix(c.Name, "_") {
		bad("Port", c.Port, "without a port SRV records are asked for, and Name does not begin with a service (_name._tcp)",
			"give the cluster port of the nodes, or the name of SRV records")
	}
	if c.Network != "ip" && c.Network != "ip4" && c.Network != "ip6" {
		bad("Network", c.Network, "it is no kind of address", `leave it empty, or write "ip4" or "ip6"`)
	}
	if _, err := strategies.ParseAddr(c.Server); c.Server != "" && err != nil {
		bad("Server", c.Server, err.Error(), "write host:port, as in 10.0.0.2:53, or leave it empty")
	}
	for field, d := range map[string]time.Duration{"Interval": c.Interval, "Timeout": c.Timeout, "Keep": c.Keep} {
		if d < time.Millisecond {
			bad(field, d, "it is shorter than 1 ms", "leave it zero for the default")
		}
	}
	return errs
}

// resolver asks server instead of those of the system, if there is one.
func resolver(server string) *net.Resolver {
	if server == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}}
}

// String names the strategy and what it asks for.
func (s *Strategy) String() string {
	if s.config.Port == 0 {
		return "dns(SRV " + s.config.Name + ")"
	}
	return fmt.Sprintf("dns(%s:%d)", s.config.Name, s.config.Port)
}

// Watch implements [strategies.Strategy].
func (s *Strategy) Watch(ctx context.Context, found func(strategies.Update)) error {
	m := memory{keep: s.config.Keep}
	return strategies.Poll(ctx, s.String(), s.config.Interval, s.config.Timeout,
		func(ctx context.Context) ([]strategies.Peer, error) {
			a := s.ask(ctx)
			set := m.hear(a, time.Now())
			if len(a.peers) == 0 {
				return nil, a.err
			}
			return set, nil
		}, found)
}

// answer is what one round of questions brought: some peers, an error, or both if it is incomplete.
type answer struct {
	peers []strategies.Peer
	err   error
}

func (s *Strategy) ask(ctx context.Context) answer {
	if s.config.Port == 0 {
		return s.askServices(ctx)
	}
	if s.config.Network != "ip" {
		return s.askHosts(ctx, s.config.Network)
	}
	// Both at once in one call would hide that one of them failed.
	six := make(chan answer, 1)
	go func() { six <- s.askHosts(ctx, "ip6") }()
	return join(s.askHosts(ctx, "ip4"), <-six)
}

// join makes one answer of two. That one kind of records does not exist is no error if the other does.
func join(a, b answer) answer {
	joined := answer{peers: strategies.Merge(a.peers, b.peers)}
	for _, err := range []error{a.err, b.err} {
		missing := isMissing(err)
		if err != nil && (!missing || len(joined.peers) == 0) && (joined.err == nil || isMissing(joined.err)) {
			joined.err = err
		}
	}
	return joined
}

func isMissing(err error) bool {
	d, ok := errors.AsType[*net.DNSError](err)
	return ok && d.IsNotFound
}

func (s *Strategy) askHosts(ctx context.Context, network string) answer {
	ips, err := s.resolver.LookupNetIP(ctx, network, s.config.Name)
	a := answer{err: s.explain(ctx, err)}
	for _, ip := range ips {
		addr := netip.AddrPortFrom(ip.Unmap(), uint16(s.config.Port))
		a.peers = append(a.peers, strategies.Peer{Addr: addr.String()})
	}
	return a
}

func (s *Strategy) askServices(ctx context.Context) answer {
	_, services, err := s.resolver.LookupSRV(ctx, "", "", s.config.Name)
	a := answer{err: s.explain(ctx, err)}
	for _, r := range services {
		host := strings.TrimSuffix(r.Target, ".")
		if host == "" {
			continue // RFC 2782: the service is decidedly not there
		}
		a.peers = append(a.peers, strategies.Peer{Addr: net.JoinHostPort(host, strconv.Itoa(int(r.Port)))})
	}
	if len(a.peers) == 0 && a.err == nil {
		a.err = errors.New("the name has no targets")
	}
	return a
}

// explain names the server that was asked, which the library takes for that of the system, and puts the reason of a
// timeout in place of a plain one.
func (s *Strategy) explain(ctx context.Context, err error) error {
	if d, ok := errors.AsType[*net.DNSError](err); ok && s.config.Server != "" {
		named := *d
		named.Server = s.config.Server
		err = &named
	}
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
	}
	return err
}

// memory keeps peers that are missing in some answers. Its clock stands still while answers fail or are incomplete, so
// that nobody leaves because nobody was asked.
type memory struct {
	keep  time.Duration
	table strategies.Table
	clock time.Time // how long complete answers followed each other
	last  time.Time // of the last answer; zero if it was not complete
}

// hear takes in an answer and returns the set.
func (m *memory) hear(a answer, now time.Time) []strategies.Peer {
	if !m.last.IsZero() && a.err == nil {
		m.clock = m.clock.Add(now.Sub(m.last))
	}
	m.last = now
	if a.err != nil {
		m.last = time.Time{}
	}
	for _, p := range a.peers {
		m.table.Seen(p, m.clock)
	}
	m.table.Expire(m.clock, m.keep)
	return m.table.Peers()
}
