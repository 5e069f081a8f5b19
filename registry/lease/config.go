package lease

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

// Config of a [Registry]. The zero value uses the agent that the CONSUL_* variables name, or that of this machine, and is good. The
// times belong together: leave them all zero, or keep Renew < ValidFor < TTL ≤ LockDelay.
type Config struct {
	// Address of the agent, host:port or a URL. Empty: CONSUL_HTTP_ADDR, or 127.0.0.1:8500.
	Address string
	// Token for the agent. It must allow session:write for the agent's node, and key:write and key:read for Prefix. Empty:
	// CONSUL_HTTP_TOKEN.
	Token string
	// Datacenter whose servers hold the leases: the same for all nodes. Empty: that of the agent.
	Datacenter string
	// TLS, if given, is how the agent is spoken to, by HTTPS. Nil: as the CONSUL_* variables say.
	TLS *tls.Config
	// Client, if given, is used as it is instead of Address, Token, Datacenter and TLS.
	Client *api.Client

	// Prefix of the keys. Nodes that share names have the same. Empty: "foundation/lease/".
	Prefix string

	// TTL of the session at Consul, which ends it between one and two times TTL after the last renewal. Zero: 10 s.
	TTL time.Duration
	// Renew is the time between renewals. Zero: 0.3 TTL.
	Renew time.Duration
	// ValidFor is how long after the sending of a successful renewal this node believes in its session: then it kills what
	// holds a name. Zero: 0.9 TTL.
	ValidFor time.Duration
	// LockDelay is how long Consul gives nobody the names of a session that ended otherwise than by being given back. Zero: 1.5
	// TTL, and 1 minute at most.
	LockDelay time.Duration
	// Timeout of one request. Zero: two thirds of Renew.
	Timeout time.Duration
	// RetryAfter is the pause after a failure. Zero: a sixth of Renew.
	RetryAfter time.Duration
	// MinTTL is session_ttl_min of the Consul servers: less is refused there. Zero: 10 s, as they come.
	MinTTL time.Duration

	// Logger; nil is slog.Default.
	Logger *slog.Logger
}

const (
	standardTTL  = 10 * time.Second
	maxTTL       = 24 * time.Hour
	maxLockDelay = time.Minute // more is cut by Consul
	prefixBytes  = 256
	// drift is the part of the TTL by which ValidFor is shorter at least: clocks do not run alike.
	drift = 20
)

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	set := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	set(&c.MinTTL, standardTTL)
	set(&c.TTL, standardTTL)
	set(&c.Renew, c.TTL*3/10)
	set(&c.ValidFor, c.TTL*9/10)
	set(&c.LockDelay, min(c.TTL*3/2, maxLockDelay))
	set(&c.Timeout, c.Renew*2/3)
	set(&c.RetryAfter, c.Renew/6)
	if c.Prefix == "" {
		c.Prefix = "foundation/lease/"
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func (c Config) timings() timings {
	return timings{ttl: c.TTL, renew: c.Renew, validFor: c.ValidFor, lockDelay: c.LockDelay, timeout: c.Timeout, retryAfter: c.RetryAfter}
}

// check finds all that is wrong with a Config that has its defaults.
func (c Config) check() error {
	var errs []error
	bad := func(field string, value any, why, cure string) {
		errs = append(errs, &ConfigError{Field: field, Value: value, Why: why, Cure: cure})
	}
	if strings.ContainsAny(c.Address, " \t\r\n") {
		bad("Address", c.Address, "it holds spaces", "write host:port, as in 127.0.0.1:8500")
	}
	if strings.ContainsAny(c.Token, " \t\r\n") {
		bad("Token", nil, "it holds spaces", "write the secret ID of the token and nothing else")
	}
	if strings.ContainsAny(c.Datacenter, " \t\r\n/?&#") {
		bad("Datacenter", c.Datacenter, "it is no name of a datacenter", "write it as `consul members` does, or leave it empty")
	}
	if c.Client != nil && (c.Address != "" || c.Token != "" || c.Datacenter != "" || c.TLS != nil) {
		bad("Client", "given", "it is used as it is, and Address, Token, Datacenter or TLS is set too", "set these in the client, or leave it nil")
	}
	if why := badPrefix(c.Prefix); why != "" {
		bad("Prefix", c.Prefix, why, `write one as "my-app/lease/", with letters, digits, dashes, dots and single slashes`)
	}
	c.checkTimes(bad)
	return errors.Join(errs...)
}

func badPrefix(p string) string {
	switch {
	case len(p) > prefixBytes:
		return "it is longer than 256 bytes"
	case p[0] == '/' || p[len(p)-1] != '/':
		return "it begins with a slash, or does not end with one"
	}
	for part := range strings.SplitSeq(p[:len(p)-1], "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, func(r rune) bool {
			return r > 127 || !plain(byte(r)) && r != '.'
		}) {
			return "it holds characters that mean something else in a URL"
		}
	}
	return ""
}

// checkTimes checks what makes two owners impossible, and then what makes false alarms seldom.
func (c Config) checkTimes(bad func(field string, value any, why, cure string)) {
	if c.MinTTL < time.Second {
		bad("MinTTL", c.MinTTL.String(), "it is shorter than 1 s", "leave it zero for 10 s, or give session_ttl_min of the Consul servers")
	}
	if c.TTL < c.MinTTL || c.TTL > maxTTL {
		bad("TTL", c.TTL.String(), "Consul takes from "+c.MinTTL.String()+" to 24 h", "leave it zero for 10 s; for less lower session_ttl_min of the servers, and give MinTTL")
	}
	if c.LockDelay > maxLockDelay {
		bad("LockDelay", c.LockDelay.String(), "Consul cuts it to 1 minute", "leave it zero for 1.5 TTL")
	}
	if c.LockDelay < c.TTL {
		bad("LockDelay", c.LockDelay.String(), "it is shorter than TTL, "+c.TTL.String()+": a name could get a second owner when a session is destroyed",
			"leave it zero, and TTL at 1 minute or less")
	}
	if c.ValidFor > c.TTL-c.TTL/drift {
		bad("ValidFor", c.ValidFor.String(), "it is so near to TTL, "+c.TTL.String()+", that clocks that run differently give a name two owners", "leave it zero for 0.9 TTL")
	}
	if c.Renew <= 0 || c.Renew > c.ValidFor/2 {
		bad("Renew", c.Renew.String(), "it is not positive, or more than half of ValidFor, "+c.ValidFor.String()+": one lost renewal would end all leases",
			"leave it zero for 0.3 TTL")
	}
	if c.Timeout < 10*time.Millisecond || c.Timeout > c.ValidFor-c.Renew {
		bad("Timeout", c.Timeout.String(), "it is shorter than 10 ms, or does not end before ValidFor less Renew", "leave it zero for two thirds of Renew")
	}
	if c.RetryAfter < time.Millisecond || c.RetryAfter > c.Renew {
		bad("RetryAfter", c.RetryAfter.String(), "it is shorter than 1 ms, or longer than Renew", "leave it zero for a sixth of Renew")
	}
}

// connect makes the client. idle closes its connections that wait.
func (c Config) connect() (client *api.Client, idle func(), err error) {
	if c.Client != nil {
		return c.Client, func() {}, nil
	}
	// A transport of its own, so that closing the registry leaves no connection behind.
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: c.Timeout}).DialContext,
		TLSHandshakeTimeout: c.Timeout, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}
	conf := &api.Config{Address: c.Address, Token: c.Token, Datacenter: c.Datacenter, Transport: transport}
	if c.TLS != nil {
		transport.TLSClientConfig = c.TLS.Clone()
		conf.Scheme = "https"
		conf.HttpClient = &http.Client{Transport: transport}
	}
	client, err = api.NewClient(conf)
	if err != nil {
		return nil, nil, &ConfigError{Field: "Address", Value: c.Address, Why: err.Error(), Cure: "write host:port, and check the CONSUL_* variables"}
	}
	return client, transport.CloseIdleConnections, nil
}
