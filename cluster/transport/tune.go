package transport

import "net"

// tune sets what the system should do about a connection.
func (t *Transport) tune(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	tcp.SetNoDelay(true)
	every := t.cfg.Timing.KeepAlive
	tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: every, Interval: every, Count: 3})
	if err := setUserTimeout(tcp, t.cfg.Timing.User); err != nil {
		t.cfg.Logger.Debug("transport: TCP_USER_TIMEOUT", "error", err)
	}
}
