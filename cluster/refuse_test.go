package cluster_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/transport"
)

// authority signs certificates of nodes.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

// identity is TLS for a node of that name.
func (a *authority) identity(t testing.TB, name string, until time.Time) *cluster.TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &cluster.TLS{
		Certificate: func() (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
		},
		Authorities: func() (*x509.CertPool, error) { return pool, nil },
	}
}

// Whoever must not be in the cluster is told so, each with an error of its own, and the cluster goes on.
func TestRefusedNodes(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	later := time.Now().Add(100 * time.Hour)
	key := []byte("0123456789abcdef0123456789abcdef")
	good := func(name string) cluster.Config {
		return cluster.Config{Profile: cluster.LAN, TLS: ca.identity(t, name, later), GossipKeys: [][]byte{key}, Listen: "127.0.0.1:0"}
	}
	first := start(t, "first", good("first"))
	for _, c := range []struct {
		what   string
		name   string
		change func(*cluster.Config)
		want   error
	}{
		{"the name of a member", "first", func(*cluster.Config) {}, cluster.ErrDuplicateName},
		{"another cluster", "x", func(c *cluster.Config) { c.Cluster = "other" }, cluster.ErrCluster},
		{"another number of partitions", "x", func(c *cluster.Config) { c.Partitions = 1024 }, cluster.ErrFact},
		{"another profile", "x", func(c *cluster.Config) { c.Profile = cluster.WAN }, cluster.ErrFact},
		{"another gossip key", "x", func(c *cluster.Config) { c.GossipKeys = [][]byte{[]byte("fedcba9876543210")} }, cluster.ErrGossipKey},
		{"no gossip key", "x", func(c *cluster.Config) { c.GossipKeys, c.Insecure = nil, true }, cluster.ErrGossipKey},
		{"no TLS", "x", func(c *cluster.Config) { c.TLS, c.Insecure = nil, true }, transport.ErrPlain},
		{"another authority", "x", func(c *cluster.Config) { c.TLS = other.identity(t, "x", later) }, transport.ErrCertificate},
		{"an expired certificate", "x", func(c *cluster.Config) { c.TLS = ca.identity(t, "x", time.Now().Add(-time.Hour)) }, transport.ErrExpired},
		{"another's certificate", "x", func(c *cluster.Config) { c.TLS = ca.identity(t, "y", later) }, transport.ErrCertificateName},
	} {
		cfg := good(c.name)
		cfg.Seeds = []string{first.Self().Addr}
		c.change(&cfg)
		_, err := tryStart(t, c.name, cfg)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		} else {
			t.Logf("%s: %v", c.what, err)
		}
	}
	cfg := good("second")
	cfg.Seeds = []string{first.Self().Addr}
	second := start(t, "second", cfg)
	until(t, "the right one is in", func() bool { return len(upAt(first)) == 2 && len(upAt(second)) == 2 })
	echo := spawn(t, second.System(), func(c *actor.Context, msg any) error { actor.Reply(c, msg.(double), 1); return nil })
	if _, err := actor.Ask(within(t), first.System().PIDOf(echo.Address()), double{}); err != nil {
		t.Fatal(err)
	}
}

// Production asks for security, unless told otherwise.
func TestProductionNeedsSecurity(t *testing.T) {
	for _, p := range []cluster.Profile{cluster.LAN, cluster.WAN} {
		for name, c := range map[string]cluster.Config{
			"nothing":  {},
			"key only": {GossipKeys: [][]byte{make([]byte, 16)}},
			"TLS only": {TLS: newAuthority(t).identity(t, "x", time.Now().Add(time.Hour))},
		} {
			c.Profile, c.Listen = p, "127.0.0.1:0"
			if _, err := tryStart(t, "x", c); !errors.Is(err, cluster.ErrInsecure) {
				t.Errorf("%v with %s: %v", p, name, err)
			}
		}
	}
	start(t, "trusting", cluster.Config{Profile: cluster.LAN, Insecure: true, Listen: "127.0.0.1:0"})
}

// Everything wrong with a Config is said at once, by field and with the cure.
func TestConfigErrors(t *testing.T) {
	_, err := tryStart(t, "x", cluster.Config{
		Cluster: "a b", Profile: 77, Listen: "nowhere", Advertise: "x", Weight: 17, Seeds: []string{"seed"},
		GossipKeys: [][]byte{{1}}, Outbound: cluster.Outbound{Limit: -1}, Kinds: []cluster.Kind{{}},
	})
	for _, field := range []string{"Cluster", "Profile", "Listen", "Advertise", "Weight", "Seeds", "GossipKeys", "Outbound", "Kinds"} {
		if err == nil || !strings.Contains(err.Error(), "Config."+field+" is ") {
			t.Errorf("nothing is said of %s: %v", field, err)
		}
	}
	if _, err := cluster.Join(within(t), nil, cluster.Config{}); err == nil {
		t.Error("no System was accepted")
	}
	if _, err := tryStart(t, "x/y", cluster.Config{}); err == nil {
		t.Error("a name with a slash was accepted")
	}
	n := start(t, "n", cluster.Config{})
	if _, err := cluster.Join(within(t), n.System(), cluster.Config{}); err == nil {
		t.Error("a System joined twice")
	}
	for _, types := range [][]cluster.Type{
		{cluster.TypeOf[note]("a"), cluster.TypeOf[double]("a")},
		{cluster.TypeOf[note]("a"), cluster.TypeOf[note]("b")},
		{cluster.TypeOf[chan int]("c")},
	} {
		if _, err := tryStart(t, "x", cluster.Config{Types: types}); err == nil {
			t.Error("wrong types were accepted")
		}
	}
}

// A name whose holder is silent is given to a newcomer at another address only when the holder is down.
func TestNameOfASilentMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		<-time.After(time.Second)
		l.net.Isolate(host(2))
		began := time.Now()
		cfg := l.config(3)
		n, err := tryStart(t, "n3", cfg)
		if err == nil {
			t.Logf("admitted after %v", time.Since(began))
			if took := time.Since(began); took < time.Second {
				t.Errorf("admitted after %v", took)
			}
			until(t, "it is up", func() bool {
				m, ok := l.nodes[0].Member("n3")
				return ok && m.Addr == n.Self().Addr && m.State == cluster.Up
			})
		} else if !errors.Is(err, cluster.ErrDuplicateName) {
			t.Fatal(err)
		}
	})
}

// A node that listens on every address tells others one that they can reach.
func TestListeningEverywhere(t *testing.T) {
	for _, listen := range []string{":0", "0.0.0.0:0"} {
		n := start(t, "n", cluster.Config{Listen: listen})
		host, port, err := net.SplitHostPort(n.Self().Addr)
		if ip := net.ParseIP(host); err != nil || ip == nil || ip.IsUnspecified() || port == "0" {
			t.Errorf("%s: it is said to be at %s", listen, n.Self().Addr)
		}
	}
}

// Gossip keys are replaced while the cluster runs, and nobody notices but who only has the old one.
func TestGossipKeyRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, fresh := []byte("0123456789abcdef"), []byte("fedcba9876543210fedcba9876543210")
		with := func(key []byte) func(int, *cluster.Config) {
			return func(_ int, c *cluster.Config) { c.GossipKeys = [][]byte{key} }
		}
		l := newLAN(t, 3, with(old))
		heard := listen(l.nodes[0])
		for _, step := range []func(*cluster.Node) error{
			func(n *cluster.Node) error { return n.AddGossipKey(fresh) },
			func(n *cluster.Node) error { return n.UseGossipKey(fresh) },
			func(n *cluster.Node) error { return n.RemoveGossipKey(old) },
		} {
			for _, n := range l.nodes {
				if err := step(n); err != nil {
					t.Fatal(err)
				}
				<-time.After(2 * time.Second)
			}
		}
		if heard.String() != "[]" {
			t.Error(heard)
		}
		c := l.config(3)
		c.GossipKeys = [][]byte{old}
		if _, err := tryStart(t, "late", c); !errors.Is(err, cluster.ErrGossipKey) {
			t.Fatal(err)
		}
		c.GossipKeys = [][]byte{fresh}
		l.nodes = append(l.nodes, start(t, "n4", c))
		l.whole()
		if err := l.nodes[0].RemoveGossipKey(fresh); err == nil {
			t.Error("the key in use was removed")
		}
		if err := l.nodes[0].AddGossipKey([]byte("short")); err == nil {
			t.Error("a key of five bytes was added")
		}
	})
}
