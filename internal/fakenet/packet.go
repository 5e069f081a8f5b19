package fakenet

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	maxPacket  = 65507
	maxPackets = 4096 // waiting in one socket
)

// packetConn is a packet socket.
type packetConn struct {
	n    *Network
	host *host
	addr netip.AddrPort

	// Protected by n.mu.
	cond    *sync.Cond
	queue   []packet
	bytes   int
	readBy  deadline
	writeBy deadline
	closed  bool
}

type packet struct {
	from netip.AddrPort
	data []byte
}

// ListenPacket opens a packet socket on one of this host's ports.
func (h *Host) ListenPacket(addr string) (net.PacketConn, error) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	if h.n.closed {
		return nil, opError("listen", "udp", nil, nil, errClosed)
	}
	a, err := h.h.bind(addr, h.h.udpTaken)
	if err != nil {
		return nil, opError("listen", "udp", nil, nil, err)
	}
	p := &packetConn{n: h.n, host: h.h, addr: a, cond: sync.NewCond(&h.n.mu)}
	h.h.packets[a.Port()] = p
	return p, nil
}

// ReadFrom waits for a packet. What does not fit into b is lost.
func (p *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	for {
		switch {
		case p.closed:
			return 0, nil, p.fail("read", nil, errClosed)
		case p.readBy.passed():
			return 0, nil, p.fail("read", nil, os.ErrDeadlineExceeded)
		case len(p.queue) > 0 && !p.host.paused:
			k := p.queue[0]
			p.queue[0] = packet{}
			p.queue = p.queue[1:]
			p.bytes -= len(k.data)
			return copy(b, k.data), udpAddr(k.from), nil
		}
		p.cond.Wait()
	}
}

// WriteTo sends a packet. That it returns no error says nothing about its arrival.
func (p *packetConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	if p.closed {
		return 0, p.fail("write", addr, errClosed)
	}
	if p.writeBy.passed() {
		return 0, p.fail("write", addr, os.ErrDeadlineExceeded)
	}
	if len(b) > maxPacket {
		return 0, p.fail("write", addr, syscall.EMSGSIZE)
	}
	if addr == nil {
		return 0, p.fail("write", addr, syscall.EDESTADDRREQ)
	}
	to, err := p.host.parse(addr.String())
	if err != nil {
		return 0, p.fail("write", addr, err)
	}
	p.n.count(p.host, func(s *Stats) { s.PacketsSent++; s.PacketBytes += uint64(len(b)) })
	p.n.throw(p.host, packet{from: p.addr, data: append([]byte(nil), b...)}, to)
	return len(b), nil
}

// throw sends a packet on its way, or not, or twice.
func (n *Network) throw(from *host, k packet, addr netip.AddrPort) {
	to := n.hosts[addr.Addr()]
	if to == nil || from.paused || !n.open(from, to) {
		n.count(from, func(s *Stats) { s.PacketsCut++ })
		return
	}
	copies := 1
	if from != to {
		if n.chance(n.cfg.Loss) {
			n.count(from, func(s *Stats) { s.PacketsLost++ })
			return
		}
		if n.chance(n.cfg.Duplicate) {
			n.count(from, func(s *Stats) { s.PacketsDuplicated++ })
			copies = 2
		}
	}
	for range copies {
		d := n.delay(from, to, len(k.data))
		if from != to && n.chance(n.cfg.Reorder) {
			unit := max(n.cfg.Latency+n.cfg.Jitter, time.Millisecond)
			d += unit + time.Duration(n.rand.Int64N(int64(3*unit)))
		}
		n.after(d, func() { n.land(from, to, k, addr.Port()) })
	}
}

func (n *Network) chance(share float64) bool { return share > 0 && n.rand.Float64() < share }

// land puts a packet into the socket. That of a paused host takes it: its kernel does.
func (n *Network) land(from, to *host, k packet, port uint16) {
	p := to.packets[port]
	if p == nil || !n.open(from, to) {
		n.count(from, func(s *Stats) { s.PacketsCut++ })
		return
	}
	if len(p.queue) >= maxPackets || p.bytes+len(k.data) > 4*n.cfg.Buffer && len(p.queue) > 0 {
		n.count(from, func(s *Stats) { s.PacketsOverflowed++ })
		return
	}
	n.count(from, func(s *Stats) { s.PacketsDelivered++ })
	p.queue = append(p.queue, k)
	p.bytes += len(k.data)
	p.cond.Broadcast()
}

func (p *packetConn) Close() error {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	if p.closed {
		return p.fail("close", nil, errClosed)
	}
	p.shut()
	return nil
}

func (p *packetConn) shut() {
	p.closed = true
	p.queue = nil
	p.readBy.stop()
	p.writeBy.stop()
	delete(p.host.packets, p.addr.Port())
	p.cond.Broadcast()
}

func (p *packetConn) LocalAddr() net.Addr { return udpAddr(p.addr) }

func (p *packetConn) SetDeadline(t time.Time) error { return p.setDeadlines(t, true, true) }

func (p *packetConn) SetReadDeadline(t time.Time) error { return p.setDeadlines(t, true, false) }

func (p *packetConn) SetWriteDeadline(t time.Time) error { return p.setDeadlines(t, false, true) }

func (p *packetConn) setDeadlines(t time.Time, read, write bool) error {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	if p.closed {
		return p.fail("set", nil, errClosed)
	}
	if read {
		p.readBy.set(t, p.cond)
	}
	if write {
		p.writeBy.set(t, p.cond)
	}
	return nil
}

func (p *packetConn) fail(op string, addr net.Addr, err error) error {
	return opError(op, "udp", udpAddr(p.addr), addr, err)
}
