//go:build unix

package transport

import (
	"io"
	"net"
	"syscall"
)

// nonblocking writes to a socket as much as the system takes at once.
type nonblocking struct {
	raw syscall.RawConn
	try func(fd uintptr) bool
	b   []byte
	n   int
	err error
}

// newNonblocking returns nil if conn is not a socket of the system.
func newNonblocking(conn net.Conn) *nonblocking {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	w := &nonblocking{raw: raw}
	w.try = func(fd uintptr) bool {
		for {
			w.n, w.err = syscall.Write(int(fd), w.b)
			if w.err != syscall.EINTR {
				return true
			}
		}
	}
	return w
}

// write is called by one goroutine at a time. It may write less than b without an error.
func (w *nonblocking) write(b []byte) (int, error) {
	w.b = b
	err := w.raw.Write(w.try)
	w.b = nil
	switch {
	case err != nil:
		return 0, err
	case w.err == syscall.EAGAIN:
		return 0, nil
	case w.err != nil:
		return 0, w.err
	case w.n <= 0 && len(b) > 0:
		return 0, io.ErrUnexpectedEOF
	}
	return w.n, nil
}
