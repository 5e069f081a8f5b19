// Command attacker opens connections to a node and misbehaves, for the end-to-end tests.
//
//	attacker -to host:port -how garbage|slow|silent|huge|wrong|http|tls|datagrams [-conns 200] [-rate 100000] [-pause 1s]
//	attacker -to host:port -how certificate
//
// A connection that is closed by the node is opened again after a pause. Every second it prints a line of JSON with what it did so
// far. With certificate it prints the serial number of the certificate that the node shows, and ends.
package main

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// report is what is printed.
type report struct {
	Opened, Closed, Refused, Bytes int64
	Held                           int64 // connections open now
	Longest                        time.Duration
	Serial                         string `json:",omitempty"`
}

type attacker struct {
	network, to                    string
	opened, closed, refused, bytes atomic.Int64
	held                           atomic.Int64
	longest                        atomic.Int64
	rate                           int // bytes a second of one connection
	pause                          time.Duration
}

// preface is how a session of the node's protocol begins.
const preface = "FND\x01\x00"

const (
	head = 2 // type of the message that comes first
	tick = 100 * time.Millisecond
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "attacker:", err)
		os.Exit(1)
	}
}

func run() error {
	a := &attacker{network: "tcp"}
	flag.StringVar(&a.to, "to", "", "host:port")
	how := flag.String("how", "garbage", "to misbehave")
	conns := flag.Int("conns", 200, "connections at once")
	rate := flag.Int("rate", 100_000, "bytes a second, of all together")
	flag.DurationVar(&a.pause, "pause", time.Second, "before a connection that was closed is opened again")
	flag.Parse()
	out := json.NewEncoder(os.Stdout)
	if *how == "certificate" {
		serial, err := a.certificate()
		return errors.Join(err, out.Encode(report{Serial: serial}))
	}
	attack, ok := map[string]func(net.Conn) error{"garbage": a.garbage, "slow": a.slow, "silent": a.silent, "huge": a.huge,
		"wrong": a.wrong, "http": a.http, "tls": a.tls, "datagrams": a.garbage}[*how]
	if !ok {
		return fmt.Errorf("-how %q is not known", *how)
	}
	if *how == "datagrams" {
		a.network = "udp"
	}
	a.rate = max(*rate / *conns, 1)
	var wg sync.WaitGroup
	for range *conns {
		wg.Go(func() {
			for {
				a.once(attack)
			}
		})
	}
	for range time.Tick(time.Second) {
		r := report{Opened: a.opened.Load(), Closed: a.closed.Load(), Refused: a.refused.Load(), Bytes: a.bytes.Load(), Held: a.held.Load(),
			Longest: time.Duration(a.longest.Load())}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// once is one connection, from its beginning until the node closes it.
func (a *attacker) once(attack func(net.Conn) error) {
	began := time.Now()
	conn, err := net.DialTimeout(a.network, a.to, 5*time.Second)
	if err != nil {
		a.refused.Add(1)
		<-time.After(a.pause)
		return
	}
	a.opened.Add(1)
	a.held.Add(1)
	_ = attack(conn) // how it ended makes no difference to an attacker
	conn.Close()
	a.held.Add(-1)
	a.closed.Add(1)
	for took := int64(time.Since(began)); ; {
		longest := a.longest.Load()
		if took <= longest || a.longest.CompareAndSwap(longest, took) {
			break
		}
	}
	<-time.After(a.pause)
}

// pour writes what fill makes, at the rate, until the node hangs up.
func (a *attacker) pour(conn net.Conn, fill func([]byte)) error {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, conn)
	}()
	b := make([]byte, max(a.rate/int(time.Second/tick), 1))
	for t := time.NewTicker(tick); ; {
		fill(b)
		n, err := conn.Write(b)
		a.bytes.Add(int64(n))
		if err != nil {
			return err
		}
		select {
		case <-t.C:
		case <-gone:
			return io.EOF
		}
	}
}

func random(b []byte) {
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
}

// garbage is random bytes from the first on.
func (a *attacker) garbage(conn net.Conn) error { return a.pour(conn, random) }

// slow sends a right beginning, one byte in a while.
func (a *attacker) slow(conn net.Conn) error {
	text := append([]byte(preface), binary.LittleEndian.AppendUint32(nil, 4000)...)
	text = append(text, head)
	i := 0
	return a.pour(conn, func(b []byte) {
		for k := range b {
			b[k] = 0
			if i < len(text) {
				b[k] = text[i]
			}
			i++
		}
	})
}

// silent says nothing.
func (a *attacker) silent(conn net.Conn) error {
	_, err := io.Copy(io.Discard, conn)
	return err
}

// huge announces a message of 4 GiB and then sends it.
func (a *attacker) huge(conn net.Conn) error {
	if _, err := conn.Write([]byte(preface + "\xff\xff\xff\xff\x02")); err != nil {
		return err
	}
	return a.pour(conn, random)
}

// wrong sends messages in an order that nobody does, of a right form.
func (a *attacker) wrong(conn net.Conn) error {
	b := []byte(preface)
	for kind := range byte(16) {
		b = binary.LittleEndian.AppendUint32(b, 8)
		b = append(append(b, kind^4), make([]byte, 8)...)
	}
	n, err := conn.Write(b)
	a.bytes.Add(int64(n))
	if err != nil {
		return err
	}
	return a.silent(conn)
}

// http takes the node for another kind of server.
func (a *attacker) http(conn net.Conn) error {
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: node\r\n\r\n"); err != nil {
		return err
	}
	return a.silent(conn)
}

// tls speaks TLS, without a certificate.
func (a *attacker) tls(conn net.Conn) error {
	c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		return err
	}
	return a.silent(c)
}

// certificate is the serial number of what the node shows.
func (a *attacker) certificate() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}}
	conn, err := d.DialContext(ctx, "tcp", a.to)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
}
