package fakenet

import (
	"net/netip"
	"syscall"
)

// Cut stops everything that goes from one host to another, in this direction, until [Network.Mend] or [Network.Heal].
func (n *Network) Cut(from, to string) {
	l := link{mustIP(from), mustIP(to)}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cuts[l] = true
}

// Mend takes back one [Network.Cut].
func (n *Network) Mend(from, to string) {
	l := link{mustIP(from), mustIP(to)}
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.cuts, l)
	n.resumeFlow()
}

// Isolate cuts a host off from all others, those that come later too, as if it had lost its power or its cable: it is a
// [Network.Partition] of it alone, and replaces one that is there.
func (n *Network) Isolate(ip string) { n.Partition([]string{ip}) }

// Partition lets only hosts of one group reach each other. The hosts that are in none are a group of their own. It
// replaces the partition before it; cuts stay.
func (n *Network) Partition(groups ...[]string) {
	of := map[netip.Addr]int{}
	for i, g := range groups {
		for _, ip := range g {
			of[mustIP(ip)] = i + 1
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.groups, n.partition = of, true
	n.resumeFlow()
}

// Heal takes back every cut and partition. Paused and crashed hosts stay so.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.groups, n.partition = nil, false
	clear(n.cuts)
	n.resumeFlow()
}

// Break resets every connection between two hosts, at both ends and at once. What was under way is lost. It works
// through a cut: it is the hosts' doing, not the network's. New connections are not affected.
func (n *Network) Break(a, b string) {
	x, y := mustIP(a), mustIP(b)
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		if c.host.addr == x && c.peer.host.addr == y || c.host.addr == y && c.peer.host.addr == x {
			c.reset(syscall.ECONNRESET)
		}
	}
}

// Crash ends the program of a host, as kill -9 does while the machine runs on: its sockets are closed, what it had sent
// but not delivered is lost, whoever is connected to it sees a reset, and dials are refused until [Network.Restart] and a
// new Listen. For a machine that vanishes see [Network.Isolate].
func (n *Network) Crash(ip string) {
	a := mustIP(ip)
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hostLocked(a)
	h.down, h.paused = true, false
	n.closeSockets(h)
	for c := range n.conns {
		if c.host == h {
			c.abort()
		}
	}
	for d := range n.dials {
		if d.from == h {
			d.settle(nil, errClosed)
		}
	}
	n.resumeFlow()
}

// Restart lets programs of a crashed host open sockets again. Those it had stay closed.
func (n *Network) Restart(ip string) {
	a := mustIP(ip)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hostLocked(a).down = false
}

// Pause stops a host as SIGSTOP stops its program: nothing is delivered to it or from it. Its machine still answers:
// dials to it succeed until the backlog is full, packets to it wait in the socket until that is full, and streams to it
// take what fits.
func (n *Network) Pause(ip string) {
	a := mustIP(ip)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hostLocked(a).paused = true
}

// Resume takes back [Network.Pause].
func (n *Network) Resume(ip string) {
	a := mustIP(ip)
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hostLocked(a)
	h.paused = false
	for _, ln := range h.listeners {
		ln.cond.Broadcast()
	}
	for _, p := range h.packets {
		p.cond.Broadcast()
	}
	n.resumeFlow()
}

// SetLoss changes the shares of packets that are lost, doubled and held back.
func (n *Network) SetLoss(loss, duplicate, reorder float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cfg.Loss, n.cfg.Duplicate, n.cfg.Reorder = loss, duplicate, reorder
}

// resumeFlow lets streams go on that a cut or a pause may have stopped.
func (n *Network) resumeFlow() {
	for c := range n.conns {
		c.pump()
		c.credit()
	}
}

// closeSockets closes the listeners and packet sockets of a host.
func (n *Network) closeSockets(h *host) {
	for _, ln := range h.listeners {
		ln.shut()
	}
	for _, p := range h.packets {
		p.shut()
	}
}
