package actor

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"weak"
)

// PID addresses a process. It is 16 bytes, comparable and usable as a map key; == holds among PIDs of one System, the text of
// [PID.String] across Systems. A PID never reaches another process than the one it was made for: slots are reused with a
// new generation. The zero PID is nobody: what is sent to it becomes a dead letter.
//
// A PID got from [System.Named] is an address instead: it leads to whoever holds the name when the message arrives. The address
// of a name that belongs to no node has [AnyNode] for its node; see [System.Resolve].
type PID struct {
	h  *handle
	id uint64 // slot and generation; 0 for addresses
}

// handle is the interned part of all PIDs of one life of a node, or of one address.
type handle struct {
	sys  *System
	node string
	name string // of an address, else empty
	inc  uint64 // the life of another node; 0 of one's own, which may be known only later
	kind handleKind
	edge *Edge // where the other node is met
}

type handleKind uint8

const (
	handleLocal    handleKind = iota // a process of sys
	handleRoute                      // a registered name of sys
	handleAnywhere                   // a name that belongs to no node
	handleForeign                    // another node
	handleFarRoute                   // a registered name of another node
)

// life is the incarnation of the node, 0 if there is none.
func (h *handle) life() uint64 {
	if h.kind < handleAnywhere {
		return h.sys.Incarnation()
	}
	return h.inc
}

// Layout of PID.id. Generations start at 1, so that no id of a process is 0.
const (
	slotBits = 28
	slotMask = 1<<slotBits - 1
)

func makeID(slot, gen uint64) uint64 { return gen<<slotBits | slot }

// IsZero reports whether p is nobody.
func (p PID) IsZero() bool { return p.h == nil }

// Node is the name of the node the process lives on; "" for nobody.
func (p PID) Node() string {
	if p.h == nil {
		return ""
	}
	return p.h.node
}

// String is <node/slot.generation>, or <node/"name"> for an address, or <nobody>. In a cluster the node is followed by # and
// its incarnation. [System.ParsePID] reads it back.
func (p PID) String() string {
	if p.h == nil {
		return "<nobody>"
	}
	node := p.h.node
	if life := p.h.life(); life != 0 {
		node += "#" + strconv.FormatUint(life, 36)
	}
	if p.h.name != "" {
		return "<" + node + "/" + strconv.Quote(p.h.name) + ">"
	}
	return "<" + node + "/" + strconv.FormatUint(p.id&slotMask, 10) + "." + strconv.FormatUint(p.id>>slotBits, 10) + ">"
}

// MarshalText is String; it never fails.
func (p PID) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// ParsePID reads the text of [PID.String]. PIDs of this System compare equal to the original. The process need not live.
func (s *System) ParsePID(text string) (PID, error) {
	bad := func(why string) (PID, error) {
		return PID{}, fmt.Errorf("actor: %q is not a PID: %s; a PID looks like <node/slot.generation>", text, why)
	}
	if text == "<nobody>" {
		return PID{}, nil
	}
	if len(text) < 2 || text[0] != '<' || text[len(text)-1] != '>' {
		return bad("the angle brackets are missing")
	}
	body := text[1 : len(text)-1]
	if node, quoted, ok := strings.Cut(body, `/"`); ok {
		name, err := strconv.Unquote(`"` + quoted)
		if err != nil || name == "" {
			return bad("the name is not a quoted string")
		}
		if node != s.name && node != AnyNode && s.attached.Load() == nil {
			return bad("an address of another node, and this one belongs to no cluster")
		}
		return s.PIDOf(s.parseNode(node, Address{Name: name})), nil
	}
	cut := strings.LastIndexByte(body, '/')
	if cut < 0 {
		return bad("there is no node")
	}
	slotText, genText, ok := strings.Cut(body[cut+1:], ".")
	slot, err1 := strconv.ParseUint(slotText, 10, slotBits)
	gen, err2 := strconv.ParseUint(genText, 10, 64-slotBits)
	if !ok || err1 != nil || err2 != nil || gen == 0 {
		return bad("slot and generation are not two numbers")
	}
	return s.PIDOf(s.parseNode(body[:cut], Address{ID: makeID(slot, gen)})), nil
}

// parseNode reads node or node#incarnation. Without one, a process of another node is that of the life known now.
func (s *System) parseNode(text string, a Address) Address {
	a.Node = text
	if i := strings.LastIndexByte(text, '#'); i > 0 {
		if inc, err := strconv.ParseUint(text[i+1:], 36, 64); err == nil && inc != 0 {
			a.Node, a.Incarnation = text[:i], inc
			return a
		}
	}
	if at := s.attached.Load(); at != nil && a.Name == "" && a.Node != s.name {
		a.Incarnation = at.remote.Current(a.Node)
	}
	return a
}

// Named returns an address: what is sent to it goes to whoever holds the name when it arrives, so it outlives restarts. If
// nobody holds the name, messages become dead letters with [NoProc]. The empty name is nobody.
func (s *System) Named(name string) PID {
	if name == "" {
		return PID{}
	}
	return PID{s.nodes.route(s, handleKey{s.name, 0, name}), 0}
}

// AnyNode stands for the node in addresses of names that belong to no node: PIDOf(Address{Node: AnyNode, Name: name}).
const AnyNode = "*"

// Resolve makes f say who holds a name that belongs to no node: it is asked when something is sent to the address of one, on this
// node, and when that arrives here. f must not wait; it answers with the PID of a process, here or elsewhere. There is one f at a
// time. After cancel such names have no holder. Package registry uses it; users need it not.
func (s *System) Resolve(f func(name string) (PID, bool)) (cancel func(), err error) {
	if f == nil || !s.resolver.CompareAndSwap(nil, &f) {
		return nil, errors.New("actor: Resolve: the function is nil, or there is one already; cancel that first")
	}
	return func() { s.resolver.CompareAndSwap(&f, nil) }, nil
}

// locate is the holder of a name that belongs to no node, or nobody.
func (s *System) locate(name string) PID {
	f := s.resolver.Load()
	if f == nil {
		return PID{}
	}
	pid, ok := (*f)(name)
	if !ok || pid.h == nil || pid.h.kind == handleAnywhere {
		return PID{}
	}
	return pid
}

// nodes interns handles, so that == holds among PIDs. They are held weakly: names and nodes made up by others go when unused.
type nodes struct {
	mu      sync.Mutex // protects the field below
	handles map[handleKey]weak.Pointer[handle]
}

type handleKey struct {
	node string
	inc  uint64
	name string
}

func (n *nodes) handle(s *System, key handleKey) *handle {
	return n.intern(key, func() *handle {
		h := &handle{sys: s, node: key.node, inc: key.inc, kind: handleForeign}
		h.edge = &Edge{sys: s, h: h}
		return h
	})
}

func (n *nodes) route(s *System, key handleKey) *handle {
	var far *handle
	if key.node != s.name || key.inc != 0 {
		far = n.handle(s, handleKey{key.node, key.inc, ""})
	}
	return n.intern(key, func() *handle {
		if far != nil {
			return &handle{sys: s, node: key.node, name: key.name, inc: key.inc, kind: handleFarRoute, edge: far.edge}
		}
		return &handle{sys: s, node: key.node, name: key.name, kind: handleRoute}
	})
}

func (n *nodes) anywhere(s *System, name string) *handle {
	return n.intern(handleKey{AnyNode, 0, name}, func() *handle {
		return &handle{sys: s, node: AnyNode, name: name, kind: handleAnywhere}
	})
}

func (n *nodes) intern(key handleKey, make func() *handle) *handle {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h := n.handles[key].Value(); h != nil {
		return h
	}
	h := make()
	if n.handles == nil {
		n.handles = map[handleKey]weak.Pointer[handle]{}
	}
	n.handles[key] = weak.Make(h)
	runtime.AddCleanup(h, func(key handleKey) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.handles[key].Value() == nil {
			delete(n.handles, key)
		}
	}, key)
	return h
}

// resolve returns the process behind pid, or nil: there is none, or it lives elsewhere.
func (p PID) resolve() *process {
	h := p.h
	if h == nil {
		return nil
	}
	switch h.kind {
	case handleLocal:
		return h.sys.table.lookup(p.id)
	case handleRoute:
		if q, ok := h.sys.names.Load(h.name); ok {
			return q.(*process)
		}
	case handleAnywhere:
		return h.sys.locate(h.name).resolve()
	}
	return nil
}

// far reports whether p leads to another node.
func (p PID) far() bool { return p.h != nil && p.h.kind >= handleForeign }

// unreachable is the reason for what is sent to a PID that resolves to nothing.
func (p PID) unreachable() error {
	if p.far() {
		return NoConnection
	}
	return NoProc
}
