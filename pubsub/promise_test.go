package pubsub_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/pubsub"
)

// Subscribe on B, at once publish on A: nothing is missed, whatever the delay.
func TestSubscribeThenPublish(t *testing.T) {
	for _, latency := range []time.Duration{10 * time.Microsecond, 5 * time.Millisecond} {
		t.Run(latency.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newSlowLAN(t, 3, latency, nil)
				a, b, c := l.nodes[0], l.nodes[1], l.nodes[2]
				const rounds = 2000
				got := make(chan any, 2*rounds)
				pid, err := b.sys.Spawn(actor.Func(func(_ *actor.Context, msg any) error { got <- msg; return nil }))
				if err != nil {
					t.Fatal(err)
				}
				for i := range rounds {
					topic := fmt.Sprint("t.", i)
					wanted := topic
					if i%3 == 0 {
						wanted += ".*"
						topic += ".x"
					}
					if err := b.Subscribe(t.Context(), wanted, pid); err != nil {
						t.Fatal(i, err)
					}
					a.say(t, topic, i)
					c.say(t, topic, i)
				}
				<-time.After(time.Second)
				if n := len(got); n != 2*rounds {
					t.Fatalf("%d of %d arrived", n, 2*rounds)
				}
				if s := b.Stats(); s.Gaps != 0 || s.Received != 2*rounds {
					t.Fatal(s)
				}
			})
		})
	}
}

// The publisher joins while B subscribes: from its first publish on nothing is missed, and then it sends no more than is wanted.
func TestPublisherJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		b := l.nodes[1]
		x := b.on(t, "t.>")
		want := 0
		for round := range 15 {
			i := len(l.nodes)
			a := l.add(i)
			a.say(t, "t.at.once", want)
			want++
			topic := fmt.Sprint("u", round)
			if err := b.Subscribe(within(t), topic, x.pid); err != nil {
				t.Fatal(err)
			}
			a.say(t, topic, want)
			want++
		}
		<-time.After(time.Second)
		if n := len(x.got); n != want {
			t.Fatalf("%d of %d arrived", n, want)
		}
		l.whole()
		before := b.Stats().Received
		l.nodes[5].say(t, "nobody", 0)
		<-time.After(time.Second)
		if b.Stats().Received != before {
			t.Fatal("it still gets everything")
		}
	})
}

// A PubSub that is opened later than another, on nodes that are long connected.
func TestOpenedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 1, nil)
		a := l.nodes[0]
		b := l.bare(1)
		x := a.on(t, "t") // waits no longer than for a node without
		for range 3 {
			<-time.After(20 * time.Second)
			b.open(t)
			b.say(t, "t", 1)
			x.next(t)
			y := b.on(t, "t")
			a.say(t, "t", 2)
			x.next(t)
			if e := y.next(t); e.Message != 2 {
				t.Fatal(e)
			}
			closeAll(t, b.PubSub)
			<-time.After(time.Second)
			if s := b.Stats(); s.Gaps != 0 {
				t.Fatal(s)
			}
		}
		if s := a.Stats(); s.Gaps != 0 {
			t.Fatal(s)
		}
	})
}

// Interest is dropped and taken up again, with pauses around the second after which it is withdrawn.
func TestInterestComesAndGoes(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		x := b.listener(t)
		for i := range 1000 {
			if err := b.Subscribe(within(t), "t", x.pid); err != nil {
				t.Fatal(err)
			}
			a.say(t, "t", i)
			if e := x.next(t); e.Message != i {
				t.Fatal(i, e)
			}
			if err := b.Unsubscribe(within(t), "t", x.pid); err != nil {
				t.Fatal(err)
			}
			<-time.After(900*time.Millisecond + time.Duration(rnd.IntN(500))*time.Millisecond)
		}
		if s := b.Stats(); s.Gaps != 0 {
			t.Fatal(s)
		}
	})
}

// A cut that is longer than a session lasts: one gap, with as many events as were missed; a shorter one: none.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		name  string
		lasts time.Duration
		from  int
	}{{"short", 300 * time.Millisecond, 0}, {"long", 40 * time.Second, 0}, {"long, the other way", 40 * time.Second, 1}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLAN(t, 2, nil)
				a, b := l.nodes[c.from], l.nodes[1-c.from]
				x := b.on(t, "t", pubsub.WithGaps())
				plain := b.on(t, "t")
				a.say(t, "t", 0)
				if e := x.next(t); e.Seq != 1 {
					t.Fatal(e)
				}
				l.net.Partition([]string{host(0)}, []string{host(1)})
				const during = 100
				for i := range during {
					a.say(t, "t", 1+i)
					<-time.After(c.lasts / during)
				}
				l.net.Heal()
				l.whole()
				a.say(t, "t", "after")
				<-time.After(5 * time.Second)
				got, missed := 0, uint64(0)
				var seq uint64 = 1
				var last any
				for len(x.got) > 0 {
					switch m := (<-x.got).(type) {
					case pubsub.Event:
						if m.Seq != seq+1 {
							t.Errorf("event %d behind %d", m.Seq, seq)
						}
						got, seq, last = got+1, m.Seq, m.Message
					case pubsub.Gap:
						if m.From != seq+1 || m.Lost != m.To-m.From+1 || m.Node != a.name {
							t.Errorf("%+v behind %d", m, seq)
						}
						missed, seq = missed+m.Lost, m.To
					}
				}
				s := b.Stats()
				t.Logf("%d events, %d missed in %d gaps", got, missed, s.Gaps)
				if last != "after" || got+int(missed) != during+1 || int(s.Missed) != int(missed) {
					t.Errorf("%d came and %d are missing of %d; the last: %v", got, missed, during+1, last)
				}
				if wantGaps := uint64(0); c.lasts > 10*time.Second {
					if s.Gaps != 1 || missed == 0 {
						t.Errorf("%d gaps, %d missed", s.Gaps, missed)
					}
				} else if s.Gaps != wantGaps {
					t.Errorf("%d gaps", s.Gaps)
				}
				if n := len(plain.got); n != got+1 {
					t.Errorf("who did not ask for gaps got %d, want %d", n, got+1)
				}
			})
		})
	}
}

// While a node is cut off and still held up, Subscribe says who did not answer, and the process is subscribed.
func TestPartial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, func(_ int, c *cluster.Config) { c.Profile, c.Insecure = cluster.LAN, true })
		b := l.nodes[1]
		l.net.Partition([]string{host(0)}, []string{host(1), host(2)})
		x := b.listener(t)
		began := time.Now()
		err := b.Subscribe(within(t), "t", x.pid)
		var partial *pubsub.PartialError
		if !errors.As(err, &partial) || !slices.Equal(partial.Nodes, []string{"n1"}) || time.Since(began) > 2100*time.Millisecond {
			t.Fatal(err, time.Since(began))
		}
		l.nodes[2].say(t, "t", 1)
		x.next(t)
		if err := b.SubscribeNoWait(within(t), "u", x.pid); err != nil {
			t.Fatal(err)
		}
		l.net.Heal()
		until(t, "the other learns of it", func() bool { return len(l.nodes[0].Topics()) == 2 })
		l.nodes[0].say(t, "t", 2)
		x.next(t)
	})
}

// Publishers, subscribers, cuts and joins at random: who was subscribed when a publish began, and connected, got it, in order and once.
func TestRandomHistories(t *testing.T) {
	for range 3 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { randomHistory(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func randomHistory(t *testing.T, rnd *rand.Rand) {
	l := newLAN(t, 3, nil)
	topics := []string{"a.b", "a.c", "d", "a.b.c"}
	patterns := []string{"a.b", "a.*", "a.>", "d", "*.b", ">", "a.b.c"}
	type sub struct {
		*listener
		at      *node
		pattern string
		since   int
		want    [][2]int
		over    bool
	}
	var subs []*sub
	for n := range 600 {
		switch k := rnd.IntN(20); {
		case k < 3:
			at := l.nodes[rnd.IntN(len(l.nodes))]
			pattern := patterns[rnd.IntN(len(patterns))]
			subs = append(subs, &sub{listener: at.on(t, pattern), at: at, pattern: pattern, since: n})
		case k < 5 && len(subs) > 0:
			s := subs[rnd.IntN(len(subs))]
			if s.over {
				continue
			}
			<-time.After(50 * time.Millisecond) // what is under way may be lost with the process
			s.over = true
			if rnd.IntN(2) == 0 {
				s.at.sys.Exit(s.pid, actor.Kill)
			} else if err := s.at.Unsubscribe(within(t), s.pattern, s.pid); err != nil {
				t.Fatal(err)
			}
		case k == 5:
			<-time.After(time.Duration(rnd.IntN(3000)) * time.Millisecond)
		case k == 6 && len(l.nodes) < 6:
			l.add(len(l.nodes))
		case k == 7:
			// Too short for a session to end.
			cut := rnd.IntN(len(l.nodes))
			l.net.Isolate(host(cut))
			<-time.After(time.Duration(rnd.IntN(300)) * time.Millisecond)
			l.net.Heal()
			<-time.After(2 * time.Second)
		default:
			i := rnd.IntN(len(l.nodes))
			topic := topics[rnd.IntN(len(topics))]
			for _, s := range subs {
				if !s.over && pubsub.Match(s.pattern, topic) {
					s.want = append(s.want, [2]int{i, n})
				}
			}
			l.nodes[i].say(t, topic, []int{i, n})
		}
	}
	<-time.After(5 * time.Second)
	for _, s := range subs {
		got := make([][]int, 6)
		for len(s.got) > 0 {
			v := (<-s.got).(pubsub.Event).Message.([]int)
			if v[1] > s.since { // else it was under way when the process subscribed
				got[v[0]] = append(got[v[0]], v[1])
			}
		}
		want := make([][]int, 6)
		for _, w := range s.want {
			want[w[0]] = append(want[w[0]], w[1])
		}
		for i := range want {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("%s at %s: of n%d it got %v, want %v", s.pattern, s.at.name, i+1, got[i], want[i])
			}
		}
	}
	for _, x := range l.nodes {
		if s := x.Stats(); s.Gaps != 0 || s.Malformed != 0 {
			t.Error(x.name, s)
		}
	}
}

// More topics at once than an owner keeps operations: the others fetch pages, and miss nothing that was promised.
func TestManyTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		a, b := l.nodes[0], l.nodes[1]
		x := b.listener(t)
		const topics = 20_000
		for i := range topics {
			if err := b.SubscribeNoWait(t.Context(), fmt.Sprintf("t.%d.*", i), x.pid); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Subscribe(t.Context(), "last", x.pid); err != nil {
			t.Fatal(err)
		}
		a.say(t, "last", 0)
		for i := 0; i < topics; i += 97 {
			a.say(t, fmt.Sprintf("t.%d.x", i), i)
		}
		<-time.After(time.Second)
		if n, want := len(x.got), 1+(topics+96)/97; n != want {
			t.Fatalf("%d of %d arrived", n, want)
		}
		if n := len(a.Topics()); n != topics+1 {
			t.Fatal(n, "topics are known")
		}
	})
}
