package fakenet

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// firstRepeat is when a request without an answer is repeated; each pause is twice the one before. So it is with TCP.
const firstRepeat = time.Second

// listener waits for dials.
type listener struct {
	n    *Network
	host *host
	addr netip.AddrPort

	// Protected by n.mu.
	cond    *sync.Cond
	backlog []*conn
	closed  bool
}

// Listen waits for connections on one of this host's ports.
func (h *Host) Listen(addr string) (net.Listener, error) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	if h.n.closed {
		return nil, opError("listen", "tcp", nil, nil, errClosed)
	}
	a, err := h.h.bind(addr, h.h.tcpTaken)
	if err != nil {
		return nil, opError("listen", "tcp", nil, nil, err)
	}
	ln := &listener{n: h.n, host: h.h, addr: a, cond: sync.NewCond(&h.n.mu)}
	h.h.listeners[a.Port()] = ln
	return ln, nil
}

// Accept waits for the next connection.
func (ln *listener) Accept() (net.Conn, error) {
	ln.n.mu.Lock()
	defer ln.n.mu.Unlock()
	for {
		if ln.closed {
			return nil, opError("accept", "tcp", nil, ln.Addr(), errClosed)
		}
		if len(ln.backlog) > 0 && !ln.host.paused {
			c := ln.backlog[0]
			ln.backlog[0] = nil
			ln.backlog = ln.backlog[1:]
			return c, nil
		}
		ln.cond.Wait()
	}
}

func (ln *listener) Close() error {
	ln.n.mu.Lock()
	defer ln.n.mu.Unlock()
	if ln.closed {
		return opError("close", "tcp", nil, ln.Addr(), errClosed)
	}
	ln.shut()
	return nil
}

// shut closes the listener and resets what nobody accepted.
func (ln *listener) shut() {
	ln.closed = true
	delete(ln.host.listeners, ln.addr.Port())
	for _, c := range ln.backlog {
		c.abort()
	}
	ln.backlog = nil
	ln.cond.Broadcast()
}

func (ln *listener) Addr() net.Addr { return tcpAddr(ln.addr) }

// dialing is a dial that has no answer yet.
type dialing struct {
	from    *host
	to      *host
	local   netip.AddrPort
	remote  netip.AddrPort
	conn    *conn // once it exists
	err     error
	settled bool
	repeats int
	done    chan struct{}
}

// settle gives the dial its answer, unless it has one.
func (d *dialing) settle(c *conn, err error) {
	if d.settled {
		if c != nil {
			c.abort() // the dialler has gone
		}
		return
	}
	d.conn, d.err, d.settled = c, err, true
	close(d.done)
}

// Dial connects to a listener. It gives up when ctx ends.
func (h *Host) Dial(ctx context.Context, addr string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, opError("dial", "tcp", nil, nil, err)
	}
	d, err := h.n.begin(h.h, addr)
	if err != nil {
		return nil, opError("dial", "tcp", nil, nil, err)
	}
	giveUp := time.NewTimer(h.n.cfg.DialTimeout)
	defer giveUp.Stop()
	var ended error
	select {
	case <-d.done:
	case <-ctx.Done():
		ended = ctx.Err()
	case <-giveUp.C:
		ended = syscall.ETIMEDOUT
	}
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	d.settle(nil, ended)
	delete(h.n.dials, d)
	h.h.freeLocal(d.local.Port())
	if d.err != nil {
		return nil, opError("dial", "tcp", tcpAddr(d.local), tcpAddr(d.remote), d.err)
	}
	h.n.count(h.h, func(s *Stats) { s.Conns++ })
	return d.conn, nil
}

// begin sends the request of a dial.
func (n *Network) begin(from *host, addr string) (*dialing, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, errClosed
	}
	if from.down {
		return nil, syscall.ENETDOWN
	}
	remote, err := from.parse(addr)
	if err != nil {
		return nil, err
	}
	local, err := from.freePort(from.tcpTaken)
	if err != nil {
		return nil, err
	}
	from.local[local.Port()]++
	d := &dialing{from: from, to: n.hosts[remote.Addr()], local: local, remote: remote, done: make(chan struct{})}
	n.dials[d] = struct{}{}
	n.count(from, func(s *Stats) { s.Dials++ })
	n.request(d)
	return d, nil
}

// request sends the dial to the other host, and again while nothing comes back. A host that there never was does not answer.
func (n *Network) request(d *dialing) {
	if d.settled {
		return
	}
	if d.to == nil {
		d.to = n.hosts[d.remote.Addr()]
	}
	if d.to == nil || !n.open(d.from, d.to) || d.from.paused {
		n.repeat(d)
		return
	}
	n.after(n.delay(d.from, d.to, 0), func() { n.requested(d) })
}

// repeat sends the dial again later.
func (n *Network) repeat(d *dialing) {
	pause := firstRepeat << min(d.repeats, 6)
	d.repeats++
	n.after(pause, func() { n.request(d) })
}

// requested is the other host's answer. Its machine gives it: a paused program does not matter.
func (n *Network) requested(d *dialing) {
	if d.settled {
		return
	}
	if !n.open(d.from, d.to) || !n.open(d.to, d.from) {
		n.repeat(d)
		return
	}
	ln := d.to.listeners[d.remote.Port()]
	if ln == nil {
		n.after(n.delay(d.to, d.from, 0), func() {
			if !d.settled {
				n.count(d.from, func(s *Stats) { s.Refused++ })
				d.settle(nil, syscall.ECONNREFUSED)
			}
		})
		return
	}
	if len(ln.backlog) >= n.cfg.Backlog {
		n.repeat(d)
		return
	}
	dialled, accepted := n.newPair(d.from, d.to, tcpAddr(d.local), tcpAddr(d.remote))
	d.from.local[d.local.Port()]++ // the connection's own claim on the port
	ln.backlog = append(ln.backlog, accepted)
	ln.cond.Broadcast()
	n.after(n.delay(d.to, d.from, 0), func() { n.established(d, dialled) })
}

// established is the answer's arrival. One that a cut swallows leaves the other host with half a connection, which ends, and
// the dial is repeated.
func (n *Network) established(d *dialing, c *conn) {
	switch {
	case c.err != nil:
		d.settle(nil, c.err)
	case c.closed:
		d.settle(nil, errClosed)
	case !d.settled && !n.open(d.to, d.from):
		c.abort()
		n.repeat(d)
	default:
		d.settle(c, nil)
	}
}
