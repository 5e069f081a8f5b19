package gossip

import (
	"errors"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
)

// window accepts each sequence number once, as long as it is not further behind the highest than windowSize.
type window struct {
	highest uint64
	taken   uint64 // bit i: highest-i was accepted
}

const windowSize = 64

func (w *window) accept(seq uint64) bool {
	switch {
	case w.taken == 0:
		w.highest, w.taken = seq, 1
	case seq > w.highest:
		w.taken = w.taken<<(min(seq-w.highest, windowSize)) | 1 // a shift by 64 clears all
		w.highest = seq
	case w.highest-seq >= windowSize || w.taken>>(w.highest-seq)&1 == 1:
		return false
	default:
		w.taken |= 1 << (w.highest - seq)
	}
	return true
}

// room is what a node knows of the others. It does no I/O and reads no clock.
type room struct {
	self         [16]byte
	ttl, maxSkew time.Duration

	senders map[[16]byte]*sender
	owner   map[string][16]byte // who announced an address last
	peers   strategies.Table
}

type sender struct {
	window window
	heard  time.Time
}

var (
	errReplayed = errors.New("it was taken before")
	errCrowded  = fmt.Errorf("more than %d nodes talk", strategies.MaxPeers)
)

// hear takes in a message, and reports whether its sender wants to know who is here.
func (r *room) hear(m message, now time.Time) (answer bool, err error) {
	if m.sender == r.self {
		return false, nil
	}
	if skew := m.sent.Sub(now); skew > r.maxSkew || skew < -r.maxSkew {
		return false, fmt.Errorf("it was sent %v away from our time; set the clocks, or somebody plays an old one",
			skew.Abs().Round(time.Second))
	}
	s := r.senders[m.sender]
	if s == nil {
		if len(r.senders) >= strategies.MaxPeers {
			return false, errCrowded
		}
		s = &sender{}
		r.senders[m.sender] = s
	}
	if !s.window.accept(m.seq) {
		return false, errReplayed
	}
	s.heard = now
	if m.peer.Addr == "" {
		return m.kind == hello, nil
	}
	if m.kind == goodbye {
		if r.owner[m.peer.Addr] == m.sender {
			r.peers.Remove(m.peer.Addr)
		}
		return false, nil
	}
	r.peers.Seen(m.peer, now)
	r.owner[m.peer.Addr] = m.sender
	return m.kind == hello, nil
}

// list forgets who fell silent and returns the others.
func (r *room) list(now time.Time) []strategies.Peer {
	r.peers.Expire(now, r.ttl)
	// A message can be played again until its time is too old by our clock, which its sender's may be ahead of.
	for id, s := range r.senders {
		if now.Sub(s.heard) > 2*r.maxSkew+r.ttl {
			delete(r.senders, id)
		}
	}
	for addr, id := range r.owner {
		if r.senders[id] == nil {
			delete(r.owner, addr)
		}
	}
	return r.peers.Peers()
}
