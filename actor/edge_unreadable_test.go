package actor_test

import (
	"context"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

func TestUnreadableSignals(t *testing.T) {
	a, b, w := couple(t)
	log := recordEvents(t, b)
	x := newDoer(t, b, false)
	to := w.ends[1].edge
	to.Unreadable(actor.Signal{Kind: actor.SignalMessage, To: x.pid, Message: "raw"}, actor.ErrUnknownType)
	deadLetterOf(t, log, "raw", actor.ErrUnknownType)
	to.Unreadable(actor.Signal{Kind: actor.SignalDown, To: x.pid}, actor.ErrUnknownType) // nothing

	// A request is answered, an answer is a failure.
	errs := make(chan error, 1)
	w.ends[0].hold()
	go func() {
		_, err := actor.Ask(context.Background(), remote(a, x.pid), askDouble{n: 1})
		errs <- err
	}()
	var sig actor.Signal
	until(t, "the request is on the way", func() bool {
		w.ends[0].mu.Lock()
		defer w.ends[0].mu.Unlock()
		if len(w.ends[0].queue) == 0 {
			return false
		}
		sig = w.ends[0].queue[0]
		return true
	})
	to.Unreadable(w.ends[1].translate(sig), actor.ErrNotEncodable)
	if err := recv(t, errs, "the asker"); err != actor.ErrNotEncodable {
		t.Fatal(err)
	}
	if st := b.Stats(); st.Arrived != 2 || st.Dead != 2 {
		t.Fatalf("%+v", st)
	}
	w.ends[0].edge.Unreadable(actor.Signal{Kind: actor.SignalAnswer, To: sig.Reply}, actor.ErrUnknownType)
	if n := a.Stats().LateReplies; n != 1 {
		t.Fatal(n)
	}
}
