package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/foundation-runtime/foundation/strategies"
	"github.com/foundation-runtime/foundation/strategies/auto"
	"github.com/foundation-runtime/foundation/strategies/consul"
	"github.com/foundation-runtime/foundation/strategies/dns"
	"github.com/foundation-runtime/foundation/strategies/file"
	"github.com/foundation-runtime/foundation/strategies/gossip"
	"github.com/foundation-runtime/foundation/strategies/kubernetes"
	"github.com/foundation-runtime/foundation/strategies/mdns"
	"github.com/foundation-runtime/foundation/strategies/static"
)

// finding is how other nodes are found.
type finding struct {
	strategy  string
	dir       string
	service   string
	namespace string
	port      int
	iface     string
}

// usedBy says which strategies a flag is for.
var usedBy = map[string][]string{
	"dir":       {"file", "auto"},
	"service":   {"dns", "consul", "kubernetes", "auto"},
	"namespace": {"kubernetes"},
	"port":      {"dns", "kubernetes", "auto"},
	"interface": {"mdns", "gossip"},
}

func (f *finding) flags(flags *flag.FlagSet) {
	flags.StringVar(&f.strategy, "strategy", "", "how others are found: file, mdns, dns, consul, kubernetes, gossip, static (the -seed list),\n"+
		"auto, or none (default: none if there is a -seed, else auto)")
	flags.StringVar(&f.dir, "dir", "", "`directory` that nodes on one machine share, for file (default: one of this user)")
	flags.StringVar(&f.service, "service", "", "`name` of the service, for consul and kubernetes; the name to ask for, for dns")
	flags.StringVar(&f.namespace, "namespace", "", "`namespace` of the service, for kubernetes (default: that of the pod)")
	flags.IntVar(&f.port, "port", 0, "cluster port of all nodes, for dns and kubernetes (default: what SRV records or the service say)")
	flags.StringVar(&f.iface, "interface", "", "network `interface`, for mdns and gossip, as in eth0")
}

// check looks for flags that the strategy has no use for.
func (f *finding) check(flags *flag.FlagSet, seeds []string) error {
	if f.strategy == "" {
		f.strategy = "auto"
		if len(seeds) > 0 {
			f.strategy = "none"
		}
	}
	var errs []error
	flags.Visit(func(given *flag.Flag) {
		if users, ok := usedBy[given.Name]; ok && !slices.Contains(users, f.strategy) {
			errs = append(errs, fmt.Errorf("-%s is of no use with -strategy %s; it is for %s", given.Name, f.strategy, strings.Join(users, ", ")))
		}
	})
	return errors.Join(errs...)
}

// build makes the strategy, nil for none. note is what is worth to be known of the choice.
func (f *finding) build(cluster string, seeds []string, secret []byte) (s strategies.Strategy, note string, err error) {
	switch f.strategy {
	case "none":
	case "static":
		s, err = static.New(seeds...)
	case "file":
		s, err = file.New(file.Config{Dir: f.dir, Cluster: cluster})
	case "mdns":
		s, err = mdns.New(mdns.Config{Cluster: cluster, Secret: secret, Interface: f.iface})
	case "gossip":
		s, err = gossip.New(gossip.Config{Cluster: cluster, Secret: secret, Interface: f.iface})
	case "dns":
		s, err = dns.New(dns.Config{Name: f.service, Port: f.port})
	case "consul":
		s, err = consul.New(consul.Config{Service: f.service})
	case "kubernetes":
		s, err = kubernetes.New(kubernetes.Config{Service: f.service, Namespace: f.namespace, Port: f.port})
	case "auto":
		var a *auto.Strategy
		a, err = auto.New(auto.Config{Cluster: cluster, Secret: secret, Service: f.service, Port: f.port, Dir: f.dir})
		if err == nil {
			s, note = a, a.Decision().String()
		}
	default:
		err = fmt.Errorf("-strategy %q: choose file, mdns, dns, consul, kubernetes, gossip, static, auto or none", f.strategy)
	}
	return s, note, err
}
