package consul_test

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
	"github.com/foundation-runtime/foundation/strategies/consul"
)

type node struct {
	updates chan string
	stop    func()
}

func start(t *testing.T, s *server, c consul.Config, name string) *node {
	t.Helper()
	c.Address, c.RetryAfter = s.URL, 5*time.Millisecond
	if c.Token == "" {
		c.Token = "token"
	}
	strategy, err := consul.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if name != "" {
		if err := strategies.Announce(strategy, strategies.Peer{Name: name, Addr: name + ".test:7"}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	n, done := &node{updates: make(chan string, 10_000)}, make(chan error)
	go func() {
		err := strategy.Watch(ctx, func(u strategies.Update) {
			if u.Err != nil {
				n.updates <- u.Err.Error()
			} else {
				n.updates <- fmt.Sprint(u.Peers)
			}
		})
		done <- err
		close(done)
	}()
	n.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(n.stop)
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

func TestNodesRegisterAndFindEachOther(t *testing.T) {
	s := newServer(t)
	a := start(t, s, consul.Config{Tags: []string{"blue"}}, "a")
	a.until(t, "[]")
	b := start(t, s, consul.Config{Tags: []string{"blue"}}, "b")
	a.until(t, "[b@b.test:7]")
	b.until(t, "[a@a.test:7]")
	s.put("green", "", "green")
	quiet := start(t, s, consul.Config{}, "")
	quiet.until(t, "[a@a.test:7 b@b.test:7 green:1]")
	s.mu.Lock()
	if c := s.services["foundation-a.test:7"].Check; c.TTL != "15s" || c.DeregisterCriticalServiceAfter != "1m0s" {
		t.Errorf("registered the check %+v", c)
	}
	s.mu.Unlock()
	b.stop()
	if before := a.until(t, "[]"); len(before) > 0 {
		t.Errorf("reported %q", before)
	}
	quiet.until(t, "[a@a.test:7 green:1]")
}

// TestAgentForgets: a check that failed is renewed, and a registration that is gone is made again.
func TestAgentForgets(t *testing.T) {
	s := newServer(t)
	start(t, s, consul.Config{TTL: time.Second}, "a")
	b := start(t, s, consul.Config{}, "")
	b.until(t, "[a@a.test:7]")
	s.change(func() { s.services["foundation-a.test:7"].passing = false })
	b.until(t, "[]")
	b.until(t, "[a@a.test:7]")
	s.remove("foundation-a.test:7")
	b.until(t, "[]")
	b.until(t, "[a@a.test:7]")
}

func TestDatacenters(t *testing.T) {
	s := newServer(t)
	s.put("a", "east")
	s.put("b", "west")
	s.put("c", "south")
	n := start(t, s, consul.Config{Datacenters: []string{"east", "west"}}, "")
	n.until(t, "[a:1 b:1]")
	s.remove("a")
	n.until(t, "[b:1]")
}

func TestErrorsRemoveNobody(t *testing.T) {
	s := newServer(t)
	s.put("a", "")
	n := start(t, s, consul.Config{}, "me")
	n.until(t, "[a:1]")
	for _, c := range []struct {
		status      int
		body, token string
		want        string
	}{
		{status: http.StatusInternalServerError, want: "500"},
		{token: "rotated", want: "give a Token"},
		{body: "<html>", want: "invalid character"},
		{body: "[null]", want: "without a service"},
		{body: `[{"Service":{}}]`, want: "without a service or a node"},
	} {
		s.change(func() {
			s.status, s.body, s.token = c.status, c.body, "token"
			if c.token != "" {
				s.token = c.token
			}
		})
		for _, u := range n.until(t, c.want) {
			if u[0] == '[' && u != "[a:1]" {
				t.Errorf("%s: reported the set %s", c.want, u)
			}
		}
	}
	s.change(func() { s.status, s.body, s.token = 0, "", "token" })
	n.until(t, "[a:1]")
}

// TestTokenThatSeesNobody: what a token may not see is held back without an error, and, for answers that waited, without
// a word.
func TestTokenThatSeesNobody(t *testing.T) {
	s := newServer(t)
	s.put("a", "")
	s.hidden = true
	start(t, s, consul.Config{}, "").until(t, "held back from this Token; give a Token")
	s.change(func() { s.hidden = false })
	n := start(t, s, consul.Config{}, "")
	n.until(t, "[a:1]")
	s.change(func() { s.hidden = true })
	if before := n.until(t, "held back from this Token"); len(before) > 0 {
		t.Errorf("reported %q", before)
	}
	s.change(func() { s.hidden = false })
	n.until(t, "[a:1]")
	s.remove("a")
	n.until(t, "[]")
}

// TestIndexGoesBack: after a Consul server lost its data, the watch starts anew instead of waiting for the old index.
func TestIndexGoesBack(t *testing.T) {
	s := newServer(t)
	s.index = 1000
	s.put("a", "")
	n := start(t, s, consul.Config{}, "")
	n.until(t, "[a:1]")
	s.put("b", "")
	n.until(t, "[a:1 b:1]")
	s.change(func() { s.index = 5; delete(s.services, "b") })
	n.until(t, "[a:1]")
	s.put("c", "")
	n.until(t, "[a:1 c:1]")
	s.mu.Lock()
	defer s.mu.Unlock()
	if want := []string{"", "1001", "1002", ""}; len(s.asked) < 4 || !slices.Equal(s.asked[:4], want) {
		t.Errorf("asked with the indexes %q, want %q", s.asked, want)
	}
}

func TestAgentIsDown(t *testing.T) {
	s := newServer(t)
	n := start(t, s, consul.Config{}, "a")
	n.until(t, "[]")
	s.CloseClientConnections()
	s.Listener.Close()
	s.CloseClientConnections()
	n.until(t, "connect")
}

func TestBadConfigurationNamesFieldAndCure(t *testing.T) {
	for field, c := range map[string]consul.Config{
		"Service":         {Service: "a.b"},
		"Address":         {Address: "a b"},
		"TTL":             {TTL: 1},
		"DeregisterAfter": {DeregisterAfter: time.Second},
		"WaitTime":        {WaitTime: time.Hour},
		"RetryAfter":      {RetryAfter: -1},
	} {
		_, err := consul.New(c)
		if e, ok := errors.AsType[*strategies.ConfigError](err); !ok || e.Field != field || e.Cure == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
}
