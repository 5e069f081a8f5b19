package fakenet

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

const (
	defaultBuffer      = 64 << 10
	defaultBacklog     = 128
	defaultDialTimeout = 2 * time.Minute
)

// Config is what the links between hosts are like. The zero value is a network without delay or loss.
type Config struct {
	// Seed chooses what is lost, doubled and delayed.
	Seed uint64
	// Latency is how long everything takes in one direction. A host reaches itself at once.
	Latency time.Duration
	// Jitter is added to it, at random up to this. Packets overtake each other by it, streams stay in order.
	Jitter time.Duration
	// Loss, Duplicate and Reorder are the shares of packets, 0 to 1, that are lost, arrive twice, and are held back for a
	// few latencies.
	Loss, Duplicate, Reorder float64
	// Bandwidth is how many bytes per second go from one host to another; zero is without limit.
	Bandwidth int
	// Buffer is how many bytes of a stream are under way or unread, in each direction; zero is 64 KiB. It bounds the
	// packets that wait in a socket, too: at most four times as much.
	Buffer int
	// Backlog is how many connections wait to be accepted; zero is 128. A dial beyond is not answered until there is room.
	Backlog int
	// DialTimeout ends a dial that nobody answers, whatever its context says; zero is two minutes.
	DialTimeout time.Duration
}

// Stats counts what happened. Everything only grows.
type Stats struct {
	// PacketsSent and PacketBytes are what was written, PacketsDelivered what was put into a socket, doubles included.
	PacketsSent, PacketBytes, PacketsDelivered uint64
	// PacketsLost went by chance, PacketsCut by a cut, a pause or for want of a socket, PacketsOverflowed by a full socket.
	PacketsLost, PacketsCut, PacketsOverflowed, PacketsDuplicated uint64
	// StreamBytes were written to streams.
	StreamBytes uint64
	// Dials were begun, Refused of them got nobody, Conns succeeded.
	Dials, Refused, Conns uint64
}

// Network is a set of hosts and the links between them. Its methods may be called by any number of goroutines.
type Network struct {
	cfg Config

	mu        sync.Mutex // protects everything below and everything in hosts and sockets; never held while waiting
	rand      *rand.Rand
	hosts     map[netip.Addr]*host
	conns     map[*conn]struct{}
	dials     map[*dialing]struct{} // without an answer yet
	cuts      map[link]bool
	groups    map[netip.Addr]int // nil: no partition
	busy      map[link]time.Time // until when a link is sending, if Bandwidth is limited
	events    events
	seq       uint64
	timer     *time.Timer
	timerAt   time.Time
	stats     Stats
	closed    bool
	partition bool
}

// link is one direction between two hosts.
type link struct{ from, to netip.Addr }

// host is one machine.
type host struct {
	addr      netip.Addr
	listeners map[uint16]*listener
	packets   map[uint16]*packetConn
	local     map[uint16]int // ports of outgoing connections
	nextPort  uint16
	down      bool // crashed, not restarted
	paused    bool
	sent      Stats
}

// New returns a network without hosts. Close it.
func New(cfg Config) *Network {
	if cfg.Buffer <= 0 {
		cfg.Buffer = defaultBuffer
	}
	if cfg.Backlog <= 0 {
		cfg.Backlog = defaultBacklog
	}
	if cfg.DialTimeout <= 0 {
		cfg.DialTimeout = defaultDialTimeout
	}
	return &Network{
		cfg:   cfg,
		rand:  rand.New(rand.NewPCG(cfg.Seed, 0x9e3779b97f4a7c15)),
		hosts: map[netip.Addr]*host{},
		conns: map[*conn]struct{}{},
		dials: map[*dialing]struct{}{},
		cuts:  map[link]bool{},
		busy:  map[link]time.Time{},
	}
}

// Host is the network as one host sees it.
func (n *Network) Host(ip string) *Host {
	a := mustIP(ip)
	n.mu.Lock()
	defer n.mu.Unlock()
	return &Host{n: n, h: n.hostLocked(a)}
}

// Host is the network as one host sees it: what a program is given.
type Host struct {
	n *Network
	h *host
}

// IP is the address of the host.
func (h *Host) IP() string { return h.h.addr.String() }

// Stats counts what this host sent.
func (h *Host) Stats() Stats {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	return h.h.sent
}

// Stats counts what happened in the whole network.
func (n *Network) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// count changes the counters of the network and of the host that sent.
func (n *Network) count(from *host, f func(*Stats)) {
	f(&n.stats)
	f(&from.sent)
}

func (n *Network) hostLocked(a netip.Addr) *host {
	h := n.hosts[a]
	if h == nil {
		h = &host{addr: a, listeners: map[uint16]*listener{}, packets: map[uint16]*packetConn{}, local: map[uint16]int{}, nextPort: 32768}
		n.hosts[a] = h
	}
	return h
}

func mustIP(ip string) netip.Addr {
	a, err := netip.ParseAddr(ip)
	if err != nil || a.IsUnspecified() {
		panic(fmt.Sprintf("fakenet: host %q is not an IP address", ip))
	}
	return a.Unmap()
}

// open reports whether the link carries anything.
func (n *Network) open(from, to *host) bool {
	if from == to {
		return true
	}
	if n.cuts[link{from.addr, to.addr}] {
		return false
	}
	return !n.partition || n.groups[from.addr] == n.groups[to.addr]
}

// carries reports whether something sent arrives now: the link is open and both hosts run.
func (n *Network) carries(from, to *host) bool {
	return n.open(from, to) && !from.paused && !to.paused
}

// delay is how long size bytes take from one host to the other, if they are sent now.
func (n *Network) delay(from, to *host, size int) time.Duration {
	if from == to {
		return 0
	}
	d := n.cfg.Latency
	if n.cfg.Jitter > 0 {
		d += time.Duration(n.rand.Int64N(int64(n.cfg.Jitter) + 1))
	}
	if n.cfg.Bandwidth > 0 && size > 0 {
		now, l := time.Now(), link{from.addr, to.addr}
		start := now
		if b := n.busy[l]; b.After(now) {
			start = b
		}
		end := start.Add(time.Duration(float64(size) / float64(n.cfg.Bandwidth) * float64(time.Second)))
		n.busy[l] = end
		d += end.Sub(now)
	}
	return d
}

// after runs f, with the lock held, when d has passed: at once if that is nothing. Of two at one time the first comes first.
func (n *Network) after(d time.Duration, f func()) {
	if n.closed {
		return
	}
	if d <= 0 {
		f()
		return
	}
	n.seq++
	heap.Push(&n.events, event{at: time.Now().Add(d), seq: n.seq, run: f})
	n.arm()
}

// arm sets the one timer to the first event.
func (n *Network) arm() {
	if len(n.events) == 0 {
		return
	}
	at := n.events[0].at
	switch {
	case n.timer == nil:
		n.timer = time.AfterFunc(time.Until(at), n.fire)
	case n.timerAt.IsZero() || at.Before(n.timerAt):
		n.timer.Reset(time.Until(at))
	default:
		return
	}
	n.timerAt = at
}

// fire runs what is due.
func (n *Network) fire() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.timerAt = time.Time{}
	now := time.Now()
	for !n.closed && len(n.events) > 0 && !n.events[0].at.After(now) {
		heap.Pop(&n.events).(event).run()
	}
	n.arm()
}

// Close ends every socket and every wait. Nothing is delivered afterwards.
func (n *Network) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.closed = true
	if n.timer != nil {
		n.timer.Stop()
	}
	n.events = nil
	for d := range n.dials {
		d.settle(nil, errClosed)
	}
	for _, h := range n.hosts {
		n.closeSockets(h)
	}
	for c := range n.conns {
		c.shut()
		delete(n.conns, c)
	}
}

// event is something that happens later.
type event struct {
	at  time.Time
	seq uint64
	run func()
}

// events is a heap by time.
type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if !e[i].at.Equal(e[j].at) {
		return e[i].at.Before(e[j].at)
	}
	return e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	(*e)[last] = event{}
	*e = (*e)[:last]
	return x
}
