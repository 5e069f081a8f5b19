package transport

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/internal/fakenet"
)

// watching is a recorder that is a Watcher too.
type watching struct{ *recorder }

func (w watching) Lost(s *Session)  { w.events <- event{what: "lost", session: s} }
func (w watching) Again(s *Session) { w.events <- event{what: "again", session: s} }

func TestWatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := fakenet.New(fakenet.Config{Latency: time.Millisecond})
		defer net.Close()
		h := watching{newRecorder()}
		a, b := startFake(t, net, "a", "10.0.0.1", h), startFake(t, net, "b", "10.0.0.2", newRecorder())
		s := pair(t, a, b)
		h.next(t, "up")
		if s.Value() != nil {
			t.Fatal(s.Value())
		}
		s.SetValue(7)
		for range 5 {
			synctest.Wait()
			net.Break("10.0.0.1", "10.0.0.2")
			h.next(t, "lost")
			if e := h.next(t, "again"); e.session != s || e.session.Value() != 7 {
				t.Fatal(e.session.Value())
			}
		}
		if id, err := a.Introduce(t.Context(), b.Addr()); err != nil || id != b.node {
			t.Fatal(id, err)
		}
		a.End(b.node, nil)
		h.next(t, "lost")
		h.next(t, "down")
		closeNow(a)
		closeNow(b)
	})
}
