package main

import (
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/transport"
)

// runOptions are what the flags of foundation run say.
type runOptions struct {
	name, cluster, listen, advertise, zone string
	profile                                string
	seeds                                  list
	labels                                 list
	cert, key, authority, gossipKeys       string
	insecure, json, verbose                bool
	find                                   finding
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

var profiles = map[string]cluster.Profile{"development": cluster.Development, "lan": cluster.LAN, "wan": cluster.WAN}

// parseRun reads and checks the flags; that joins everything that is wrong.
func parseRun(args []string, s surroundings) (runOptions, error) {
	var o runOptions
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.StringVar(&o.name, "name", "", "`name` of the node, unique in the cluster and kept over restarts (default: host name and process id)")
	flags.StringVar(&o.cluster, "cluster", "foundation", "`name` of the cluster; nodes of others are refused")
	flags.StringVar(&o.listen, "listen", "", "`host:port` to listen on, TCP and UDP (default: a free port of 127.0.0.1; with -profile lan or wan :7946)")
	flags.StringVar(&o.advertise, "advertise", "", "`host:port` at which others reach this node (default: what it listens on)")
	flags.Var(&o.seeds, "seed", "`host:port` of a member; may be given several times")
	flags.StringVar(&o.profile, "profile", "development", "timing and security: development, lan or wan; the same at all nodes")
	flags.StringVar(&o.zone, "zone", "", "`zone` of this node, told to all members")
	flags.Var(&o.labels, "label", "`key=value` told to all members; may be given several times")
	flags.StringVar(&o.cert, "tls-cert", "", "`file` with this node's certificate, PEM")
	flags.StringVar(&o.key, "tls-key", "", "`file` with the key of the certificate, PEM")
	flags.StringVar(&o.authority, "tls-ca", "", "`file` with the authorities that sign certificates of nodes, PEM")
	flags.StringVar(&o.gossipKeys, "gossip-key-file", "", "`file` with keys for the gossip, base64, one a line: the first encrypts, all decrypt.\n"+
		"The first is the secret of the strategies mdns, gossip and auto, too")
	flags.BoolVar(&o.insecure, "insecure", false, "the network is trusted: lan and wan without TLS and gossip key")
	flags.BoolVar(&o.json, "json", false, "print events as JSON, one object a line")
	flags.BoolVar(&o.verbose, "v", false, "log what the node does, to standard error")
	o.find.flags(flags)
	if err := parseFlags(flags, args, s); err != nil {
		return o, err
	}
	if o.name == "" {
		o.name = defaultName()
	}
	if err := errors.Join(o.check(), o.find.check(flags, o.seeds)); err != nil {
		return o, usageError{fmt.Errorf("run: %w", err)}
	}
	return o, nil
}

// defaultName is one that no other process of this network has, as far as one can know.
func defaultName() string {
	host, err := os.Hostname()
	if err != nil || nodeid.CheckName(host) != nil {
		host = "node"
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}

func (o runOptions) check() error {
	var errs []error
	if err := nodeid.CheckName(o.name); err != nil {
		errs = append(errs, fmt.Errorf("-name %q: %w", o.name, err))
	}
	if _, ok := profiles[o.profile]; !ok {
		errs = append(errs, fmt.Errorf("-profile %q: choose development, lan or wan", o.profile))
	}
	for _, l := range o.labels {
		if key, _, ok := strings.Cut(l, "="); !ok || key == "" {
			errs = append(errs, fmt.Errorf("-label %q: write key=value", l))
		}
	}
	if given := o.cert + o.key + o.authority; given != "" && (o.cert == "" || o.key == "" || o.authority == "") {
		errs = append(errs, errors.New("-tls-cert, -tls-key and -tls-ca belong together: give all three or none"))
	}
	return errors.Join(errs...)
}

// config makes a configuration of the options. Files are read here. note is what is worth to be known of it, or empty.
func (o runOptions) config() (c cluster.Config, note string, err error) {
	c = cluster.Config{Cluster: o.cluster, Profile: profiles[o.profile], Listen: o.listen, Advertise: o.advertise, Zone: o.zone,
		Seeds: o.seeds, Insecure: o.insecure, Labels: map[string]string{}}
	for _, l := range o.labels {
		key, value, _ := strings.Cut(l, "=")
		c.Labels[key] = value
	}
	var errs [3]error
	if o.cert != "" {
		c.TLS, errs[0] = transport.TLSFiles(o.cert, o.key, o.authority)
	}
	var secret []byte
	if o.gossipKeys != "" {
		if c.GossipKeys, errs[1] = readKeys(o.gossipKeys); errs[1] == nil {
			secret = c.GossipKeys[0]
		}
	}
	if o.find.strategy == "static" {
		c.Seeds = nil
	}
	c.Strategy, note, errs[2] = o.find.build(o.cluster, o.seeds, secret)
	return c, note, errors.Join(errs[:]...)
}

// readKeys reads gossip keys: base64, one a line; empty lines and those that begin with # do not count.
func readKeys(path string) (keys [][]byte, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("-gossip-key-file: %w", err)
	}
	for number, l := range strings.Split(string(text), "\n") {
		if l = strings.TrimSpace(l); l == "" || l[0] == '#' {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(l)
		if n := len(key); err != nil || n != 16 && n != 24 && n != 32 {
			return nil, fmt.Errorf("-gossip-key-file %s: line %d is not 16, 24 or 32 bytes in base64; make a key with: foundation keygen", path, number+1)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("-gossip-key-file %s holds no key; make one with: foundation keygen", path)
	}
	return keys, nil
}
