package membership

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

const (
	packetQueue = 256
	streamQueue = 16
	// labelByte begins whatever carries the name of a cluster.
	labelByte = 244
	// readBackoff is how long the packet reader waits after an error, doubling up to readBackoffMax.
	readBackoff    = 5 * time.Millisecond
	readBackoffMax = time.Second
)

var _ memberlist.NodeAwareTransport = (*transport)(nil)

// transport brings memberlist to the sockets that we were given.
type transport struct {
	m         *Members
	cluster   string
	advertise netip.AddrPort
	packets   net.PacketConn
	dial      func(context.Context, string) (net.Conn, error)

	packetCh chan *memberlist.Packet
	streamCh chan net.Conn
	ctx      context.Context // ends at Shutdown
	stop     context.CancelFunc
	reader   sync.WaitGroup

	mu       sync.Mutex // protects the fields below
	conns    map[*stream]struct{}
	incoming int
	outgoing map[string]string // local address of a stream that we opened → address that was dialled
	closed   bool
}

func newTransport(m *Members, cfg Config) *transport {
	ctx, stop := context.WithCancel(context.Background())
	return &transport{
		m: m, cluster: cfg.Cluster, advertise: cfg.Advertise, packets: cfg.Packets, dial: cfg.Dial,
		packetCh: make(chan *memberlist.Packet, packetQueue), streamCh: make(chan net.Conn, streamQueue),
		ctx: ctx, stop: stop, conns: map[*stream]struct{}{}, outgoing: map[string]string{},
	}
}

func (t *transport) start() { t.reader.Go(t.read) }

// read takes packets from the socket until it is closed.
func (t *transport) read() {
	buf := make([]byte, MaxPacketBytes+1)
	wait := readBackoff
	for {
		n, from, err := t.packets.ReadFrom(buf)
		if err != nil {
			if t.ctx.Err() != nil {
				return
			}
			if errors.Is(err, net.ErrClosed) {
				t.m.log(slog.LevelError, "the packet socket was closed by somebody else: this node hears nothing any more")
				return
			}
			t.m.log(slog.LevelWarn, "read of packets failed", slog.Any("error", err))
			if !t.pause(wait) {
				return
			}
			wait = min(2*wait, readBackoffMax)
			continue
		}
		wait = readBackoff
		if !t.admit(buf[:n], from) {
			continue
		}
		p := &memberlist.Packet{Buf: append([]byte(nil), buf[:n]...), From: from, Timestamp: time.Now()}
		select {
		case t.packetCh <- p:
		case <-t.ctx.Done():
			return
		}
	}
}

func (t *transport) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.ctx.Done():
		return false
	}
}

// admit looks at a packet before memberlist does: that is cheap, and we can say more.
func (t *transport) admit(b []byte, from net.Addr) bool {
	detail, reason := checkPacket(b, t.cluster)
	if reason != nil {
		t.m.reject(reason, nodeid.ID{}, from.String(), detail)
		return false
	}
	t.m.packetsIn.Add(1)
	return true
}

// checkPacket says why a packet cannot be for us, judging by its size and the name of the cluster that it begins with.
func checkPacket(b []byte, cluster string) (detail string, reason error) {
	switch {
	case len(b) > MaxPacketBytes:
		return fmt.Sprintf("a packet of more than %d bytes", MaxPacketBytes), ErrOversize
	case len(b) < 2 || b[0] != labelByte:
		return fmt.Sprintf("a packet of %d bytes without the name of a cluster", len(b)), ErrGarbage
	case b[1] == 0 || len(b) < 2+int(b[1]):
		return "a packet with a truncated cluster name", ErrGarbage
	case string(b[2:2+int(b[1])]) != cluster:
		return fmt.Sprintf("a packet of the cluster %.40q, ours is %.40q", b[2:2+int(b[1])], cluster), ErrCluster
	}
	return "", nil
}

// FinalAdvertiseAddr is where the others reach us.
func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return t.advertise.Addr().AsSlice(), int(t.advertise.Port()), nil
}

// WriteTo sends a packet.
func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	return t.WriteToAddress(b, memberlist.Address{Addr: addr})
}

// WriteToAddress sends a packet. An address that is none is an error of the kind that lets memberlist go on and suspect it.
func (t *transport) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	ap, err := netip.ParseAddrPort(a.Addr)
	if err != nil {
		return time.Time{}, &net.OpError{Op: "write", Net: "udp", Err: err}
	}
	t.m.packetsOut.Add(1)
	_, err = t.packets.WriteTo(b, net.UDPAddrFromAddrPort(ap))
	return time.Now(), err
}

// PacketCh is where packets arrive.
func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packetCh }

// StreamCh is where streams of others arrive.
func (t *transport) StreamCh() <-chan net.Conn { return t.streamCh }

// DialTimeout opens a stream.
func (t *transport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	return t.DialAddressTimeout(memberlist.Address{Addr: addr}, timeout)
}

// DialAddressTimeout opens a stream.
func (t *transport) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.ctx, timeout)
	defer cancel()
	c, err := t.dial(ctx, a.Addr)
	if err != nil {
		return nil, err
	}
	// The name of the cluster is written before memberlist sets a deadline.
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		_ = c.Close()
		return nil, err
	}
	s := &stream{Conn: c, t: t, left: MaxStreamBytes}
	if !t.track(s, a.Addr) {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	t.m.streamsOut.Add(1)
	return s, nil
}

// accept takes a stream that another node opened.
func (t *transport) accept(c net.Conn) {
	from := c.RemoteAddr().String()
	t.mu.Lock()
	full := t.incoming >= MaxStreams
	t.mu.Unlock()
	switch {
	case full:
		t.m.reject(ErrOverload, nodeid.ID{}, from, fmt.Sprintf("%d streams are open already", MaxStreams))
	default:
		s := &stream{Conn: c, t: t, left: MaxStreamBytes, incoming: true}
		if !t.track(s, "") {
			break
		}
		t.m.streamsIn.Add(1)
		select {
		case t.streamCh <- s:
			return
		default:
			_ = s.Close()
			t.m.reject(ErrOverload, nodeid.ID{}, from, "streams arrive faster than they are taken")
			return
		}
	}
	_ = c.Close()
}

// track keeps a stream until it is closed; false if it is too late.
func (t *transport) track(s *stream, dialled string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.conns[s] = struct{}{}
	if s.incoming {
		t.incoming++
	} else {
		t.outgoing[s.LocalAddr().String()] = dialled
	}
	return true
}

// fromSelf reports whether we have called ourselves, under an address that is not the advertised one: the other end is a
// stream of ours. It is known to be one before anything is written to it, so whoever has read something can ask.
func (t *transport) fromSelf(s *stream) bool {
	t.mu.Lock()
	dialled, self := t.outgoing[s.RemoteAddr().String()]
	t.mu.Unlock()
	if self {
		t.m.foundSelf(dialled)
	}
	return self
}

func (t *transport) untrack(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.conns[s]; !ok {
		return
	}
	delete(t.conns, s)
	if s.incoming {
		t.incoming--
	} else {
		delete(t.outgoing, s.LocalAddr().String())
	}
}

// Shutdown closes the socket and every stream, and waits for the reader.
func (t *transport) Shutdown() error {
	t.stop()
	t.mu.Lock()
	t.closed = true
	open := make([]*stream, 0, len(t.conns))
	for s := range t.conns {
		open = append(open, s)
	}
	t.mu.Unlock()
	for _, s := range open {
		_ = s.Close()
	}
	err := t.packets.Close()
	t.reader.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// stream is a stream with a bound on what is read from it. memberlist leaves one open if its first write fails: so a failed
// write closes it.
type stream struct {
	net.Conn
	t        *transport
	incoming bool
	heard    bool // something was read
	left     int
}

func (s *stream) Read(b []byte) (int, error) {
	if s.left <= 0 {
		s.t.m.reject(ErrOversize, nodeid.ID{}, s.RemoteAddr().String(), fmt.Sprintf("a stream of more than %d bytes", MaxStreamBytes))
		return 0, ErrOversize
	}
	n, err := s.Conn.Read(b[:min(len(b), s.left)])
	s.left -= n
	if n > 0 && s.incoming && !s.heard {
		s.heard = true
		if s.t.fromSelf(s) {
			return 0, net.ErrClosed
		}
	}
	return n, err
}

func (s *stream) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b)
	if err != nil {
		_ = s.Close()
	}
	return n, err
}

func (s *stream) Close() error {
	s.t.untrack(s)
	return s.Conn.Close()
}
