package pubsub

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
)

// stream is the way to the PubSub of another node. Its events are numbered; the numbers go on over sessions and lives of that node, so
// that it can count what it missed.
type stream struct {
	name string

	mu     sync.Mutex // protects the fields below; held while an event is handed to the session, which never waits
	to     member
	broker actor.PID
	up     bool   // there is a session
	seq    uint64 // of the last event
	base   uint64 // seq when the session began
	sent   uint64
	lost   uint64
}

// begin is the begin of a session.
func (s *stream) begin(m member, broker actor.PID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up && s.to.Incarnation > m.Incarnation {
		return
	}
	s.to, s.broker, s.up, s.base = m, broker, true, s.seq
}

// end is the end of a session: events are only counted from now on.
func (s *stream) end(m member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.to == m {
		s.up = false
	}
}

// number is that of the last event before this session, or up to now.
func (s *stream) number(begin bool) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if begin {
		return s.base
	}
	return s.seq
}

// reachable reports whether there is a session; if not, an event is counted as lost.
func (s *stream) reachable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up {
		s.seq++
		s.lost++
	}
	return s.up
}

// outcome says what became of an event.
type outcome uint8

const (
	sent outcome = iota
	lost         // counted, and not sent: there is no session
	full         // not counted: there is no room
)

// send sends an event. rec and msg are the same bytes; the number is written into them. With force it is counted as lost if there is
// no room. An error says that the
// event is too large, or that who publishes was killed: then it does not count.
func (s *stream) send(via tryer, rec []byte, msg any, force bool) (outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up {
		s.seq++
		s.lost++
		return lost, nil
	}
	binary.LittleEndian.PutUint64(rec[seqAt:], s.seq+1)
	switch err := via.TrySend(s.broker, msg); {
	case err == nil:
		s.seq++
		s.sent++
		return sent, nil
	case errors.Is(err, actor.ErrOverloaded) && !force:
		return full, nil
	case errors.Is(err, actor.ErrTooLarge), errors.Is(err, actor.ErrNotEncodable), errors.Is(err, actor.ErrSenderDead):
		return lost, err
	}
	s.seq++
	s.lost++
	return lost, nil
}

// address is where to wait for room; it is nobody if there is no session.
func (s *stream) address() actor.PID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up {
		return actor.PID{}
	}
	return s.broker
}

func idOf(m cluster.Member) member { return member{m.Name, m.Incarnation} }

// tryer is who sends without waiting: a process while it handles a message, else the System.
type tryer interface {
	TrySend(to actor.PID, msg any) error
}
