//go:build e2e

package e2e_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// account compares what was sent on a stream with what became of it, when all is quiet. It returns what is not known of: dead letters
// that may have been handled.
func account(t *testing.T, from, to *node, stream string) (sent, handled, dead, inDoubt uint64) {
	t.Helper()
	eventually(t, "the account of "+stream, func() error {
		s, r, there := from.stats(), to.received(stream), to.stats()
		sent, handled, dead, inDoubt = s.Sent[stream], r.Got, 0, 0
		for _, reasons := range []map[string]uint64{s.Dead[stream], there.Dead[stream]} {
			for reason, n := range reasons {
				if reason == "connection lost" {
					inDoubt += n
				} else {
					dead += n
				}
			}
		}
		switch {
		case r.Back > 0:
			t.Fatalf("%s: %d messages were repeated or overtaken: %+v", stream, r.Back, r)
		case handled+dead > sent:
			t.Fatalf("%s: %d sent, but %d handled and %d dead", stream, sent, handled, dead)
		case sent > handled+dead+inDoubt:
			return fmt.Errorf("%s: of %d sent %d were handled, %d are dead and %d in doubt: %d are lost", stream, sent, handled, dead, inDoubt,
				sent-handled-dead-inDoubt)
		}
		return nil
	})
	return sent, handled, dead, inDoubt
}

// TestShortStop: a process that is stopped for 3 s is not down on a LAN, and what was sent to it is there when it goes on.
func TestShortStop(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 3, "-profile", "lan", "-insecure")
	a, b, c := g.nodes[0], g.nodes[1], g.nodes[2]
	marks := []int{a.mark(), b.mark(), c.mark()}
	const count, rate = 4000, 500
	toC, toC2, fromC := a.tell(order{Do: "send", To: "c", Stream: "ac", Count: count, Rate: rate}),
		b.tell(order{Do: "send", To: "c", Stream: "bc", Count: count, Rate: rate}),
		c.tell(order{Do: "send", To: "a", Stream: "ca", Count: count, Rate: rate})
	for c.received("ac").Got < rate {
		pause(10 * time.Millisecond)
	}
	c.Signal(syscall.SIGSTOP)
	pause(3 * time.Second)
	c.Signal(syscall.SIGCONT)
	for _, done := range []func(time.Duration) message{toC, toC2, fromC} {
		if m := done(soon); m.Sent != count {
			t.Errorf("%+v", m)
		}
	}
	eventually(t, "all has come", func() error {
		for _, r := range []receipt{c.received("ac"), c.received("bc"), a.received("ca")} {
			if r.Got < count {
				return fmt.Errorf("%+v", r)
			}
		}
		return nil
	})
	var downs, lost, back, gaps int
	for _, r := range []receipt{c.received("ac"), c.received("bc"), a.received("ca")} {
		lost, back, gaps = lost+count-int(r.Got), back+int(r.Back), gaps+int(r.Gaps)
		if r.Got != count || r.Gaps+r.Back > 0 {
			t.Errorf("%+v", r)
		}
	}
	for i, n := range g.nodes {
		held := n.count(marks[i], func(m message) bool { return m.Event == "down" || m.Event == "unreachable" })
		downs += held
		if held > 0 {
			t.Errorf("%s held somebody for unreachable or down", n.name)
		}
		if dead := n.stats().System.DeadBy; len(dead) > 0 {
			t.Errorf("%s has dead letters: %v", n.name, dead)
		}
	}
	figure(t, "SIGSTOP 3 s, LAN, 3 streams of 500/s: down or unreachable, lost, repeated or overtaken, gaps", "0, 0, 0, 0",
		fmt.Sprintf("%d, %d, %d, %d (longest silence %s)", downs, lost, back, gaps, ms(c.received("ac").Longest)))
}

// TestLongStop: a receiver that is stopped for 20 s while 50 MB/s are offered costs its sender little, others nothing, and is back
// soon after it goes on. What it did not get is counted.
func TestLongStop(t *testing.T) {
	const size, rate = 50_000, 1000
	g := newGroupOf(t, 3, func(i int) []string {
		args := []string{"-profile", "lan", "-insecure"}
		if i == 0 {
			args = append(args, "-drop") // b waits
		}
		return args
	})
	a, b, c := g.nodes[0], g.nodes[1], g.nodes[2]
	dropped := a.tell(order{Do: "send", To: "c", Stream: "ac", Rate: rate, Size: size})
	waited := b.tell(order{Do: "send", To: "c", Stream: "bc", Rate: 200, Size: size})
	const asks = 1600
	before := a.tell(order{Do: "ask", To: "b", Count: asks, Rate: 400})(soon).Times
	restA, restB, marks := a.resident(), b.resident(), []int{a.mark(), b.mark()}

	c.Signal(syscall.SIGSTOP)
	stopped := time.Now()
	during := a.tell(order{Do: "ask", To: "b", Count: 15 * 400, Rate: 400})
	peakA, peakB := restA, restB
	for time.Since(stopped) < 20*time.Second {
		peakA, peakB = max(peakA, a.resident()), max(peakB, b.resident())
		pause(50 * time.Millisecond)
	}
	c.Signal(syscall.SIGCONT)
	resumed := time.Now()
	for len(a.up()) < 3 || len(b.up()) < 3 || a.tell(order{Do: "ask", To: "c", Count: 1})(soon).Times.Answered < 1 {
		if time.Since(resumed) > soon {
			t.Fatalf("c is not back: %v, %v", a.up(), b.up())
		}
		pause(10 * time.Millisecond)
	}
	back := time.Since(resumed)
	// The way there is whole again when a stream flows, too.
	got := c.received("ac").Got
	eventually(t, "the stream flows again", func() error {
		if c.received("ac").Got == got {
			return fmt.Errorf("%d came", got)
		}
		return nil
	})
	after := during(soon).Times
	for _, n := range []struct {
		node   *node
		stream string
		answer func(time.Duration) message
	}{{a, "ac", dropped}, {b, "bc", waited}} {
		n.node.do(order{Do: "stop", Stream: n.stream})
		n.answer(soon)
		sent, handled, dead, doubt := account(t, n.node, c, n.stream)
		t.Logf("%s: %d sent, %d handled, %d dead, %d in doubt: %v", n.stream, sent, handled, dead, doubt, n.node.stats().Dead[n.stream])
	}
	down := a.count(marks[0], func(m message) bool { return m.Event == "down" })
	figure(t, "SIGSTOP 20 s of a receiver at 50 MB/s: growth of the sender (drops; waits)", "64 MiB", mib(peakA-restA)+"; "+mib(peakB-restB))
	figure(t, "SIGSTOP 20 s: p50 / p99 of requests to another peer, before and during", "p99 within 20 %",
		fmt.Sprintf("%s / %s, %s / %s", ms(before.P50), ms(before.P99), ms(after.P50), ms(after.P99))+missed(after.P99 > before.P99*12/10))
	figure(t, fmt.Sprintf("SIGSTOP 20 s, LAN (declared down %d times): up and answering after SIGCONT", down), "2 s, or a new incarnation", ms(back))
	if grown := max(peakA-restA, peakB-restB); grown > 64<<20 {
		t.Errorf("the senders grew by %s and %s", mib(peakA-restA), mib(peakB-restB))
	}
	if after.Answered != 15*400 || after.P99 > max(10*before.P99, 50*time.Millisecond) {
		t.Errorf("requests to another peer: %+v, before %+v", after, before)
	}
	if down == 0 && back > 2*time.Second {
		t.Errorf("never down, and back after %v", back)
	}
}
