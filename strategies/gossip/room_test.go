package gossip

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
)

// TestWindow compares the window with a set of all that was taken.
func TestWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var w window
		taken, highest := map[uint64]bool{}, uint64(0)
		base := r.Uint64N(1 << 40)
		for range 500 {
			base += r.Uint64N(4)
			if r.IntN(50) == 0 {
				base += 100
			}
			seq := base - min(base, r.Uint64N(80))
			want := !taken[seq] && (len(taken) == 0 || seq > highest || highest-seq < windowSize)
			if got := w.accept(seq); got != want {
				t.Fatalf("accept(%d) with highest %d: got %v, want %v", seq, highest, got, want)
			}
			taken[seq] = taken[seq] || want
			if want {
				highest = max(highest, seq)
			}
		}
	}
}

func newRoom() *room {
	return &room{self: id("me"), ttl: 10 * time.Second, maxSkew: 30 * time.Second,
		senders: map[[16]byte]*sender{}, owner: map[string][16]byte{}}
}

func id(s string) (b [16]byte) { copy(b[:], s); return b }

// TestRoom: one step per message; what a node shows afterwards.
func TestRoom(t *testing.T) {
	r, zero := newRoom(), time.Unix(1000, 0)
	at := func(second int) time.Time { return zero.Add(time.Duration(second) * time.Second) }
	for i, c := range []struct {
		second int
		from   string
		kind   kind
		seq    uint64
		sent   int
		addr   string
		answer bool
		err    string
		want   string
	}{
		{0, "a", hello, 1, 0, "a:1", true, "", "[a:1]"},
		{1, "a", hello, 1, 1, "a:1", false, "taken before", "[a:1]"},
		{1, "me", here, 1, 1, "me:1", false, "", "[a:1]"},
		{1, "watcher", hello, 1, 1, "", true, "", "[a:1]"},
		{2, "b", here, 7, 33, "b:1", false, "31s away", "[a:1]"},
		{2, "b", here, 7, -29, "b:1", false, "31s away", "[a:1]"},
		{2, "b", here, 7, 32, "b:1", false, "", "[a:1 b:1]"}, // as far as clocks may be apart
		{10, "x", here, 1, 10, "x:1", false, "", "[a:1 b:1 x:1]"},
		{11, "a", here, 2, 11, "a:1", false, "", "[a:1 b:1 x:1]"},
		{13, "a2", here, 1, 13, "a:1", false, "", "[a:1 x:1]"},     // a restarted; b fell silent
		{14, "a", goodbye, 3, 13, "a:1", false, "", "[a:1 x:1]"},   // late: of the predecessor
		{15, "a2", goodbye, 2, 15, "x:1", false, "", "[a:1 x:1]"},  // of an address that is another's
		{16, "a2", goodbye, 3, 16, "a:1", false, "", "[x:1]"},      //
		{17, "a2", here, 1, 13, "a:1", false, "taken", "[x:1]"},    // played again
		{60, "b", here, 7, 32, "b:1", false, "taken before", "[]"}, // still remembered
		{63, "b", here, 7, 32, "b:1", false, "31s away", "[]"},     // and then too old
		{1000, "b", here, 8, 1000, "b:1", false, "", "[b:1]"},      //
		{1001, "b2", goodbye, 1, 1001, "b:1", false, "", "[b:1]"},  // not its own
		{1002, "b2", kind(here), 2, 1002, "", false, "", "[b:1]"},  //
		{1011, "c", here, 1, 1011, "b:1", false, "", "[b:1]"},      // another takes over the address
		{1012, "b", goodbye, 9, 1012, "b:1", false, "", "[b:1]"},   //
		{1021, "c", here, 2, 1021, "[::1]:1", false, "", "[[::1]:1 b:1]"},
	} {
		m := message{c.kind, id(c.from), c.seq, at(c.sent), strategies.Peer{Addr: c.addr}}
		answer, err := r.hear(m, at(c.second))
		if answer != c.answer || (err == nil) != (c.err == "") || (err != nil && !strings.Contains(err.Error(), c.err)) {
			t.Errorf("step %d: answer %v, error %v", i, answer, err)
		}
		if got := fmt.Sprint(r.list(at(c.second))); got != c.want {
			t.Errorf("step %d: shows %s, want %s", i, got, c.want)
		}
	}
	r.list(at(5000))
	if len(r.senders)+len(r.owner)+r.peers.Len() != 0 {
		t.Errorf("still remembered: %v %v", r.senders, r.owner)
	}
}

func TestRoomIsBounded(t *testing.T) {
	r, now := newRoom(), time.Unix(1000, 0)
	var err error
	for i := range strategies.MaxPeers + 1 {
		if err != nil {
			t.Fatalf("at %d: %v", i, err)
		}
		_, err = r.hear(message{here, id(fmt.Sprint(i)), 1, now, strategies.Peer{Addr: "a:1"}}, now)
	}
	if !errors.Is(err, errCrowded) {
		t.Errorf("got %v", err)
	}
}

func newTestSealer(t testing.TB, secret, cluster string) *sealer {
	s, err := newSealer([]byte(secret), cluster)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSeal(t *testing.T) {
	m := message{here, id("a"), 1 << 60, time.UnixMilli(1234567890123), strategies.Peer{Name: "näme", Addr: "[fd00::1]:7"}}
	s := newTestSealer(t, "secret", "one")
	data := s.seal(m)
	if got, err := newTestSealer(t, "secret", "one").open(data); err != nil || got != m {
		t.Errorf("opened %+v, %v", got, err)
	}
	if string(data) == string(s.seal(m)) {
		t.Error("sealed twice alike")
	}
	if _, err := newTestSealer(t, "other", "one").open(data); !errors.Is(err, errSealed) {
		t.Errorf("another secret: %v", err)
	}
	if _, err := newTestSealer(t, "secret", "two").open(data); !errors.Is(err, errForeign) {
		t.Errorf("another cluster: %v", err)
	}
	for i := range data {
		data[i] ^= 1
		if _, err := s.open(data); err == nil {
			t.Errorf("opened though byte %d was changed", i)
		}
		data[i] ^= 1
	}
	for n := range data {
		if _, err := s.open(data[:n]); err == nil {
			t.Errorf("opened though cut at %d", n)
		}
	}
}

// FuzzDecode: what follows the seal may come from a node with the secret that was taken over.
func FuzzDecode(f *testing.F) {
	s := newTestSealer(f, "secret", "one")
	m := message{hello, id("a"), 1, time.UnixMilli(99), strategies.Peer{Name: "a", Addr: "a:1"}}
	plain, err := s.aead.Open(nil, nil, s.seal(m)[headerBytes:], s.header[:])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain)
	f.Add(plain[:len(plain)-1])
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decode(data)
		if err != nil {
			return
		}
		again, err := s.open(s.seal(m))
		if len(data) < maxBytes-100 && (err != nil || again != m) {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}
