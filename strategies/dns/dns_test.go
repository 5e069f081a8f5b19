package dns_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
	"github.com/foundation-runtime/foundation/strategies/dns"
	wire "github.com/miekg/dns"
)

const service = "_foundation._tcp.cluster.test."

// watch asks s every 10 ms for name, and returns what comes.
func watch(t *testing.T, s *server, c dns.Config) <-chan strategies.Update {
	t.Helper()
	c.Server, c.Interval = s.addr, 10*time.Millisecond
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	strategy, err := dns.New(c)
	if err != nil {
		t.Fatal(err)
	}
	updates, done := make(chan strategies.Update, 10_000), make(chan error)
	go func() { done <- strategy.Watch(t.Context(), func(u strategies.Update) { updates <- u }) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return updates
}

// next reads one update.
func next(t *testing.T, updates <-chan strategies.Update) strategies.Update {
	t.Helper()
	select {
	case u := <-updates:
		return u
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was reported")
		return strategies.Update{}
	}
}

// until reads updates up to the first that matches want.
func until(t *testing.T, updates <-chan strategies.Update, want string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	var got []string
	for {
		select {
		case u := <-updates:
			text := fmt.Sprint(u.Peers)
			if u.Err != nil {
				text = u.Err.Error()
				if u.Peers != nil {
					t.Errorf("an error beside a set: %v", u)
				}
			}
			if text == want || (u.Err != nil && want != "" && strings.Contains(text, want)) {
				return
			}
			got = append(got, text)
		case <-deadline:
			t.Fatalf("never saw %q, but %q", want, got)
		}
	}
}

// TestPollCases translates libcluster's dns_poll_test.exs and kubernetes_dns_test.exs: adds new nodes, removes nodes,
// keeps the state, finds A and AAAA. What differs on purpose: where libcluster takes an error for an empty answer and
// disconnects the cluster, nobody is removed.
func TestPollCases(t *testing.T) {
	s := newServer(t)
	const a, b, six = "cluster.test. 1 A 10.0.0.1", "cluster.test. 1 A 10.0.0.2", "cluster.test. 1 AAAA fd00::7"
	updates := watch(t, s, dns.Config{Name: "cluster.test.", Port: 7946, Keep: time.Millisecond})
	until(t, updates, "no such host")
	s.set(nil, a)
	until(t, updates, "[10.0.0.1:7946]")
	s.set(nil, a, b, six)
	until(t, updates, "[10.0.0.1:7946 10.0.0.2:7946 [fd00::7]:7946]")
	s.set(nil, b)
	until(t, updates, "[10.0.0.2:7946]")
	s.set(nil) // the name is gone
	until(t, updates, "no such host")
	s.set(func(s *server) { s.rcode = wire.RcodeServerFailure })
	until(t, updates, "server misbehaving")
	s.set(nil, b)
	until(t, updates, "[10.0.0.2:7946]")
	s.set(func(s *server) { s.failFor = wire.TypeAAAA }, a)
	until(t, updates, "[10.0.0.1:7946 10.0.0.2:7946]") // incomplete: adds, removes nobody
	s.set(nil, a)
	until(t, updates, "[10.0.0.1:7946]")
}

// TestServiceCases translates libcluster's kubernetes_dns_srv_test.exs: adds new nodes, removes nodes, keeps the state.
func TestServiceCases(t *testing.T) {
	s := newServer(t)
	updates := watch(t, s, dns.Config{Name: service, Keep: time.Millisecond})
	until(t, updates, "no such host")
	s.set(nil, service+" 1 SRV 10 50 7001 node-0.cluster.test.", service+" 1 SRV 10 50 7002 node-1.cluster.test.")
	until(t, updates, "[node-0.cluster.test:7001 node-1.cluster.test:7002]")
	s.set(nil, service+" 1 SRV 10 50 7002 node-1.cluster.test.")
	until(t, updates, "[node-1.cluster.test:7002]")
	s.set(nil, service+" 1 SRV 0 0 0 .")
	until(t, updates, "no targets")
	s.set(nil, service+" 1 SRV 10 50 7002 node-1.cluster.test.")
	until(t, updates, "[node-1.cluster.test:7002]")
}

// bothKinds are questions for addresses and for services.
var bothKinds = map[string]dns.Config{
	"addresses": {Name: "cluster.test.", Port: 7946},
	"services":  {Name: service},
}

// TestSameAnswersAreSilent translates the cases "keeps state" of libcluster's DNS suites: what is known is not found
// again, in whatever order the records come.
func TestSameAnswersAreSilent(t *testing.T) {
	for kind, c := range bothKinds {
		t.Run(kind, func(t *testing.T) {
			s := newServer(t)
			records := []string{"cluster.test. 1 A 10.0.0.1", "cluster.test. 1 A 10.0.0.2",
				service + " 1 SRV 10 50 7001 a.test.", service + " 1 SRV 10 50 7002 b.test."}
			s.set(nil, records...)
			updates := watch(t, s, c)
			if u := next(t, updates); u.Err != nil || len(u.Peers) != 2 {
				t.Fatalf("found %v", u)
			}
			s.await(20)
			slices.Reverse(records)
			s.set(nil, records...)
			s.await(20)
			select {
			case u := <-updates:
				t.Errorf("nothing changed, and %v was reported", u)
			default:
			}
		})
	}
}

// TestUnresolvedNameIsNoSet translates the cases "does not connect to anything if name is not resolved" of libcluster's
// DNS suites, where an error is also no reason to disconnect anybody.
func TestUnresolvedNameIsNoSet(t *testing.T) {
	for kind, c := range bothKinds {
		t.Run(kind, func(t *testing.T) {
			updates := watch(t, newServer(t), c)
			for range 5 {
				u := next(t, updates)
				if d, ok := errors.AsType[*net.DNSError](u.Err); !ok || !d.IsNotFound || u.Peers != nil {
					t.Errorf("a name that is not there: %v", u)
				}
			}
		})
	}
}

func TestLargeAnswersComeOverTCP(t *testing.T) {
	s := newServer(t)
	var records []string
	for i := range 200 {
		records = append(records, fmt.Sprintf("cluster.test. 1 A 10.0.1.%d", i))
	}
	s.set(func(s *server) { s.truncated = true }, records...)
	updates := watch(t, s, dns.Config{Name: "cluster.test.", Port: 1, Network: "ip4"})
	select {
	case u := <-updates:
		if len(u.Peers) != 200 {
			t.Errorf("%d peers, %v", len(u.Peers), u.Err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no answer")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.asked, "tcp A") || slices.Contains(s.asked, "udp AAAA") {
		t.Errorf("asked %v", s.asked)
	}
}

func TestSilentServer(t *testing.T) {
	s := newServer(t)
	s.set(func(s *server) { s.silent = true })
	updates := watch(t, s, dns.Config{Name: "cluster.test.", Port: 1, Timeout: 50 * time.Millisecond})
	until(t, updates, "no answer within 50ms")
	until(t, updates, " on "+s.addr+": ") // the server that was asked, not one of the system
}

// TestBadConfigurationNamesFieldAndCure translates the cases "missing config" and "invalid config".
func TestBadConfigurationNamesFieldAndCure(t *testing.T) {
	for _, c := range []struct {
		field  string
		config dns.Config
	}{
		{"Name", dns.Config{Port: 1}},
		{"Name", dns.Config{Name: "a:1", Port: 1}},
		{"Name", dns.Config{Name: "a..b", Port: 1}},
		{"Port", dns.Config{Name: "a", Port: 65536}},
		{"Port", dns.Config{Name: "a"}},
		{"Network", dns.Config{Name: "a", Port: 1, Network: "udp"}},
		{"Server", dns.Config{Name: "a", Port: 1, Server: "10.0.0.2"}},
		{"Interval", dns.Config{Name: "a", Port: 1, Interval: -1, Keep: time.Second}},
	} {
		_, err := dns.New(c.config)
		if e, ok := errors.AsType[*strategies.ConfigError](err); !ok || e.Field != c.field || e.Cure == "" {
			t.Errorf("%+v: %v", c.config, err)
		}
	}
}
