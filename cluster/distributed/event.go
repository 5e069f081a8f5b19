package distributed

import (
	"fmt"
	"sync"

	"github.com/foundation-runtime/foundation/actor"
)

// EventKind is what an [Event] is about.
type EventKind uint8

// What happens to children at this node.
const (
	Started   EventKind = iota // its process runs
	Ended                      // its process has ended, with Reason
	Failed                     // it is not started any more: Reason says why
	MovedAway                  // it goes on at Node
	Stayed                     // it was to be moved, and was not: Reason says why
	Conflict                   // its process ends because the child runs at Node by better right
)

// String is the name of the constant.
func (k EventKind) String() string {
	names := [...]string{"Started", "Ended", "Failed", "MovedAway", "Stayed", "Conflict"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("EventKind(%d)", uint8(k))
}

// Event is what [Supervisor.Subscribe] delivers.
type Event struct {
	Kind   EventKind
	ID     string
	Node   string
	PID    actor.PID // of Started and Ended
	Epoch  uint64
	Reason error
}

// subscribers are who wants to be told.
type subscribers struct {
	mu   sync.Mutex // protects the fields below
	subs map[int]func(Event)
	next int
}

func (s *subscribers) add(f func(Event)) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subs == nil {
		s.subs = map[int]func(Event){}
	}
	id := s.next
	s.next++
	s.subs[id] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subs, id)
	}
}

func (s *subscribers) all() (list []func(Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.subs {
		list = append(list, f)
	}
	return list
}
