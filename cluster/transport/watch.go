package transport

import (
	"context"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Watcher is a [Handler] that also wants to know when a session has no connection. Both are called by one goroutine a session.
type Watcher interface {
	// Lost: the control connection broke. It is being made anew, or the session is about to end.
	Lost(s *Session)
	// Again: it works again.
	Again(s *Session)
}

func (l *lane) tellLost() {
	if w, ok := l.s.t.handler.(Watcher); ok && l.id == Control {
		w.Lost(l.s)
	}
}

func (l *lane) tellAgain() {
	if w, ok := l.s.t.handler.(Watcher); ok && l.id == Control {
		w.Again(l.s)
	}
}

// SetValue keeps something with the session for [Session.Value]. Who does it in Up finds it in every Record.
func (s *Session) SetValue(v any) { s.value.Store(&v) }

// Value is what SetValue kept, or nil.
func (s *Session) Value() any {
	if v := s.value.Load(); v != nil {
		return *v
	}
	return nil
}

// Introduce says who answers at addr, and hangs up. A refusal is a [*RefusedError] that may name who refused.
func (t *Transport) Introduce(ctx context.Context, addr string) (nodeid.ID, error) {
	return t.introduce(ctx, addr)
}
