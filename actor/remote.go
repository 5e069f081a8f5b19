package actor

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Remote is the way to other nodes. Package cluster implements it; [System.Attach] puts it to work. Users need neither.
type Remote interface {
	// Peer returns the way to the node of e. It is called when something is first sent there, must not wait, and returns the
	// same for the same node.
	Peer(e *Edge) Peer
	// Current is the incarnation of the life of a node that is known now, or 0.
	Current(node string) uint64
}

// Peer is the way to one life of one node.
type Peer interface {
	// Carry takes a signal along, behind what was taken before. It must not wait: if there is no room for a message it returns
	// [ErrOverloaded], all other signals are taken whatever there is. Any other error says why the node is out of reach:
	// [NoProc] if that life is over, [NoConnection] else.
	Carry(s Signal) error
	// Wait waits until there may be room again, or returns why there will be none: ctx's error, or one as above.
	Wait(ctx context.Context) error
}

// SignalKind says what a [Signal] is.
type SignalKind uint8

// What goes between nodes. The numbers stand on the wire.
const (
	SignalMessage   SignalKind = iota + 1 // Message from From to To
	SignalRequest                         // the same, to be answered to Reply before Deadline, if there is one
	SignalAnswer                          // To is the Reply of a request; Message, or Reason if it failed
	SignalLink                            // From links itself to To
	SignalUnlink                          // From ends the link to To; Ref is to be acknowledged
	SignalUnlinkAck                       // the answer
	SignalLinkExit                        // From ended with Reason, or does not exist: To was linked to it
	SignalExit                            // exit/2
	SignalMonitor                         // From monitors To; Ref identifies the monitor at From's node
	SignalDemonitor                       // From ends the monitor Ref of To
	SignalDown                            // From ended with Reason: To monitored it by Ref
)

// Signal is what one process sends another on another node. PIDs are those of the System it is handed to.
type Signal struct {
	Kind     SignalKind
	From, To PID
	Reply    PID // of a request: where its answer goes; the id is not that of a process
	Message  any
	Ref      uint64
	Reason   error
	Meta     Meta
	Deadline time.Time
}

// Meta is the baggage and trace of a signal; the zero value has none.
type Meta struct{ m *meta }

// NewMeta makes a Meta. entries are keys and values by turns.
func NewMeta(trace string, entries ...string) Meta {
	if trace == "" && len(entries) < 2 {
		return Meta{}
	}
	m := newMeta(nil, trace)
	for i := 0; i+1 < len(entries); i += 2 {
		m.baggage = append(m.baggage, baggageEntry{entries[i], entries[i+1]})
	}
	return Meta{m}
}

// IsZero reports whether there is neither baggage nor trace.
func (m Meta) IsZero() bool { return m.m == nil }

// Trace is the trace parent.
func (m Meta) Trace() string {
	if m.m == nil {
		return ""
	}
	return m.m.trace
}

// Baggage yields the entries, oldest first.
func (m Meta) Baggage() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if m.m == nil {
			return
		}
		for _, e := range m.m.baggage {
			if !yield(e.key, e.value) {
				return
			}
		}
	}
}

var errAttached = errors.New("actor: Attach: the System belongs to a cluster already; leave that first")

// attachment is what a System that belongs to a cluster has.
type attachment struct {
	remote      Remote
	incarnation uint64
}

// Attach makes r the way to other nodes and incarnation this life of the node's name, which stands in PIDs from now on. A
// System can be attached once at a time.
func (s *System) Attach(r Remote, incarnation uint64) error {
	if r == nil || incarnation == 0 {
		return errors.New("actor: Attach: give a Remote and an incarnation other than 0")
	}
	if !s.attached.CompareAndSwap(nil, &attachment{r, incarnation}) {
		return errAttached
	}
	return nil
}

// Detach undoes the Attach of r: other nodes are out of reach. What is left of relations to them has to be told with [Edge.Lost]
// before.
func (s *System) Detach(r Remote) {
	if at := s.attached.Load(); at != nil && at.remote == r {
		s.attached.CompareAndSwap(at, nil)
	}
}

// Incarnation is that of Attach, or 0.
func (s *System) Incarnation() uint64 {
	if at := s.attached.Load(); at != nil {
		return at.incarnation
	}
	return 0
}

// Address says in plain values what a PID leads to.
type Address struct {
	Node        string
	Incarnation uint64 // 0: of a node without a cluster, or, for a name, whichever life there is
	ID          uint64 // slot and generation
	Name        string // of an address; ID is 0 then
}

// Address is p taken apart; zero for nobody.
func (p PID) Address() Address {
	if p.h == nil {
		return Address{}
	}
	return Address{p.h.node, p.h.life(), p.id, p.h.name}
}

// PIDOf puts a PID together. The process need not exist.
func (s *System) PIDOf(a Address) PID {
	mine := a.Node == s.name && (a.Incarnation == 0 || a.Incarnation == s.Incarnation())
	switch {
	case a.Node == "" || a.Name == "" && a.ID == 0:
		return PID{}
	case a.Node == AnyNode && a.Name == "":
		return PID{}
	case a.Node == AnyNode:
		return PID{s.nodes.anywhere(s, a.Name), 0}
	case mine && a.Name != "":
		return s.Named(a.Name)
	case mine:
		return PID{s.self, a.ID}
	case a.Name != "":
		return PID{s.nodes.route(s, handleKey{a.Node, a.Incarnation, a.Name}), 0}
	}
	return PID{s.nodes.handle(s, handleKey{a.Node, a.Incarnation, ""}), a.ID}
}

// own is pid as a PID of s. One of another System of this OS process stays what it is, unless both belong to clusters: then it
// is reached as if it were on another machine. The address of a name that belongs to no node becomes the PID of its holder.
func (s *System) own(pid PID) PID {
	if pid.h == nil || pid.h.sys == s && pid.h.kind != handleAnywhere {
		return pid
	}
	return s.owned(pid)
}

func (s *System) owned(pid PID) PID {
	if pid.h.kind == handleAnywhere {
		if holder := s.locate(pid.h.name); holder.h != nil {
			return holder
		}
		return pid
	}
	if s.attached.Load() == nil || pid.h.life() == 0 && pid.h.kind < handleForeign {
		return pid
	}
	return s.PIDOf(pid.Address())
}

// edge returns where pid's node is met, or nil if pid is of a System of this OS process, or of a node that is out of reach.
func (p PID) edge() *Edge {
	if p.h == nil || p.h.kind < handleForeign {
		return nil
	}
	at := p.h.sys.attached.Load()
	if at == nil {
		return nil
	}
	if p.h.life() != 0 {
		return p.h.edge
	}
	inc := at.remote.Current(p.h.node)
	if inc == 0 {
		return nil
	}
	return p.h.sys.Edge(p.h.node, inc)
}
