package auto

import (
	"errors"
	"strings"

	"github.com/foundation-runtime/foundation/strategies"
	"github.com/foundation-runtime/foundation/strategies/consul"
	"github.com/foundation-runtime/foundation/strategies/dns"
	"github.com/foundation-runtime/foundation/strategies/file"
	"github.com/foundation-runtime/foundation/strategies/kubernetes"
	"github.com/foundation-runtime/foundation/strategies/mdns"
	"github.com/foundation-runtime/foundation/strategies/static"
)

// Config of a Strategy; the zero value is good. What it says goes before the environment.
type Config struct {
	// Cluster keeps clusters apart. Empty: "default".
	Cluster string
	// Secret of the cluster, for looking on the network.
	Secret []byte
	// Peers is a list of host:port or name@host:port.
	Peers []string
	// DNS is a name with addresses, for which Port must be given, or one of SRV records (_service._tcp.domain).
	DNS string
	// Service of Kubernetes, or of Consul, where it is "foundation" if empty.
	Service string
	// Port is the cluster port of all nodes, for sources that do not tell ports.
	Port int
	// Dir is for package file.
	Dir string
}

// failures in a row after which a pod also asks DNS.
const failures = 3

// Strategy is the one that was chosen.
type Strategy struct {
	strategies.Strategy
	decision Decision
}

// New looks where it runs and chooses.
func New(c Config) (*Strategy, error) { return NewAt(c, Look()) }

// NewAt chooses for what was seen.
func NewAt(c Config, s Sight) (*Strategy, error) {
	d := Decide(c, s)
	chosen, err := build(c, s, d.Choice)
	if err != nil {
		return nil, err
	}
	return &Strategy{chosen, d}, nil
}

// Decision says what was chosen and why.
func (s *Strategy) Decision() Decision { return s.decision }

// Announce implements [strategies.Announcer].
func (s *Strategy) Announce(self strategies.Peer) error { return strategies.Announce(s.Strategy, self) }

// String names what was chosen.
func (s *Strategy) String() string { return "auto(" + string(s.decision.Choice) + ")" }

func build(c Config, s Sight, choice Choice) (strategies.Strategy, error) {
	switch choice {
	case Static:
		if len(c.Peers) > 0 {
			return static.New(c.Peers...)
		}
		return static.New(strings.Split(s.Peers, ",")...)
	case DNS:
		return dns.New(dns.Config{Name: or(c.DNS, s.DNS), Port: c.Port})
	case Kubernetes:
		return inPod(c, or(c.Service, s.Service))
	case Consul:
		return consul.New(consul.Config{Service: or(c.Service, s.Service), Address: s.Consul})
	case FileAndMDNS:
		here, err1 := file.New(file.Config{Dir: c.Dir, Cluster: c.Cluster})
		near, err2 := mdns.New(mdns.Config{Cluster: c.Cluster, Secret: c.Secret})
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return strategies.NewUnion(here, near)
	default:
		return file.New(file.Config{Dir: c.Dir, Cluster: c.Cluster})
	}
}

// inPod watches the service, and asks for its name in DNS when that fails, as without the rights to watch.
func inPod(c Config, service string) (strategies.Strategy, error) {
	api, err := kubernetes.New(kubernetes.Config{Service: service, Port: c.Port})
	if err != nil || c.Port == 0 {
		return api, err
	}
	// The search list of a pod completes the name.
	name, err := dns.New(dns.Config{Name: service, Port: c.Port})
	if err != nil {
		return nil, err
	}
	return strategies.NewChain(failures, api, name)
}
