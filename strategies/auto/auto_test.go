package auto_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
	"github.com/foundation-runtime/foundation/strategies/auto"
)

var secret = []byte("a secret of 16 bytes or more")

func TestDecide(t *testing.T) {
	all := auto.Sight{Peers: "a:1", DNS: "d", Service: "s", Kubernetes: "10.0.0.1", Consul: "c:8500", Multicast: []string{"eth0"}}
	less := func(change ...func(*auto.Sight)) auto.Sight {
		s := all
		for _, c := range change {
			c(&s)
		}
		return s
	}
	noPeers, noDNS := func(s *auto.Sight) { s.Peers = "" }, func(s *auto.Sight) { s.DNS = "" }
	noService, noPod := func(s *auto.Sight) { s.Service = "" }, func(s *auto.Sight) { s.Kubernetes = "" }
	noConsul, noNet := func(s *auto.Sight) { s.Consul = "" }, func(s *auto.Sight) { s.Multicast = nil }
	for i, c := range []struct {
		config auto.Config
		sight  auto.Sight
		want   auto.Choice
		says   string
	}{
		{auto.Config{}, all, auto.Static, "a list is given (dns is not used, though the name d is given; kubernetes is not used"},
		{auto.Config{Peers: []string{"b:1"}}, less(noPeers), auto.Static, "a list is given"},
		{auto.Config{}, less(noPeers), auto.DNS, "the name d is given"},
		{auto.Config{DNS: "e"}, less(noPeers), auto.DNS, "the name e is given"},
		{auto.Config{}, less(noPeers, noDNS), auto.Kubernetes, "the service s is given (consul is not used, though CONSUL_HTTP_ADDR"},
		{auto.Config{Service: "x"}, less(noPeers, noDNS, noService), auto.Kubernetes, "the service x is given"},
		{auto.Config{}, less(noPeers, noDNS, noService), auto.Consul, "FOUNDATION_SERVICE does not name a service"},
		{auto.Config{}, less(noPeers, noDNS, noPod), auto.Consul, "peers are found by consul: CONSUL_HTTP_ADDR names an agent"},
		{auto.Config{Secret: secret}, less(noPeers, noDNS, noPod, noConsul), auto.FileAndMDNS, "multicast on eth0"},
		{auto.Config{}, less(noPeers, noDNS, noPod, noConsul), auto.File, "give a Secret to look on the network"},
		{auto.Config{Secret: secret}, less(noPeers, noDNS, noPod, noConsul, noNet), auto.File, "no network interface carries multicast"},
		{auto.Config{}, auto.Sight{}, auto.File, "nothing else is configured"},
	} {
		d := auto.Decide(c.config, c.sight)
		if d.Choice != c.want || !strings.Contains(d.String(), c.says) {
			t.Errorf("case %d: %v, want %s and %q", i, d, c.want, c.says)
		}
	}
}

func TestBuildsWhatItChose(t *testing.T) {
	for want, c := range map[string]struct {
		config auto.Config
		sight  auto.Sight
	}{
		"static(2)":         {auto.Config{}, auto.Sight{Peers: "a:1, b:2"}},
		"dns(d:7)":          {auto.Config{DNS: "d", Port: 7}, auto.Sight{}},
		"dns(SRV _a._tcp)":  {auto.Config{}, auto.Sight{DNS: "_a._tcp"}},
		"consul(s)":         {auto.Config{Service: "s"}, auto.Sight{Consul: "127.0.0.1:1"}},
		"union(file(/x/y),": {auto.Config{Dir: "/x", Cluster: "y", Secret: secret}, auto.Sight{Multicast: []string{"lo"}}},
		"file(/x/default)":  {auto.Config{Dir: "/x"}, auto.Sight{}},
	} {
		s, err := auto.NewAt(c.config, c.sight)
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if got := fmt.Sprint(s.Strategy); !strings.HasPrefix(got, want) {
			t.Errorf("built %s, want %s", got, want)
		}
	}
}

// TestWrongDetailsAreErrors: nothing else is chosen instead.
func TestWrongDetailsAreErrors(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for field, c := range map[string]struct {
		config auto.Config
		sight  auto.Sight
	}{
		"peers[0]":  {auto.Config{}, auto.Sight{Peers: "nonsense"}},
		"Port":      {auto.Config{}, auto.Sight{DNS: "name.without.port"}},
		"Namespace": {auto.Config{Service: "s"}, auto.Sight{Kubernetes: "x"}},
		"Cluster":   {auto.Config{Cluster: "a/b"}, auto.Sight{}},
		"Secret":    {auto.Config{Secret: []byte("short")}, auto.Sight{Multicast: []string{"lo"}}},
	} {
		s, err := auto.NewAt(c.config, c.sight)
		if e, ok := errors.AsType[*strategies.ConfigError](err); !ok || e.Field != field || s != nil {
			t.Errorf("%s: %v, %v", field, s, err)
		}
	}
}

// TestTwoPrograms: with nothing configured two nodes on one machine find each other.
func TestTwoPrograms(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		last := make([]string, 2)
		for i, name := range []string{"a", "b"} {
			s, err := auto.NewAt(auto.Config{Dir: dir}, auto.Sight{})
			if err == nil {
				err = strategies.Announce(s, strategies.Peer{Name: name, Addr: name + ":1"})
			}
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				done <- s.Watch(ctx, func(u strategies.Update) {
					if len(u.Peers) > 0 { // at the end one of them sees the other leave
						last[i] = fmt.Sprint(u.Peers)
					}
				})
			}()
		}
		<-time.After(2 * time.Second)
		cancel()
		if err := errors.Join(<-done, <-done); err != nil {
			t.Error(err)
		}
		if got := strings.Join(last, " "); !strings.Contains(got, "[b@b:1]") || !strings.Contains(got, "[a@a:1]") {
			t.Errorf("found %s", got)
		}
	})
}
