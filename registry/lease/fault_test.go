package lease_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/lease"
)

// The holder's path to Consul is cut: no handler starts later than 9 s after the last renewal, and the successor, though Consul ends the
// session as early as it ever may, starts after 10 s.
func TestCutPath(t *testing.T) {
	for _, how := range []string{"cut", "deaf"} {
		t.Run(how, func(t *testing.T) {
			virtual(t, func(t *testing.T, c *fake) {
				c.expiry = 1
				a, b := c.start(t, "a", lease.Config{}), c.start(t, "b", lease.Config{})
				s := &record{}
				h := spawnWriter(t, a, "x", s)
				pass(7 * time.Second)
				if how == "cut" {
					a.Cut()
				} else {
					a.Deaf("") // it is renewed at Consul, and nobody hears of it
				}
				var renewed time.Time
				c.do(func() { renewed = c.sessions[a.Stats().Session].renewed })
				began := make(chan time.Time, 1)
				go func() {
					h := spawnWriter(t, b, "x", s, lease.Wait())
					began <- time.Now()
					pass(time.Second)
					b.exit(h.PID())
				}()
				end := a.gone(h.PID())
				if d := end.Sub(renewed); d < 8*time.Second || d > 9*time.Second+10*time.Millisecond {
					t.Errorf("the holder ended %v after the last renewal", d)
				}
				if h.Err() != lease.ErrExpired || !h.Until().IsZero() {
					t.Error(h.Err(), h.Until())
				}
				a.refused("x", lease.ErrUnavailable)
				start := <-began
				if d := start.Sub(renewed); d < 10*time.Second {
					t.Errorf("the successor started %v after the last renewal", d)
				}
				pass(2 * time.Second)
				a.Heal()
				if err := a.Ready(within(t, 20*time.Second)); err != nil {
					t.Error(err)
				}
				s.oneAtATime(t)
			})
		})
	}
}

// spawnWriter spawns a process that writes to s every 50 ms while it holds the name.
func spawnWriter(t *testing.T, n *node, name string, s *record, opts ...lease.Option) *lease.Hold {
	holds := make(chan *lease.Hold, 1)
	pid, err := n.sys.Spawn(n.Actor(name, func(h *lease.Hold) (actor.Actor, error) {
		holds <- h
		return actor.Func(func(ctx *actor.Context, _ any) error {
			ctx.SendAfter(50*time.Millisecond, ctx.Self(), "on")
			return s.write(n.sys.Name()+ctx.Self().String(), h.Token())
		}), nil
	}, opts...))
	if err != nil {
		t.Error(err)
		panic(err)
	}
	n.sys.Send(pid, "on")
	return <-holds
}

// oneAtATime checks that who has written does not write again after another has, and that nothing was refused.
func (s *record) oneAtATime(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	last := map[string]int{}
	for i, w := range s.writes {
		if k, ok := last[w.who]; ok && k != i-1 {
			t.Errorf("%s writes at %v, after another had written", w.who, w.at)
		}
		last[w.who] = i
	}
	if s.refused > 0 {
		t.Errorf("%d writes were refused by the fence", s.refused)
	}
	if len(last) < 2 {
		t.Errorf("writers: %v", last)
	}
}

// A session destroyed by hand under load: the holder learns at its next renewal, long before the lock delay is over.
func TestSessionDestroyed(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		a, b := c.start(t, "a", lease.Config{}), c.start(t, "b", lease.Config{})
		s := &record{}
		for range 5 {
			for _, n := range []*node{a, b} {
				h := spawnWriter(t, n, "x", s, lease.Wait())
				pass(time.Duration(rand.Int64N(int64(5 * time.Second))))
				other := b
				if n == b {
					other = a
				}
				began := time.Now()
				if err := other.EndSession(t.Context(), n.Stats().Session); err != nil {
					t.Fatal(err)
				}
				if d := n.gone(h.PID()).Sub(began); d > 4*time.Second {
					t.Errorf("the holder ended %v later", d)
				}
			}
		}
		s.oneAtATime(t)
		if n := a.Stats().Lapses + b.Stats().Lapses; n != 10 {
			t.Errorf("%d lapses", n)
		}
	})
}

// An answer that is lost leaves no lock behind: what Consul did is taken back.
func TestAnswerLost(t *testing.T) {
	for _, what := range []string{"acquire", "consistent"} {
		t.Run(what, func(t *testing.T) {
			virtual(t, func(t *testing.T, c *fake) {
				a, b := c.start(t, "a", lease.Config{}), c.start(t, "b", lease.Config{})
				a.Deaf(what)
				a.refused("x", lease.ErrUnavailable)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := a.Register(ctx, "y", a.process()); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				a.Heal()
				began := time.Now()
				b.take("x", lease.Wait())
				b.take("y", lease.Wait())
				if d := time.Since(began); d > 5*time.Second {
					t.Errorf("free after %v", d)
				}
				if a.Stats().Lapses > 0 {
					t.Error("the session lapsed: this tests something else")
				}
			})
		})
	}
}

// Requests that the network delivers long after their sender gave up on them take nothing from later activations, and leave nothing
// locked.
func TestLateRequests(t *testing.T) {
	for _, what := range []string{"acquire", "txn"} {
		t.Run(what, func(t *testing.T) {
			virtual(t, func(t *testing.T, c *fake) {
				a, b := c.start(t, "a", lease.Config{}), c.start(t, "b", lease.Config{})
				if what == "txn" {
					h := a.take("x")
					a.Keep("txn")
					if err := a.Unregister(t.Context(), "x"); !errors.Is(err, lease.ErrUnavailable) {
						t.Fatal(err)
					}
					if h.Err() == nil {
						t.Error("given back, and held")
					}
				} else {
					a.Keep("acquire")
					a.refused("x", lease.ErrUnavailable)
				}
				a.Keep("nothing")
				h := a.take("x") // the next activation, on the same node
				if n := a.LetGo(); n == 0 {
					t.Fatal("no request was late")
				}
				pass(5 * time.Second)
				if k := c.key("x"); h.Err() != nil || k.Session != a.Stats().Session || uint64(h.Token()) > k.ModifyIndex {
					t.Fatalf("held: %v; at Consul %+v, session %q, token %v", h.Err(), k, a.Stats().Session, h.Token())
				}
				b.refused("x", lease.ErrTaken)
				a.exit(h.PID())
				if next := b.take("x", lease.Wait()); next.Token() <= h.Token() {
					t.Errorf("token %v after %v", next.Token(), h.Token())
				}
			})
		})
	}
	// And if nobody is there when it arrives.
	virtual(t, func(t *testing.T, c *fake) {
		a, b := c.start(t, "a", lease.Config{}), c.start(t, "b", lease.Config{})
		a.Keep("acquire")
		a.refused("x", lease.ErrUnavailable)
		pass(3 * time.Second)
		a.LetGo()
		if k := c.key("x"); k.Session == "" {
			t.Fatal("the late request did nothing: this tests nothing")
		}
		began := time.Now()
		b.take("x", lease.Wait())
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("free after %v", d)
		}
	})
}

// Consul is not there, or not well.
func TestConsulFails(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		c.status = 500
		a := c.open(t, "a", lease.Config{})
		err := a.Ready(within(t, 30*time.Second))
		if !errors.Is(err, lease.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		contains(t, err, "500", "told to")
		contains(t, a.refused("x", lease.ErrUnavailable), "500")
		c.do(func() { c.status = 0 })
		h := a.take("x", lease.Wait())
		c.do(func() { c.status = 500 })
		pass(3 * time.Second)
		if h.Err() != nil || a.Stats().Failures == 0 {
			t.Error("a failed renewal ended the lease:", h.Err(), a.Stats())
		}
		c.do(func() { c.status = 0 })
		pass(30 * time.Second)
		if h.Err() != nil {
			t.Error(h.Err())
		}
		for _, body := range []string{"", "{", "[]", "null", "true", `[{"ID":"other"}]`, `[{"Key":"other","ModifyIndex":1}]`, strings.Repeat("[", 1000)} {
			c.do(func() { c.badBody = body })
			if body == "" {
				c.do(func() { c.badBody = " " })
			}
			pid := a.process()
			if h, err := a.Register(within(t, time.Minute), "y", pid); err == nil {
				t.Errorf("%q gave a name: %v", body, h.Token())
			}
			a.exit(pid)
		}
		c.do(func() { c.badBody = "" })
		a.take("y", lease.Wait())
	})
}

func TestConsulRefuses(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		c.token = "good"
		a := c.open(t, "a", lease.Config{Token: "bad"})
		contains(t, a.Ready(within(t, time.Second)), "403", "give a Token with session:write")
		b := c.start(t, "b", lease.Config{Token: "good"})
		h := b.take("x")
		c.do(func() { c.token = "other" }) // the right is lost: the lease is too, in order
		if d := time.Until(b.gone(h.PID())); d > 0 {
			t.Error(d)
		}
		c.do(func() { c.token, c.minTTL = "", 30*time.Second })
		d := c.open(t, "d", lease.Config{})
		contains(t, d.Ready(within(t, time.Second)), "session_ttl_min")
	})
}

// TestHistories has three nodes take, lose and give back names under random faults, and an observer that knows who holds what: never
// two at a time, and tokens that grow.
func TestHistories(t *testing.T) {
	runs := 40
	if testing.Short() || raceEnabled {
		runs = 1
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed, runs = n, 1
	}
	given := 0
	for i := range uint64(runs) {
		virtual(t, func(t *testing.T, c *fake) {
			defer func() {
				if t.Failed() {
					t.Logf("SEED=%d", seed+i)
				}
			}()
			given += history(t, c, rand.New(rand.NewPCG(seed+i, 3)))
		})
		if t.Failed() {
			return
		}
	}
	if given < 10*runs {
		t.Errorf("names were given only %d times in %d runs", given, runs)
	}
	t.Logf("%d runs, %d times a name was given", runs, given)
}

// observer knows all holds.
type observer struct {
	mu    sync.Mutex // protects the fields below
	holds map[string][]*lease.Hold
}

// given notes a hold, and checks it against those before.
func (o *observer) given(t *testing.T, h *lease.Hold) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, old := range o.holds[h.Name()] {
		if old.Token() >= h.Token() {
			t.Errorf("%s: token %v after %v", h.Name(), h.Token(), old.Token())
		}
		if old.Err() == nil && h.Err() == nil {
			t.Errorf("%s has two holders: %v and %v", h.Name(), old.PID(), h.PID())
		}
	}
	o.holds[h.Name()] = append(o.holds[h.Name()], h)
}

func history(t *testing.T, c *fake, r *rand.Rand) (given int) {
	c.expiry = 1 + r.Float64()
	o := &observer{holds: map[string][]*lease.Hold{}}
	var nodes []*node
	for _, name := range []string{"a", "b", "c"} {
		nodes = append(nodes, c.start(t, name, lease.Config{}))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, n := range nodes {
		for _, name := range []string{"x", "y/z"} {
			seed := r.Uint64()
			wg.Go(func() { live(ctx, t, n, name, o, rand.New(rand.NewPCG(seed, 1))) })
		}
	}
	faults := 60
	if raceEnabled {
		faults = 15
	}
	for range faults {
		n := nodes[r.IntN(3)]
		switch r.IntN(8) {
		case 0:
			n.Cut()
		case 1:
			n.Deaf([]string{"", "renew", "acquire", "consistent", "txn"}[r.IntN(5)])
		case 2:
			n.Keep([]string{"acquire", "txn", "renew", "create"}[r.IntN(4)])
		case 3:
			n.LetGo()
		case 4:
			if s := n.Stats().Session; s != "" {
				c.destroy(s)
			}
		default:
			n.Heal()
		}
		pass(time.Duration(r.Int64N(int64(6 * time.Second))))
	}
	for _, n := range nodes {
		n.Heal()
		n.LetGo()
	}
	pass(2 * time.Minute)
	o.mu.Lock()
	for _, list := range o.holds {
		given += len(list)
	}
	before := given
	o.mu.Unlock()
	pass(2 * time.Minute)
	cancel()
	wg.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	after := 0
	for _, list := range o.holds {
		after += len(list)
	}
	if after == before {
		t.Error("all is well, and no name was given for two minutes")
	}
	return after
}

// live takes a name, holds it for a while and loses it, again and again.
func live(ctx context.Context, t *testing.T, n *node, name string, o *observer, r *rand.Rand) {
	for ctx.Err() == nil {
		pid, err := n.sys.Spawn(actor.Func(func(*actor.Context, any) error { return nil }))
		if err != nil {
			t.Error(err)
			return
		}
		try, cancel := context.WithTimeout(ctx, time.Duration(r.Int64N(int64(40*time.Second))))
		h, err := n.Register(try, name, pid, lease.Wait())
		cancel()
		if err == nil {
			o.given(t, h)
			until := time.Now().Add(time.Duration(r.Int64N(int64(20 * time.Second))))
			for time.Now().Before(until) && h.Err() == nil && ctx.Err() == nil {
				pass(300 * time.Millisecond)
			}
			if r.IntN(2) == 0 {
				_ = n.Unregister(ctx, name) // Consul may be away
			}
		} else if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		n.sys.Exit(pid, actor.Kill)
		if r.IntN(3) == 0 {
			pass(time.Duration(r.Int64N(int64(5 * time.Second))))
		}
	}
}

// What others write under the prefix is no harm.
func TestForeignKeys(t *testing.T) {
	virtual(t, func(t *testing.T, c *fake) {
		a := c.start(t, "a", lease.Config{})
		c.do(func() {
			c.index++
			s := &fakeSession{id: "other", timer: time.AfterFunc(time.Hour, func() {}), lockDelay: time.Second}
			c.sessions["other"] = s
			for i, value := range []string{"", "bm90aGluZw==", "e30="} {
				key := fmt.Sprintf("foundation/lease/k%d", i)
				c.keys[key] = &fakeKey{Key: key, ModifyIndex: c.index, Value: value, Session: "other"}
			}
			c.keys["foundation/lease/sub/x"] = &fakeKey{Key: "foundation/lease/sub/x", ModifyIndex: c.index, Session: "other"}
		})
		pass(time.Second)
		synctest.Wait()
		contains(t, a.refused("k0", lease.ErrTaken), "session other")
		if e, ok := a.Lookup("k1"); !ok || e.Session != "other" || !e.PID.IsZero() {
			t.Errorf("%+v %v", e, ok)
		}
		if _, ok := a.Whereis("k1"); ok {
			t.Error("a PID was made up")
		}
		if a.Stats().Known != 3 {
			t.Errorf("%+v", a.Stats())
		}
	})
}
