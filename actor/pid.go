package actor

import (
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
// A PID got from [System.Named] is an address instead: it leads to whoever holds the name when the message arrives.
type PID struct {
	h  *handle
	id uint64 // slot and generation; 0 for addresses
}

// handle is the interned part of all PIDs of one node, or of one address.
type handle struct {
	sys  *System
	node string
	name string // of an address, else empty
	kind handleKind
}

type handleKind uint8

const (
	handleLocal   handleKind = iota // a process of sys
	handleRoute                     // a registered name of sys
	handleForeign                   // another node
)

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

// String is <node/slot.generation>, or <node/name> for an address, or <nobody>. [System.ParsePID] reads it back.
func (p PID) String() string {
	switch {
	case p.h == nil:
		return "<nobody>"
	case p.h.kind == handleRoute:
		return "<" + p.h.node + "/" + strconv.Quote(p.h.name) + ">"
	}
	return "<" + p.h.node + "/" + strconv.FormatUint(p.id&slotMask, 10) + "." + strconv.FormatUint(p.id>>slotBits, 10) + ">"
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
		if node != s.name {
			return bad("an address of another node")
		}
		return s.Named(name), nil
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
	return PID{s.nodes.handle(s, body[:cut]), makeID(slot, gen)}, nil
}

// Named returns an address: what is sent to it goes to whoever holds the name when it arrives, so it outlives restarts. If
// nobody holds the name, messages become dead letters with [NoProc]. The empty name is nobody.
func (s *System) Named(name string) PID {
	if name == "" {
		return PID{}
	}
	return PID{s.nodes.route(s, name), 0}
}

// nodes interns handles, so that == holds among PIDs. Routes are held weakly: names made up by users go when unused.
type nodes struct {
	mu      sync.Mutex // protects the fields below
	foreign map[string]*handle
	routes  map[string]weak.Pointer[handle]
}

func (n *nodes) handle(s *System, node string) *handle {
	if node == s.name {
		return s.self
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.foreign[node]
	if h == nil {
		if n.foreign == nil {
			n.foreign = map[string]*handle{}
		}
		h = &handle{sys: s, node: node, kind: handleForeign}
		n.foreign[node] = h
	}
	return h
}

func (n *nodes) route(s *System, name string) *handle {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h := n.routes[name].Value(); h != nil {
		return h
	}
	h := &handle{sys: s, node: s.name, name: name, kind: handleRoute}
	if n.routes == nil {
		n.routes = map[string]weak.Pointer[handle]{}
	}
	n.routes[name] = weak.Make(h)
	runtime.AddCleanup(h, func(name string) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.routes[name].Value() == nil {
			delete(n.routes, name)
		}
	}, name)
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
	}
	return nil
}

// unreachable is the reason for what is sent to a PID that resolves to nothing.
func (p PID) unreachable() error {
	if p.h != nil && p.h.kind == handleForeign {
		return NoConnection
	}
	return NoProc
}
