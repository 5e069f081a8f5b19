package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Raw TCP between the same two processes: what the network alone costs. A connection begins with a byte that says what it is
// for. For streams, each run is its length, as many records, and the answer of what was counted.
const (
	tcpEcho   = 'e'
	tcpStream = 's'

	recordSize = 30 // about what an item takes between two nodes
	tcpBuffer  = 64 << 10
)

// tcpServer serves raw TCP in the second process.
type tcpServer struct {
	l  net.Listener
	wg sync.WaitGroup

	mu    sync.Mutex // protects conns
	conns []net.Conn
}

func serveTCP() (*tcpServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &tcpServer{l: l}
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			s.wg.Go(func() {
				defer c.Close()
				serveConn(c)
			})
		}
	})
	return s, nil
}

func (s *tcpServer) addr() string { return s.l.Addr().String() }

// close ends everything and waits for it.
func (s *tcpServer) close() {
	s.l.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// serveConn does what the first byte asks for until the connection ends.
func serveConn(c net.Conn) {
	var kind [1]byte
	if _, err := io.ReadFull(c, kind[:]); err != nil {
		return
	}
	switch kind[0] {
	case tcpEcho:
		var b [recordSize]byte
		for {
			if _, err := io.ReadFull(c, b[:]); err != nil {
				return
			}
			if _, err := c.Write(b[:]); err != nil {
				return
			}
		}
	case tcpStream:
		r := bufio.NewReaderSize(c, tcpBuffer)
		for serveStream(c, r) == nil {
		}
	}
}

// serveStream counts the records of one run and answers with the sum of their numbers.
func serveStream(w io.Writer, r io.Reader) error {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	var sum uint64
	var b [recordSize]byte
	for range binary.LittleEndian.Uint64(head[:]) {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return err
		}
		sum += binary.LittleEndian.Uint64(b[:])
	}
	binary.LittleEndian.PutUint64(head[:], sum)
	_, err := w.Write(head[:])
	return err
}

// rawTCP is a load over a connection of its own to the other process.
func rawTCP(kind byte, run func(c net.Conn, n int) error) func(*env) (load, error) {
	return func(e *env) (load, error) {
		p, err := e.usePair()
		if err != nil {
			return load{}, err
		}
		c, err := dialTCP(p.tcp, kind)
		if err != nil {
			return load{}, fmt.Errorf("raw TCP: %w, %w", err, e.dropPair())
		}
		return load{
			run: func(ctx context.Context, n int) (int, time.Duration, error) {
				defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
				start := time.Now()
				err := run(c, n)
				return n, time.Since(start), err
			},
			close: func() error { c.Close(); return e.dropPair() },
			far:   p.state,
		}, nil
	}
}

func dialTCP(addr string, kind byte) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", addr, farAskLimit) // with TCP_NODELAY, as always in Go
	if err != nil {
		return nil, err
	}
	if _, err := c.Write([]byte{kind}); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// tcpRoundTrips sends a record and waits until it comes back: one operation is the unit "rtt".
func tcpRoundTrips(c net.Conn, n int) error {
	var there, back [recordSize]byte
	for i := range n {
		binary.LittleEndian.PutUint64(there[:], uint64(i))
		if _, err := c.Write(there[:]); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, back[:]); err != nil {
			return err
		}
		if back != there {
			return fmt.Errorf("sent %v, got %v", there, back)
		}
	}
	return nil
}

// tcpOneWay sends records through a buffer: one is the unit "tcp".
func tcpOneWay(c net.Conn, n int) error {
	w := bufio.NewWriterSize(c, tcpBuffer)
	var b [recordSize]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	if _, err := w.Write(b[:8]); err != nil {
		return err
	}
	for i := range n {
		binary.LittleEndian.PutUint64(b[:], uint64(i))
		if _, err := w.Write(b[:]); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, b[:8]); err != nil {
		return err
	}
	return checkSum(binary.LittleEndian.Uint64(b[:]), n)
}
