//go:build e2e

package e2e_test

import (
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
	"github.com/foundation-runtime/foundation/strategies/dns"
)

func dnsConfig(s *nameServer, name string, port int) dns.Config {
	return dns.Config{Name: name, Port: port, Server: s.host.Addr(53), Interval: 200 * time.Millisecond, Timeout: time.Second,
		Keep: time.Second}
}

// down is what the error of a server that was killed holds: it goes on as "connection refused" or as a timeout, because
// kernels are sparing with the datagrams that refuse.
const down = " on 10.77.0.1:53: "

// TestDNSAddresses: A and AAAA records of a real server that changes, empties, dies and is cut off.
func TestDNSAddresses(t *testing.T) {
	t.Parallel()
	n := netns.New(t)
	hs, ha := n.Host("server"), n.Host("a")
	const one, two, six = "10.1.0.1 nodes.test", "10.1.0.2 nodes.test", "fd00::1 nodes.test"
	const all = "[10.1.0.1:7000 10.1.0.2:7000 [fd00::1]:7000]"
	s := startNameServer(t, hs, one, two, six)
	s.start()
	a := watch(t, ha, "dns", dnsConfig(s, "nodes.test", 7000), "a", 0)
	a.until(all)
	four := dnsConfig(s, "nodes.test", 7000)
	four.Network = "ip4"
	watch(t, ha, "dns", four, "four", 0).until("[10.1.0.1:7000 10.1.0.2:7000]")

	s.change(one, two, six, "10.1.0.3 nodes.test")
	a.until("[10.1.0.1:7000 10.1.0.2:7000 10.1.0.3:7000 [fd00::1]:7000]")
	s.change(two)
	a.until("[10.1.0.2:7000]") // one kind of records alone is a whole answer

	s.change("10.1.0.9 others.test") // NXDOMAIN
	a.until("no such host")
	s.change(one, two, six)
	a.until(all)

	s.Kill()
	a.until(down)
	s.start()
	a.until(all)

	netns.Cut([]*netns.Host{hs}, []*netns.Host{ha})
	_, before := a.until("i/o timeout")
	if len(before) > 0 {
		t.Errorf("a server cut off was noticed after %v", before)
	}
	netns.Heal([]*netns.Host{hs}, []*netns.Host{ha})
	a.until(all)

	// Beyond Keep the server was down, empty or silent: nobody left for that.
	a.only(all, "[10.1.0.1:7000 10.1.0.2:7000 10.1.0.3:7000 [fd00::1]:7000]", "[10.1.0.2:7000]")
	a.leave()
}

// TestDNSServices: SRV records bring their ports.
func TestDNSServices(t *testing.T) {
	t.Parallel()
	n := netns.New(t)
	hs, ha := n.Host("server"), n.Host("a")
	const service = "_foundation._tcp.nodes.test"
	s := startNameServer(t, hs, "10.1.0.1 one.test")
	s.start(service+",one.test,7001", service+",two.test,7002")
	a := watch(t, ha, "dns", dnsConfig(s, service, 0), "a", 0)
	missing := watch(t, ha, "dns", dnsConfig(s, "_other._tcp.nodes.test", 0), "missing", 0)
	a.until("[one.test:7001 two.test:7002]")

	s.Kill()
	a.until(down)
	s.start(service+",two.test,7002", service+",three.test,7003")
	a.until("[three.test:7003 two.test:7002]")

	s.Kill()
	a.until(down)
	s.start()
	a.until("no such host")
	s.Kill()
	s.start(service + ",two.test,7002")
	a.until("[two.test:7002]")
	a.only("[one.test:7001 two.test:7002]", "[one.test:7001 three.test:7003 two.test:7002]", "[three.test:7003 two.test:7002]",
		"[two.test:7002]")
	missing.until("no such host")
	missing.only()
}
