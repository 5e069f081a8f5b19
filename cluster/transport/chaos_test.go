package transport

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/internal/fakenet"
)

// ledger is a Handler that keeps the books of every session of a node: what the peer's session delivered, and how ours ended.
type ledger struct {
	t    *testing.T
	name string

	mu   sync.Mutex
	open *Session          // Up and not Down
	from map[uint64]uint64 // the peer's session → records received from it
	sent map[uint64]uint64 // our session → records taken
	lost map[uint64][]Lost // our session → what Down told
	ends map[*Session]bool
}

func newLedger(t *testing.T, name string) *ledger {
	return &ledger{t: t, name: name, from: map[uint64]uint64{}, sent: map[uint64]uint64{}, lost: map[uint64][]Lost{}, ends: map[*Session]bool{}}
}

func (l *ledger) Up(s *Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open != nil || l.ends[s] {
		l.t.Errorf("%s: a session is up beside another, or again", l.name)
	}
	l.open = s
}

func (l *ledger) Record(s *Session, _ Lane, rec []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	peer, n := binary.LittleEndian.Uint64(rec), binary.LittleEndian.Uint64(rec[8:])
	if l.open != s || peer != s.mu.theirs {
		l.t.Errorf("%s: a record of another session", l.name)
	}
	if l.from[peer] != n {
		l.t.Errorf("%s: record %d came where %d belongs", l.name, n, l.from[peer])
	}
	l.from[peer] = n + 1
}

func (l *ledger) Down(s *Session, why error, lost []Lost) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ends[s] || errors.Is(why, ErrMalformed) {
		l.t.Errorf("%s: down twice, or for a bad reason: %v", l.name, why)
	}
	l.ends[s] = true
	if l.open == s {
		l.open = nil
	}
	l.lost[s.mine] = lost
}

func (l *ledger) Refused(_ string, _ Hello, err error) { l.t.Errorf("%s: refused: %v", l.name, err) }

// send sends a record that says which it is.
func (l *ledger) send(s *Session, rng *rand.Rand) {
	l.mu.Lock()
	n := l.sent[s.mine]
	l.mu.Unlock()
	rec := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, s.mine), n)
	if rng.IntN(50) == 0 {
		rec = append(rec, make([]byte, rng.IntN(200_000))...)
	}
	if s.Send(Default, rec, rng.IntN(2) == 0) == nil {
		l.mu.Lock()
		l.sent[s.mine]++
		l.mu.Unlock()
	}
}

// settle compares what one end sent with what the other received.
func settle(t *testing.T, from, to *ledger) (total, doubt int) {
	for session, sent := range from.sent {
		got, lost := to.from[session], from.lost[session]
		if acked := sent - uint64(len(lost)); got < acked || got > sent {
			t.Errorf("%s: %d sent, %d lost, %d received", from.name, sent, len(lost), got)
		}
		for i, l := range lost {
			n := binary.LittleEndian.Uint64(l.Record[8:])
			if n != sent-uint64(len(lost))+uint64(i) {
				t.Errorf("%s: record %d is lost in place %d", from.name, n, i)
			}
			if n < got && !l.InDoubt {
				t.Errorf("%s: record %d was received and is lost without doubt", from.name, n)
			}
			doubt++
		}
		total += int(sent)
	}
	return total, doubt
}

// TestBooksBalance: two nodes send, while connections are reset, the network is cut for short and for long, and either end ends
// sessions and asks for new ones. One session at a time is up, and every record of each is received, or lost, or in doubt.
func TestBooksBalance(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	first := rand.Uint64()
	for round := range rounds {
		seed := first + uint64(round)
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			net := fakenet.New(fakenet.Config{Seed: seed, Latency: time.Duration(rng.IntN(5)) * time.Millisecond, Jitter: time.Duration(rng.IntN(3)) * time.Millisecond})
			defer net.Close()
			la, lb := newLedger(t, "a"), newLedger(t, "b")
			quick := func(c *Config) { c.Timing.Resume, c.Timing.Connect = 2*time.Second, time.Second }
			a, b := startFake(t, net, "a", "10.0.0.1", la, quick), startFake(t, net, "b", "10.0.0.2", lb, quick)
			for range 400 {
				sa, err := a.Session(b.node, b.Addr())
				if err != nil {
					t.Fatal(err)
				}
				la.send(sa, rng)
				if rng.IntN(2) == 0 {
					sb, err := b.Session(a.node, a.Addr())
					if err != nil {
						t.Fatal(err)
					}
					lb.send(sb, rng)
				}
				switch rng.IntN(60) {
				case 0, 1, 2, 3:
					net.Break("10.0.0.1", "10.0.0.2")
				case 4:
					a.End(b.node, nil)
				case 5:
					b.End(a.node, nil)
				case 6:
					net.Partition([]string{"10.0.0.1"}, []string{"10.0.0.2"})
					net.Break("10.0.0.1", "10.0.0.2")
					<-time.After(time.Duration(rng.IntN(4000)) * time.Millisecond)
					net.Heal()
				}
				<-time.After(time.Duration(rng.IntN(10)) * time.Millisecond)
			}
			<-time.After(10 * time.Second)
			closeNow(a)
			closeNow(b)
			for _, l := range []*ledger{la, lb} {
				if l.open != nil {
					t.Errorf("%s: still up", l.name)
				}
			}
			total, doubt := settle(t, la, lb)
			total2, doubt2 := settle(t, lb, la)
			if round%8 == 0 {
				t.Logf("seed %d: %d sessions, %d records, %d lost or in doubt", seed, len(la.sent), total+total2, doubt+doubt2)
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		})
	}
}
