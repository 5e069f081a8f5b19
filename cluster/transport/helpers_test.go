package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/network"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// event is what a recorder heard.
type event struct {
	what    string // up, down, refused
	session *Session
	err     error
	lost    []Lost
	peer    Hello
}

// recorder is a Handler that keeps what it hears.
type recorder struct {
	events chan event
	record func(s *Session, lane Lane, rec []byte) // nil: keep in got

	mu  sync.Mutex
	got map[Lane][]string
	new chan struct{} // closed and replaced with each record
}

func newRecorder() *recorder {
	return &recorder{events: make(chan event, 1<<10), got: map[Lane][]string{}, new: make(chan struct{})}
}

func (r *recorder) Up(s *Session) { r.events <- event{what: "up", session: s} }

func (r *recorder) Record(s *Session, lane Lane, rec []byte) {
	if r.record != nil {
		r.record(s, lane, rec)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[lane] = append(r.got[lane], string(rec))
	close(r.new)
	r.new = make(chan struct{})
}

func (r *recorder) Down(s *Session, why error, lost []Lost) {
	r.events <- event{what: "down", session: s, err: why, lost: lost}
}

func (r *recorder) Refused(addr string, peer Hello, err error) {
	r.events <- event{what: "refused", err: err, peer: peer}
}

// next waits for an event of that kind; another one fails the test.
func (r *recorder) next(t testing.TB, what string) event {
	t.Helper()
	select {
	case e := <-r.events:
		if e.what != what {
			t.Fatalf("got %s (%v), want %s", e.what, e.err, what)
		}
		return e
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s", what)
	}
	return event{}
}

// wait waits until n records have come on a lane.
func (r *recorder) wait(t testing.TB, lane Lane, n int) []string {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		r.mu.Lock()
		got, more := r.got[lane], r.new
		r.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("%d of %d records on lane %d", len(got), n, lane)
		}
	}
}

// none fails if anything was heard.
func (r *recorder) none(t testing.TB) {
	t.Helper()
	select {
	case e := <-r.events:
		t.Fatalf("got %s (%v)", e.what, e.err)
	default:
	}
}

func testHello(name string, inc nodeid.Incarnation) Hello {
	return Hello{Cluster: "c", Node: nodeid.ID{Name: name, Incarnation: inc}, ProtocolMin: 1, ProtocolMax: 3}
}

// startNode starts a transport that is closed with the test.
func startNode(t testing.TB, name string, h Handler, change ...func(*Config)) *Transport {
	t.Helper()
	cfg := Config{Self: func() Hello { return testHello(name, 1) }, Listen: "127.0.0.1:0"}
	for _, f := range change {
		f(&cfg)
	}
	tr, err := Start(cfg, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(tr) })
	return tr
}

// closeNow ends a transport without waiting for anybody.
func closeNow(tr *Transport) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	tr.Close(ctx)
}

// pair connects a to b.
func pair(t testing.TB, a, b *Transport) *Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s, err := a.Connect(ctx, b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustSend(t testing.TB, s *Session, lane Lane, format string, args ...any) {
	t.Helper()
	if err := s.Send(lane, fmt.Appendf(nil, format, args...), false); err != nil {
		t.Fatal(err)
	}
}

// cutNet is the system's network, whose connections can be cut.
type cutNet struct {
	network.OS
	mu    sync.Mutex
	conns map[*net.TCPConn]struct{}
	shut  bool // dials fail, and connections are cut as soon as they are accepted
}

func newCutNet() *cutNet { return &cutNet{conns: map[*net.TCPConn]struct{}{}} }

func (n *cutNet) add(c net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.shut {
		c.Close()
		return false
	}
	n.conns[c.(*net.TCPConn)] = struct{}{}
	return true
}

func (n *cutNet) Dial(ctx context.Context, addr string) (net.Conn, error) {
	c, err := n.OS.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	if !n.add(c) {
		return nil, syscall.ENETUNREACH
	}
	return c, nil
}

func (n *cutNet) Listen(addr string) (net.Listener, error) {
	l, err := n.OS.Listen(addr)
	return cutListener{l, n}, err
}

type cutListener struct {
	net.Listener
	n *cutNet
}

func (l cutListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.n.add(c)
	}
	return c, err
}

// cut closes all connections, some with a reset; with shut it keeps new ones from coming.
func (n *cutNet) cut(shut bool) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shut = shut
	k := len(n.conns)
	for c := range n.conns {
		if rand.IntN(2) == 0 {
			c.SetLinger(0)
		}
		c.Close()
	}
	clear(n.conns)
	return k
}

var errRefusedBySystem = syscall.ECONNREFUSED

// countNet counts what is written by those who dial.
type countNet struct {
	network.OS
	written atomic.Int64
}

func (n *countNet) Dial(ctx context.Context, addr string) (net.Conn, error) {
	c, err := n.OS.Dial(ctx, addr)
	return &countConn{c, n}, err
}

type countConn struct {
	net.Conn
	n *countNet
}

func (c *countConn) Write(b []byte) (int, error) {
	c.n.written.Add(int64(len(b)))
	return c.Conn.Write(b)
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	ca := &authority{}
	ca.key, ca.cert = newCertificate(t, nil, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	return ca
}

// newCertificate is signed by ca, or by itself.
func newCertificate(t testing.TB, ca *authority, change func(*x509.Certificate)) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(rand.Int64()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	change(c)
	parent, signer := c, key
	if ca != nil {
		parent, signer = ca.cert, ca.key
	}
	der, err := x509.CreateCertificate(crand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, c
}

// sign makes a certificate for a node.
func (ca *authority) sign(t testing.TB, name string, change ...func(*x509.Certificate)) *tls.Certificate {
	key, cert := newCertificate(t, ca, func(c *x509.Certificate) {
		c.DNSNames = []string{name}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		for _, f := range change {
			f(c)
		}
	})
	return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func (ca *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(ca.cert)
	return p
}

// tls shows cert and trusts ca.
func (ca *authority) tls(cert *tls.Certificate) *TLS {
	return &TLS{
		Certificate: func() (*tls.Certificate, error) { return cert, nil },
		Authorities: func() (*x509.CertPool, error) { return ca.pool(), nil },
	}
}

// node is the change of a Config for a node with a certificate of ca.
func (ca *authority) node(t testing.TB, name string) func(*Config) {
	cert := ca.sign(t, name)
	return func(c *Config) { c.TLS = ca.tls(cert) }
}

func writePEM(t testing.TB, file, kind string, blocks ...[]byte) {
	t.Helper()
	var b []byte
	for _, der := range blocks {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	if err := os.WriteFile(file+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func numbered(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
