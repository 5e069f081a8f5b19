package membership

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newTestBook(change func(*RejoinConfig)) *book {
	var c RejoinConfig
	if change != nil {
		change(&c)
	}
	return newBook(c.defaults(), "self:1")
}

func TestPlanJoinsWhoIsNotAlive(t *testing.T) {
	b := newTestBook(nil)
	for _, a := range []string{"a:1", "b:1", "c:1", "self:1"} {
		b.learn(a, epoch)
	}
	alive := map[string]int{"b:1": 1}
	join, again := plan(epoch, b, alive)
	if !slices.Equal(join, []string{"a:1", "c:1"}) || !again.IsZero() {
		t.Errorf("join %v, again %v", join, again)
	}
	if second, _ := plan(epoch, b, alive); !slices.Equal(second, join) {
		t.Errorf("plan changes the book: %v, then %v", join, second)
	}
	b.begin(join, epoch, alive)
	if join, _ := plan(epoch, b, alive); len(join) != 0 {
		t.Errorf("joins %v while it is being joined", join)
	}
	b.done("a:1", epoch, epoch.Add(2*time.Second), failed, false, 0.5)
	if join, again := plan(epoch.Add(999*time.Millisecond), b, alive); len(join) != 0 || !again.Equal(epoch.Add(time.Second)) {
		t.Errorf("before its time: join %v, again %v", join, again)
	}
	if join, _ := plan(epoch.Add(time.Second), b, alive); !slices.Equal(join, []string{"a:1"}) {
		t.Errorf("at its time: join %v", join)
	}
}

func TestPauses(t *testing.T) {
	for _, c := range []struct {
		name   string
		tries  int
		how    outcome
		alone  bool
		age    time.Duration
		chance float64
		want   time.Duration
	}{
		{"first", 0, failed, false, 0, 0.5, time.Second},
		{"second", 1, failed, false, 0, 0.5, 2 * time.Second},
		{"third", 2, failed, false, 0, 0.5, 3 * time.Second},
		{"many", 1000, failed, false, 0, 0.5, 3 * time.Second},
		{"early", 2, failed, false, 0, 0, 2250 * time.Millisecond},
		{"late", 2, failed, false, 0, 1, 3750 * time.Millisecond},
		{"old", 2, failed, false, 2 * time.Hour, 0.5, 30 * time.Second},
		{"answered", 0, answered, false, 0, 0.5, time.Second},
		{"alias", 3, answered, false, 0, 0.5, 30 * time.Second},
		{"alias, alone", 0, answered, true, 0, 0.5, time.Second},
		{"refused", 0, refused, true, 0, 0.5, 30 * time.Second},
	} {
		b := newTestBook(nil)
		b.learn("a:1", epoch.Add(-c.age))
		b.peers["a:1"].tries, b.peers["a:1"].busy = c.tries, true
		b.done("a:1", epoch, epoch.Add(time.Millisecond), c.how, c.alone, c.chance)
		if got := b.peers["a:1"].next.Sub(epoch); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestLostIsTriedSoonAndFromTheBeginning(t *testing.T) {
	b := newTestBook(nil)
	b.learn("a:1", epoch)
	b.peers["a:1"].tries, b.peers["a:1"].next = 9, epoch.Add(time.Hour)
	b.lost("a:1", epoch.Add(time.Minute), 0)
	if p := b.peers["a:1"]; p.tries != 0 || !p.next.Equal(epoch.Add(time.Minute+time.Second/2)) {
		t.Errorf("%+v", p)
	}
	b.left("a:1")
	if len(b.peers) != 0 {
		t.Error("who has left is remembered")
	}
}

func TestBookForgets(t *testing.T) {
	b := newTestBook(nil)
	b.learn("a:1", epoch)
	b.learn("b:1", epoch)
	alive := map[string]int{"b:1": 1}
	later := epoch.Add(24*time.Hour - time.Second)
	b.begin(nil, later, alive)
	if join, _ := plan(later, b, nil); !slices.Contains(join, "a:1") {
		t.Errorf("too early: %v", join)
	}
	later = epoch.Add(24*time.Hour + time.Second)
	if join, _ := plan(later, b, nil); slices.Contains(join, "a:1") || !slices.Contains(join, "b:1") {
		t.Errorf("after a day: %v", join)
	}
	b.begin(nil, later, alive)
	if len(b.peers) != 1 || b.peers["b:1"] == nil {
		t.Errorf("%d remembered", len(b.peers))
	}
}

func TestBookKnowsItself(t *testing.T) {
	b := newTestBook(nil)
	b.learn("alias:1", epoch)
	b.ours("alias:1")
	if b.learn("alias:1", epoch) || b.learn("self:1", epoch) || len(b.peers) != 0 {
		t.Errorf("we are our own peer: %v", b.peers)
	}
	b.lost("self:1", epoch, 0)
	b.done("alias:1", epoch, epoch, failed, true, 0)
}

// TestBookIsBounded runs random histories: the book never exceeds its bounds, never tries who is alive or itself, and never
// more at once than allowed.
func TestBookIsBounded(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		b := newTestBook(func(c *RejoinConfig) { c.MaxPeers, c.Parallel, c.ForgetAfter = 20, 3, time.Hour })
		alive := map[string]int{}
		var busy []string
		now := epoch
		for range 500 {
			now = now.Add(time.Duration(rnd.Int64N(int64(20 * time.Second))))
			a := fmt.Sprintf("h:%d", 1+rnd.IntN(40))
			switch rnd.IntN(6) {
			case 0:
				b.learn(a, now)
			case 1:
				b.learn(a, now)
				alive[a] = 1
			case 2:
				if alive[a] > 0 {
					delete(alive, a)
					b.lost(a, now, rnd.Float64())
				}
			case 3:
				if rnd.IntN(10) == 0 {
					b.ours(a)
				}
			case 4:
				if len(busy) > 0 {
					b.done(busy[0], now.Add(-time.Second), now, outcome(rnd.IntN(3)), len(alive) == 0, rnd.Float64())
					busy = busy[1:]
				}
			default:
				join, again := plan(now, b, alive)
				for _, j := range join {
					if alive[j] > 0 || b.self[j] || slices.Contains(busy, j) && b.peers[j].busy {
						t.Fatalf("joins %s: alive %v, self %v, busy %v", j, alive[j], b.self[j], busy)
					}
				}
				if !again.IsZero() && !again.After(now) {
					t.Fatal("asks to be asked again in the past")
				}
				b.begin(join, now, alive)
				busy = append(busy, join...)
			}
			under := 0
			for _, p := range b.peers {
				if p.busy {
					under++
				}
			}
			if len(b.peers) > 20 || under > 3 {
				t.Fatalf("%d peers, %d at once", len(b.peers), under)
			}
		}
	}
}
