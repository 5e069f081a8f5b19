package membership

import (
	"fmt"
	"log/slog"
	"sync"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Kind is what an [Event] is about.
type Kind uint8

const (
	// Alive is a node that is a member from now on.
	Alive Kind = iota + 1
	// Updated is a member whose metadata has changed.
	Updated
	// Leaving is a member that has said goodbye and is still there.
	Leaving
	// Left is a node that is no member any more because it wanted so.
	Left
	// Dead is a node that is no member any more because it did not answer.
	Dead
	// Conflict is a second node that claims the name and incarnation of a member, at another address.
	Conflict
	// Rejected is a node or a sender that was refused; Err is a [*RejectedError].
	Rejected
)

var kindNames = [...]string{Alive: "alive", Updated: "updated", Leaving: "leaving", Left: "left", Dead: "dead", Conflict: "conflict", Rejected: "rejected"}

// String is the name of the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Event is something that happened to the membership, as seen here.
type Event struct {
	Kind Kind
	// ID is the node, zero for a [Rejected] sender that is not known.
	ID nodeid.ID
	// Addr is the address that the node advertises, or that of the sender that was refused.
	Addr string
	// Meta is what it tells of itself. The bytes are the receiver's.
	Meta []byte
	// Err says more about [Conflict] and [Rejected].
	Err error
}

// item is something for the goroutine that calls back: an event, or a line for the log.
type item struct {
	event Event
	log   *slog.Record
}

// maxLogs is how many lines wait for a slow logger; more are dropped and counted.
const maxLogs = 1024

// outbox is the way out of memberlist's locks: whoever holds one leaves things here, and one goroutine calls back.
type outbox struct {
	mu      sync.Mutex // protects the fields below
	items   []item
	logs    int
	dropped uint64 // lines
	wake    chan struct{}
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// put adds something. It never blocks.
func (o *outbox) put(it item) {
	o.mu.Lock()
	if it.log != nil {
		if o.logs >= maxLogs {
			o.dropped++
			o.mu.Unlock()
			return
		}
		o.logs++
	}
	o.items = append(o.items, it)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take returns all there is.
func (o *outbox) take() []item {
	o.mu.Lock()
	defer o.mu.Unlock()
	items := o.items
	o.items, o.logs = nil, 0
	return items
}

func (o *outbox) droppedLogs() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

// run calls back until stop is closed.
func (o *outbox) run(stop <-chan struct{}, call func(item)) {
	for {
		select {
		case <-stop:
			return
		case <-o.wake:
		}
		for _, it := range o.take() {
			select {
			case <-stop:
				return
			default:
				call(it)
			}
		}
	}
}
