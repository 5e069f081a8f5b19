package transport

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// TLS makes every connection TLS 1.3, with certificates on both sides. Both functions are asked at each handshake, so what they
// return may change while the transport runs; connections that are there stay.
type TLS struct {
	// Certificate is this node's. A DNS name or a URI among its subject alternative names must be the node's name.
	Certificate func() (*tls.Certificate, error)
	// Authorities sign the certificates of nodes.
	Authorities func() (*x509.CertPool, error)
}

const (
	tlsHandshake = 0x16     // the first byte of a TLS connection
	maxUntrusted = 64 << 10 // bytes that are read from a peer before its certificate is verified
)

// names reports whether a certificate is that of the node.
func names(leaf *x509.Certificate, node string) bool { return slices.Contains(allNames(leaf), node) }

func allNames(leaf *x509.Certificate) []string {
	list := slices.Clone(leaf.DNSNames)
	for _, u := range leaf.URIs {
		list = append(list, u.String())
	}
	return list
}

// verify says whether the chain that the other side showed leads to one of our authorities. It is done after the TLS handshake, not
// in it, so that the other side can be told what is wrong; nothing it says is read before.
func (c *TLS) verify(shown []*x509.Certificate) (*x509.Certificate, error) {
	if len(shown) == 0 {
		return nil, refuse(ErrNoCertificate, "")
	}
	roots, err := c.Authorities()
	if err != nil {
		return nil, fmt.Errorf("transport: Config.TLS.Authorities: %w", err)
	}
	between := x509.NewCertPool()
	for _, cert := range shown[1:] {
		between.AddCert(cert)
	}
	_, err = shown[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: time.Now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	if err == nil {
		return shown[0], nil
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return nil, refuse(ErrExpired, "%v", err)
	}
	return nil, refuse(ErrCertificate, "%v", err)
}

// config of a TLS handshake.
func (c *TLS) config() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true, // each handshake shows the certificates of its time
		ClientAuth:             tls.RequestClientCert,
		InsecureSkipVerify:     true, // see verify
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.Certificate() },
		GetClientCertificate:   func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.Certificate() },
	}
}

// acceptSecure is what comes before the preface: TLS, if it is configured.
func (t *Transport) acceptSecure(conn net.Conn, ends time.Time) (*peerConn, byte, error) {
	c := &peerConn{Conn: conn, addr: conn.RemoteAddr().String(), ends: ends}
	raw := &untrusted{Conn: conn, left: maxUntrusted}
	var first [len(magic)]byte
	switch _, err := io.ReadFull(conn, first[:]); {
	case err == io.EOF:
		return c, 0, errSilent
	case err != nil:
		return c, 0, err
	}
	if t.cfg.TLS == nil || first[0] != tlsHandshake {
		err := checkMagic(first)
		if err == nil && t.cfg.TLS != nil {
			err = refuse(ErrPlain, "this node takes TLS only")
		}
		if err != nil {
			return c, 0, err
		}
		return c.readKind()
	}
	raw.before.Write(first[:])
	secure := tls.Server(raw, t.cfg.TLS.config())
	if err := secure.Handshake(); err != nil {
		return c, 0, fmt.Errorf("transport: TLS: %w", err)
	}
	c.Conn = secure
	leaf, err := t.cfg.TLS.verify(secure.ConnectionState().PeerCertificates)
	if err != nil {
		return c, 0, err
	}
	c.leaf, raw.left = leaf, -1
	if err := readMagic(c); err != nil {
		return c, 0, err
	}
	return c.readKind()
}

// readKind reads the end of the preface.
func (c *peerConn) readKind() (*peerConn, byte, error) {
	var kind [1]byte
	_, err := io.ReadFull(c, kind[:])
	return c, kind[0], err
}

// dialSecure is TLS on the side that dialled, if it is configured.
func (t *Transport) dialSecure(conn net.Conn, addr string, ends time.Time) (*peerConn, error) {
	c := &peerConn{Conn: conn, addr: addr, ends: ends}
	if t.cfg.TLS == nil {
		return c, nil
	}
	raw := &untrusted{Conn: conn, left: maxUntrusted}
	secure := tls.Client(raw, t.cfg.TLS.config())
	if err := secure.Handshake(); err != nil {
		if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
			if bytes.HasPrefix(e.RecordHeader[:], magic[:3]) {
				return c, &RefusedError{Reason: ErrPlain, Detail: "the other side speaks in clear", Addr: addr, Remote: true}
			}
			return c, &RefusedError{Reason: ErrMagic, Detail: e.Msg, Addr: addr, Remote: true}
		}
		return c, fmt.Errorf("transport: TLS with %s: %w", addr, err)
	}
	c.Conn = secure
	leaf, err := t.cfg.TLS.verify(secure.ConnectionState().PeerCertificates)
	if err != nil {
		c.send(append(append([]byte(nil), magic[:]...), sessionPreface)) // a refusal follows
		return c, err
	}
	c.leaf, raw.left = leaf, -1
	return c, nil
}

// untrusted bounds what is read from a peer that has shown nothing yet.
type untrusted struct {
	net.Conn
	before bytes.Buffer // was read already
	left   int          // -1: trusted
}

func (c *untrusted) Read(b []byte) (int, error) {
	if c.before.Len() > 0 {
		return c.before.Read(b)
	}
	if c.left < 0 {
		return c.Conn.Read(b)
	}
	if c.left == 0 {
		return 0, errors.New("transport: the TLS handshake is too long")
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// CloseWrite lets linger reach the socket.
func (c *untrusted) CloseWrite() error {
	if h, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return nil
}

// TLSFiles is a TLS from files in PEM form: the node's certificate with what leads to its authority, its key, and the authorities.
// They are read again when they have changed; while what is there cannot be read, the last that could be is used.
func TLSFiles(certificate, key, authorities string) (*TLS, error) {
	pair := reloaded[*tls.Certificate]{files: []string{certificate, key}, load: func() (*tls.Certificate, error) {
		c, err := tls.LoadX509KeyPair(certificate, key)
		return &c, err
	}}
	pool := reloaded[*x509.CertPool]{files: []string{authorities}, load: func() (*x509.CertPool, error) {
		text, err := os.ReadFile(authorities)
		p := x509.NewCertPool()
		if err == nil && !p.AppendCertsFromPEM(text) {
			err = fmt.Errorf("%s holds no certificate in PEM form", authorities)
		}
		return p, err
	}}
	_, err1 := pair.get()
	_, err2 := pool.get()
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("transport: TLSFiles: %w", err)
	}
	return &TLS{Certificate: pair.get, Authorities: pool.get}, nil
}

// reloaded is a value made of files.
type reloaded[T any] struct {
	files []string
	load  func() (T, error)

	mu    sync.Mutex // protects the following
	state string     // of the files, when value was loaded
	value T
}

func (r *reloaded[T]) get() (T, error) {
	state := ""
	for _, name := range r.files {
		if info, err := os.Stat(name); err == nil {
			state += fmt.Sprint(info.ModTime().UnixNano(), ":", info.Size(), " ")
		}
	}
	r.mu.Lock()
	before, value := r.state, r.value
	r.mu.Unlock()
	if state == before && state != "" {
		return value, nil
	}
	fresh, err := r.load()
	if err != nil {
		if before != "" {
			return value, nil
		}
		return fresh, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.value = state, fresh
	return fresh, nil
}
