package gossip

import (
	"context"
	"fmt"
	"net"
	"syscall"
)

// sockets opens one to listen to the group and one to send to it. They are two because the listening one is shared with
// the other nodes of this machine and would not hear itself.
func sockets(ctx context.Context, group *net.UDPAddr, name string) (in *net.UDPConn, out net.PacketConn, err error) {
	var ifi *net.Interface
	var source net.IP
	if name != "" {
		if ifi, err = net.InterfaceByName(name); err != nil {
			return nil, nil, fmt.Errorf("interface %s: %w", name, err)
		}
		if source, err = sourceOf(ifi); err != nil {
			return nil, nil, err
		}
	}
	if in, err = net.ListenMulticastUDP("udp4", ifi, group); err != nil {
		return nil, nil, err
	}
	listen := net.ListenConfig{}
	if source != nil {
		listen.Control = func(_, _ string, c syscall.RawConn) error { return sendFrom(c, source) }
	}
	local := ":0"
	if source != nil {
		local = net.JoinHostPort(source.String(), "0")
	}
	if out, err = listen.ListenPacket(ctx, "udp4", local); err != nil {
		in.Close()
		return nil, nil, err
	}
	return in, out, nil
}

func sourceOf(ifi *net.Interface) (net.IP, error) {
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", ifi.Name, err)
	}
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil {
			return ip.IP.To4(), nil
		}
	}
	return nil, fmt.Errorf("interface %s has no IPv4 address", ifi.Name)
}
