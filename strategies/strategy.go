package strategies

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Strategy watches one source of peers.
type Strategy interface {
	// Watch reports to found until ctx ends, and then returns nil after all it started has ended. It returns an error,
	// earlier, only if it cannot go on; to call it again is then allowed. One strategy is watched by one caller at a
	// time.
	Watch(ctx context.Context, found func(Update)) error
}

// Announcer is a Strategy that can make this node known to others too. [Announce] tells it how.
type Announcer interface {
	Strategy
	// Announce sets what the next Watch makes known, until that Watch ends. It must not be called while Watch runs.
	// Without it the strategy only watches.
	Announce(self Peer) error
}

// Announce tells s to make self known, if it can, and checks self.
func Announce(s Strategy, self Peer) error {
	addr, err := ParseAddr(self.Addr)
	if err != nil {
		return &ConfigError{"strategies", "Self.Addr", self.Addr, err.Error(), "announce the address others reach this node at"}
	}
	if err := checkName(self.Name); err != nil {
		return &ConfigError{"strategies", "Self.Name", self.Name, err.Error(), "choose a short printable name"}
	}
	self.Addr = addr
	if a, ok := s.(Announcer); ok {
		return a.Announce(self)
	}
	return nil
}

// Update is what a strategy reports: a whole set of peers, or why there is none.
type Update struct {
	Source string // the strategy that speaks, for people
	Peers  []Peer // the whole set; nil if Err is not nil. The receiver must not change it.
	Err    error
}

// Peer is a node that may be contacted.
type Peer struct {
	Addr string // host:port of its cluster port
	Name string // its node name, if the source knows it
}

// String is name@host:port, or host:port.
func (p Peer) String() string {
	if p.Name == "" {
		return p.Addr
	}
	return p.Name + "@" + p.Addr
}

const (
	// MaxPeers is the size of the largest set a strategy reports.
	MaxPeers = 4096
	// MaxNameBytes bounds the name of a peer.
	MaxNameBytes = 128
	maxHostBytes = 253
)

// ConfigError says which field of a strategy's configuration is wrong, why, and how to put it right.
type ConfigError struct {
	Strategy string // "strategies/dns"
	Field    string
	Value    any
	Why      string
	Cure     string
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("%s: %s is %#v: %s; %s", e.Strategy, e.Field, e.Value, e.Why, e.Cure)
}

// ParseAddr checks host:port, where host is an IP address or a host name, and returns the one way to write it:
// IPv4-mapped addresses as IPv4, IPv6 in brackets, host names in lower case without a final dot.
func ParseAddr(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", fmt.Errorf("%q is not host:port (IPv6 goes in brackets)", s)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", fmt.Errorf("the port of %q is not a number from 1 to 65535", s)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.IsUnspecified() || ip.IsMulticast() {
			return "", fmt.Errorf("nobody can be reached at %q", s)
		}
		host = ip.Unmap().String()
	} else if host, err = checkHost(host); err != nil {
		return "", fmt.Errorf("%q: %w", s, err)
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

func checkHost(host string) (string, error) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" {
		return "", errors.New("the host is empty")
	}
	if len(host) > maxHostBytes {
		return "", fmt.Errorf("the host is longer than %d bytes", maxHostBytes)
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 {
			return "", errors.New("a label of the host is empty or longer than 63 bytes")
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return "", fmt.Errorf("a host name does not contain %q", string(rune(c)))
			}
		}
	}
	return host, nil
}

// ParsePeer reads what [Peer.String] writes.
func ParsePeer(s string) (Peer, error) {
	name, addr := "", s
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		name, addr = s[:i], s[i+1:]
	}
	addr, err := ParseAddr(addr)
	if err != nil {
		return Peer{}, err
	}
	return Peer{Addr: addr, Name: name}, checkName(name)
}

func checkName(name string) error {
	if len(name) > MaxNameBytes {
		return fmt.Errorf("it is longer than %d bytes", MaxNameBytes)
	}
	for _, r := range name {
		if r <= ' ' || r == 0x7f || r == '\ufffd' {
			return errors.New("it holds spaces or control characters")
		}
	}
	return nil
}

// Check returns p in its one form, or what is wrong with it. Sources use it on what strangers wrote.
func (p Peer) Check() (Peer, error) {
	addr, err := ParseAddr(p.Addr)
	if err != nil {
		return Peer{}, err
	}
	if err := checkName(p.Name); err != nil {
		return Peer{}, fmt.Errorf("name %.64q: %w", p.Name, err)
	}
	return Peer{Addr: addr, Name: p.Name}, nil
}
