//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
	"github.com/foundation-runtime/foundation/registry/lease"
)

// leaseTTL is shorter than Consul's least, which these tests lower: all times are in proportion.
const leaseTTL = 4 * time.Second

const (
	leaseRenew    = leaseTTL * 3 / 10
	leaseValidFor = leaseTTL * 9 / 10
	lockDelay     = leaseTTL * 3 / 2
	// takeover is how long a name may be without a holder: Consul takes up to two TTL, the lock delay comes on top.
	takeover = 2*leaseTTL + lockDelay + 10*time.Second
)

// store is what holders write to. It is reached through the file system, so no cut is in the way, and keeps a fence.
type store struct {
	t    *testing.T
	path string

	mu      sync.Mutex // protects the fields below
	fence   lease.Fence
	turns   []turn
	refused []turn
	changed chan struct{}
}

// turn is what a holder said, in the order it arrived.
type turn struct {
	what  string // begin or write
	node  string
	token lease.Token
	began time.Time // the turn, by the clock of the machine
}

func newStore(t *testing.T) *store {
	s := &store{t: t, path: filepath.Join(t.TempDir(), "s"), changed: make(chan struct{})}
	l, err := net.Listen("unix", s.path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }() // it ends with Close
	t.Cleanup(func() { server.Close(); <-done })
	return s
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	token, err := lease.ParseToken(q.Get("token"))
	began, err2 := time.Parse(time.RFC3339Nano, q.Get("began"))
	if err != nil || err2 != nil {
		s.t.Errorf("%v: %v %v", r.URL, err, err2)
	}
	x := turn{strings.TrimPrefix(r.URL.Path, "/"), q.Get("node"), token, began}
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.what == "write" {
		err = s.fence.Admit(token)
	}
	if err != nil {
		s.refused = append(s.refused, x)
		w.WriteHeader(http.StatusConflict)
	} else {
		s.turns = append(s.turns, x)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// until waits for something that ok finds among what was said and what was refused.
func (s *store) until(what string, ok func(turns, refused []turn) bool) {
	s.t.Helper()
	limit := time.After(takeover + soon)
	for {
		s.mu.Lock()
		found, changed := ok(s.turns, s.refused), s.changed
		s.mu.Unlock()
		if found {
			return
		}
		select {
		case <-changed:
		case <-limit:
			s.t.Fatalf("never %s", what)
		}
	}
}

// successor waits for a write with a greater token.
func (s *store) successor(after lease.Token) (first turn) {
	s.t.Helper()
	s.until(fmt.Sprintf("a write with a token greater than %v", after), func(turns, _ []turn) bool {
		for _, x := range turns {
			if x.token > after && x.what == "write" {
				first = x
				return true
			}
		}
		return false
	})
	return first
}

// last is the last turn that was begun with a token, as far as is known.
func (s *store) last(token lease.Token) (last turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.turns {
		if x.token == token && !x.began.Before(last.began) {
			last = x
		}
	}
	return last
}

// oneAtATime checks that no turn begins after another activation has begun one, that tokens grow, and that nothing was refused.
func (s *store) oneAtATime() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := turn{}
	for _, x := range s.turns {
		if x.token < newest.token {
			s.t.Errorf("%+v after %+v", x, newest)
		}
		if x.token > newest.token {
			newest = x
		}
	}
	if len(s.refused) > 0 {
		s.t.Errorf("refused: %+v", s.refused)
	}
}

// leaseLine is what a holder prints.
type leaseLine struct {
	Event   string
	Time    time.Time
	Token   lease.Token
	Session string
	Reason  string
}

// leaser is a program that takes the name whenever it can.
type leaser struct {
	*netns.Process
	t    *testing.T
	read int
}

// leasing starts a Consul server on a host of its own, and a store.
func leasing(t *testing.T) (*netns.Net, *consulServer, *store) {
	t.Helper()
	consulPath(t) // skips the test if the server is not there
	n := netns.New(t)
	return n, startConsul(t, n.Host("server"), map[string]any{"session_ttl_min": "1s"}), newStore(t)
}

func startLeaser(t *testing.T, h *netns.Host, c *consulServer, s *store, turn time.Duration) *leaser {
	t.Helper()
	return &leaser{t: t, Process: h.Start(holderPath, "-node", h.Name(), "-consul", c.host.Addr(8500), "-store", s.path,
		"-ttl", leaseTTL.String(), "-turn", turn.String())}
}

// next waits for the next line.
func (l *leaser) next(event string) (line leaseLine) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), takeover+soon)
	defer cancel()
	text, err := l.Out.Next(ctx, l.read)
	if err == nil {
		l.read++
		err = json.Unmarshal([]byte(text), &line)
	}
	if err != nil || line.Event != event {
		l.t.Fatalf("want %s, got %q: %v", event, text, err)
	}
	return line
}

// TestLeaseCutPath: the holder's path to Consul is cut, in both directions or so that Consul hears it and it does not hear Consul.
func TestLeaseCutPath(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"both ways", "answers only"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			n, c, s := leasing(t)
			ha, hb := n.Host("a"), n.Host("b")
			a := startLeaser(t, ha, c, s, 20*time.Millisecond)
			held := a.next("began")
			startLeaser(t, hb, c, s, 20*time.Millisecond)
			pause(2 * leaseRenew)
			began := time.Now()
			c.host.Block(ha)
			if how == "both ways" {
				ha.Block(c.host)
			}
			cut := time.Now()
			ended := a.next("ended")
			first := s.successor(held.Token)
			last := s.last(held.Token)
			// The last renewal that was answered was sent before the cut, and at most Renew before, if none was under way.
			figure(t, "lease, path to Consul cut ("+how+"): last turn of the holder began after the cut, TTL "+leaseTTL.String(),
				"≤ "+leaseValidFor.String(), ms(last.began.Sub(began)))
			if d := last.began.Sub(cut); d > leaseValidFor {
				t.Errorf("the last turn began %v after the cut", d)
			}
			if d := ended.Time.Sub(cut); d > leaseValidFor+time.Second || d < leaseValidFor-2*leaseRenew {
				t.Errorf("the holder ended %v after the cut", d)
			}
			figure(t, "lease, path to Consul cut ("+how+"): the successor's first turn after the cut, TTL "+leaseTTL.String(),
				"≥ "+(leaseTTL-leaseRenew).String(), ms(first.began.Sub(began)))
			if d := first.began.Sub(began); d < leaseTTL-2*leaseRenew || !first.began.After(last.began) {
				t.Errorf("the successor began %v after the cut, the last turn of the holder at %v", d, last.began.Sub(began))
			}
			c.host.Unblock(ha)
			if how == "both ways" {
				ha.Unblock(c.host)
			}
			pause(2 * leaseTTL) // it waits for its turn, and does no harm
			s.oneAtATime()
		})
	}
}

// TestLeaseSessionDestroyed: sessions are destroyed by hand while two wait for the name.
func TestLeaseSessionDestroyed(t *testing.T) {
	t.Parallel()
	n, c, s := leasing(t)
	for _, name := range []string{"a", "b", "c"} {
		startLeaser(t, n.Host(name), c, s, 5*time.Millisecond)
	}
	token := s.successor(0).token
	for range 3 {
		pause(leaseRenew / 2)
		var keys []struct{ Session string }
		if err := json.Unmarshal([]byte(c.must("GET", "/v1/kv/foundation/lease/name", nil)), &keys); err != nil || len(keys) != 1 {
			t.Fatalf("%v: %+v", err, keys)
		}
		destroyed := time.Now()
		c.must("PUT", "/v1/session/destroy/"+keys[0].Session, nil)
		first := s.successor(token)
		d := first.began.Sub(destroyed)
		figure(t, "lease, session destroyed by hand: next holder's first turn after, TTL "+leaseTTL.String(), "≥ "+lockDelay.String(), ms(d))
		if last := s.last(token); d < lockDelay-time.Second || last.began.Sub(destroyed) > leaseValidFor {
			t.Errorf("the next began after %v, the last turn after %v", d, last.began.Sub(destroyed))
		}
		token = first.token
	}
	s.oneAtATime()
}

// TestLeasePausedHolder: a holder is stopped in the middle of a turn, and goes on when another has the name.
func TestLeasePausedHolder(t *testing.T) {
	t.Parallel()
	n, c, s := leasing(t)
	a := startLeaser(t, n.Host("a"), c, s, time.Second)
	held := a.next("began")
	startLeaser(t, n.Host("b"), c, s, 20*time.Millisecond)
	begun := 0
	count := func(turns, _ []turn) bool {
		was := begun
		begun = 0
		for _, x := range turns {
			if x.token == held.Token && x.what == "begin" {
				begun++
			}
		}
		return was > 0 && begun > was
	}
	s.until("a turn", count) // it has just begun
	a.Signal(syscall.SIGSTOP)
	stopped := time.Now()
	first := s.successor(held.Token)
	a.Signal(syscall.SIGCONT)
	went := time.Now()
	s.until("a late write", func(_, refused []turn) bool { return len(refused) > 0 })
	a.next("ended")
	s.mu.Lock()
	refused := s.refused
	s.mu.Unlock()
	if len(refused) != 1 || refused[0].token != held.Token || refused[0].what != "write" {
		t.Errorf("refused: %+v", refused)
	}
	if last := s.last(held.Token); last.began.After(went) {
		t.Errorf("a turn began %v after the holder went on", last.began.Sub(went))
	}
	figure(t, "lease, holder stopped in the middle of a turn: its late write was refused; the successor began after, TTL "+leaseTTL.String(),
		"2 TTL and the lock delay, "+(2*leaseTTL+lockDelay).String()+", and a moment", ms(first.began.Sub(stopped)))
}

// TestLeaseRestart: a holder is killed, and started again on the same host.
func TestLeaseRestart(t *testing.T) {
	t.Parallel()
	n, c, s := leasing(t)
	h := n.Host("a")
	a := startLeaser(t, h, c, s, 20*time.Millisecond)
	held := a.next("began")
	s.successor(0)
	a.Kill()
	killed := time.Now()
	a = startLeaser(t, h, c, s, 20*time.Millisecond)
	again := a.next("began")
	if again.Token <= held.Token || again.Session == held.Session {
		t.Errorf("after %+v came %+v", held, again)
	}
	d := again.Time.Sub(killed)
	figure(t, "lease, holder killed and started again: it has the name again after, TTL "+leaseTTL.String(),
		"2 TTL and the lock delay, "+(2*leaseTTL+lockDelay).String()+", and a moment", ms(d))
	if d < lockDelay || d > takeover {
		t.Errorf("the name came back after %v", d)
	}
	s.successor(held.Token)
	s.oneAtATime()
}
