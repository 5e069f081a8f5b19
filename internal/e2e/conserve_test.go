//go:build e2e

package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
)

// TestConservation: what nodes send each other while their links are cut and healed is handled once and in order, or a dead letter.
func TestConservation(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	g := newGroup(t, 3)
	const rate = 500
	var before []*nodeStats
	for _, n := range g.nodes {
		before = append(before, n.stats())
	}
	type stream struct {
		from, to *node
		name     string
		done     func(time.Duration) message
	}
	var streams []stream
	for _, from := range g.nodes {
		for _, to := range g.nodes {
			if from != to {
				s := stream{from: from, to: to, name: from.name + to.name}
				s.done = from.tell(order{Do: "send", To: to.name, Stream: s.name, Rate: rate, Size: 100})
				streams = append(streams, s)
			}
		}
	}
	long, cuts, broken := soakFor(t), 0, 0
	for cut, began := 0, time.Now(); cut < 20 || time.Since(began) < long; cut++ {
		i := random.IntN(3)
		one, others := g.hosts[i:i+1], []*netns.Host{g.hosts[(i+1)%3], g.hosts[(i+2)%3]}
		kind := []string{"connection reset", "short cut of a link", "short one-way cut", "short isolation", "long isolation"}[cut%5]
		cuts++
		switch kind {
		case "connection reset":
			for range 5 {
				broken += one[0].Reset(others[0])
				pause(time.Duration(random.IntN(100)) * time.Millisecond)
			}
		case "short cut of a link":
			netns.Cut(one, others[:1])
			pause(time.Duration(random.IntN(900)) * time.Millisecond)
			netns.Heal(one, others[:1])
		case "short one-way cut":
			one[0].Block(others[0])
			pause(time.Duration(random.IntN(900)) * time.Millisecond)
			one[0].Unblock(others[0])
		case "short isolation":
			netns.Cut(one, others)
			pause(time.Duration(random.IntN(900)) * time.Millisecond)
			netns.Heal(one, others)
		case "long isolation":
			netns.Cut(one, others)
			pause(4*time.Second + time.Duration(random.IntN(2000))*time.Millisecond)
			netns.Heal(one, others)
			g.mustBeWhole(5 * time.Second)
		}
		pause(time.Duration(random.IntN(500)) * time.Millisecond)
	}
	g.whole(soon)
	var sent, handled, dead, doubt uint64
	for _, s := range streams {
		s.from.do(order{Do: "stop", Stream: s.name})
	}
	for _, s := range streams {
		if m := s.done(soon); m.Err != "" {
			t.Errorf("%s: %s", s.name, m.Err)
		}
		a, b, c, d := account(t, s.from, s.to, s.name)
		t.Logf("%s: %d sent, %d handled, %d dead, %d in doubt: %v", s.name, a, b, c, d, s.from.stats().Dead[s.name])
		sent, handled, dead, doubt = sent+a, handled+b, dead+c, doubt+d
	}
	pause(time.Second) // what the last cut left ends
	for i, n := range g.nodes {
		now := n.stats()
		if s := now.System; s.Sent != s.Handled+s.Dead+uint64(s.Queued) {
			t.Errorf("%s: %+v", n.name, s)
		}
		if now.Goroutines > before[i].Goroutines+20 || now.Files > before[i].Files+10 {
			t.Errorf("%s had %d goroutines and %d files, and has %d and %d", n.name, before[i].Goroutines, before[i].Files, now.Goroutines, now.Files)
		}
		if long > 0 {
			figure(t, "soak: goroutines, files, memory of node "+n.name+", before and after", "as before, within 2 %", fmt.Sprintf("%d, %d, %s; %d, %d, %s",
				before[i].Goroutines, before[i].Files, mib(before[i].RSS), now.Goroutines, now.Files, mib(now.RSS))+
				missed(now.Goroutines*100 > before[i].Goroutines*102 || now.Files*100 > before[i].Files*102))
		}
	}
	if broken < cuts/5 {
		t.Errorf("only %d connections could be broken", broken)
	}
	figure(t, fmt.Sprintf("6 streams over links cut %d times: sent = handled + dead, of them in doubt; repeated, out of order", cuts),
		"adds up; 0, 0", fmt.Sprintf("%d = %d + %d, %d; 0, 0", sent, handled, sent-handled, doubt))
	g.talk()
}
