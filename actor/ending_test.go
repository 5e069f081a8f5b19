package actor_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

type unhurried struct{}

func (unhurried) Receive(*actor.Context, any) error { return nil }
func (unhurried) Terminate(*actor.Context, error)   { <-time.After(time.Second) }

// A process that was told to exit and runs Terminate is alive and holds its name: a monitor made then tells its end, when it has ended.
func TestMonitor_OfOneThatIsEnding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys, _ := actor.NewSystem("a")
		pid, _ := sys.Spawn(unhurried{}, actor.WithName("x"))
		sys.Exit(pid, actor.Shutdown)
		synctest.Wait()
		downs := make(chan actor.Down, 1)
		sys.Go(func(p *actor.Process) error {
			p.Monitor(pid)
			m, err := p.Receive(p)
			if d, ok := m.(actor.Down); ok {
				downs <- d
			}
			return err
		})
		d := <-downs
		_, held := sys.Whereis("x")
		t.Logf("Down %v; alive %v, name held %v", d.Reason, sys.Alive(pid), held)
		if sys.Alive(pid) || held || d.Reason != actor.Shutdown {
			t.Error("Down came before the end")
		}
		sys.Shutdown(t.Context())
	})
}
