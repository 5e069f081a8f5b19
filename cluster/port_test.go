package cluster_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/cluster"
)

// logbook is a PortHandler that notes what it hears.
type logbook struct {
	mu   sync.Mutex
	list []string
}

func (l *logbook) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, fmt.Sprintf(format, args...))
}

func (l *logbook) Renewed(self cluster.Member)           { l.note("renewed %s", self.Name) }
func (l *logbook) Met(m cluster.Member)                  { l.note("met %s", m.Name) }
func (l *logbook) Received(m cluster.Member, rec []byte) { l.note("%s: %s", m.Name, rec) }
func (l *logbook) Gone(m cluster.Member)                 { l.note("gone %s", m.Name) }
func (l *logbook) is(want ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprint(l.list) == fmt.Sprint(want)
}

func TestPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		books := []*logbook{{}, {}}
		var ports []*cluster.Port
		for i, n := range l.nodes {
			p, err := n.OpenPort("test", books[i])
			if err != nil {
				t.Fatal(err)
			}
			ports = append(ports, p)
			if _, err := n.OpenPort("test", books[i]); !errors.Is(err, cluster.ErrPortTaken) {
				t.Fatal(err)
			}
		}
		other, _ := l.nodes[0].Member("n2")
		for i := range 3 {
			if err := ports[0].Send(other, fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "all came", func() bool { return books[1].is("renewed n2", "met n1", "n1: 0", "n1: 1", "n1: 2") })
		l.net.Isolate(host(1))
		until(t, "both know", func() bool {
			return books[0].is("renewed n1", "met n2", "gone n2") && books[1].is("renewed n2", "met n1", "n1: 0", "n1: 1", "n1: 2", "gone n1")
		})
		if err := ports[0].Send(other, nil); err == nil {
			t.Fatal("sent to nobody")
		}
		<-time.After(10 * time.Second)
		l.net.Heal()
		until(t, "they met again", func() bool {
			return books[0].is("renewed n1", "met n2", "gone n2", "met n2") || books[0].is("renewed n1", "met n2", "gone n2", "renewed n1", "met n2")
		})
		ports[0].Close()
		if _, err := l.nodes[0].OpenPort("", books[0]); err == nil {
			t.Fatal("a port without a name")
		}
	})
}
