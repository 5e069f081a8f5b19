package registry

import (
	"errors"

	"github.com/foundation-runtime/foundation/actor"
)

// Offered is the final state of a process that lost a name, as it reaches the winner, as a message: see [Offer].
type Offered struct {
	Name  string
	From  actor.PID
	State any
}

// Offer hands the state of a process that ends to the winner of its name, if that is why it ends. Call it in Terminate:
//
//	func (b *Bank) Terminate(ctx *actor.Context, reason error) { registry.Offer(ctx, reason, b.accounts) }
//
// It reports whether there was a winner to send it to. The type of state has to be in cluster.Config.Types, and so have [Types]. What
// the winner does with an [Offered] is up to it; the message may be lost like any other.
func Offer(ctx *actor.Context, reason error, state any) bool {
	lost, ok := errors.AsType[*NameConflict](reason)
	if !ok || lost.Winner.IsZero() {
		return false
	}
	ctx.Send(lost.Winner, Offered{Name: lost.Name, From: ctx.Self(), State: state})
	return true
}
