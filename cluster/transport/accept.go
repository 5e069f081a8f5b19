package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// accept takes connections until the listener closes.
func (t *Transport) accept() {
	for {
		conn, err := t.listener.Accept()
		if errors.Is(err, net.ErrClosed) || t.ctx.Err() != nil {
			if conn != nil {
				conn.Close()
			}
			return
		}
		if err != nil { // out of descriptors, most often
			t.cfg.Logger.Warn("transport: accept", "error", err)
			pause(t.ctx, 10*time.Millisecond)
			continue
		}
		if !t.hold(conn) {
			conn.Close()
			continue
		}
		t.wg.Go(func() { t.greet(conn) })
	}
}

// spawn runs f in a goroutine that Close waits for; after Close it runs it here.
func (t *Transport) spawn(f func()) {
	t.mu.Lock()
	closed := t.ctx.Err() != nil
	if !closed {
		t.wg.Add(1)
	}
	t.mu.Unlock()
	if closed {
		f()
		return
	}
	go func() {
		defer t.wg.Done()
		f()
	}()
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// hold counts a handshake of others, if there is room, and lets Close find its connection.
func (t *Transport) hold(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.pending >= t.cfg.Limits.Pending || t.ctx.Err() != nil {
		return false
	}
	t.mu.pending++
	t.mu.conns[c] = struct{}{}
	return true
}

// release ends what hold began.
func (t *Transport) release(c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.pending--
	delete(t.mu.conns, c)
}

// greet finds out what a new connection wants.
func (t *Transport) greet(conn net.Conn) {
	t.tune(conn)
	ends := time.Now().Add(t.cfg.Timing.Handshake)
	conn.SetDeadline(ends)
	c, kind, err := t.acceptSecure(conn, ends)
	if err == nil && kind != sessionPreface {
		t.release(conn)
		t.serveStream(c, kind)
		return
	}
	defer t.release(conn)
	if err != nil {
		err = t.reject(c, true, Hello{}, err)
		t.refused(c, Hello{}, err)
		c.finish()
		return
	}
	t.answer(c)
}

// errSilent: a peer that connected and left without a word: a probe.
var errSilent = errors.New("transport: connected and left")

// answer is the listener's part of a handshake for a lane.
func (t *Transport) answer(c *peerConn) {
	peer, r, err := t.readHello(c, func(r request) bool { return r.theirs == 0 })
	if err == nil && r.lane == "" {
		t.refused(c, peer, t.answerIntroduction(c, peer))
		c.finish()
		return
	}
	var l *lane
	var a *attempt
	if err == nil {
		l, a, err = t.admit(c, peer, r)
	}
	if err != nil {
		t.refused(c, peer, t.reject(c, true, peer, err))
		c.finish()
		return
	}
	if err := l.welcome(c, a, r); err != nil {
		err = t.reject(c, a.first, peer, err)
		l.s.failed(l, a)
		t.refused(c, peer, err)
		c.finish()
	}
}

// refused reports a failed handshake, unless it says nothing about the peer: connections are lost, and some attempts are to be
// repeated.
func (t *Transport) refused(c *peerConn, peer Hello, err error) {
	if err == nil || t.ctx.Err() != nil || !telling(err) {
		return
	}
	t.handler.Refused(c.addr, peer, handshakeError(err))
}

func telling(err error) bool {
	if e, ok := errors.AsType[*RefusedError](err); ok {
		return !e.passing() && e.Reason != ErrUnknownSession
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	if e, ok := errors.AsType[net.Error](err); ok {
		return e.Timeout()
	}
	return !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && err != errSilent
}

// answerIntroduction tells who this is.
func (t *Transport) answerIntroduction(c *peerConn, peer Hello) error {
	b := appendHello(append([]byte(nil), magic[:]...), t.self(), request{wanted: peer.Node}, true)
	if err := c.send(b); err != nil {
		return err
	}
	_, err := readMessage(c, msgConfirm, 0)
	if e, ok := errors.AsType[*RefusedError](err); ok {
		return t.reject(c, false, peer, e)
	}
	return err
}

// admit finds the session and the lane that a hello is for, and takes the lane's one place for an attempt to connect. Without
// error the attempt ends with hand or failed.
func (t *Transport) admit(c *peerConn, peer Hello, r request) (*lane, *attempt, error) {
	if r.theirs == 0 {
		if err := t.replace(peer.Node); err != nil {
			return nil, nil, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.mu.sessions[peer.Node]
	if r.theirs != 0 && (s == nil || !s.is(r)) {
		return nil, nil, refuse(ErrUnknownSession, "")
	}
	if r.theirs == 0 {
		if r.lane != fixedLanes[Control] || r.mine == 0 {
			return nil, nil, refuse(ErrHello, "lane %.64q comes before control", r.lane)
		}
		if t.mu.closing {
			return nil, nil, refuse(ErrClosed, "")
		}
		if s == nil {
			s = t.newSession(peer.Node, peer.Addr, nil)
		}
	}
	return s.admit(c, peer, r)
}

// replace ends the sessions with earlier lives of a node, and waits until they are swept. A session with a later one refuses.
func (t *Transport) replace(id nodeid.ID) error {
	var old []*Session
	t.mu.Lock()
	for other, s := range t.mu.sessions {
		if other.Name != id.Name || other == id || !s.wasUp() {
			continue
		}
		if other.Incarnation > id.Incarnation {
			t.mu.Unlock()
			return refuse(ErrOldIncarnation, "it is %v", other)
		}
		old = append(old, s)
	}
	t.mu.Unlock()
	timer := time.NewTimer(t.cfg.Timing.Handshake / 2)
	defer timer.Stop()
	for _, s := range old {
		s.kill(ErrIncarnation, true)
		select {
		case <-s.done:
		case <-timer.C:
			return refuse(errBusy, "")
		}
	}
	return nil
}

// welcome is the rest of the listener's part, from its hello on.
func (l *lane) welcome(c *peerConn, a *attempt, r request) error {
	s := l.s
	t := s.t
	for _, end := range a.replaces {
		end()
	}
	if err := l.quiet(min(quietTime, t.cfg.Timing.Resume/4)); err != nil {
		return err
	}
	answer, body := s.ask(l), r.theirs == 0
	a.first = false
	if err := c.send(appendHello(append([]byte(nil), magic[:]...), t.self(), answer, body)); err != nil {
		return err
	}
	if _, err := readMessage(c, msgConfirm, 0); err != nil {
		return err
	}
	if !s.establish(l, a) {
		return refuse(errCrossed, "")
	}
	if err := c.send(appendMessage(nil, msgReady, nil)); err != nil {
		return err
	}
	c.SetDeadline(time.Time{})
	if !s.hand(l, a, c.Conn, r.received) {
		return refuse(errCrossed, "")
	}
	return nil
}
