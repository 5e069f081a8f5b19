package fakenet

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// errClosed is what a closed socket says.
var errClosed = net.ErrClosed

// parse reads host:port. Without a host, with an unspecified one and with a loopback address the host itself is meant.
func (h *host) parse(text string) (netip.AddrPort, error) {
	name, port, err := net.SplitHostPort(text)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address %q is not host:port: %w", text, err)
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address %q: the port is not a number up to 65535", text)
	}
	if name == "" || name == "localhost" {
		return netip.AddrPortFrom(h.addr, uint16(p)), nil
	}
	a, err := netip.ParseAddr(name)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address %q: this network has no names, give an IP address", text)
	}
	a = a.Unmap()
	if a.IsUnspecified() || a.IsLoopback() {
		a = h.addr
	}
	return netip.AddrPortFrom(a, uint16(p)), nil
}

// bind is parse for an address to listen on, which must be the host's own.
func (h *host) bind(text string, taken func(uint16) bool) (netip.AddrPort, error) {
	if h.down {
		return netip.AddrPort{}, fmt.Errorf("the host %v has crashed and was not restarted: %w", h.addr, syscall.ENETDOWN)
	}
	a, err := h.parse(text)
	if err != nil {
		return a, err
	}
	if a.Addr() != h.addr {
		return a, syscall.EADDRNOTAVAIL
	}
	if a.Port() == 0 {
		return h.freePort(taken)
	}
	if taken(a.Port()) {
		return a, syscall.EADDRINUSE
	}
	return a, nil
}

// freePort finds a port above 32767. They are given out in turn, so that a port is not reused at once.
func (h *host) freePort(taken func(uint16) bool) (netip.AddrPort, error) {
	for range 32768 {
		p := h.nextPort
		if h.nextPort++; h.nextPort == 0 {
			h.nextPort = 32768
		}
		if !taken(p) {
			return netip.AddrPortFrom(h.addr, p), nil
		}
	}
	return netip.AddrPort{}, syscall.EADDRINUSE
}

// freeLocal gives back a claim on the port of an outgoing connection.
func (h *host) freeLocal(port uint16) {
	if h.local[port]--; h.local[port] <= 0 {
		delete(h.local, port)
	}
}

func (h *host) tcpTaken(p uint16) bool { return h.listeners[p] != nil || h.local[p] > 0 }
func (h *host) udpTaken(p uint16) bool { return h.packets[p] != nil }

func opError(op, network string, source, addr net.Addr, err error) error {
	return &net.OpError{Op: op, Net: network, Source: source, Addr: addr, Err: err}
}

func tcpAddr(a netip.AddrPort) *net.TCPAddr { return net.TCPAddrFromAddrPort(a) }
func udpAddr(a netip.AddrPort) *net.UDPAddr { return net.UDPAddrFromAddrPort(a) }
