//go:build e2e

package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
)

// keygen runs foundation keygen and returns what it prints.
func keygen(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(foundationPath, append([]string{"keygen"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("keygen %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// secured are the flags of a node with the certificate of name in dir.
func secured(dir, name, key string) []string {
	return []string{"-profile", "lan", "-tls", filepath.Join(dir, name), "-tls-ca", filepath.Join(dir, "ca.pem"), "-gossip-key", key}
}

// expired makes a certificate for name that is no more valid, by the authority in dir.
func expired(t *testing.T, dir, name string) {
	t.Helper()
	ca, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		DNSNames: []string{name}, NotBefore: time.Now().Add(-50 * time.Minute), NotAfter: time.Now().Add(-time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}},
		ca.Leaf, key.Public(), ca.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + "-key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, path), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSecuredCluster: with keys of foundation keygen three nodes are a cluster; whoever has the wrong ones is refused, and told why;
// a certificate is replaced under load.
func TestSecuredCluster(t *testing.T) {
	t.Parallel()
	dir, foreign := t.TempDir(), t.TempDir()
	keygen(t, "-tls", dir, "-nodes", "a,b,c,d")
	keygen(t, "-tls", foreign, "-nodes", "d")
	expired(t, dir, "late")
	key := keygen(t)
	g := newGroupOf(t, 3, func(i int) []string { return secured(dir, string(rune('a'+i)), key) })
	marks := []int{g.nodes[0].mark(), g.nodes[1].mark(), g.nodes[2].mark()}
	g.talk()

	x := g.net.Host("x")
	seed := []string{"-seed", g.hosts[0].Addr(port)}
	refused, cases := 0, 0
	for _, c := range []struct {
		what, name, want string
		args             []string
	}{
		{"a foreign authority", "d", "the certificate is not trusted", secured(foreign, "d", key)},
		{"the name of another", "x", "the certificate names another node", secured(dir, "d", key)},
		{"an expired certificate", "late", "the certificate has expired", secured(dir, "late", key)},
		{"no TLS", "d", "one side uses TLS and the other does not", []string{"-profile", "lan", "-insecure"}},
		{"another gossip key", "d", "the gossip keys differ", secured(dir, "d", keygen(t))},
		{"another cluster", "d", "the cluster's name is another", append(secured(dir, "d", key), "-cluster", "other")},
		{"the name of a member", "b", "a live member has this name", secured(dir, "b", key)},
		{"neither TLS nor a key", "d", "production needs TLS and GossipKeys", []string{"-profile", "lan"}},
	} {
		n := startNamed(t, x, c.name, append(c.args, seed...)...)
		cases++
		if why := n.failed(); !strings.Contains(why, c.want) {
			t.Errorf("%s: %q does not say %q", c.what, why, c.want)
		} else {
			refused++
			t.Logf("%s: %s", c.what, why)
		}
		<-n.Done()
	}
	for i, n := range g.nodes {
		if n.count(marks[i], func(m message) bool { return m.Event == "up" || m.Event == "suspect" }) > 0 || len(n.up()) != 3 {
			t.Errorf("%s held a node that was refused for up, or waited for it", n.name)
		}
		if n.count(marks[i], func(m message) bool { return m.Event == "down" && strings.Contains("abc", m.Member.Name) }) > 0 {
			t.Errorf("%s lost a member because of nodes that were refused", n.name)
		}
	}
	figure(t, "bad identities refused with an error of their own: authority, name, expired, plain, gossip key, cluster, duplicate, no keys", "8 of 8",
		fmt.Sprintf("%d of %d", refused, cases))
	g.replaceCertificate(dir, x)
	d := startNode(t, g.net.Host("d"), append(secured(dir, "d", key), seed...)...)
	d.joined()
	g.nodes[2].event(marks[2], soon, "up", "d")
}

// replaceCertificate gives node a another certificate while it is talked to.
func (g *group) replaceCertificate(dir string, x *netns.Host) {
	t := g.t
	t.Helper()
	const count = 3000
	var done []func(time.Duration) message
	for _, way := range []string{"ab", "ba", "ca"} {
		from := g.nodes[way[0]-'a']
		done = append(done, from.tell(order{Do: "send", To: way[1:], Stream: way, Count: count, Rate: 1000, Size: 1000}))
	}
	before := g.serial(x)
	for _, f := range []string{"a.pem", "a-key.pem"} {
		if err := os.Remove(filepath.Join(dir, f)); err != nil {
			t.Fatal(err)
		}
	}
	keygen(t, "-tls", dir, "-nodes", "a")
	after := g.serial(x)
	if after == before {
		t.Errorf("the certificate is still %s", before)
	}
	broken := 0
	for range 5 {
		broken += g.hosts[0].Reset(g.hosts[1]) + g.hosts[0].Reset(g.hosts[2])
		pause(200 * time.Millisecond)
	}
	if broken < 10 { // control and default, to both, at the very least once each
		t.Errorf("only %d connections could be broken", broken)
	}
	lost := 0
	for i, way := range []string{"ab", "ba", "ca"} {
		done[i](soon)
		from, to := g.nodes[way[0]-'a'], g.nodes[way[1]-'a']
		sent, handled, dead, _ := account(t, from, to, way)
		lost += count - int(handled)
		if handled != count || dead > 0 {
			t.Errorf("%s: %d sent, %d handled, %d dead", way, sent, handled, dead)
		}
	}
	figure(t, "certificate replaced under load, and connections broken so that it is used: messages lost",
		"0", fmt.Sprintf("%d (%d connections)", lost, broken))
}

// serial is the number of the certificate that node a shows to somebody at x.
func (g *group) serial(x *netns.Host) string {
	g.t.Helper()
	p := x.Start(attackerPath, "-to", g.hosts[0].Addr(port), "-how", "certificate")
	<-p.Done()
	var r struct{ Serial string }
	if text, err := p.Out.Next(g.t.Context(), 0); err != nil || json.Unmarshal([]byte(text), &r) != nil || r.Serial == "" {
		g.t.Fatal(text, err)
	}
	return r.Serial
}
