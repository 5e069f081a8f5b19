package transport

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// HandleStream lets f have the connections that peers open with [Transport.DialStream] and this preface, which is not 0. With TLS
// the peer has shown a certificate of one of the authorities; which node it is, is not known. f owns the connection and closes it;
// Close of the Transport closes it too, and waits for f.
func (t *Transport) HandleStream(preface byte, f func(net.Conn)) error {
	if preface == sessionPreface || f == nil {
		return errors.New("transport: HandleStream: the preface is 0, which is that of sessions, or the function nil")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.streams[preface] = f
	return nil
}

// DialStream opens a connection to what the node at addr has given to [Transport.HandleStream]. Close of the Transport closes it.
func (t *Transport) DialStream(ctx context.Context, addr string, preface byte) (net.Conn, error) {
	if preface == sessionPreface {
		return nil, errors.New("transport: DialStream: the preface is 0, which is that of sessions")
	}
	c, err := t.open(ctx, addr)
	if err != nil {
		return nil, err
	}
	if err := c.send(append(append([]byte(nil), magic[:]...), preface)); err != nil {
		c.Close()
		return nil, err
	}
	c.SetDeadline(time.Time{})
	s := t.track(c.Conn)
	if s == nil {
		c.Close()
		return nil, ErrClosed
	}
	return s, nil
}

// serveStream hands a connection over.
func (t *Transport) serveStream(c *peerConn, preface byte) {
	t.mu.Lock()
	f := t.mu.streams[preface]
	t.mu.Unlock()
	if f == nil {
		c.Close()
		return
	}
	c.SetDeadline(time.Time{})
	if s := t.track(c.Conn); s != nil {
		f(s)
	} else {
		c.Close()
	}
}

// track lets Close of the transport find a stream. nil: it is closed already.
func (t *Transport) track(c net.Conn) net.Conn {
	s := &stream{Conn: c, t: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil {
		return nil
	}
	t.mu.conns[s] = struct{}{}
	return s
}

// stream is a connection that the transport knows until it is closed.
type stream struct {
	net.Conn
	t    *Transport
	once sync.Once
}

func (s *stream) Close() error {
	s.once.Do(func() {
		s.t.mu.Lock()
		defer s.t.mu.Unlock()
		delete(s.t.mu.conns, s)
	})
	return s.Conn.Close()
}
