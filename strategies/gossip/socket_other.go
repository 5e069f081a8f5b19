//go:build !unix

package gossip

import (
	"net"
	"syscall"
)

// sendFrom leaves the choice to the system, which knows the address that is bound.
func sendFrom(syscall.RawConn, net.IP) error { return nil }
