//go:build !linux

package transport

import (
	"net"
	"time"
)

// setUserTimeout: the system has none; keep-alive finds a silent peer.
func setUserTimeout(*net.TCPConn, time.Duration) error { return nil }
