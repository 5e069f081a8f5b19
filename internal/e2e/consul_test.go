//go:build e2e

package e2e_test

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
	"github.com/foundation-runtime/foundation/strategies/consul"
)

// consulConfig has a TTL that no check exceeds, however busy the machine. Tests of the TTL make it shortTTL.
func consulConfig(s *consulServer) consul.Config {
	return consul.Config{Address: s.host.Addr(8500), TTL: 20 * time.Second, RetryAfter: 200 * time.Millisecond, Token: s.token}
}

const shortTTL = 3 * time.Second

const (
	peerA, peerB = "a@10.77.0.2:7", "b@10.77.0.3:7"
	both         = "[" + peerA + " " + peerB + "]"
	silence      = ": consul(foundation): Get" // begins what is said of a question without an answer
)

// TestConsul: nodes register, are found, leave by goodbye, silence and kill -9.
func TestConsul(t *testing.T) {
	t.Parallel()
	n := netns.New(t)
	s := startConsul(t, n.Host("server"), nil)
	config := consulConfig(s)
	config.Tags, config.TTL = []string{"blue"}, shortTTL
	ha, hb, hc := n.Host("a"), n.Host("b"), n.Host("c")
	a := watch(t, ha, "consul", config, "a", 7)
	a.until("[]")
	b := watch(t, hb, "consul", config, "b", 7)
	a.until("[" + peerB + "]")
	b.until("[" + peerA + "]")
	c := watch(t, hc, "consul", consulConfig(s), "c", 0)
	c.until(both)

	i := s.instances()["foundation-10.77.0.2:7"]
	if i.Service.Address != "10.77.0.2" || i.Service.Port != 7 || !slices.Equal(i.Service.Tags, config.Tags) ||
		len(i.Service.Meta) != 1 {
		t.Errorf("registered as %+v", i)
	}
	ours := slices.DeleteFunc(i.Checks, func(c struct{ CheckID, Status, Type string }) bool { return c.Type != "ttl" })
	if len(ours) != 1 || ours[0].Status != "passing" {
		t.Errorf("checks: %+v", i.Checks)
	}

	// A change wakes the query, which would wait for a minute. One without the tag is not asked for by a.
	began := time.Now()
	s.must("PUT", "/v1/agent/service/register", map[string]any{"ID": "x", "Name": "foundation", "Address": "10.9.9.9", "Port": 9})
	if u, _ := c.until("[" + peerA + " " + peerB + " 10.9.9.9:9]"); u.Time.Sub(began) > 10*time.Second {
		t.Errorf("a change was seen after %v", u.Time.Sub(began))
	}
	s.must("PUT", "/v1/agent/service/deregister/x", nil)
	c.until(both)

	// A node that hangs leaves when its check expires, and is back when it goes on.
	a.Signal(syscall.SIGSTOP)
	c.until("[" + peerB + "]")
	a.Signal(syscall.SIGCONT)
	_, before := c.until(both)
	if len(before) > 0 {
		t.Errorf("before it was back: %v", before)
	}

	b.leave()
	c.until("[" + peerA + "]")
	if left, found := s.instances()["foundation-10.77.0.3:7"]; found {
		t.Errorf("after its goodbye there is %+v", left)
	}
	killed := time.Now()
	a.Kill()
	if u, _ := c.until("[]"); u.Time.Sub(killed) > 4*config.TTL {
		t.Errorf("a killed node left after %v with a TTL of %v", u.Time.Sub(killed), config.TTL)
	}
	watch(t, ha, "consul", config, "a", 7)
	c.until("[" + peerA + "]")
	c.leave()
}

// TestConsulServerRestart: a server that is killed and comes back with its data loses nobody; one that comes back empty
// is given the nodes again.
func TestConsulServerRestart(t *testing.T) {
	t.Parallel()
	n := netns.New(t)
	s := startConsul(t, n.Host("server"), nil)
	config := consulConfig(s)
	watch(t, n.Host("a"), "consul", config, "a", 7)
	watch(t, n.Host("b"), "consul", config, "b", 7)
	c := watch(t, n.Host("c"), "consul", config, "c", 0)
	c.until(both)
	s.Kill()
	c.until("connect")
	s.start()
	c.until(both)
	s.Signal(syscall.SIGTERM)
	<-s.Done()
	c.until("connect")
	s.start()
	c.until(both)
	c.only(both)
}

// TestConsulUnreachable: a server that is cut off is an error to those it is cut off from, and no reason to forget
// anybody.
func TestConsulUnreachable(t *testing.T) {
	t.Parallel()
	n := netns.New(t)
	hs := n.Host("server")
	s := startConsul(t, hs, nil)
	config := consulConfig(s)
	config.WaitTime = time.Second
	ha, hb, hc := n.Host("a"), n.Host("b"), n.Host("c")
	short := config
	short.TTL = shortTTL
	a := watch(t, ha, "consul", short, "a", 7)
	watch(t, hb, "consul", config, "b", 7)
	c := watch(t, hc, "consul", config, "c", 0)
	c.until(both)
	a.until("[" + peerB + "]")

	cut := [][]*netns.Host{{hs}, {ha}}
	netns.Cut(cut[0], cut[1])
	a.until("others cannot see this node")
	c.until("[" + peerB + "]") // who is not cut off sees a's check expire
	_, before := a.until(silence)
	netns.Heal(cut[0], cut[1])
	a.until("[" + peerB + "]")
	c.until(both)
	for _, u := range before {
		if u.isSet() {
			t.Errorf("a, cut off, reported %v", u)
		}
	}
	a.only("[" + peerB + "]")

	// One way is enough: questions arrive, answers do not.
	hs.Block(hc)
	c.until(silence)
	hs.Unblock(hc)
	c.until(both)
	c.only(both, "["+peerB+"]")
}

// TestConsulACL: a token that is refused, or allowed too little, is an error that says what to do, and never a set of
// nobody.
func TestConsulACL(t *testing.T) {
	t.Parallel()
	n := netns.New(t)
	const manage = "11111111-1111-1111-1111-111111111111"
	s := startConsul(t, n.Host("server"), map[string]any{"acl": map[string]any{"enabled": true, "default_policy": "deny",
		"tokens": map[string]any{"initial_management": manage, "agent": manage}}})
	s.token = manage
	const accessor = "66666666-6666-6666-6666-666666666666" // the public identifier of the token reader
	eventually(t, "tokens", func() error { _, err := s.ask("GET", "/v1/acl/tokens", nil); return err })
	token := func(name, id, rules string) {
		t.Helper()
		s.must("PUT", "/v1/acl/policy", map[string]any{"Name": name, "Rules": rules})
		body := map[string]any{"SecretID": id, "Policies": []any{map[string]any{"Name": name}}}
		if name == "reader" {
			body["AccessorID"] = accessor
		}
		s.must("PUT", "/v1/acl/token", body)
	}
	const full, reader, nobody = "22222222-2222-2222-2222-222222222222", "33333333-3333-3333-3333-333333333333",
		"44444444-4444-4444-4444-444444444444"
	const see = `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }`
	token("full", full, `service "foundation" { policy = "write" } node_prefix "" { policy = "read" }`)
	token("reader", reader, see)
	token("nobody", nobody, `key "x" { policy = "read" }`)

	config := consulConfig(s)
	with := func(token string) consul.Config { config.Token = token; return config }
	ha := n.Host("a")
	a := watch(t, ha, "consul", with(full), "a", 7)
	a.until("[]")
	hb := n.Host("b")
	b := watch(t, hb, "consul", with(reader), "b", 7)
	b.until("[" + peerA + "]")
	b.until("others cannot see this node: Unexpected response code: 403")
	c := watch(t, hb, "consul", with("55555555-5555-5555-5555-555555555555"), "c", 0)
	c.until("give a Token with service:write")
	c.only()
	d := watch(t, hb, "consul", with(nobody), "d", 0)
	d.until("give a Token with service:write")
	d.only()

	// A token that loses its rights loses nobody.
	config.WaitTime = 2 * time.Second
	e := watch(t, hb, "consul", with(reader), "e", 0)
	e.until("[" + peerA + "]")
	s.must("PUT", "/v1/acl/token/"+accessor, map[string]any{"Policies": []any{map[string]any{"Name": "nobody"}}})
	e.until("give a Token with service:write")
	a.only("[]")
	b.only("[" + peerA + "]")
	e.only("[" + peerA + "]")
}

// TestConsulDatacenters: two servers that know each other; one that is gone takes nobody along.
func TestConsulDatacenters(t *testing.T) {
	t.Parallel()
	n := netns.New(t)
	h1, ha, hb, h2 := n.Host("one"), n.Host("a"), n.Host("b"), n.Host("two")
	ports := map[string]any{"http": 8500, "dns": -1, "grpc": -1, "grpc_tls": -1, "serf_wan": 8302}
	one := startConsul(t, h1, map[string]any{"datacenter": "one", "ports": ports})
	two := startConsul(t, h2, map[string]any{"datacenter": "two", "ports": ports, "retry_join_wan": []string{h1.IP()}})
	config := consulConfig(one)
	watch(t, ha, "consul", config, "a", 7)
	far := consulConfig(two)
	watch(t, hb, "consul", far, "b", 7)
	config.Datacenters = []string{"one", "two"}
	c := watch(t, ha, "consul", config, "c", 0)
	c.until(both)

	// The agent goes on answering from what it knew of a datacenter that is gone; the other is watched as before.
	two.Kill()
	register := func(s *consulServer, id string) {
		t.Helper()
		s.must("PUT", "/v1/agent/service/register", map[string]any{"ID": id, "Name": "foundation", "Address": id + ".test", "Port": 9})
	}
	register(one, "x")
	const beside, all = "[" + peerA + " " + peerB + " x.test:9]", "[" + peerA + " " + peerB + " x.test:9 y.test:9]"
	c.until(beside)
	two.start()
	register(two, "y")
	c.until(all)
	config.Datacenters = []string{"one", "nowhere"}
	d := watch(t, ha, "consul", config, "d", 0)
	d.until("No path to datacenter")
	c.only("["+peerA+"]", both, beside, all)
	d.only("[" + peerA + " x.test:9]")
}
