package cluster

import (
	"errors"
	"fmt"
	"sync"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/transport"
)

// Port lets a package above the cluster talk to itself at other nodes, on the control lane: about nodes, names and interest, in
// small records. What processes say to each other does not go there.
type Port struct {
	n    *Node
	name string
	h    PortHandler
}

// PortHandler hears what happens on a Port. Calls about one member come in order, one at a time; those about different members
// concurrently. None may wait: they run where the control lane is read.
type PortHandler interface {
	// Renewed: this node has a new incarnation from now on. Sessions of the one before have ended and were told by Gone. It is
	// called once when the Port is opened, too.
	Renewed(self Member)
	// Met: there is a session with a member, whatever its state is; before anything else of that session.
	Met(m Member)
	// Received: a record of that member; rec is valid during the call.
	Received(m Member, rec []byte)
	// Gone: that session is over; after everything else of it.
	Gone(m Member)
}

// ErrPortTaken: there is a port of that name already.
var ErrPortTaken = errors.New("cluster: the port is taken")

const maxPortName = 64

type ports struct {
	opening sync.Mutex
	mu      sync.Mutex // protects the field below
	named   map[string]*Port
}

func (p *ports) all() []*Port {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]*Port, 0, len(p.named))
	for _, x := range p.named {
		list = append(list, x)
	}
	return list
}

func (p *ports) find(name string) *Port {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.named[name]
}

// OpenPort opens a port. All nodes use the same name for the same purpose; records for a port that a node has not opened are
// dropped there. Members with whom there is a session already are Met before OpenPort returns.
func (n *Node) OpenPort(name string, h PortHandler) (*Port, error) {
	if name == "" || len(name) > maxPortName || h == nil {
		return nil, fmt.Errorf("cluster: OpenPort(%q): give a name of 1 to %d bytes and a handler", name, maxPortName)
	}
	p := &Port{n: n, name: name, h: h}
	n.ports.opening.Lock() // Renewed comes before Met, which may come as soon as the port is found
	defer n.ports.opening.Unlock()
	if n.ports.find(name) != nil {
		return nil, fmt.Errorf("%w: %q", ErrPortTaken, name)
	}
	l := n.life.Load()
	h.Renewed(l.snap.Load().self)
	n.ports.mu.Lock()
	if n.ports.named == nil {
		n.ports.named = map[string]*Port{}
	}
	n.ports.named[name] = p
	n.ports.mu.Unlock()
	for _, q := range l.each() {
		q.meet(p)
	}
	return p, nil
}

// Close closes the port. Calls of its handler under way may end after it.
func (p *Port) Close() {
	p.n.ports.mu.Lock()
	defer p.n.ports.mu.Unlock()
	if p.n.ports.named[p.name] == p {
		delete(p.n.ports.named, p.name)
	}
}

// Send sends a record to a member, behind what was sent there before. It never waits, and is taken whatever there is; the error is
// actor.NoConnection if there is no session. What was taken arrives, unless the session ends.
func (p *Port) Send(to Member, rec []byte) error {
	l := p.n.life.Load()
	l.mu.Lock()
	q := l.peers[to.ID()]
	l.mu.Unlock()
	if q == nil {
		return actor.NoConnection
	}
	s := q.session.Load()
	if s == nil || !q.up.Load() {
		return actor.NoConnection
	}
	b := appendText([]byte{controlPort}, p.name)
	if err := s.SendAlways(transport.Control, append(b, rec...)); err != nil {
		return carryError(err)
	}
	return nil
}

// portRecord brings a record to its port.
func (p *peer) portRecord(rec []byte) error {
	d := decoder{b: rec[1:]}
	name := d.bytes(maxPortName)
	if d.bad {
		return errControl
	}
	if port := p.l.n.ports.find(string(name)); port != nil {
		p.meet(port)
		p.port.Lock()
		_, met := p.met[port]
		p.port.Unlock()
		if met {
			port.h.Received(p.member(), d.b)
		}
	}
	return nil
}

// meet tells port of this peer's session, once.
func (p *peer) meet(port *Port) {
	if !p.up.Load() {
		return
	}
	p.telling.Lock() // so that who comes second returns when Met has
	defer p.telling.Unlock()
	p.port.Lock()
	_, met := p.met[port]
	gone := p.gone
	if !met && !gone {
		if p.met == nil {
			p.met = map[*Port]struct{}{}
		}
		p.met[port] = struct{}{}
	}
	p.port.Unlock()
	if !met && !gone {
		port.h.Met(p.member())
	}
}

// part tells all ports that the session is over.
func (p *peer) part() {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.port.Lock()
	met := p.met
	p.met, p.gone = nil, true
	p.port.Unlock()
	for port := range met {
		port.h.Gone(p.member())
	}
}

// member is the peer as a member, as far as it is known.
func (p *peer) member() Member {
	if m, ok := p.l.snap.Load().member(p.id); ok {
		return m
	}
	return Member{Name: p.id.Name, Incarnation: uint64(p.id.Incarnation)}
}
