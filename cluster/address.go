package cluster

import (
	"net"
	"net/netip"

	"github.com/foundation-runtime/foundation/cluster/network"
)

// reachable gives a node that listens on every address of the machine one that can be told to others: the one it uses towards
// them itself.
func (c *Config) reachable() error {
	host, port, err := net.SplitHostPort(c.Listen)
	if _, real := c.Network.(network.OS); err != nil || c.Advertise != "" || !real {
		return nil
	}
	if ip, err := netip.ParseAddr(host); host != "" && (err != nil || !ip.IsUnspecified()) {
		return nil
	}
	own, err := outward()
	if err != nil {
		return &ConfigError{"Advertise", "", "the node listens on every address, and which of them others reach is not known: " + err.Error(),
			"give the host:port at which others reach this node"}
	}
	if port == "0" {
		c.Listen = net.JoinHostPort(own, port) // the port is known only later
	} else {
		c.Advertise = net.JoinHostPort(own, port)
	}
	return nil
}

// outward is the address of this machine that it uses towards others. Nothing is sent: a UDP socket is only told where to.
func outward() (string, error) {
	conn, err := net.Dial("udp4", "192.0.2.1:9")
	if err != nil {
		if conn, err = net.Dial("udp6", "[2001:db8::1]:9"); err != nil {
			return "", err
		}
	}
	defer conn.Close()
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	return host, err
}
