package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/internal/fakenet"
)

func as(name string, inc nodeid.Incarnation) func(*Config) {
	return func(c *Config) { c.Self = func() Hello { return testHello(name, inc) } }
}

// TestRestartInPlace: the old session is Down before the new life is Up, whoever dials.
func TestRestartInPlace(t *testing.T) {
	for _, who := range []string{"the new life dials", "the old session finds out"} {
		t.Run(who, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := fakenet.New(fakenet.Config{Latency: time.Millisecond})
				defer net.Close()
				ha := newRecorder()
				a := startFake(t, net, "a", "10.0.0.1", ha)
				b1 := startFake(t, net, "b", "10.0.0.2", newRecorder())
				old := pair(t, a, b1)
				ha.next(t, "up")
				net.Crash("10.0.0.2")
				net.Restart("10.0.0.2")
				mustSend(t, old, Default, "for b1")
				b2 := startFake(t, net, "b", "10.0.0.2", newRecorder(), as("b", 2))
				if who == "the new life dials" {
					pair(t, b2, a)
				}
				for {
					e := <-ha.events
					if e.what == "refused" && errors.Is(e.err, ErrWrongNode) {
						continue
					}
					if e.what != "down" || e.session != old || !errors.Is(e.err, ErrIncarnation) || len(e.lost) != 1 {
						t.Fatal(e.what, e.err, e.lost)
					}
					break
				}
				if who == "the new life dials" {
					if e := ha.next(t, "up"); e.session.ID() != b2.node {
						t.Fatal(e.session.ID())
					}
				}
				// the old life is refused while the new one has a session
				if who == "the new life dials" {
					late := startFake(t, net, "b", "10.0.0.3", newRecorder(), as("b", 1))
					if _, err := late.Connect(t.Context(), a.Addr()); err != nil && !errors.Is(err, ErrOldIncarnation) {
						t.Fatal(err)
					}
					closeNow(late)
				}
				closeNow(a)
				closeNow(b1)
				closeNow(b2)
			})
		})
	}
}

// TestStalledReader: a peer that does not read fills its lane and nothing else.
func TestStalledReader(t *testing.T) {
	release := make(chan struct{})
	slow := newRecorder()
	n := 0
	all := make(chan struct{})
	const bound = 1 << 20
	var sent int
	var mu sync.Mutex
	slow.record = func(*Session, Lane, []byte) {
		<-release
		mu.Lock()
		defer mu.Unlock()
		if n++; n == sent {
			close(all)
		}
	}
	quick := newRecorder()
	small := func(c *Config) { c.Limits.Lane = bound }
	ha := newRecorder()
	a := startNode(t, "a", ha, small)
	b, c := startNode(t, "b", slow), startNode(t, "c", quick)
	sb, sc := pair(t, a, b), pair(t, a, c)
	rec := make([]byte, 1000)
	mu.Lock()
	for sb.Send(Default, rec, sent%2 == 0) == nil {
		sent++
	}
	mu.Unlock()
	if got := sb.Stats()[Default].Bytes; got > bound || sent < bound/1100 {
		t.Fatalf("%d bytes wait, %d records were taken", got, sent)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := sb.Wait(ctx, Default); err != context.DeadlineExceeded {
		t.Fatal(err)
	}
	for i := range 1000 {
		mustSend(t, sc, Default, "%d", i)
	}
	quick.wait(t, Default, 1000)
	mu.Lock()
	for range 10 { // beyond the bound
		if err := sb.SendAlways(Default, rec); err != nil {
			t.Fatal(err)
		}
		sent++
	}
	mu.Unlock()
	close(release)
	select {
	case <-all:
	case <-time.After(20 * time.Second):
		t.Fatal("not all came")
	}
	if err := sb.Wait(t.Context(), Default); err != nil {
		t.Fatal(err)
	}
}

// TestOverflow: signals that must not be refused end the session instead of filling the memory.
func TestOverflow(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	stalled := newRecorder()
	stalled.record = func(*Session, Lane, []byte) { <-release }
	ha := newRecorder()
	a, b := startNode(t, "a", ha, func(c *Config) { c.Limits.Lane = 100_000 }), startNode(t, "b", stalled)
	s := pair(t, a, b)
	ha.next(t, "up")
	n, rec := 0, make([]byte, 1000)
	for s.SendAlways(Default, rec) == nil {
		n++
	}
	e := ha.next(t, "down")
	if !errors.Is(e.err, ErrOverflow) || len(e.lost) != n || n < 190 || n > 200 {
		t.Fatal(n, e.err, len(e.lost))
	}
}

// TestOccupiedPeer: a handler that takes longer than Timing.Resume costs connections, not the session.
func TestOccupiedPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := fakenet.New(fakenet.Config{Latency: time.Millisecond})
		defer net.Close()
		hb, ha := newRecorder(), newRecorder()
		begun, release := make(chan struct{}), make(chan struct{})
		var got []string
		hb.record = func(_ *Session, _ Lane, rec []byte) {
			if got = append(got, string(rec)); len(got) == 1 {
				close(begun)
				<-release
			}
			if string(rec) == "last" {
				hb.events <- event{what: "last"}
			}
		}
		a, b := startFake(t, net, "a", "10.0.0.1", ha), startFake(t, net, "b", "10.0.0.2", hb)
		s := pair(t, a, b)
		ha.next(t, "up")
		hb.next(t, "up")
		for i := range 100 {
			mustSend(t, s, Default, "%d", i)
		}
		<-begun
		for range 60 {
			net.Break("10.0.0.1", "10.0.0.2")
			<-time.After(time.Second)
		}
		mustSend(t, s, Default, "last")
		close(release)
		hb.next(t, "last")
		if len(got) != 101 {
			t.Fatal(len(got))
		}
		ha.none(t)
		closeNow(a)
		closeNow(b)
	})
}

// TestEnd: what a peer sent before it ended is delivered before Down, and what waited for it is lost.
func TestEnd(t *testing.T) {
	ha, hb := newRecorder(), newRecorder()
	a, b := startNode(t, "a", ha), startNode(t, "b", hb)
	sa := pair(t, a, b)
	ha.next(t, "up")
	hb.next(t, "up")
	why := errors.New("proved dead")
	sb, _ := b.Session(a.node, "")
	for i := range 1000 {
		mustSend(t, sb, Default, "%d", i)
	}
	for sb.Stats()[Default].Bytes > 0 {
		<-time.After(time.Millisecond)
	}
	a.End(b.node, why)
	a.End(b.node, nil)
	a.End(nodeid.ID{Name: "x", Incarnation: 1}, nil)
	if e := ha.next(t, "down"); e.err != why {
		t.Fatal(e.err)
	}
	if got := ha.wait(t, Default, 1000); len(got) != 1000 {
		t.Fatal(len(got))
	}
	if err := sa.Send(Default, nil, false); err != ErrDown {
		t.Fatal(err)
	}
	if e := hb.next(t, "down"); !errors.Is(e.err, ErrUnknownSession) {
		t.Fatal(e.err)
	}
	<-sa.Done()
	pair(t, b, a)
	ha.next(t, "up")
	hb.next(t, "up")
}

// TestNewSessionWaitsForOld: what is sent to the next session is not delivered before the old one is swept at both ends.
func TestNewSessionWaitsForOld(t *testing.T) {
	ha, hb := newRecorder(), newRecorder()
	a, b := startNode(t, "a", ha), startNode(t, "b", hb)
	for round := range 20 {
		s, err := a.Session(b.node, b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		mustSend(t, s, Default, "%d", round)
		hb.wait(t, Default, round+1)
		ha.next(t, "up")
		hb.next(t, "up")
		a.End(b.node, nil)
		if next, _ := a.Session(b.node, b.Addr()); next == s {
			t.Fatal("the ended session was given out")
		}
		ha.next(t, "down")
		hb.next(t, "down")
	}
	ha.next(t, "up")
	hb.next(t, "up")
}

// TestNamedLanes: a lane that both have is used; one that the peer lacks flows into Bulk, in order.
func TestNamedLanes(t *testing.T) {
	lanes := func(names ...string) func(*Config) { return func(c *Config) { c.Lanes = names } }
	ha, hb := newRecorder(), newRecorder()
	a, b := startNode(t, "a", ha, lanes("mine", "video")), startNode(t, "b", hb, lanes("video"))
	s, err := a.Session(b.node, b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 100_000)
	for i := range 100 {
		mustSend(t, s, 3, "%d", i)
		mustSend(t, s, 4, "%d", i)
	}
	mustSend(t, s, 3, "%s", big)
	ha.next(t, "up")
	for i := range 100 {
		mustSend(t, s, 3, "%d", 100+i)
	}
	for i, rec := range hb.wait(t, 3, 100) {
		if rec != fmt.Sprint(i) {
			t.Fatal(i, rec)
		}
	}
	got := hb.wait(t, Bulk, 201)
	if got[100] != big || got[99] != "99" || got[101] != "100" || got[200] != "199" {
		t.Fatal("order")
	}
}

// TestBulkDoesNotHoldUp: small records pass while a megabyte each flows on another lane, and come in order there too.
func TestBulkDoesNotHoldUp(t *testing.T) {
	ha, hb := newRecorder(), newRecorder()
	hb.record = func(s *Session, lane Lane, rec []byte) {
		if lane == Default {
			s.Send(Default, rec, true)
		}
	}
	a, b := startNode(t, "a", ha), startNode(t, "b", hb)
	s := pair(t, a, b)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		rec := make([]byte, 1<<20)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if s.Send(Bulk, rec, false) == ErrFull {
				s.Wait(t.Context(), Bulk)
			}
		}
	})
	var worst time.Duration
	for i := 0; i < 200 || s.Stats()[Bulk].Acked < 500; i++ {
		began := time.Now()
		if err := s.Send(Default, fmt.Append(nil, i), true); err != nil {
			t.Fatal(err)
		}
		ha.wait(t, Default, i+1)
		worst = max(worst, time.Since(began))
	}
	close(stop)
	wg.Wait()
	t.Logf("worst round trip %v while %d frames of bulk went", worst, s.Stats()[Bulk].Acked)
}

func TestCompression(t *testing.T) {
	ha, hb := newRecorder(), newRecorder()
	with := func(c *Config) { c.Compress = 512 }
	counted := &countNet{}
	a, b := startNode(t, "a", ha, with, func(c *Config) { c.Network = counted }), startNode(t, "b", hb)
	s := pair(t, a, b)
	total := 0
	for i := range 2000 {
		rec := fmt.Sprintf("%d %s", i, strings.Repeat("abc ", i%300))
		total += len(rec)
		mustSend(t, s, Default, "%s", rec)
	}
	large := strings.Repeat("large ", 200_000)
	mustSend(t, s, Default, "%s", large)
	got := hb.wait(t, Default, 2001)
	for i := range 2000 {
		if want := fmt.Sprintf("%d %s", i, strings.Repeat("abc ", i%300)); got[i] != want {
			t.Fatal(i)
		}
	}
	if got[2000] != large {
		t.Fatal("large")
	}
	if n := counted.written.Load(); n > int64(total+len(large))/4 {
		t.Fatalf("%d of %d bytes were written", n, total+len(large))
	}
}

func TestStreams(t *testing.T) {
	for _, secure := range []bool{false, true} {
		var with []func(*Config)
		b := startNode(t, "b", newRecorder())
		a := startNode(t, "a", newRecorder())
		if secure {
			ca := newAuthority(t)
			with = []func(*Config){ca.node(t, "a")}
			a = startNode(t, "a", newRecorder(), with...)
			b = startNode(t, "b", newRecorder(), ca.node(t, "b"))
		}
		got := make(chan net.Conn, 1)
		if err := b.HandleStream(7, func(c net.Conn) { got <- c }); err != nil {
			t.Fatal(err)
		}
		if b.HandleStream(0, func(net.Conn) {}) == nil || b.HandleStream(1, nil) == nil {
			t.Fatal("taken")
		}
		if _, err := a.DialStream(t.Context(), b.Addr(), 0); err == nil {
			t.Fatal("dialled")
		}
		c, err := a.DialStream(t.Context(), b.Addr(), 7)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("hi")); err != nil {
			t.Fatal(err)
		}
		d := <-got
		buf := make([]byte, 2)
		if _, err := d.Read(buf); err != nil || string(buf) != "hi" {
			t.Fatal(err, buf)
		}
		closeNow(b) // closes the stream, which nobody closed
		if _, err := d.Read(buf); err == nil {
			t.Fatal("open")
		}
		c.Close()
		if n := len(a.mu.conns); n != 0 {
			t.Fatal(n)
		}
	}
}

func TestProbe(t *testing.T) {
	hb := newRecorder()
	a, b := startNode(t, "a", newRecorder()), startNode(t, "b", hb)
	if err := a.Probe(t.Context(), b.Addr()); err != nil {
		t.Fatal(err)
	}
	closeNow(b)
	if err := a.Probe(t.Context(), b.Addr()); !errors.Is(err, errRefusedBySystem) {
		t.Fatal(err)
	}
	hb.none(t)
}

// TestHeard: the time of the last byte.
func TestHeard(t *testing.T) {
	a, b := startNode(t, "a", newRecorder()), startNode(t, "b", newRecorder())
	idle, err := a.Session(nodeid.ID{Name: "x", Incarnation: 1}, "127.0.0.1:1")
	if err != nil || !idle.Heard().IsZero() {
		t.Fatal(err, idle.Heard())
	}
	if s := pair(t, a, b); time.Since(s.Heard()) > 5*time.Second || s.Protocol() != 3 || s.ID() != b.node {
		t.Fatal(s.Heard(), s.Protocol())
	}
}
