package kubernetes_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
	"github.com/foundation-runtime/foundation/strategies/kubernetes"
)

func sorted(names []string) []string { slices.Sort(names); return names }

type node struct{ updates chan string }

func start(t *testing.T, s *server, c kubernetes.Config) *node {
	t.Helper()
	c.Service, c.Server, c.AccountDir, c.RetryAfter = "nodes", s.URL, s.dir, 5*time.Millisecond
	if c.Port == 0 && c.PortName == "" {
		c.PortName = "cluster"
	}
	strategy, err := kubernetes.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n, done := &node{make(chan string, 10_000)}, make(chan error)
	go func() {
		done <- strategy.Watch(ctx, func(u strategies.Update) {
			if u.Err != nil {
				n.updates <- u.Err.Error()
			} else {
				n.updates <- fmt.Sprint(u.Peers)
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n
}

// until reads updates up to want, and returns those before it.
func (n *node) until(t *testing.T, want string) (before []string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case got := <-n.updates:
			if got == want || (want[0] != '[' && strings.Contains(got, want)) {
				return before
			}
			before = append(before, got)
		case <-deadline:
			t.Fatalf("never saw %s, but %q", want, before)
		}
	}
}

const (
	podA = `{"addresses":["10.0.0.1"],"conditions":{"ready":true},"hostname":"node-0","targetRef":{"name":"a"}}`
	podB = `{"addresses":["10.0.0.2"],"conditions":{"ready":false},"targetRef":{"name":"b"}}`
	podC = `{"addresses":["fd00::3"],"conditions":{"terminating":true},"targetRef":{"name":"c"}}`
)

// TestCases translates libcluster's kubernetes_test.exs: finds pods by address, by hostname, with a fixed port; adds
// and removes as they come and go; an answer that is an error removes nobody.
func TestCases(t *testing.T) {
	s := newServer(t)
	n := start(t, s, kubernetes.Config{})
	n.until(t, "[]")
	s.put("one", podA+","+podB+","+podC)
	n.until(t, "[a@10.0.0.1:7946 b@10.0.0.2:7946]")
	start(t, s, kubernetes.Config{Port: 9}).until(t, "[a@10.0.0.1:9 b@10.0.0.2:9]")
	start(t, s, kubernetes.Config{Hostnames: true}).until(t, "[b@10.0.0.2:7946 a@node-0.nodes.prod.svc.cluster.local:7946]")
	s.put("two", `{"addresses":["fd00::4"]}`)
	n.until(t, "[a@10.0.0.1:7946 b@10.0.0.2:7946 [fd00::4]:7946]")
	s.put("one", podB)
	n.until(t, "[b@10.0.0.2:7946 [fd00::4]:7946]")
	s.remove("two")
	n.until(t, "[b@10.0.0.2:7946]")
	s.remove("one")
	n.until(t, "[]")
}

// TestOtherNamespaceAndDomain translates the cases "connect nodes from different namespaces" and "works with hostname and
// cluster_name" of libcluster's kubernetes_test.exs.
func TestOtherNamespaceAndDomain(t *testing.T) {
	s := newServer(t)
	s.space = "other"
	s.put("one", podA)
	start(t, s, kubernetes.Config{}).until(t, "404") // that of the pod
	start(t, s, kubernetes.Config{Namespace: "other"}).until(t, "[a@10.0.0.1:7946]")
	start(t, s, kubernetes.Config{Namespace: "other", Hostnames: true, ClusterDomain: "my.domain"}).
		until(t, "[a@node-0.nodes.other.svc.my.domain:7946]")
}

// TestWatchGoesOn: after the end of a watch nothing is listed again, and bookmarks move the place where it goes on.
func TestWatchGoesOn(t *testing.T) {
	s := newServer(t)
	s.put("one", podA)
	n := start(t, s, kubernetes.Config{})
	n.until(t, "[a@10.0.0.1:7946]")
	s.say(`{"type":"BOOKMARK","object":{"kind":"EndpointSlice","metadata":{"resourceVersion":"3"}}}`)
	s.put("one", podB)
	n.until(t, "[b@10.0.0.2:7946]")
	s.end()
	s.put("one", podA)
	if before := n.until(t, "[a@10.0.0.1:7946]"); len(before) > 0 {
		t.Errorf("the end of a watch was reported: %q", before)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if want := []string{"list ", "watch 2 ", "watch 4 "}; !slices.Equal(s.requests, want) {
		t.Errorf("asked %q, want %q", s.requests, want)
	}
}

// TestForgottenVersion: the server says 410, as an answer or as an event; the slices are listed anew, and nobody hears.
func TestForgottenVersion(t *testing.T) {
	for _, byEvent := range []bool{false, true} {
		s := newServer(t)
		s.put("one", podA)
		n := start(t, s, kubernetes.Config{})
		n.until(t, "[a@10.0.0.1:7946]")
		if byEvent {
			s.say(`{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}`)
		} else {
			s.change(func() { s.oldest = 5 })
			s.end()
		}
		for range 6 {
			s.put("one", podA+","+podB)
		}
		if before := n.until(t, "[a@10.0.0.1:7946 b@10.0.0.2:7946]"); byEvent && len(before) > 0 {
			t.Errorf("reported %q", before)
		}
	}
}

func TestErrorsRemoveNobody(t *testing.T) {
	s := newServer(t)
	s.pageSize = 1
	s.put("one", podA)
	s.put("two", podB)
	const both = "[a@10.0.0.1:7946 b@10.0.0.2:7946]"
	n := start(t, s, kubernetes.Config{})
	n.until(t, both)
	for _, c := range []struct {
		status int
		body   string
		want   string
	}{
		{status: http.StatusForbidden, want: "may not list and watch endpointslices in prod"},
		{status: http.StatusInternalServerError, want: "500 Internal Server Error: told to"},
		{status: http.StatusTemporaryRedirect, want: "307"},
		{status: http.StatusGone, want: "410"},
		{body: `{"kind":"Status"}`, want: `the answer is "Status" and not a list`},
		{body: `{"kind":"EndpointSliceList","items":[]}`, want: "not a list of slices"},
		{body: `{"kind":"EndpointSliceList","metadata":{"resourceVersion":"1"}`, want: "the list cannot be read"},
		{body: `<html>`, want: "the list cannot be read"},
	} {
		s.change(func() { s.status, s.body, s.oldest = c.status, c.body, 1000 })
		s.end()
		before := n.until(t, c.want)
		for _, u := range before {
			if strings.HasPrefix(u, "[") && u != both {
				t.Errorf("%s: reported the set %s", c.want, u)
			}
		}
	}
	s.change(func() { s.status, s.body, s.oldest = 0, "", 0 })
	n.until(t, both)
}

// TestLyingWatch: events that make no sense are errors, and the truth is listed again.
func TestLyingWatch(t *testing.T) {
	for event, want := range map[string]string{
		`nonsense`:                           "the watch broke",
		`{"type":"PARTY","object":{}}`:       `type "PARTY" is not known`,
		`{"type":"MODIFIED","object":{}}`:    "without a version",
		`{"type":"ERROR","object":{}}`:       "the watch failed",
		`{"type":"MODIFIED","object":[1,2]}`: "the watch broke",
		`{"type":"BOOKMARK","object":{"x":1`: "the watch broke",
	} {
		s := newServer(t)
		s.put("one", podA)
		n := start(t, s, kubernetes.Config{})
		n.until(t, "[a@10.0.0.1:7946]")
		s.say(event)
		n.until(t, want)
		n.until(t, "[a@10.0.0.1:7946]")
		s.put("one", podB)
		n.until(t, "[b@10.0.0.2:7946]")
	}
}

// TestTokenIsReadAgain: Kubernetes replaces it every hour.
func TestTokenIsReadAgain(t *testing.T) {
	s := newServer(t)
	s.put("one", podA)
	n := start(t, s, kubernetes.Config{})
	n.until(t, "[a@10.0.0.1:7946]")
	s.change(func() { s.token = "second" })
	s.end()
	n.until(t, "the token in")
	s.write("token", "second")
	n.until(t, "[a@10.0.0.1:7946]")
}

func TestUnknownPort(t *testing.T) {
	s := newServer(t)
	s.put("one", podA)
	start(t, s, kubernetes.Config{PortName: "other"}).until(t, "set Port, or PortName")
}

func TestUntrustedServer(t *testing.T) {
	s := newServer(t)
	s.write("ca.crt", "nothing")
	n := start(t, s, kubernetes.Config{})
	n.until(t, "holds no certificate")
}

func TestBadConfigurationNamesFieldAndCure(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	good := kubernetes.Config{Service: "a", Namespace: "b", Server: "https://c"}
	for field, change := range map[string]func(*kubernetes.Config){
		"Service":       func(c *kubernetes.Config) { c.Service = "a/b" },
		"Namespace":     func(c *kubernetes.Config) { c.Namespace, c.AccountDir = "", "/nowhere" },
		"Port":          func(c *kubernetes.Config) { c.Port = -1 },
		"Server":        func(c *kubernetes.Config) { c.Server = "" },
		"ClusterDomain": func(c *kubernetes.Config) { c.ClusterDomain = "a b" },
		"WatchTimeout":  func(c *kubernetes.Config) { c.WatchTimeout = 1 },
		"RetryAfter":    func(c *kubernetes.Config) { c.RetryAfter = -1 },
	} {
		c := good
		change(&c)
		_, err := kubernetes.New(c)
		if e, ok := errors.AsType[*strategies.ConfigError](err); !ok || e.Field != field || e.Cure == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	good.Server = ""
	if s, err := kubernetes.New(good); err != nil || s.String() != "kubernetes(b/a)" {
		t.Errorf("in a pod: %v, %v", s, err)
	}
}
