package fakenet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// conn is one end of a stream.
type conn struct {
	n             *Network
	host          *host
	peer          *conn
	local, remote *net.TCPAddr
	outgoing      bool // the local port is an ephemeral one

	// All of the following is protected by n.mu.
	in           inbox
	readable     *sync.Cond
	writable     *sync.Cond // the peer's inbox has room
	readBy       deadline
	writeBy      deadline
	closed       bool // here, by Close or by a crash
	finished     bool // no more is written from here
	err          error
	resetWasSent bool
}

// inbox is what is on its way to one end of a stream, and what has arrived there.
type inbox struct {
	way  []chunk // in the order of at
	last time.Time
	buf  []byte
	off  int
	eof  bool
	size int // bytes in way and buf, and those whose reading the sender has not heard of
	owed int // bytes whose reading the sender has not heard of
}

// chunk is a part of a stream that arrives together.
type chunk struct {
	at    time.Time
	data  []byte
	fin   bool
	reset bool
}

func (n *Network) newPair(from, to *host, local, remote *net.TCPAddr) (dialled, accepted *conn) {
	mk := func(h *host, l, r *net.TCPAddr) *conn {
		return &conn{n: n, host: h, local: l, remote: r, readable: sync.NewCond(&n.mu), writable: sync.NewCond(&n.mu)}
	}
	dialled, accepted = mk(from, local, remote), mk(to, remote, local)
	dialled.peer, accepted.peer, dialled.outgoing = accepted, dialled, true
	n.conns[dialled], n.conns[accepted] = struct{}{}, struct{}{}
	return dialled, accepted
}

// Read waits for bytes.
func (c *conn) Read(p []byte) (int, error) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	for {
		switch avail := len(c.in.buf) - c.in.off; {
		case c.closed:
			return 0, c.fail("read", errClosed)
		case c.readBy.passed():
			return 0, c.fail("read", os.ErrDeadlineExceeded)
		case len(p) == 0:
			return 0, nil
		case avail > 0:
			return c.take(p), nil
		case c.in.eof:
			return 0, io.EOF
		case c.err != nil:
			return 0, c.fail("read", c.err)
		}
		c.readable.Wait()
	}
}

// take moves bytes to the reader, and tells the sender of the room.
func (c *conn) take(p []byte) int {
	k := copy(p, c.in.buf[c.in.off:])
	c.in.off += k
	if c.in.off == len(c.in.buf) {
		c.in.buf, c.in.off = c.in.buf[:0], 0
	}
	c.in.owed += k
	c.credit()
	return k
}

// credit tells the sender what was read, if that gets through.
func (c *conn) credit() {
	if c.in.owed > 0 && c.n.carries(c.host, c.peer.host) {
		c.in.size -= c.in.owed
		c.in.owed = 0
		c.peer.writable.Broadcast()
	}
}

// Write waits until the last byte is on its way.
func (c *conn) Write(p []byte) (int, error) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	done := 0
	for {
		switch {
		case c.closed:
			return done, c.fail("write", errClosed)
		case c.err != nil:
			return done, c.fail("write", c.err)
		case c.finished:
			return done, c.fail("write", syscall.EPIPE)
		case c.writeBy.passed():
			return done, c.fail("write", os.ErrDeadlineExceeded)
		case done == len(p):
			return done, nil
		}
		if room := c.n.cfg.Buffer - c.peer.in.size; room > 0 {
			part := p[done:min(len(p), done+room)]
			done += len(part)
			c.n.count(c.host, func(s *Stats) { s.StreamBytes += uint64(len(part)) })
			c.send(chunk{data: append([]byte(nil), part...)})
			if done == len(p) {
				return done, nil
			}
			continue
		}
		c.writable.Wait()
	}
}

// send puts a chunk on its way to the peer.
func (c *conn) send(k chunk) {
	d := c.n.delay(c.host, c.peer.host, len(k.data))
	to := c.peer
	k.at = time.Now().Add(d)
	if k.at.Before(to.in.last) {
		k.at = to.in.last
	}
	to.in.last = k.at
	to.in.size += len(k.data)
	to.in.way = append(to.in.way, k)
	c.n.after(time.Until(k.at), to.pump)
}

// pump moves what has arrived into the buffer, unless the way is cut.
func (c *conn) pump() {
	if len(c.in.way) == 0 || !c.n.carries(c.peer.host, c.host) {
		return
	}
	now := time.Now()
	for len(c.in.way) > 0 && !c.in.way[0].at.After(now) {
		k := c.in.way[0]
		c.in.way[0] = chunk{}
		c.in.way = c.in.way[1:]
		c.arrive(k)
	}
}

// arrive is what happens at this end when a chunk is there.
func (c *conn) arrive(k chunk) {
	switch {
	case k.reset:
		c.fault(syscall.ECONNRESET)
	case c.closed || c.err != nil:
		c.in.size -= len(k.data)
		c.peer.writable.Broadcast()
		if len(k.data) > 0 && !c.resetWasSent { // bytes for nobody are answered with a reset
			c.resetWasSent = true
			c.send(chunk{reset: true})
		}
	default:
		if c.in.off > 0 && len(c.in.buf)+len(k.data) > cap(c.in.buf) {
			c.in.buf, c.in.off = append(c.in.buf[:0], c.in.buf[c.in.off:]...), 0
		}
		c.in.buf = append(c.in.buf, k.data...)
		c.in.eof = c.in.eof || k.fin
		c.readable.Broadcast()
	}
}

// fault ends this end with an error. What has arrived can still be read.
func (c *conn) fault(err error) {
	if c.err == nil {
		c.err = err
	}
	c.readable.Broadcast()
	c.writable.Broadcast()
	c.forget()
}

// reset ends both ends, and what is under way.
func (c *conn) reset(err error) {
	for _, e := range []*conn{c, c.peer} {
		e.in.way = nil
		e.fault(err)
	}
}

// abort ends this end as a crash does: at once here, at the other end when the reset gets there.
func (c *conn) abort() {
	if c.closed {
		return
	}
	c.peer.in.way, c.resetWasSent = nil, true
	c.send(chunk{reset: true})
	c.shut()
}

// shut ends this end without telling the other.
func (c *conn) shut() {
	c.closed, c.finished = true, true
	c.in.buf, c.in.off = nil, 0
	c.readBy.stop()
	c.writeBy.stop()
	c.readable.Broadcast()
	c.writable.Broadcast()
	c.forget()
}

// forget drops a stream that has ended at both ends.
func (c *conn) forget() {
	ended := func(e *conn) bool { return e.closed || e.err != nil }
	if !ended(c) || !ended(c.peer) {
		return
	}
	for _, e := range []*conn{c, c.peer} {
		if _, ok := c.n.conns[e]; !ok {
			continue
		}
		delete(c.n.conns, e)
		if e.outgoing {
			e.host.freeLocal(uint16(e.local.Port))
		}
	}
}

// Close ends this end. What was written is still delivered, then the peer reads io.EOF; but a reset, if there is something
// here that nobody has read: so it is with TCP.
func (c *conn) Close() error {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.closed {
		return c.fail("close", errClosed)
	}
	if len(c.in.buf) > c.in.off && c.err == nil && !c.resetWasSent {
		c.resetWasSent = true
		c.send(chunk{reset: true})
	} else {
		c.finish()
	}
	c.shut()
	return nil
}

// CloseWrite ends writing: the peer reads io.EOF after what was written.
func (c *conn) CloseWrite() error {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.closed {
		return c.fail("close", errClosed)
	}
	c.finish()
	c.writable.Broadcast()
	return nil
}

func (c *conn) finish() {
	if !c.finished && c.err == nil {
		c.send(chunk{fin: true})
	}
	c.finished = true
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error { return c.setDeadlines(t, true, true) }

func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, true, false) }

func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, false, true) }

func (c *conn) setDeadlines(t time.Time, read, write bool) error {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.closed {
		return c.fail("set", errClosed)
	}
	if read {
		c.readBy.set(t, c.readable)
	}
	if write {
		c.writeBy.set(t, c.writable)
	}
	return nil
}

func (c *conn) fail(op string, err error) error { return opError(op, "tcp", c.local, c.remote, err) }
