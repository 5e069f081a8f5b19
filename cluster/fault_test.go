package cluster_test

import (
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/network"
)

// eventsOf notes what a node says of others, as "up n2".
type eventsOf struct {
	mu   sync.Mutex
	list []string
	at   []time.Time
}

func listen(n *cluster.Node) *eventsOf {
	e := &eventsOf{}
	n.Subscribe(func(x cluster.MemberEvent) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.list = append(e.list, x.Kind.String()+" "+x.Member.Name)
		e.at = append(e.at, time.Now())
	})
	return e
}

func (e *eventsOf) when(what string) (time.Time, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := slices.Index(e.list, what); i >= 0 {
		return e.at[i], true
	}
	return time.Time{}, false
}

func (e *eventsOf) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprint(e.list)
}

// watcher is a process that notes the Downs of what it monitors.
func watch(t *testing.T, sys *actor.System, pids ...actor.PID) <-chan actor.Down {
	downs := make(chan actor.Down, 64)
	ready := make(chan struct{})
	pid := spawn(t, sys, func(c *actor.Context, msg any) error {
		switch m := msg.(type) {
		case string:
			for _, p := range pids {
				c.Monitor(p)
			}
			close(ready)
		case actor.Down:
			downs <- m
		}
		return nil
	})
	sys.Send(pid, "go")
	<-ready
	return downs
}

func idle(*actor.Context, any) error { return nil }

// A host that answers with resets and refusals is known to be dead everywhere at once.
func TestKilledNodeIsKnownAtOnce(t *testing.T) {
	for _, size := range []int{2, 3, 5, 10} {
		synctest.Test(t, func(t *testing.T) {
			l := newLAN(t, size, nil)
			last := l.nodes[size-1]
			victim := spawn(t, last.System(), idle)
			var heard []*eventsOf
			var downs []<-chan actor.Down
			for _, n := range l.nodes[:size-1] {
				heard = append(heard, listen(n))
				downs = append(downs, watch(t, n.System(), n.System().PIDOf(victim.Address())))
			}
			<-time.After(time.Second)
			began := time.Now()
			l.net.Crash(host(size - 1))
			for i, d := range downs {
				if x := recv(t, d, "the Down"); x.Reason != actor.NoConnection {
					t.Fatal(x)
				}
				until(t, "it is down", func() bool { _, ok := heard[i].when("down " + last.Self().Name); return ok })
				at, _ := heard[i].when("down " + last.Self().Name)
				if took := at.Sub(began); took > 300*time.Millisecond {
					t.Errorf("%d nodes: known after %v: %v", size, took, heard[i])
				}
			}
			t.Logf("%d nodes: known everywhere after %v", size, time.Since(began))
			for _, d := range downs {
				if len(d) != 0 {
					t.Error("a second Down")
				}
			}
		})
	}
}

// A host that vanishes without a word is found out by silence alone, within the profile's time.
func TestVanishedHost(t *testing.T) {
	for _, c := range []struct {
		profile cluster.Profile
		limit   time.Duration
	}{{cluster.Development, 6 * time.Second}, {cluster.LAN, 13 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			l := newLAN(t, 5, func(_ int, cfg *cluster.Config) { cfg.Profile, cfg.Insecure = c.profile, true })
			var heard []*eventsOf
			for _, n := range l.nodes[:4] {
				heard = append(heard, listen(n))
			}
			<-time.After(5 * time.Second)
			began := time.Now()
			l.net.Isolate(host(4))
			worst := time.Duration(0)
			for _, e := range heard {
				until(t, "it is down", func() bool { _, ok := e.when("down n5"); return ok })
				at, _ := e.when("down n5")
				worst = max(worst, at.Sub(began))
			}
			if worst > c.limit {
				t.Errorf("%v: down after %v", c.profile, worst)
			}
			t.Logf("%v: down everywhere after %v", c.profile, worst)
		})
	}
}

// A pause of three seconds is no death on a LAN, and costs nothing.
func TestPausedNodeIsNotDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, func(_ int, cfg *cluster.Config) { cfg.Profile, cfg.Insecure = cluster.LAN, true })
		got := make(chan int, 1000)
		sink := spawn(t, l.nodes[2].System(), func(_ *actor.Context, msg any) error { got <- msg.(note).N; return nil })
		a := l.nodes[0]
		far := a.System().PIDOf(sink.Address())
		heard, downs := listen(a), watch(t, a.System(), far)
		l.net.Pause(host(2))
		for i := range 300 {
			a.System().Send(far, note{N: i})
			<-time.After(10 * time.Millisecond)
		}
		l.net.Resume(host(2))
		for i := range 300 {
			if n := recv(t, got, "a message"); n != i {
				t.Fatalf("%d came, want %d", n, i)
			}
		}
		if _, dead := heard.when("down n3"); dead || len(downs) > 0 {
			t.Fatal(heard, len(downs))
		}
	})
}

// Connections that break again and again under load lose and repeat nothing, and nobody hears of it.
func TestShortCutsLoseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		const cuts, each = 300, 20
		var next atomic.Int64
		wrong := make(chan string, 1)
		sink := spawn(t, b.System(), func(_ *actor.Context, msg any) error {
			if n := int64(msg.(note).N); n != next.Load() {
				select {
				case wrong <- fmt.Sprintf("%d came, want %d", n, next.Load()):
				default:
				}
			}
			next.Add(1)
			return nil
		})
		far := a.System().PIDOf(sink.Address())
		downs := watch(t, a.System(), far)
		for i := range cuts {
			for k := range each {
				a.System().Send(far, note{N: i*each + k})
			}
			if i%3 == 0 {
				<-time.After(time.Duration(i%7) * time.Millisecond)
			}
			l.net.Break(host(0), host(1))
		}
		until(t, "all has come", func() bool { return next.Load() == cuts*each || len(wrong) > 0 })
		select {
		case w := <-wrong:
			t.Fatal(w)
		default:
		}
		if st := a.System().Stats(); len(downs) > 0 || st.Dead != 0 || len(a.Members()) != 2 || len(b.Members()) != 2 {
			t.Fatal(len(downs), st, a.Members())
		}
	})
}

// chatter makes all nodes send to all others, by PIDs of the beginning and by names, until stop.
func (l *lan) chatter() (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i, n := range l.nodes {
		pid := spawn(l.t, n.System(), idle, actor.WithName("chatter"))
		for k, from := range l.nodes {
			if k == i {
				continue
			}
			far := from.System().PIDOf(pid.Address())
			name := from.System().PIDOf(actor.Address{Node: n.System().Name(), Name: "chatter"})
			wg.Go(func() {
				tick := time.NewTicker(50 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-done:
						return
					case <-tick.C:
						_ = from.System().TrySend(far, note{N: 1})
						_ = from.System().TrySend(name, note{N: 2})
					}
				}
			})
		}
	}
	return func() { close(done); wg.Wait() }
}

// After a partition each side is without the other; after it all are one again, and nobody has to do anything for it.
func TestPartitionHeals(t *testing.T) {
	for _, long := range healAfter() {
		synctest.Test(t, func(t *testing.T) {
			l := newLAN(t, 5, nil)
			if long < time.Minute {
				stop := l.chatter()
				defer stop()
			}
			<-time.After(3 * time.Second)
			l.net.Partition([]string{host(0), host(1)}, []string{host(2), host(3), host(4)})
			<-time.After(long)
			if long > 10*time.Second {
				if a, c := len(upAt(l.nodes[0])), len(upAt(l.nodes[4])); a != 2 || c != 3 {
					t.Errorf("after %v: %d and %d are up", long, a, c)
				}
			}
			l.net.Heal()
			began := time.Now()
			l.whole()
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%v: one again after %v", long, took)
			} else {
				t.Logf("%v: one again after %v", long, took)
			}
			// Messages flow in all directions.
			for i, to := range l.nodes {
				pid := spawn(t, to.System(), func(c *actor.Context, msg any) error { actor.Reply(c, msg.(double), 2*msg.(double).N); return nil })
				for k, from := range l.nodes {
					n, err := actor.Ask(within(t), from.System().PIDOf(pid.Address()), double{N: i})
					if n != 2*i || err != nil {
						t.Errorf("from %d to %d: %v, %v", k, i, n, err)
					}
				}
			}
		})
	}
}

// What is sent over two nodes is handled or a dead letter, whatever happens to the connection.
func TestLongCutsAreAccountedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		var handled atomic.Int64
		spawn(t, b.System(), func(*actor.Context, any) error { handled.Add(1); return nil }, actor.WithName("sink"))
		const rounds, each = 6, 50
		for range rounds {
			m, ok := a.Member("n2")
			for !ok {
				<-time.After(100 * time.Millisecond)
				m, ok = a.Member("n2")
			}
			far := a.Named(m, "sink")
			downs := watch(t, a.System(), far)
			for i := range each {
				a.System().Send(far, note{N: i})
				if i == each/2 {
					<-time.After(5 * time.Millisecond)
					l.net.Isolate(host(1))
				}
			}
			if d := recv(t, downs, "the Down"); d.Reason != actor.NoConnection {
				t.Fatal(d)
			}
			<-time.After(10 * time.Second)
			l.net.Heal()
			l.whole()
			if len(downs) > 0 {
				t.Fatal("told twice")
			}
		}
		sa, sb := a.System().Stats(), b.System().Stats()
		t.Logf("conveyed %d, lost %d, arrived %d, handled %d, dead %v", sa.Conveyed, sa.ConveyLost, sb.Arrived, handled.Load(), sa.DeadBy)
		if total := uint64(rounds * each); uint64(handled.Load())+sa.Dead < total || uint64(handled.Load())+sa.Dead-sa.DeadBy["connection lost"] > total {
			t.Errorf("%d handled, %d dead, %d sent", handled.Load(), sa.Dead, total)
		}
	})
}

// A node that is started anew under its name and address is another one: relations break once, old PIDs lead nowhere.
func TestRestartInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a := l.nodes[0]
		old := spawn(t, l.nodes[1].System(), idle)
		far := a.System().PIDOf(old.Address())
		downs := watch(t, a.System(), far, far)
		began := time.Now()
		l.net.Crash(host(1))
		l.net.Restart(host(1))
		sys := newSystem(t, "n2")
		cfg := l.config(1)
		cfg.Types, cfg.Logger = types, quiet
		n, err := cluster.Join(within(t), sys, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer leave(t, n)
		t.Logf("back after %v", time.Since(began))
		for range 2 {
			if d := recv(t, downs, "a Down"); d.Reason != actor.NoConnection {
				t.Fatal(d)
			}
		}
		spawn(t, sys, func(*actor.Context, any) error { t.Error("mail for the predecessor"); return nil })
		if err := a.System().TrySend(far, note{}); err != actor.NoProc {
			t.Fatal(err)
		}
		until(t, "a sees the new one", func() bool {
			m, ok := a.Member("n2")
			return ok && m.Incarnation == sys.Incarnation() && m.State == cluster.Up
		})
		again := watch(t, a.System(), far)
		if d := recv(t, again, "a Down of the past"); d.Reason != actor.NoProc {
			t.Fatal(d)
		}
		if len(downs) > 0 {
			t.Fatal("told twice")
		}
	})
}

// A node that leaves loses nothing of what it sent and what was sent to it before.
func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		a, c := l.nodes[0], l.nodes[2]
		var got atomic.Int64
		sink := spawn(t, a.System(), func(_ *actor.Context, msg any) error {
			if _, ok := msg.(note); ok {
				got.Add(1)
			}
			return nil
		})
		heard := listen(a)
		remote := spawn(t, c.System(), idle)
		downs := watch(t, a.System(), a.System().PIDOf(remote.Address()))
		far := c.System().PIDOf(sink.Address())
		for i := range 1000 {
			c.System().Send(far, note{N: i})
		}
		if err := c.Leave(within(t)); err != nil {
			t.Fatal(err)
		}
		if err := c.Leave(within(t)); err != nil {
			t.Fatal(err)
		}
		if d := recv(t, downs, "the Down"); d.Reason != actor.NoConnection {
			t.Fatal(d)
		}
		until(t, "all came", func() bool { return got.Load() == 1000 })
		until(t, "it is gone", func() bool { return fmt.Sprint(upAt(a), upAt(l.nodes[1])) == "[n1 n2] [n1 n2]" })
		if at, ok := heard.when("leaving n3"); !ok || at.IsZero() {
			t.Error(heard)
		}
		if err := c.System().TrySend(far, note{}); err != actor.NoConnection {
			t.Fatal(err)
		}
		if !c.System().Alive(remote) {
			t.Fatal("its processes ended")
		}
	})
}

// slowPackets is a network whose packet socket takes until the gate is opened.
type slowPackets struct {
	network.Network
	gate chan struct{}
}

func (s slowPackets) ListenPacket(addr string) (net.PacketConn, error) {
	<-s.gate
	return s.Network.ListenPacket(addr)
}

// Whoever connects while a node is still beginning waits, and is a member then.
func TestConnectedWhileBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 1, nil)
		gate := make(chan struct{})
		cfg := l.config(1)
		cfg.Seeds, cfg.Network = nil, slowPackets{l.net.Host(host(1)), gate}
		began := make(chan struct{})
		go func() {
			l.nodes = append(l.nodes, start(t, "n2", cfg))
			close(began)
		}()
		<-time.After(time.Second)
		third := l.config(2)
		third.Seeds = []string{addr(1), addr(0)}
		joined := make(chan struct{})
		var n3 *cluster.Node
		go func() {
			n3 = start(t, "n3", third)
			close(joined)
		}()
		<-time.After(time.Second)
		close(gate)
		<-began
		<-joined
		l.nodes = append(l.nodes, n3)
		l.whole()
	})
}

func healAfter() []time.Duration {
	if d, err := time.ParseDuration(os.Getenv("HEAL_AFTER")); err == nil {
		return []time.Duration{d}
	}
	return []time.Duration{5 * time.Second, 25 * time.Second, 90 * time.Second, 10 * time.Minute}
}
