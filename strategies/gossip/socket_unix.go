//go:build unix

package gossip

import (
	"net"
	"syscall"
)

// sendFrom chooses the interface with address ip for multicast.
func sendFrom(c syscall.RawConn, ip net.IP) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInet4Addr(int(fd), syscall.IPPROTO_IP, syscall.IP_MULTICAST_IF, [4]byte(ip))
	})
	if err == nil {
		err = failed
	}
	return err
}
