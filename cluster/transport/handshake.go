package transport

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// A connection begins, on both sides, with four bytes by which anything else is recognised: three letters and the version of the
// framing. The side that dialled adds what it wants: 0 for a lane of a session, anything else is the preface of a stream.
//
//	dialler   magic kind=0 head [body]
//	listener  magic head [body]           or refuse
//	dialler   confirm                     or refuse
//	listener  ready                       or refuse
//
// Then frames. The body is left out when the dialler knows the listener's number of the session, so both have seen it. Each message
// is its length as u32, its type as u8, and a payload.
var magic = [4]byte{'F', 'N', 'D', 1}

const (
	sessionPreface = 0

	msgRefuse  = 1
	msgHead    = 2
	msgBody    = 3
	msgConfirm = 4
	msgReady   = 5

	maxRefuse = 16 << 10
)

// peerConn is a connection during its handshake.
type peerConn struct {
	net.Conn
	addr string
	leaf *x509.Certificate // what the peer showed and was found good; nil in clear
	told bool              // a refusal was written
	ends time.Time         // when the handshake is to be over
}

// finish closes a connection whose handshake failed. If the other side was told why, it has a moment to read it: closing with bytes
// unread would take back what was written.
func (c *peerConn) finish() {
	defer c.Close()
	if !c.told {
		return
	}
	if h, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		h.CloseWrite()
	}
	c.SetReadDeadline(time.Now().Add(min(lingerTime, time.Until(c.ends))))
	io.CopyN(io.Discard, c, 2*maxHead+maxRefuse)
}

const lingerTime = time.Second

// send writes messages that are built one behind the other.
func (c *peerConn) send(b []byte) error {
	_, err := c.Write(b)
	return err
}

func appendMessage(b []byte, kind byte, payload []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	return append(append(b, kind), payload...)
}

func appendHello(b []byte, h Hello, r request, body bool) []byte {
	b = appendMessage(b, msgHead, appendHead(nil, h, r))
	if body {
		b = appendMessage(b, msgBody, appendBody(nil, h))
	}
	return b
}

// appendRefuse encodes why this node refuses.
func appendRefuse(b []byte, self nodeid.ID, e *RefusedError) []byte {
	code := byte(0)
	for i, reason := range refusals {
		if e.Reason == reason {
			code = byte(i)
		}
	}
	p := appendID([]byte{code}, self)
	for _, s := range []string{e.Detail, e.Fact, e.Refuser, e.Refused, string(e.Meta)} {
		p = appendText(p, s[:min(len(s), maxText<<1)])
	}
	return appendMessage(b, msgRefuse, p)
}

func parseRefuse(b []byte) (*RefusedError, error) {
	d := decoder{b: b}
	code := d.uint8()
	e := &RefusedError{Peer: d.id(), Remote: true}
	e.Detail, e.Fact, e.Refuser, e.Refused = d.text(), d.text(), d.text(), d.text()
	e.Meta = []byte(d.text())
	if err := d.done(); err != nil || code == 0 || int(code) >= len(refusals) {
		return nil, refuse(ErrHello, "the refusal is not readable")
	}
	e.Reason = refusals[code]
	return e, nil
}

// readMagic reads the first bytes of the other side.
func readMagic(r io.Reader) error {
	var b [4]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return err
	}
	return checkMagic(b)
}

func checkMagic(b [4]byte) error {
	switch {
	case b == magic:
		return nil
	case [3]byte(b[:3]) == [3]byte(magic[:3]):
		return refuse(ErrVersion, "it is %d here and %d there", magic[3], b[3])
	case b[0] == tlsHandshake && b[1] == 3:
		return refuse(ErrPlain, "the other side began with a TLS handshake; give all nodes TLS or none")
	}
	return refuse(ErrMagic, "it began with %q", b[:])
}

// readMessage reads a message of the wanted type. A refusal comes back as the error. Memory is taken as bytes arrive.
func readMessage(r io.Reader, want byte, limit int) ([]byte, error) {
	var h [5]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, err
	}
	if h[4] == msgRefuse {
		want, limit = msgRefuse, maxRefuse
	}
	n := binary.LittleEndian.Uint32(h[:])
	if h[4] != want {
		return nil, refuse(ErrHello, "message %d came where %d belongs", h[4], want)
	}
	if uint64(n) > uint64(limit) {
		return nil, refuse(ErrHello, "a message of %d bytes; %d are allowed", n, limit)
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, int64(n)); err != nil {
		return nil, err
	}
	if want == msgRefuse {
		e, err := parseRefuse(b.Bytes())
		if err != nil {
			return nil, err
		}
		return nil, e
	}
	return b.Bytes(), nil
}

// readHello reads and checks what the other side says of itself, with its body or without. The first part is small, and who does
// not know the cluster's name (nor shows a certificate, if there is TLS) gets no further.
func (t *Transport) readHello(c *peerConn, body func(request) bool) (peer Hello, r request, err error) {
	b, err := readMessage(c, msgHead, maxHead)
	if err != nil {
		return peer, r, err
	}
	if peer, r, err = parseHead(b); err != nil {
		return peer, r, refuse(ErrHello, "%v", err)
	}
	self := t.self()
	if c.leaf != nil && !names(c.leaf, peer.Node.Name) {
		return peer, r, refuse(ErrCertificateName, "%q is not among %.500q", peer.Node.Name, allNames(c.leaf))
	}
	if e := checkHead(self, peer, r, t.cfg.MaxClockOffset, time.Now()); e != nil {
		return peer, r, e
	}
	if !body(r) {
		return peer, r, nil
	}
	if b, err = readMessage(c, msgBody, t.cfg.Limits.Hello); err != nil {
		return peer, r, err
	}
	if err := parseBody(b, &peer); err != nil {
		return peer, r, refuse(ErrHello, "%v", err)
	}
	if e := checkFacts(self, peer); e != nil {
		return peer, r, e
	}
	return peer, r, t.ask(peer)
}

// ask puts the peer to the user's check.
func (t *Transport) ask(peer Hello) error {
	if t.cfg.Check == nil {
		return nil
	}
	err := t.cfg.Check(peer)
	if err == nil {
		return nil
	}
	e := refuse(ErrCheck, "%v", err)
	var meta RefusalMeta
	if errors.As(err, &meta) {
		e.Meta = meta.RefusalMeta()
	}
	return e
}

// self is this node's hello of this moment.
func (t *Transport) self() Hello {
	h := t.cfg.Self()
	h.Node = t.node
	h.Lanes = t.cfg.Lanes
	if h.Addr == "" {
		h.Addr = t.advertise
	}
	if h.Unix == 0 {
		h.Unix = time.Now().UnixMilli()
	}
	return h
}

// reject tells the other side, if it is to be told. first is whether nothing was written before. It returns the error as this side
// should know it. The connection is to be finished.
func (t *Transport) reject(c *peerConn, first bool, peer Hello, err error) error {
	e, ok := errors.AsType[*RefusedError](err)
	if !ok {
		return err
	}
	e.Addr = c.addr
	if e.Peer.IsZero() {
		e.Peer = peer.Node
	}
	if e.Remote {
		return e
	}
	var b []byte
	if first {
		b = append(b, magic[:]...)
	}
	c.told = c.send(appendRefuse(b, t.node, e)) == nil && !e.passing()
	return e
}

// handshakeError makes a timeout of the handshake readable.
func handshakeError(err error) error {
	var n net.Error
	if errors.As(err, &n) && n.Timeout() {
		return fmt.Errorf("transport: the handshake was not finished in time: %w", err)
	}
	return err
}
