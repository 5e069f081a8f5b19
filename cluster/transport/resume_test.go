package transport

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/internal/fakenet"
)

// sequence checks that records come complete, once, and in order: each begins with its number on its lane.
type sequence struct {
	*recorder
	t    testing.TB
	next [4]uint64 // each belongs to its lane's reader
	n    [4]atomic.Uint64
	beat chan struct{}
}

func newSequence(t testing.TB) *sequence {
	q := &sequence{recorder: newRecorder(), t: t, beat: make(chan struct{}, 1)}
	q.record = func(_ *Session, lane Lane, rec []byte) {
		if got := binary.LittleEndian.Uint64(rec); got != q.next[lane] {
			t.Errorf("lane %d: record %d came where %d belongs", lane, got, q.next[lane])
		}
		q.next[lane]++
		q.n[lane].Store(q.next[lane])
		select {
		case q.beat <- struct{}{}:
		default:
		}
	}
	return q
}

// reach waits until n records have come on a lane.
func (q *sequence) reach(lane Lane, n uint64, within time.Duration) {
	late := time.After(within)
	for q.n[lane].Load() < n {
		select {
		case <-q.beat:
		case <-time.After(50 * time.Millisecond): // the beat may have been somebody else's
		case <-late:
			q.t.Errorf("lane %d: %d of %d records", lane, q.n[lane].Load(), n)
			return
		}
	}
}

// pump sends numbered records until stop is closed, and returns how many.
func pump(t testing.TB, s *Session, lane Lane, size int, rest time.Duration, stop <-chan struct{}, rng *rand.Rand) uint64 {
	for n := uint64(0); ; {
		rec := binary.LittleEndian.AppendUint64(make([]byte, 0, size+8), n)
		rec = rec[:8+rng.IntN(size+1)]
		switch err := s.Send(lane, rec, rng.IntN(4) == 0); err {
		case nil:
			n++
		case ErrFull:
			if err := s.Wait(context.Background(), lane); err != nil {
				t.Error(err)
				return n
			}
		default:
			t.Error(err)
			return n
		}
		if n%64 == 0 {
			select {
			case <-stop:
				return n
			case <-time.After(rest):
			}
		}
	}
}

// load pumps on three lanes in both directions while during runs, then waits for all of it to arrive.
func load(t testing.TB, seed uint64, sa, sb *Session, qa, qb *sequence, rest time.Duration, during func(rng *rand.Rand)) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var sent [2][3]uint64
	for i, s := range []*Session{sa, sb} {
		for lane, size := range []int{40, 300, 80_000} /* some are large */ {
			rng := rand.New(rand.NewPCG(seed, uint64(i*10+lane)))
			wg.Go(func() { sent[i][lane] = pump(t, s, Lane(lane), size, rest, stop, rng) })
		}
	}
	during(rand.New(rand.NewPCG(seed, 99)))
	close(stop)
	wg.Wait()
	for i, q := range []*sequence{qb, qa} {
		for lane, n := range sent[i] {
			q.reach(Lane(lane), n, 20*time.Second)
		}
		q.none(t)
	}
	t.Logf("sent %v", sent)
}

// TestThousandCuts cuts all connections between two nodes a thousand times while both send: nothing is lost, doubled, or out of
// order, and nobody hears of it.
func TestThousandCuts(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	net := newCutNet()
	qa, qb := newSequence(t), newSequence(t)
	with := func(c *Config) { c.Network = net }
	a, b := startNode(t, "a", qa, with), startNode(t, "b", qb, with)
	sa := pair(t, a, b)
	qa.recorder.next(t, "up")
	sb := qb.recorder.next(t, "up").session
	cuts := 1000
	if testing.Short() {
		cuts = 100
	}
	load(t, seed, sa, sb, qa, qb, time.Millisecond/4, func(rng *rand.Rand) {
		for done := 0; done < cuts; {
			<-time.After(time.Duration(1+rng.IntN(6)) * time.Millisecond)
			done += net.cut(false) / 2 // both ends are known
		}
	})
	t.Log(sa.Stats())
}

// TestCutsInMemory is the same over a network in memory, with delays, and in virtual time.
func TestCutsInMemory(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		net := fakenet.New(fakenet.Config{Seed: seed, Latency: time.Millisecond, Jitter: time.Millisecond})
		defer net.Close()
		qa, qb := newSequence(t), newSequence(t)
		a, b := startFake(t, net, "a", "10.0.0.1", qa), startFake(t, net, "b", "10.0.0.2", qb)
		sa := pair(t, a, b)
		qa.recorder.next(t, "up")
		sb := qb.recorder.next(t, "up").session
		load(t, seed, sa, sb, qa, qb, 5*time.Millisecond, func(rng *rand.Rand) {
			for range 100 {
				<-time.After(time.Duration(rng.IntN(60)) * time.Millisecond)
				net.Break("10.0.0.1", "10.0.0.2")
			}
		})
		closeNow(a)
		closeNow(b)
	})
}

func startFake(t testing.TB, net *fakenet.Network, name, ip string, h Handler, change ...func(*Config)) *Transport {
	return startNode(t, name, h, append([]func(*Config){func(c *Config) {
		c.Network = net.Host(ip)
		c.Listen = ip + ":700"
	}}, change...)...)
}

// TestLongCut: after Timing.Resume both ends hear Down once, and every record was received or is lost, or in doubt.
func TestLongCut(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	net := newCutNet()
	with := func(c *Config) { c.Network = net; c.Timing.Resume = 300 * time.Millisecond }
	qa, qb := newSequence(t), newSequence(t)
	a, b := startNode(t, "a", qa, with), startNode(t, "b", qb, with)
	sa := pair(t, a, b)
	qa.recorder.next(t, "up")
	sb := qb.recorder.next(t, "up").session
	var wg sync.WaitGroup
	var sent [2]uint64
	for i, s := range []*Session{sa, sb} {
		wg.Go(func() {
			for n := uint64(0); ; n++ {
				err := s.Send(Default, binary.LittleEndian.AppendUint64(nil, n), false)
				for err == ErrFull {
					if err = s.Wait(context.Background(), Default); err == nil {
						err = s.Send(Default, binary.LittleEndian.AppendUint64(nil, n), false)
					}
				}
				if err != nil {
					sent[i] = n
					return
				}
			}
		})
	}
	<-time.After(50 * time.Millisecond)
	net.cut(true)
	ea, eb := qa.recorder.next(t, "down"), qb.recorder.next(t, "down")
	wg.Wait()
	for i, e := range []event{ea, eb} {
		if !errors.Is(e.err, ErrResume) && !errors.Is(e.err, ErrUnknownSession) {
			t.Fatal(e.err)
		}
		q := []*sequence{qb, qa}[i]
		got := q.n[Default].Load()
		if first := sent[i] - uint64(len(e.lost)); first > got {
			t.Fatalf("%d: %d received, but the first lost is %d", i, got, first)
		}
		for k, l := range e.lost {
			n := binary.LittleEndian.Uint64(l.Record)
			if n != sent[i]-uint64(len(e.lost))+uint64(k) {
				t.Fatalf("%d: lost %d is record %d", i, k, n)
			}
			if n < got && !l.InDoubt {
				t.Fatalf("%d: record %d was received, and is lost without doubt", i, n)
			}
		}
		t.Logf("sent %d, received %d, lost %d", sent[i], got, len(e.lost))
	}
	// and again
	net.mu.Lock()
	net.shut = false
	net.mu.Unlock()
	pair(t, a, b)
	qa.recorder.next(t, "up")
	qb.recorder.next(t, "up")
	qa.none(t)
	qb.none(t)
}

// TestBothDialAtOnce: whoever wins, there is one session, and what was sent before arrives.
func TestBothDialAtOnce(t *testing.T) {
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	for round := range rounds {
		synctest.Test(t, func(t *testing.T) {
			net := fakenet.New(fakenet.Config{Seed: uint64(round), Latency: time.Millisecond, Jitter: 3 * time.Millisecond})
			defer net.Close()
			ha, hb := newRecorder(), newRecorder()
			a, b := startFake(t, net, "a", "10.0.0.1", ha), startFake(t, net, "b", "10.0.0.2", hb)
			sa, err := a.Session(b.node, b.Addr())
			if err != nil {
				t.Fatal(err)
			}
			if round%3 == 1 {
				<-time.After(time.Duration(round%7) * time.Millisecond)
			}
			sb, err := b.Session(a.node, a.Addr())
			if err != nil {
				t.Fatal(err)
			}
			for i := range 10 {
				mustSend(t, sa, Default, "%d", i)
				mustSend(t, sb, Default, "%d", i)
			}
			for _, h := range []*recorder{ha, hb} {
				h.next(t, "up")
				for i, rec := range h.wait(t, Default, 10) {
					if rec != fmt.Sprint(i) {
						t.Fatal(i, rec)
					}
				}
			}
			if sa.Peer().Cluster != "c" || sb.Peer().Cluster != "c" || a.Lookup(b.node) != sa || b.Lookup(a.node) != sb {
				t.Fatal("not one session")
			}
			<-time.After(time.Second)
			ha.none(t)
			hb.none(t)
			for _, s := range []*Session{sa, sb} {
				for _, st := range s.Stats()[:2] {
					if st.Connections > 2 {
						t.Fatalf("%+v", st)
					}
				}
			}
			closeNow(a)
			closeNow(b)
		})
	}
}
