package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

func hello(change func(*Hello)) func(*Config) {
	return func(c *Config) {
		before := c.Self
		c.Self = func() Hello {
			h := before()
			change(&h)
			return h
		}
	}
}

type metaError struct{}

func (metaError) Error() string       { return "counter too low" }
func (metaError) RefusalMeta() []byte { return []byte("known: 42") }

// TestRefusals: each reason is its own error, at both ends, whoever dials.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name  string
		peer  func(*Config) // of the node that is refused
		here  func(*Config) // of the node that refuses
		want  error
		text  string
		check func(*RefusedError) bool
	}{
		{"cluster", hello(func(h *Hello) { h.Cluster = "other" }), nil, ErrCluster, `"other"`, nil},
		{"protocol", hello(func(h *Hello) { h.ProtocolMin, h.ProtocolMax = 4, 9 }), nil, ErrProtocol, "4 to 9", nil},
		{"fact", hello(func(h *Hello) { h.Facts = map[string]string{"a": "1", "p": "8192"} }),
			hello(func(h *Hello) { h.Facts = map[string]string{"p": "16384", "z": "2"} }), ErrFact, "p is", func(e *RefusedError) bool {
				return e.Fact == "p" && (e.Refuser == "16384" && e.Refused == "8192" || e.Refuser == "8192" && e.Refused == "16384")
			}},
		{"check", nil, func(c *Config) {
			c.Check = func(peer Hello) error { return metaError{} }
		}, ErrCheck, "counter too low", func(e *RefusedError) bool { return string(e.Meta) == "known: 42" }},
		{"clock", hello(func(h *Hello) { h.Unix = time.Now().Add(time.Minute).UnixMilli() }),
			func(c *Config) { c.MaxClockOffset = 500 * time.Millisecond }, ErrClock, "ahead", nil},
		{"hello too large", hello(func(h *Hello) { h.Meta = make([]byte, 300<<10) }), nil, ErrHello, "are allowed", nil},
		{"hello too large here", hello(func(h *Hello) { h.Types = []string{strings.Repeat("x", 3000)} }),
			func(c *Config) { c.Limits.Hello = 2000 }, ErrHello, "are allowed", nil},
	} {
		for _, dials := range []string{"refused", "refuser"} {
			t.Run(c.name+"/"+dials+" dials", func(t *testing.T) {
				option := func(f func(*Config)) []func(*Config) {
					if f == nil {
						return nil
					}
					return []func(*Config){f}
				}
				hp, hh := newRecorder(), newRecorder()
				peer, here := startNode(t, "p", hp, option(c.peer)...), startNode(t, "h", hh, option(c.here)...)
				from, to, hfrom, hto := peer, here, hp, hh
				if dials == "refuser" {
					from, to, hfrom, hto = here, peer, hh, hp
				}
				_, err := from.Connect(t.Context(), to.Addr())
				for _, err := range []error{err, hfrom.next(t, "refused").err, hto.next(t, "refused").err} {
					e, ok := errors.AsType[*RefusedError](err)
					if !ok || e.Reason != c.want || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
						t.Fatal(err)
					}
					if c.check != nil && !c.check(e) {
						t.Fatalf("%+v", e)
					}
				}
				// A session that was asked for ends with the same.
				if _, err := from.Session(to.node, to.Addr()); err != nil {
					t.Fatal(err)
				}
				hfrom.next(t, "refused")
				if e := hfrom.next(t, "down"); !errors.Is(e.err, c.want) {
					t.Fatal(e.err)
				}
			})
		}
	}
}

func TestWrongNode(t *testing.T) {
	ha, hb := newRecorder(), newRecorder()
	a, b := startNode(t, "a", ha), startNode(t, "b", hb)
	for _, id := range []nodeid.ID{{Name: "b", Incarnation: 7}, {Name: "c", Incarnation: 1}} {
		if _, err := a.Session(id, b.Addr()); err != nil {
			t.Fatal(err)
		}
		ha.next(t, "refused")
		e := ha.next(t, "down")
		r, ok := errors.AsType[*RefusedError](e.err)
		if !ok || r.Reason != ErrWrongNode || r.Peer != b.node || !r.Remote {
			t.Fatal(e.err)
		}
	}
	if _, err := a.Connect(t.Context(), a.Addr()); !errors.Is(err, ErrSelf) {
		t.Fatal(err)
	}
	if _, err := a.Session(a.node, a.Addr()); !errors.Is(err, ErrSelf) {
		t.Fatal(err)
	}
	if _, err := a.Session(nodeid.ID{}, a.Addr()); err == nil {
		t.Fatal("no node")
	}
}

// TestNotOurProtocol: what answers is something else.
func TestNotOurProtocol(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			c.Close()
		}
	}()
	ca := newAuthority(t)
	for _, with := range [][]func(*Config){nil, {ca.node(t, "a")}} {
		a := startNode(t, "a", newRecorder(), with...)
		if _, err := a.Connect(t.Context(), l.Addr().String()); !errors.Is(err, ErrMagic) {
			t.Fatal(err)
		}
	}
	// and what dials
	ha := newRecorder()
	a := startNode(t, "a", ha)
	for text, want := range map[string]error{"GET / HTTP/1.1\r\n\r\n": ErrMagic, "FND\x02\x00": ErrVersion, "\x16\x03\x01\x00": ErrPlain} {
		c, err := net.Dial("tcp", a.Addr())
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte(text))
		if e := ha.next(t, "refused"); !errors.Is(e.err, want) {
			t.Fatal(text, e.err)
		}
		c.Close()
	}
}

// TestCertificates: each thing that is wrong with a certificate is its own error, at both ends, whoever dials.
func TestCertificates(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	good := ca.node(t, "h")
	for _, c := range []struct {
		name string
		peer func(*Config)
		want error
	}{
		{"another authority", func(c *Config) { c.TLS = ca.tls(other.sign(t, "p")) }, ErrCertificate},
		{"expired", func(c *Config) {
			c.TLS = ca.tls(ca.sign(t, "p", func(x *x509.Certificate) { x.NotAfter = time.Now().Add(-time.Minute) }))
		}, ErrExpired},
		{"not yet valid", func(c *Config) {
			c.TLS = ca.tls(ca.sign(t, "p", func(x *x509.Certificate) { x.NotBefore = time.Now().Add(time.Minute) }))
		}, ErrExpired},
		{"another name", func(c *Config) { c.TLS = ca.tls(ca.sign(t, "q")) }, ErrCertificateName},
		{"common name only", func(c *Config) {
			c.TLS = ca.tls(ca.sign(t, "", func(x *x509.Certificate) { x.DNSNames, x.Subject.CommonName = nil, "p" }))
		}, ErrCertificateName},
		{"another use", func(c *Config) {
			c.TLS = ca.tls(ca.sign(t, "p", func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }))
		}, ErrCertificate},
		{"in clear", func(c *Config) {}, ErrPlain},
	} {
		for _, dials := range []string{"refused", "refuser"} {
			t.Run(c.name+"/"+dials+" dials", func(t *testing.T) {
				hp, hh := newRecorder(), newRecorder()
				peer, here := startNode(t, "p", hp, c.peer), startNode(t, "h", hh, good)
				from, to, hfrom, hto := peer, here, hp, hh
				if dials == "refuser" {
					from, to, hfrom, hto = here, peer, hh, hp
				}
				_, err := from.Connect(t.Context(), to.Addr())
				if !errors.Is(err, c.want) {
					t.Fatal(err)
				}
				for _, h := range []*recorder{hfrom, hto} {
					if e := h.next(t, "refused"); !errors.Is(e.err, c.want) {
						t.Fatal(e.err)
					}
				}
			})
		}
	}
	t.Run("none", func(t *testing.T) {
		hh := newRecorder()
		peer, here := startNode(t, "p", newRecorder(), func(c *Config) { c.TLS = ca.tls(&tls.Certificate{}) }), startNode(t, "h", hh, good)
		if _, err := peer.Connect(t.Context(), here.Addr()); !errors.Is(err, ErrNoCertificate) {
			t.Fatal(err)
		}
		if e := hh.next(t, "refused"); !errors.Is(e.err, ErrNoCertificate) {
			t.Fatal(e.err)
		}
	})
	t.Run("older TLS", func(t *testing.T) {
		hh := newRecorder()
		here := startNode(t, "h", hh, good)
		if _, err := tls.Dial("tcp", here.Addr(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}); err == nil {
			t.Fatal("accepted")
		}
		hh.next(t, "refused")
	})
}

// TestRotation: certificates change while records flow and connections are cut; nothing is lost. The name may be a URI.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t)
	file := func(name string) string { return filepath.Join(dir, name) }
	write := func(node string, cert *tls.Certificate) {
		writePEM(t, file(node+".crt"), "CERTIFICATE", cert.Certificate...)
		key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		writePEM(t, file(node+".key"), "PRIVATE KEY", key)
	}
	uri := func(name string) func(*x509.Certificate) {
		return func(x *x509.Certificate) {
			x.DNSNames = nil
			x.URIs = []*url.URL{{Scheme: "urn", Opaque: name}}
		}
	}
	net := newCutNet()
	secure := func(node string) func(*Config) {
		write(node, ca.sign(t, "", uri(node)))
		writePEM(t, file("ca.crt"), "CERTIFICATE", ca.cert.Raw)
		return func(c *Config) {
			var err error
			if c.TLS, err = TLSFiles(file(node+".crt"), file(node+".key"), file("ca.crt")); err != nil {
				t.Fatal(err)
			}
			c.Network = net
		}
	}
	qa, qb := newSequence(t), newSequence(t)
	a, b := startNode(t, "urn:a", qa, secure("a")), startNode(t, "urn:b", qb, secure("b"))
	sa := pair(t, a, b)
	qa.recorder.next(t, "up")
	sb := qb.recorder.next(t, "up").session
	stop := make(chan struct{})
	done := make(chan [2]uint64)
	go func() {
		var n [2]uint64
		other := make(chan struct{})
		go func() {
			defer close(other)
			n[1] = sendUntil(t, sb, stop)
		}()
		n[0] = sendUntil(t, sa, stop)
		<-other
		done <- n
	}()
	for range 5 {
		next := newAuthority(t)
		writePEM(t, file("ca.crt"), "CERTIFICATE", ca.cert.Raw, next.cert.Raw)
		<-time.After(10 * time.Millisecond)
		net.cut(false)
		ca = next
		write("a", ca.sign(t, "", uri("a")))
		net.cut(false)
		write("b", ca.sign(t, "", uri("b")))
		<-time.After(10 * time.Millisecond)
		writePEM(t, file("ca.crt"), "CERTIFICATE", ca.cert.Raw)
		net.cut(false)
	}
	close(stop)
	n := <-done
	qb.reach(Default, n[0], 10*time.Second)
	qa.reach(Default, n[1], 10*time.Second)
	for _, q := range []*sequence{qa, qb} {
		for len(q.events) > 0 { // a handshake that was under way at the change may have been refused, and was repeated
			if e := <-q.events; e.what != "refused" {
				t.Fatal(e.what, e.err)
			}
		}
	}
	net.cut(false)
	mustSend(t, sa, Default, "%s", numbered(n[0])) // over a connection that shows the last certificate
	qb.reach(Default, n[0]+1, 10*time.Second)
	if err := os.WriteFile(file("a.crt"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	net.cut(false)
	mustSend(t, sa, Default, "%s", numbered(n[0]+1)) // the last certificate that could be read is shown
	qb.reach(Default, n[0]+2, 10*time.Second)
	if _, err := TLSFiles(file("a.crt"), file("a.key"), file("none")); err == nil {
		t.Fatal("bad files were taken")
	}
	t.Logf("sent %v; %+v", n, sa.Stats()[Default])
}

// TestConfigIsChecked: everything that is wrong is told at once.
func TestConfigIsChecked(t *testing.T) {
	_, err := Start(Config{
		Self:   func() Hello { return Hello{Node: nodeid.ID{Name: "a b"}, ProtocolMin: 2, ProtocolMax: 1} },
		Listen: "x", Advertise: "y", TLS: &TLS{}, Lanes: []string{"bulk", "v", "v", ""}, Compress: -1,
		Limits: Limits{Frame: 1, Message: -1, Lane: 1, Hello: 1, Pending: -1}, Timing: Timing{Ack: -1},
	}, nil)
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{"bad Node", "incarnation", "ProtocolMin", "Listen", "Advertise", "TLS", "Lanes", "Limits.Frame",
		"Limits.Message", "Limits.Lane", "Limits.Hello", "Limits.Pending", "Timing.Ack", "Compress", "Handler"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in: %v", want, err)
		}
	}
	if _, err := Start(Config{Listen: "127.0.0.1:0"}, newRecorder()); err == nil || !strings.Contains(err.Error(), "Self") {
		t.Error(err)
	}
	busy := startNode(t, "a", newRecorder())
	if _, err := Start(Config{Self: func() Hello { return testHello("b", 1) }, Listen: busy.Addr()}, newRecorder()); err == nil {
		t.Error("two on one port")
	}
}

func sendUntil(t *testing.T, s *Session, stop <-chan struct{}) (n uint64) {
	for {
		select {
		case <-stop:
			return n
		case <-time.After(100 * time.Microsecond):
		}
		if err := s.Send(Default, numbered(n), n%3 == 0); err == nil {
			n++
		} else if err != ErrFull {
			t.Error(err)
			return n
		}
	}
}

// TestConnectGivesUp: with the context, and with the transport.
func TestConnectGivesUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a := startNode(t, "a", newRecorder())
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := a.Connect(ctx, l.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	result := make(chan error)
	go func() {
		_, err := a.Connect(context.Background(), l.Addr().String())
		result <- err
	}()
	<-time.After(20 * time.Millisecond)
	closeNow(a)
	if err := <-result; err == nil {
		t.Fatal("connected")
	}
}
