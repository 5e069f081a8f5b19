package transport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// open dials addr, up to the preface.
func (t *Transport) open(ctx context.Context, addr string) (*peerConn, error) {
	conn, err := t.cfg.Network.Dial(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("transport: dial %s: %w", addr, err)
	}
	t.tune(conn)
	ends := time.Now().Add(t.cfg.Timing.Handshake)
	conn.SetDeadline(ends)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c, err := t.dialSecure(conn, addr, ends)
	if err != nil {
		err = t.reject(c, false, Hello{}, err)
		t.spawn(c.finish)
		return nil, err
	}
	return c, nil
}

// introduce asks who answers at addr. Both sides check each other.
func (t *Transport) introduce(ctx context.Context, addr string) (nodeid.ID, error) {
	ctx, cancel := context.WithTimeout(ctx, t.cfg.Timing.Handshake)
	defer cancel()
	defer context.AfterFunc(t.ctx, cancel)()
	c, err := t.open(ctx, addr)
	var peer Hello
	if err == nil {
		stop := context.AfterFunc(ctx, func() { c.Close() })
		peer, err = t.askWho(c)
		stop()
		t.spawn(c.finish)
	}
	if err != nil {
		if ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)) {
			err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		if _, ok := errors.AsType[*RefusedError](err); ok {
			t.handler.Refused(addr, peer, err)
		}
		return nodeid.ID{}, handshakeError(err)
	}
	return peer.Node, nil
}

func (t *Transport) askWho(c *peerConn) (Hello, error) {
	b := append(append([]byte(nil), magic[:]...), sessionPreface)
	if err := c.send(appendHello(b, t.self(), request{}, true)); err != nil {
		return Hello{}, err
	}
	peer, _, err := t.readAnswer(c, true)
	if err == nil {
		err = c.send(appendMessage(nil, msgConfirm, nil))
	}
	if err != nil {
		return peer, t.reject(c, false, peer, err)
	}
	return peer, nil
}

// readAnswer reads the listener's hello.
func (t *Transport) readAnswer(c *peerConn, body bool) (Hello, request, error) {
	if err := readMagic(c); err != nil {
		return Hello{}, request{}, err
	}
	return t.readHello(c, func(request) bool { return body })
}

// dial is the dialler's part of a handshake for a lane. Without error the connection is handed to the lane.
func (l *lane) dial(ctx context.Context) error {
	s, t := l.s, l.s.t
	c, err := t.open(ctx, s.address())
	if err != nil {
		return err
	}
	a := &attempt{cancel: func() { c.Close() }}
	stop := context.AfterFunc(ctx, a.cancel)
	defer stop()
	if ctx.Err() != nil || !s.begin(l, a) {
		c.Close()
		return refuse(errCrossed, "")
	}
	peer, err := l.introduce(c, a)
	if err != nil {
		err = t.reject(c, false, peer, err)
		s.failed(l, a)
		t.spawn(c.finish)
		return err
	}
	return nil
}

func (l *lane) introduce(c *peerConn, a *attempt) (Hello, error) {
	s, t := l.s, l.s.t
	ask := s.ask(l)
	body := ask.theirs == 0
	b := append(append([]byte(nil), magic[:]...), sessionPreface)
	if err := c.send(appendHello(b, t.self(), ask, body)); err != nil {
		return Hello{}, err
	}
	peer, r, err := t.readAnswer(c, body)
	if err != nil {
		return peer, err
	}
	if peer.Node != s.id {
		return peer, refuse(ErrWrongNode, "%v was dialled, %v answers", s.id, peer.Node)
	}
	if err := s.learn(l, a, peer, r); err != nil {
		return peer, err
	}
	if err := c.send(appendMessage(nil, msgConfirm, nil)); err != nil {
		return peer, err
	}
	if _, err := readMessage(c, msgReady, 0); err != nil {
		return peer, err
	}
	if !s.establish(l, a) {
		return peer, refuse(errCrossed, "")
	}
	c.SetDeadline(time.Time{})
	if !s.hand(l, a, c.Conn, r.received) {
		return peer, refuse(errCrossed, "")
	}
	return peer, nil
}
