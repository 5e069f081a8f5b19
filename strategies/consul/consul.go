package consul

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/foundation-runtime/foundation/strategies"
)

// Config of a Strategy; the zero value uses the agent that the CONSUL_* variables name, or that of this machine.
type Config struct {
	// Service is the name of the service all nodes of the cluster are registered as. Empty: "foundation".
	Service string
	// Tags are given to this node's registration, and asked for.
	Tags []string
	// Datacenters to look in. Empty: that of the agent.
	Datacenters []string
	// Address of the agent. Empty: CONSUL_HTTP_ADDR, or 127.0.0.1:8500.
	Address string
	// Token for the agent. Empty: CONSUL_HTTP_TOKEN.
	Token string
	// Client, if given, is used as it is, for what Address and Token do not say: TLS, namespaces, proxies.
	Client *api.Client
	// TTL of this node's check. Zero: 15 s.
	TTL time.Duration
	// DeregisterAfter is how long a node whose check failed stays in the catalogue. Zero: 1 minute, Consul's minimum.
	DeregisterAfter time.Duration
	// WaitTime is how long a query waits for a change. Zero: 1 minute.
	WaitTime time.Duration
	// RetryAfter is the pause after the first failure. Zero: 1 s.
	RetryAfter time.Duration
}

const (
	retryLimit = 30 * time.Second
	goodbye    = 3 * time.Second
	metaName   = "foundation-node"
)

// neededRights says what a token must allow.
const neededRights = "give a Token with service:write for the service, and service:read and node:read"

var errHidden = errors.New("all instances are held back from this Token; " + neededRights)

// Strategy registers at and asks one agent.
type Strategy struct {
	config Config
	client *api.Client
	self   strategies.Peer
}

// New checks c; it does not talk to the agent.
func New(c Config) (*Strategy, error) {
	if c.Service == "" {
		c.Service = "foundation"
	}
	if len(c.Datacenters) == 0 {
		c.Datacenters = []string{""}
	}
	for d, standard := range map[*time.Duration]time.Duration{&c.TTL: 15 * time.Second, &c.DeregisterAfter: time.Minute,
		&c.WaitTime: time.Minute, &c.RetryAfter: time.Second} {
		if *d == 0 {
			*d = standard
		}
	}
	if err := errors.Join(c.check()...); err != nil {
		return nil, err
	}
	if c.Client != nil {
		return &Strategy{config: c, client: c.Client}, nil
	}
	client, err := api.NewClient(&api.Config{Address: c.Address, Token: c.Token})
	if err != nil {
		return nil, &strategies.ConfigError{Strategy: "strategies/consul", Field: "Address", Value: c.Address, Why: err.Error(),
			Cure: "write host:port, and check the CONSUL_* variables"}
	}
	return &Strategy{config: c, client: client}, nil
}

func (c Config) check() (errs []error) {
	bad := func(field string, value any, why, cure string) {
		errs = append(errs, &strategies.ConfigError{Strategy: "strategies/consul", Field: field, Value: value, Why: why, Cure: cure})
	}
	if _, err := strategies.ParseAddr(c.Service + ":1"); err != nil || strings.Contains(c.Service, ".") {
		bad("Service", c.Service, "Consul makes a DNS label of it", "use letters, digits and dashes")
	}
	if strings.ContainsAny(c.Address, " \t\n") {
		bad("Address", c.Address, "it holds spaces", "write host:port, as in 127.0.0.1:8500")
	}
	if c.TTL < time.Second {
		bad("TTL", c.TTL, "it is shorter than 1 s", "leave it zero for 15 s")
	}
	if c.DeregisterAfter < time.Minute {
		bad("DeregisterAfter", c.DeregisterAfter, "Consul takes no less than a minute", "leave it zero for 1 minute")
	}
	if c.WaitTime < time.Second || c.WaitTime > 10*time.Minute {
		bad("WaitTime", c.WaitTime, "Consul takes from 1 s to 10 minutes", "leave it zero for 1 minute")
	}
	if c.RetryAfter < time.Millisecond {
		bad("RetryAfter", c.RetryAfter, "it is shorter than 1 ms", "leave it zero for 1 s")
	}
	return errs
}

// Announce implements [strategies.Announcer].
func (s *Strategy) Announce(self strategies.Peer) error {
	s.self = self
	return nil
}

// Client is Consul's own client, as this strategy uses it.
func (s *Strategy) Client() *api.Client { return s.client }

// String names the strategy and its service.
func (s *Strategy) String() string { return "consul(" + s.config.Service + ")" }

// Watch implements [strategies.Strategy].
func (s *Strategy) Watch(ctx context.Context, found func(strategies.Update)) error {
	var parts []strategies.Strategy
	if s.self.Addr != "" {
		parts = append(parts, &registrar{s})
	}
	for _, dc := range s.config.Datacenters {
		parts = append(parts, &datacenter{s, dc})
	}
	all, err := strategies.NewUnion(parts...)
	if err != nil {
		return err
	}
	return all.Watch(ctx, func(u strategies.Update) {
		u.Source = s.String()
		found(u)
	})
}

// datacenter watches the instances of one datacenter.
type datacenter struct {
	*Strategy
	name string
}

func (d *datacenter) String() string {
	if d.name == "" {
		return d.Strategy.String()
	}
	return "consul(" + d.config.Service + " in " + d.name + ")"
}

func (d *datacenter) Watch(ctx context.Context, found func(strategies.Update)) error {
	r := strategies.NewReporter(d.String(), found)
	index, failures := uint64(0), 0
	for ctx.Err() == nil {
		began := time.Now()
		peers, last, err := d.ask(ctx, index)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			failures++
			index = 0
			r.Err(err)
			strategies.Pause(ctx, strategies.Jitter(strategies.Backoff(failures, d.config.RetryAfter, retryLimit)))
			continue
		}
		failures = 0
		r.Set(peers)
		index = nextIndex(index, last)
		strategies.Pause(ctx, gap(index, d.config.RetryAfter)-time.Since(began))
	}
	return nil
}

// nextIndex is where to go on after an answer with index last; zero starts anew.
func nextIndex(index, last uint64) uint64 {
	if last < index {
		return 0
	}
	return last
}

// gap is the least time between two questions. With an index of zero the next is answered at once.
func gap(index uint64, retryAfter time.Duration) time.Duration {
	if index == 0 {
		return retryAfter
	}
	return retryAfter / 5
}

func (d *datacenter) ask(ctx context.Context, index uint64) (peers []strategies.Peer, last uint64, err error) {
	// The agent adds up to a sixteenth to the time it waits.
	ctx, cancel := context.WithTimeout(ctx, d.config.WaitTime+d.config.WaitTime/16+10*time.Second)
	defer cancel()
	entries, meta, err := d.instances(ctx, index)
	if err == nil && len(entries) == 0 && index > 0 {
		// Answers to questions that waited come from a copy at the agent and do not say what was held back.
		entries, meta, err = d.instances(ctx, 0)
	}
	if err != nil {
		return nil, 0, explain(err)
	}
	if len(entries) == 0 && meta.ResultsFilteredByACLs {
		return nil, 0, errHidden
	}
	for _, e := range entries {
		if e == nil || e.Service == nil || e.Node == nil {
			return nil, 0, errors.New("the answer holds an instance without a service or a node")
		}
		if e.Service.ID == d.id() {
			continue
		}
		host := e.Service.Address
		if host == "" {
			host = e.Node.Address
		}
		peers = append(peers, strategies.Peer{Addr: net.JoinHostPort(host, strconv.Itoa(e.Service.Port)), Name: e.Service.Meta[metaName]})
	}
	return peers, meta.LastIndex, nil
}

// instances asks once, and waits for a change after index if that is not zero.
func (d *datacenter) instances(ctx context.Context, index uint64) ([]*api.ServiceEntry, *api.QueryMeta, error) {
	options := (&api.QueryOptions{Datacenter: d.name, WaitIndex: index, WaitTime: d.config.WaitTime}).WithContext(ctx)
	return d.client.Health().ServiceMultipleTags(d.config.Service, d.config.Tags, true, options)
}

// id of this node's registration: the same after a restart, so that no dead twin is left.
func (s *Strategy) id() string { return s.config.Service + "-" + s.self.Addr }

// explain adds what to do about an error.
func explain(err error) error {
	status, ok := errors.AsType[api.StatusError](err)
	if ok && (status.Code == 403 || status.Code == 401) {
		return fmt.Errorf("%w; %s", err, neededRights)
	}
	return err
}

// registrar keeps this node registered. It finds nobody.
type registrar struct{ *Strategy }

func (r *registrar) String() string { return "consul(registration of " + r.id() + ")" }

func (r *registrar) Watch(ctx context.Context, found func(strategies.Update)) error {
	report := strategies.NewReporter(r.String(), found)
	registered, failures := false, 0
	defer func() { r.deregister(context.WithoutCancel(ctx)) }()
	for ctx.Err() == nil {
		err := r.renew(ctx, &registered)
		if ctx.Err() != nil {
			break
		}
		if err == nil {
			failures = 0
			strategies.Pause(ctx, r.config.TTL/3)
			continue
		}
		failures++
		report.Err(fmt.Errorf("others cannot see this node: %w", explain(err)))
		strategies.Pause(ctx, strategies.Jitter(strategies.Backoff(failures, r.config.RetryAfter, retryLimit)))
	}
	return nil
}

// renew makes the check pass for another TTL, and registers first if the agent does not know this node.
func (r *registrar) renew(ctx context.Context, registered *bool) error {
	ctx, cancel := context.WithTimeout(ctx, max(r.config.TTL/3, goodbye))
	defer cancel()
	pass := func() error {
		return r.client.Agent().UpdateTTLOpts("service:"+r.id(), "", api.HealthPassing, new(api.QueryOptions).WithContext(ctx))
	}
	if *registered {
		err := pass()
		if status, ok := errors.AsType[api.StatusError](err); !ok || (status.Code != 404 && status.Code != 500) {
			return err
		}
		*registered = false // the agent has lost it
	}
	host, port, err := net.SplitHostPort(r.self.Addr)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	service := &api.AgentServiceRegistration{ID: r.id(), Name: r.config.Service, Address: host, Port: number,
		Tags: slices.Clone(r.config.Tags), Meta: map[string]string{metaName: r.self.Name},
		Check: &api.AgentServiceCheck{CheckID: "service:" + r.id(), TTL: r.config.TTL.String(),
			DeregisterCriticalServiceAfter: r.config.DeregisterAfter.String()}}
	if err := r.client.Agent().ServiceRegisterOpts(service, api.ServiceRegisterOpts{}.WithContext(ctx)); err != nil {
		return err
	}
	*registered = true
	return pass() // a registration alone leaves the check critical
}

// deregister says goodbye; if that fails, the check and DeregisterAfter do it.
func (r *registrar) deregister(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, goodbye)
	defer cancel()
	_ = r.client.Agent().ServiceDeregisterOpts(r.id(), new(api.QueryOptions).WithContext(ctx))
}
