// Package network is what a node needs of a network, so that whole clusters can run on one in memory.
//
// # Guarantees
//
//   - [OS] is the operating system's TCP and UDP, nothing added.
//
// # Not guaranteed
//
//   - That an error of a dial is one of the operating system's: ask with errors.Is for syscall.ECONNREFUSED, which every
//     network gives when nobody listens, and with net.Error's Timeout.
//
// # Limits
//
// Those of the operating system.
package network

import (
	"context"
	"net"
)

// Network opens stream and packet sockets. Addresses are host:port; port 0 listens on a free one.
type Network interface {
	Listen(addr string) (net.Listener, error)
	ListenPacket(addr string) (net.PacketConn, error)
	Dial(ctx context.Context, addr string) (net.Conn, error)
}

// OS is the operating system's network.
type OS struct{}

// Listen listens on a TCP address.
func (OS) Listen(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }

// ListenPacket listens on a UDP address.
func (OS) ListenPacket(addr string) (net.PacketConn, error) { return net.ListenPacket("udp", addr) }

// Dial connects to a TCP address. It gives up when ctx ends.
func (OS) Dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}
