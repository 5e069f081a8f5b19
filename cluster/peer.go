package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/transport"
)

// peer is one life of another node, as the way there: it is actor.Peer. Its session, if there is one, is used until it was
// swept; the next one begins then.
type peer struct {
	l       *life
	id      nodeid.ID
	refs    refs
	session atomic.Pointer[transport.Session]
	types   atomic.Pointer[codec.Table] // how it numbers its types; set before anything arrives
	up      atomic.Bool                 // the session is confirmed

	telling sync.Mutex // held while ports are told of the session
	port    sync.Mutex // protects the fields below
	met     map[*Port]struct{}
	gone    bool // the session is over
}

// buffers hold signals while they are written.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

const keepBuffer = 2 << 20

// Carry implements actor.Peer.
func (p *peer) Carry(sig actor.Signal) error { return p.carry(&sig, transport.Default) }

func (p *peer) carry(sig *actor.Signal, lane transport.Lane) error {
	s := p.session.Load()
	if s == nil {
		var err error
		if s, err = p.connect(); err != nil {
			return err
		}
	}
	box := buffers.Get().(*[]byte)
	rec, err := appendSignal((*box)[:0], sig, &p.refs, p.l.n.types)
	switch {
	case err != nil:
		err = cannotTravel(err)
	case sig.Kind <= actor.SignalRequest:
		err = s.Send(lane, rec, sig.Kind == actor.SignalRequest)
	case sig.Kind == actor.SignalAnswer:
		if err = s.Send(lane, rec, true); err == transport.ErrFull {
			err = s.SendAlways(lane, rec)
		}
	default:
		err = s.SendAlways(lane, rec)
	}
	if cap(rec) <= keepBuffer {
		*box = rec
		buffers.Put(box)
	}
	if err == nil {
		return nil
	}
	return carryError(err)
}

// cannotTravel makes a reason of why a message cannot be written.
func cannotTravel(err error) error {
	switch {
	case errors.Is(err, codec.ErrUnknownType):
		return fmt.Errorf("%w: %w", actor.ErrUnknownType, err)
	case errors.Is(err, codec.ErrLimit):
		return fmt.Errorf("%w: %w", actor.ErrTooLarge, err)
	}
	return fmt.Errorf("%w: %w", actor.ErrNotEncodable, err)
}

func carryError(err error) error {
	switch err {
	case transport.ErrFull:
		return actor.ErrOverloaded
	case transport.ErrDown, transport.ErrClosed:
		return actor.NoConnection
	case transport.ErrTooLarge:
		return fmt.Errorf("%w: %w", actor.ErrTooLarge, err)
	}
	return err
}

// Wait implements actor.Peer.
func (p *peer) Wait(ctx context.Context) error {
	s := p.session.Load()
	if s == nil {
		return actor.NoConnection
	}
	out := p.l.n.cfg.Outbound
	if out.Drop {
		return errNoPatience
	}
	wait := ctx
	if out.Patience > 0 {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, out.Patience)
		defer cancel()
	}
	err := s.Wait(wait, transport.Default)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case wait.Err() != nil:
		return errNoPatience
	}
	return carryError(err)
}

// errNoPatience is a dead letter's reason: the peer, or the way to it, is too slow.
var errNoPatience = fmt.Errorf("%w: too much waits for the node", actor.ErrOverloaded)

// connect begins a session, if the node is a member that may be reached.
func (p *peer) connect() (*transport.Session, error) {
	addr, err := p.l.way(p.id)
	if err != nil {
		return nil, err
	}
	s, err := p.l.transport.Session(p.id, addr)
	if err != nil {
		return nil, actor.NoConnection
	}
	if !p.session.CompareAndSwap(nil, s) {
		return p.session.Load(), nil
	}
	return s, nil
}

// way is the address of a member, or why nothing can be sent there.
func (l *life) way(id nodeid.ID) (string, error) {
	snap := l.snap.Load()
	if m, ok := snap.member(id); ok {
		if m.State >= Down {
			return "", l.over(id)
		}
		return m.Addr, nil
	}
	if s := l.transport.Lookup(id); s != nil {
		return s.Peer().Addr, nil // met, and not a member yet
	}
	return "", l.over(id)
}

// over is the reason for what is sent to a life that is no member: NoProc if a later one is.
func (l *life) over(id nodeid.ID) error {
	if now := l.snap.Load().current(id.Name); now > id.Incarnation {
		return actor.NoProc
	}
	return actor.NoConnection
}

// record is what came on any lane but control.
func (p *peer) record(rec []byte) {
	a, err := parseSignal(rec, &p.refs)
	if errors.Is(err, errEnvelope) {
		p.l.n.log.Warn("cluster: a peer does not follow the protocol", "peer", p.id.String(), "error", err)
		p.l.transport.End(p.id, fmt.Errorf("%w: %w", transport.ErrMalformed, err))
		return
	}
	edge := p.refs.edge
	if err == nil {
		err = a.decode(p.types.Load(), &p.refs)
	}
	if err == nil {
		edge.Arrive(a.Signal)
		return
	}
	if !errors.Is(err, actor.ErrUnsupported) {
		err = cannotTravel(err)
	}
	if a.reason {
		a.Reason = err
		edge.Arrive(a.Signal) // a signal is never lost because its reason cannot be read
		return
	}
	edge.Unreadable(a.Signal, err)
}

// swept is called when the session is over and nothing arrives any more.
func (p *peer) swept(lost []transport.Lost) {
	edge := p.refs.edge
	edge.Lost(actor.NoConnection)
	mine := p.refs
	mine.own = true
	for _, x := range lost {
		if x.Lane == transport.Control {
			continue
		}
		a, err := parseSignal(x.Record, &mine)
		if err != nil {
			continue
		}
		reason := error(actor.NoConnection)
		if x.InDoubt {
			reason = actor.ErrConnectionLost
		}
		if a.Kind <= actor.SignalRequest {
			_ = a.decode(p.l.n.ownTypes, &mine) // for who looks at dead letters; without it the letter is empty
			edge.Undelivered(a.Signal, reason)
		}
	}
	p.up.Store(false)
	p.part()
	p.session.Store(nil)
}
