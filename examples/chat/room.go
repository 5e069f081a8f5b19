package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/foundation-runtime/foundation/actor"
)

// roomName is the name of the room's process on every node.
const roomName = "chat"

// What rooms send each other. Nobody says who he is: the node that a message came from is known, and its name is the user's.
type (
	hello struct{}              // I am here
	said  struct{ Text string } // to everybody
	bye   struct{}              // I leave on purpose
)

// What a room is told by its own node.
type (
	line   struct{ text string }         // was typed
	roster struct{ rooms []actor.PID }   // the rooms of the other members, as addresses
	notice struct{ text string }         // to be shown
	greet  struct{}                      // time to look for members that have not said hello
	leave  struct{ actor.Replies[bool] } // answered when everybody was told
)

// greetEvery is how often a room says hello to members that did not answer: both may have missed each other's hello when a
// connection was lost.
const greetEvery = time.Second

// life is one life of a node.
type life struct {
	name        string
	incarnation uint64
}

func lifeOf(pid actor.PID) life {
	a := pid.Address()
	return life{a.Node, a.Incarnation}
}

// other is somebody else's room.
type other struct {
	pid     actor.PID
	monitor actor.MonitorRef
}

// room is one user's view of the chat.
type room struct {
	user string
	show func(line string)

	members []actor.PID
	others  map[life]other
	left    map[life]bool // said bye: no hello any more
	leaving bool
}

func newRoom(user string, show func(string)) *room {
	return &room{user: user, show: show, others: map[life]other{}, left: map[life]bool{}}
}

func (r *room) Init(ctx *actor.Context) error {
	ctx.SendAfter(greetEvery, ctx.Self(), greet{})
	return nil
}

func (r *room) Receive(ctx *actor.Context, msg any) error {
	switch m := msg.(type) {
	case hello:
		r.meet(ctx)
	case said:
		r.meet(ctx)
		r.show(ctx.Sender().Node() + ": " + plain(m.Text))
	case bye:
		r.part(ctx)
	case actor.Down:
		r.gone(m)
	case line:
		r.typed(ctx, m.text)
	case notice:
		r.show(m.text)
	case roster:
		r.members = m.rooms
		r.greet(ctx)
	case greet:
		r.greet(ctx)
		ctx.SendAfter(greetEvery, ctx.Self(), greet{})
	case leave:
		r.leaving = true
		for _, o := range r.others {
			ctx.Demonitor(o.monitor)
			ctx.Send(o.pid, bye{})
		}
		actor.Reply(ctx, m, true)
	default:
		return ctx.Unhandled()
	}
	return nil
}

// greet says hello to the members that are not known here.
func (r *room) greet(ctx *actor.Context) {
	for _, address := range r.members {
		at := lifeOf(address)
		if _, known := r.others[at]; !known && !r.left[at] && !r.leaving {
			ctx.Send(address, hello{})
		}
	}
}

// meet makes the sender known. It answers with a hello, so that one of the two directions is enough.
func (r *room) meet(ctx *actor.Context) {
	pid := ctx.Sender()
	at := lifeOf(pid)
	if _, known := r.others[at]; known || r.leaving || pid.IsZero() || r.left[at] {
		return
	}
	r.others[at] = other{pid, ctx.Monitor(pid)}
	r.show(at.name + " is here")
	ctx.Send(pid, hello{})
}

func (r *room) part(ctx *actor.Context) {
	at := lifeOf(ctx.Sender())
	r.left[at] = true
	if o, known := r.others[at]; known {
		ctx.Demonitor(o.monitor) // the end of its node is no news
		delete(r.others, at)
		r.show(at.name + " has left")
	}
}

func (r *room) gone(d actor.Down) {
	at := lifeOf(d.PID)
	if o, known := r.others[at]; known && o.monitor == d.Ref {
		delete(r.others, at)
		r.show(fmt.Sprintf("%s is gone: %v", at.name, d.Reason))
	}
}

func (r *room) typed(ctx *actor.Context, text string) {
	switch text = strings.TrimSpace(text); text {
	case "":
	case "/who":
		names := []string{r.user + " (you)"}
		for at := range maps.Keys(r.others) {
			names = append(names, at.name)
		}
		slices.Sort(names)
		r.show(strings.Join(names, ", "))
	default:
		for _, o := range r.others {
			ctx.Send(o.pid, said{text})
		}
	}
}

// plain is text without what would control the terminal of the reader.
func plain(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return -1
	}, text)
}
