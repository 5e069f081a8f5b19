package membership_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/membership"
	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/internal/fakenet"
)

func TestJoinAndLeave(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(4, func(c *membership.Config) { c.Meta = []byte("of " + c.Node.Name) })
		for _, n := range r.nodes {
			if n.count(membership.Alive) != 3 || n.Alone() {
				t.Errorf("%v: %d events of joins", n.id, n.count(membership.Alive))
			}
			for id, meta := range n.sees() {
				if meta != "of "+id.Name {
					t.Errorf("%v sees %v with %q", n.id, id, meta)
				}
			}
		}
		gone := r.nodes[3]
		start := time.Now()
		if err := gone.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Log("leave took", time.Since(start))
		gone.stop()
		r.nodes = r.nodes[:3]
		r.within(3*time.Second, "the others see three", func() bool { return r.whole(r.nodes...) })
		for _, n := range r.nodes {
			if n.count(membership.Left) != 1 || n.count(membership.Dead) != 0 || n.count(membership.Leaving) != 1 {
				t.Errorf("%v: left %d, dead %d, leaving %d", n.id, n.count(membership.Left), n.count(membership.Dead), n.count(membership.Leaving))
			}
			if k := n.Stats().Known; k != 2 {
				t.Errorf("%v remembers %d addresses, want 2", n.id, k)
			}
		}
		if err := gone.Leave(t.Context()); !errors.Is(err, membership.ErrClosed) {
			t.Errorf("second leave: %v", err)
		}
		if err := gone.SetMeta(nil); !errors.Is(err, membership.ErrClosed) {
			t.Errorf("metadata of who has left: %v", err)
		}
		if _, err := gone.Join(t.Context(), r.nodes[0].addr); !errors.Is(err, membership.ErrClosed) {
			t.Errorf("join of who has left: %v", err)
		}
	})
}

// TestEventsTellTheTable: replaying the events gives what Members says.
func TestEventsTellTheTable(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(5, nil)
		r.crash(r.nodes[2])
		if err := r.nodes[0].SetMeta([]byte("new")); err != nil {
			t.Fatal(err)
		}
		n := r.start(2, nil)
		if _, err := n.Join(t.Context(), r.nodes[1].addr); err != nil {
			t.Fatal(err)
		}
		r.within(time.Minute, "five again", func() bool { return r.whole(r.nodes...) })
		<-time.After(10 * time.Second)
		for _, n := range r.nodes {
			table := map[nodeid.ID]string{}
			n.mu.Lock()
			for _, e := range n.events {
				_, known := table[e.ID]
				switch e.Kind {
				case membership.Alive:
					if known {
						t.Errorf("%v: %v is alive twice", n.id, e.ID)
					}
					table[e.ID] = string(e.Meta)
				case membership.Updated:
					table[e.ID] = string(e.Meta)
				case membership.Dead, membership.Left:
					if !known {
						t.Errorf("%v: %v ended and was not alive", n.id, e.ID)
					}
					delete(table, e.ID)
				}
			}
			n.mu.Unlock()
			sees := n.sees()
			for id, meta := range sees {
				if table[id] != meta {
					t.Errorf("%v: events say %q of %v, the table %q", n.id, table[id], id, meta)
				}
			}
			if len(table) != len(sees) {
				t.Errorf("%v: events say %v, the table %v", n.id, table, sees)
			}
		}
	})
}

func TestMetaReachesAll(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(10, nil)
		large := strings.Repeat("x", membership.MaxMeta)
		if err := r.nodes[4].SetMeta([]byte(large)); err != nil {
			t.Fatal(err)
		}
		took := r.within(5*time.Second, "all know the new metadata", func() bool {
			for _, n := range r.nodes {
				if n != r.nodes[4] && n.sees()[r.nodes[4].id] != large {
					return false
				}
			}
			return true
		})
		t.Log("metadata reached all after", took)
		for i, n := range r.nodes {
			if want := 1; i != 4 && n.count(membership.Updated) != want {
				t.Errorf("%v: %d updates, want %d", n.id, n.count(membership.Updated), want)
			}
		}
		var ce *membership.ConfigError
		if err := r.nodes[0].SetMeta(make([]byte, membership.MaxMeta+1)); !errors.As(err, &ce) || ce.Field != "Meta" {
			t.Errorf("too much metadata: %v", err)
		}
	})
}

// TestRestartInPlace: the next life has the address of the last one, which is still thought alive.
func TestRestartInPlace(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(4, nil)
		old := r.nodes[3]
		r.crash(old)
		fresh := r.start(3, nil)
		if fresh.id.Incarnation <= old.id.Incarnation {
			t.Fatalf("%v after %v", fresh.id, old.id)
		}
		if _, err := fresh.Join(t.Context(), r.nodes[0].addr); err != nil {
			t.Fatal(err)
		}
		r.within(time.Second, "both lives are members", func() bool {
			_, now := r.nodes[1].sees()[fresh.id]
			return now
		})
		r.within(10*time.Second, "only the new life is", func() bool { return r.whole(r.nodes...) })
		for _, n := range r.nodes[:3] {
			if d := n.of(membership.Dead); len(d) != 1 || d[0].ID != old.id {
				t.Errorf("%v: dead are %v", n.id, d)
			}
			if n.count(membership.Conflict) != 0 {
				t.Errorf("%v: conflicts %v", n.id, n.of(membership.Conflict))
			}
		}
	})
}

// TestConflict: the same life twice, at two addresses.
func TestConflict(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(3, nil)
		twin := r.nodes[2].id
		second := r.start(7, func(c *membership.Config) { c.Node = twin })
		_, _ = second.Join(t.Context(), r.nodes[0].addr)
		r.within(10*time.Second, "a conflict is reported", func() bool {
			return r.nodes[0].count(membership.Conflict) > 0 || r.nodes[2].count(membership.Conflict) > 0
		})
		<-time.After(5 * time.Second)
		for _, n := range r.nodes[:3] {
			if c := n.count(membership.Conflict); c > 3 {
				t.Errorf("%v: %d reports of one conflict", n.id, c)
			}
			for _, e := range n.of(membership.Conflict) {
				if e.ID != twin || e.Err == nil {
					t.Errorf("%v: %+v", n.id, e)
				}
			}
		}
	})
}

func TestThirtyNodes(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		start := time.Now()
		for i := range 30 {
			n := r.start(i, nil)
			if i > 0 {
				if err := n.Discovered(r.nodes[0].addr, r.nodes[i/2].addr, n.addr); err != nil {
					t.Fatal(err)
				}
			}
		}
		r.within(20*time.Second, "thirty see thirty", func() bool { return r.whole(r.nodes...) })
		t.Log("30 nodes at once: whole after", time.Since(start))
		<-time.After(20 * time.Second)
		if !r.whole(r.nodes...) {
			t.Error("somebody was lost while nothing happened")
		}
		for _, n := range r.nodes {
			if d := n.count(membership.Dead); d != 0 || n.Health() > 1 {
				t.Errorf("%v: %d deaths, health %d", n.id, d, n.Health())
			}
		}
	})
}

// TestSelfIsDropped: an alias of our own address is not joined for ever.
func TestSelfIsDropped(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		n := r.start(0, nil)
		if k, err := n.Join(t.Context(), n.addr, "127.0.0.1:7946"); k != 0 || err != nil {
			t.Errorf("joined ourselves: %d, %v", k, err)
		}
		<-time.After(time.Minute)
		before := n.Stats()
		if before.Known != 0 || before.PacketsIn != 0 {
			t.Errorf("remembers ourselves: %+v", before)
		}
		<-time.After(time.Minute)
		if d := n.Stats().StreamsOut - before.StreamsOut; d != 0 {
			t.Errorf("%d more streams to ourselves", d)
		}
		if !n.Alone() || len(n.Members.Members()) != 0 || n.count(membership.Alive) != 0 {
			t.Error("we are our own member")
		}
	})
}

func TestJoinErrors(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		r.cluster(2, nil)
		n := r.start(5, nil)
		for _, bad := range []string{"", "10.0.0.1", "10.0.0.1:", ":7946", "10.0.0.1:0"} {
			if k, err := n.Join(t.Context(), bad); k != 0 || err == nil {
				t.Errorf("joined %q: %d, %v", bad, k, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		start := time.Now()
		if k, err := n.Join(ctx, "10.9.9.9:7946"); k != 0 || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > time.Second {
			t.Errorf("no such host: %d, %v after %v", k, err, time.Since(start))
		}
		if k, err := n.Join(t.Context(), "10.0.0.1:1", r.nodes[0].addr); k != 1 || err != nil {
			t.Errorf("one good address: %d, %v", k, err)
		}
	})
}

// TestFailedJoinIsRepeated: the seed comes up later.
func TestFailedJoinIsRepeated(t *testing.T) {
	virtual(t, lan(), func(t *testing.T, r *rig) {
		n := r.start(0, nil)
		r.net.Host(ipOf(1)) // a machine without a program
		if _, err := n.Join(t.Context(), ipOf(1)+":7946"); err == nil {
			t.Fatal("joined nobody")
		}
		<-time.After(time.Minute)
		r.start(1, nil)
		took := r.within(5*time.Second, "both see both", func() bool { return r.whole(r.nodes...) })
		t.Log("found after", took)
	})
}

func TestCloseEndsEverything(t *testing.T) {
	virtual(t, fakenet.Config{Latency: time.Second}, func(t *testing.T, r *rig) {
		n := r.start(0, nil)
		r.net.Host(ipOf(1))
		r.net.Isolate(ipOf(1))
		errs := make(chan error, 1)
		go func() {
			_, err := n.Join(context.Background(), ipOf(1)+":7946")
			errs <- err
		}()
		<-time.After(100 * time.Millisecond)
		start := time.Now()
		n.Close()
		n.Close()
		if err := <-errs; err == nil || time.Since(start) != 0 {
			t.Errorf("join ended with %v after %v", err, time.Since(start))
		}
		if err := n.Leave(t.Context()); !errors.Is(err, membership.ErrClosed) {
			t.Errorf("leave: %v", err)
		}
		if err := n.SetMeta(nil); !errors.Is(err, membership.ErrClosed) {
			t.Errorf("metadata: %v", err)
		}
	})
}
