package membership

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

const (
	// metaHeader is what stands before the user's metadata: the form and the flags.
	metaHeader  = 2
	metaForm    = 1
	flagLeaving = 1
	// goodbye begins the message in which a node says directly to each member that it is leaving; its name follows.
	goodbye = 1
)

// encodeMeta puts the header before the user's metadata.
func encodeMeta(meta []byte, leaving bool) []byte {
	flags := byte(0)
	if leaving {
		flags = flagLeaving
	}
	return append([]byte{metaForm, flags}, meta...)
}

// decodeMeta takes the header off. The result is the caller's.
func decodeMeta(b []byte) (meta []byte, leaving bool, err error) {
	switch {
	case len(b) < metaHeader:
		return nil, false, errors.New("its metadata is too short")
	case b[0] != metaForm:
		return nil, false, fmt.Errorf("its metadata has the form %d, we know %d", b[0], metaForm)
	case len(b) > metaHeader+MaxMeta:
		return nil, false, fmt.Errorf("its metadata has %d bytes", len(b))
	}
	return bytes.Clone(b[metaHeader:]), b[1]&flagLeaving != 0, nil
}

// nodeOf reads what a node says of itself.
func nodeOf(n *memberlist.Node) (id nodeid.ID, e entry, err error) {
	if id, err = nodeid.Parse(n.Name); err != nil {
		return id, e, err
	}
	ip, ok := netip.AddrFromSlice(n.Addr)
	if !ok || ip.IsUnspecified() || n.Port == 0 {
		return id, e, fmt.Errorf("its address %v:%d cannot be reached", net.IP(n.Addr), n.Port)
	}
	e.addr = netip.AddrPortFrom(ip.Unmap(), n.Port).String()
	e.meta, e.leaving, err = decodeMeta(n.Meta)
	return id, e, err
}

// delegate is what memberlist calls, mostly under its locks: nothing here blocks or calls back.
type delegate struct{ m *Members }

var (
	_ memberlist.Delegate         = delegate{}
	_ memberlist.EventDelegate    = delegate{}
	_ memberlist.AliveDelegate    = delegate{}
	_ memberlist.ConflictDelegate = delegate{}
)

// NodeMeta is our metadata. It always fits.
func (d delegate) NodeMeta(int) []byte {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	return encodeMeta(d.m.meta, d.m.leaving)
}

// NotifyMsg takes a goodbye. Other messages and the state of users are not used: the cluster has connections for that.
func (d delegate) NotifyMsg(b []byte) {
	if len(b) == 0 || b[0] != goodbye {
		return
	}
	if id, err := nodeid.Parse(string(b[1:])); err == nil {
		d.m.saidGoodbye(id)
	}
}

func (delegate) GetBroadcasts(int, int) [][]byte { return nil }
func (delegate) LocalState(bool) []byte          { return nil }
func (delegate) MergeRemoteState([]byte, bool)   {}

// NotifyAlive decides whether a node is heard at all.
func (d delegate) NotifyAlive(n *memberlist.Node) error {
	if n.Name == d.m.name {
		return nil
	}
	id, e, err := nodeOf(n)
	reason := ErrNode
	if err == nil && d.m.cfg.Check != nil {
		err, reason = d.m.cfg.Check(id, e.addr, e.meta), ErrDenied
	}
	if err != nil {
		addr := netip.AddrPortFrom(mustAddr(n.Addr), n.Port).String()
		d.m.reject(reason, id, addr, fmt.Sprintf("node %.80q: %v", n.Name, err))
		return err
	}
	return nil
}

func mustAddr(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

// NotifyJoin is told of a node that is alive from now on.
func (d delegate) NotifyJoin(n *memberlist.Node) {
	id, e, err := nodeOf(n)
	if n.Name == d.m.name || err != nil {
		return
	}
	d.m.joined(id, e)
}

// NotifyUpdate is told of new metadata.
func (d delegate) NotifyUpdate(n *memberlist.Node) {
	id, e, err := nodeOf(n)
	if n.Name == d.m.name || err != nil {
		return
	}
	d.m.updated(id, e)
}

// NotifyLeave is told of a node that is alive no more. Why it is not, memberlist knows and does not say: so who leaves says
// so in its metadata first.
func (d delegate) NotifyLeave(n *memberlist.Node) {
	id, err := nodeid.Parse(n.Name)
	if n.Name == d.m.name || err != nil {
		return
	}
	d.m.lost(id)
}

// NotifyConflict is told of two nodes with one name and incarnation.
func (d delegate) NotifyConflict(known, other *memberlist.Node) {
	id, err := nodeid.Parse(known.Name)
	if err != nil {
		return
	}
	addr := other.Address()
	if d.m.conflicts.add(time.Now(), ErrNode, addr, "") == nil {
		return
	}
	d.m.out.put(item{event: Event{Kind: Conflict, ID: id, Addr: addr, Err: fmt.Errorf(
		"cluster/membership: %v at %s and at %s: two processes have one name and incarnation; take incarnations from nodeid.Next",
		id, known.Address(), addr)}})
}

// entry is what is known of a member.
type entry struct {
	addr    string
	meta    []byte
	leaving bool
}

func (e entry) event(k Kind, id nodeid.ID) item {
	return item{event: Event{Kind: k, ID: id, Addr: e.addr, Meta: bytes.Clone(e.meta)}}
}

func (m *Members) joined(id nodeid.ID, e entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.table[id]; ok {
		m.gone(id, old)
	}
	m.table[id] = e
	m.alive[e.addr]++
	m.book.learn(e.addr, time.Now())
	m.out.put(e.event(Alive, id))
	if e.leaving {
		m.out.put(e.event(Leaving, id))
	}
}

func (m *Members) updated(id nodeid.ID, e entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.table[id]
	if !ok {
		return
	}
	m.gone(id, old)
	e.leaving = e.leaving || old.leaving // nobody takes a goodbye back
	m.table[id] = e
	m.alive[e.addr]++
	if !bytes.Equal(old.meta, e.meta) {
		m.out.put(e.event(Updated, id))
	}
	if e.leaving && !old.leaving {
		m.out.put(e.event(Leaving, id))
	}
}

func (m *Members) saidGoodbye(id nodeid.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.table[id]
	if !ok || e.leaving {
		return
	}
	e.leaving = true
	m.table[id] = e
	m.out.put(e.event(Leaving, id))
}

func (m *Members) lost(id nodeid.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.table[id]
	if !ok {
		return
	}
	m.gone(id, e)
	if e.leaving {
		if m.alive[e.addr] == 0 {
			m.book.left(e.addr)
		}
		m.out.put(e.event(Left, id))
	} else {
		m.book.lost(e.addr, time.Now(), rand.Float64())
		m.out.put(e.event(Dead, id))
	}
	m.wake()
}

// gone takes a member out of the table.
func (m *Members) gone(id nodeid.ID, e entry) {
	delete(m.table, id)
	if m.alive[e.addr]--; m.alive[e.addr] <= 0 {
		delete(m.alive, e.addr)
	}
}
