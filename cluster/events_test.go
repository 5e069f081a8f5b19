package cluster_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/cluster"
)

// A subscriber that hangs, or panics, holds nobody else up, and hears everything in order when it goes on.
func TestSlowSubscriber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a := l.nodes[0]
		gate := make(chan struct{})
		var slow []cluster.EventKind
		heard := make(chan struct{}, 100)
		a.Subscribe(func(e cluster.MemberEvent) {
			<-gate
			slow = append(slow, e.Kind)
			heard <- struct{}{}
		})
		a.Subscribe(func(cluster.MemberEvent) { panic("no") })
		cancelled := a.Subscribe(func(cluster.MemberEvent) { t.Error("called after cancel") })
		cancelled()
		quick := listen(a)
		leave(t, l.nodes[1])
		until(t, "the quick one knows", func() bool { _, ok := quick.when("down n2"); return ok })
		close(gate)
		for range 2 {
			recv(t, heard, "an event")
		}
		<-time.After(time.Second)
		if len(slow) != 2 || slow[0] != cluster.MemberLeaving || slow[1] != cluster.MemberDown {
			t.Fatal(slow)
		}
	})
}
