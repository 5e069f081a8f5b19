package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
)

// Config of a Strategy. In a pod only Service must be given.
type Config struct {
	// Service whose endpoints are the nodes. A headless one with publishNotReadyAddresses is right.
	Service string
	// Namespace of the service. Empty: that of the pod.
	Namespace string
	// Port is the cluster port of all nodes. Zero: take the port named PortName from the slices.
	Port int
	// PortName is the name of the port in the service. Empty: the slices must have exactly one port, or Port is given.
	PortName string
	// Hostnames makes addresses hostname.service.namespace.svc.ClusterDomain, which outlive the pods of a StatefulSet.
	// Endpoints without a hostname keep their IP address.
	Hostnames bool
	// ClusterDomain is the DNS domain of the Kubernetes cluster. Empty: "cluster.local".
	ClusterDomain string
	// Server is the URL of the API server. Empty: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT say.
	Server string
	// AccountDir holds token, ca.crt and namespace. Empty: where Kubernetes puts them in a pod.
	AccountDir string
	// WatchTimeout is how long one watch lasts. Zero: 2 minutes.
	WatchTimeout time.Duration
	// RetryAfter is the pause after the first failure. Zero: 1 s.
	RetryAfter time.Duration
}

const (
	defaultAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"
	retryLimit        = 30 * time.Second
)

// Strategy watches the slices of one service.
type Strategy struct{ config Config }

var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// New checks c and what it finds of the pod; it does not talk to the API server.
func New(c Config) (*Strategy, error) {
	if c.AccountDir == "" {
		c.AccountDir = defaultAccountDir
	}
	if c.ClusterDomain == "" {
		c.ClusterDomain = "cluster.local"
	}
	if c.WatchTimeout == 0 {
		c.WatchTimeout = 2 * time.Minute
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = time.Second
	}
	if c.Namespace == "" {
		text, _ := os.ReadFile(filepath.Join(c.AccountDir, "namespace"))
		c.Namespace = strings.TrimSpace(string(text))
	}
	if host := os.Getenv("KUBERNETES_SERVICE_HOST"); c.Server == "" && host != "" {
		c.Server = "https://" + net.JoinHostPort(host, os.Getenv("KUBERNETES_SERVICE_PORT"))
	}
	if err := errors.Join(c.check()...); err != nil {
		return nil, err
	}
	c.Server = strings.TrimRight(c.Server, "/")
	return &Strategy{c}, nil
}

func (c Config) check() (errs []error) {
	bad := func(field string, value any, why, cure string) {
		errs = append(errs, &strategies.ConfigError{Strategy: "strategies/kubernetes", Field: field, Value: value, Why: why, Cure: cure})
	}
	if !label.MatchString(c.Service) {
		bad("Service", c.Service, "it is no name of a service", "give metadata.name of the service before the nodes")
	}
	if !label.MatchString(c.Namespace) {
		bad("Namespace", c.Namespace, "it is no name of a namespace, and "+c.AccountDir+" does not say one",
			"give it, or run in a pod with a service account")
	}
	if c.Port < 0 || c.Port > 65535 {
		bad("Port", c.Port, "it is not a port", "give the cluster port of the nodes, or 0 to take it from the slices")
	}
	if u, err := url.Parse(c.Server); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		bad("Server", c.Server, "it is no URL of an API server, and KUBERNETES_SERVICE_HOST does not say one",
			"run in a pod, or give https://host:port")
	}
	if _, err := strategies.ParseAddr("a." + c.ClusterDomain + ":1"); err != nil {
		bad("ClusterDomain", c.ClusterDomain, err.Error(), "leave it empty for cluster.local")
	}
	if c.WatchTimeout < time.Second {
		bad("WatchTimeout", c.WatchTimeout, "it is shorter than 1 s", "leave it zero for 2 minutes")
	}
	if c.RetryAfter < time.Millisecond {
		bad("RetryAfter", c.RetryAfter, "it is shorter than 1 ms", "leave it zero for 1 s")
	}
	return errs
}

// String names the strategy and its service.
func (s *Strategy) String() string {
	return fmt.Sprintf("kubernetes(%s/%s)", s.config.Namespace, s.config.Service)
}

// Watch implements [strategies.Strategy].
func (s *Strategy) Watch(ctx context.Context, found func(strategies.Update)) error {
	w := &watch{Config: s.config, report: strategies.NewReporter(s.String(), found)}
	failures, gone := 0, 0 // in a row
	for ctx.Err() == nil {
		began := time.Now()
		w.moved = false
		err := w.session(ctx)
		if w.moved {
			failures = 0
		}
		switch {
		case ctx.Err() != nil:
		case err == nil:
			gone = 0
			strategies.Pause(ctx, w.RetryAfter-time.Since(began)) // a server that ends watches at once
		case errors.Is(err, errGone) && gone == 0: // usual after a long silence
			gone++
			w.version = ""
		default:
			failures++
			w.version = ""
			w.report.Err(err)
			strategies.Pause(ctx, strategies.Jitter(strategies.Backoff(failures, w.RetryAfter, retryLimit)))
		}
	}
	return nil
}

// watch is the state of one Watch.
type watch struct {
	Config
	report  *strategies.Reporter
	slices  map[string]slice // by name
	version string           // of the last list or event; empty: list first
	moved   bool             // a list or an event came in this session
}

// session lists if it must, and watches until the server ends it, which is no error.
func (w *watch) session(ctx context.Context) error {
	c, err := w.connect()
	if err != nil {
		return err
	}
	defer c.http.CloseIdleConnections()
	if w.version == "" {
		if err := w.list(ctx, c); err != nil {
			return err
		}
		w.tell()
	}
	return c.watch(ctx, w.version, func(e event) error {
		if err := w.apply(e); err != nil {
			return err
		}
		w.moved = true
		w.tell()
		return nil
	})
}

func (w *watch) list(ctx context.Context, c *client) error {
	all, next, version := map[string]slice{}, "", ""
	for {
		page, err := c.list(ctx, next)
		if err != nil {
			return err
		}
		for _, s := range page.Items {
			all[s.Metadata.Name] = s
		}
		version = page.Metadata.ResourceVersion
		if next = page.Metadata.Continue; next == "" {
			break
		}
	}
	w.slices, w.version, w.moved = all, version, true
	return nil
}

func (w *watch) apply(e event) error {
	name := e.Object.Metadata.Name
	switch e.Type {
	case "ADDED", "MODIFIED":
		w.slices[name] = e.Object.slice
	case "DELETED":
		delete(w.slices, name)
	case "BOOKMARK":
	case "ERROR":
		if e.Object.Code == 410 {
			return errGone
		}
		return fmt.Errorf("the watch failed: %d %s", e.Object.Code, e.Object.Message)
	default:
		return fmt.Errorf("an event of type %.32q is not known here", e.Type)
	}
	if e.Object.Metadata.ResourceVersion == "" {
		return fmt.Errorf("an event %s without a version", e.Type)
	}
	w.version = e.Object.Metadata.ResourceVersion
	return nil
}

// tell reports what the slices say.
func (w *watch) tell() {
	peers, err := w.peers(w.slices)
	if err != nil {
		w.report.Err(err)
		return
	}
	w.report.Set(peers)
}
