package mdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
)

// loopback is the interface all tests here stay on.
func loopback(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 && i.Flags&net.FlagUp != 0 {
			probe, err := net.ListenMulticastUDP("udp4", &i, &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353})
			if err != nil {
				t.Skip("no multicast on the loopback interface: ", err)
			}
			probe.Close()
			return i.Name
		}
	}
	t.Skip("no loopback interface")
	return ""
}

type node struct {
	updates chan string
	stop    func()
}

func start(t *testing.T, c Config, self strategies.Peer) *node {
	t.Helper()
	c.Interface, c.Interval, c.Listen = loopback(t), 20*time.Millisecond, 100*time.Millisecond
	if c.TTL == 0 {
		c.TTL = time.Second
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if self.Addr != "" {
		if err := strategies.Announce(s, self); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	n, done := &node{updates: make(chan string, 1000)}, make(chan error)
	go func() {
		err := s.Watch(ctx, func(u strategies.Update) {
			if u.Err != nil {
				n.updates <- u.Err.Error()
			} else {
				n.updates <- fmt.Sprint(u.Peers)
			}
		})
		done <- err
		close(done)
	}()
	n.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(n.stop)
	return n
}

func (n *node) until(t *testing.T, want string) (before []string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case got := <-n.updates:
			if strings.Contains(got, want) {
				return before
			}
			before = append(before, got)
		case <-deadline:
			t.Fatalf("never saw %s, but %q", want, before)
		}
	}
}

func peer(name string) strategies.Peer {
	return strategies.Peer{Name: name, Addr: "127.0.0.1:7" + name}
}

func TestNodesFindEachOther(t *testing.T) {
	mine := Config{Cluster: "mdns-test", Secret: []byte("a secret of the cluster")}
	start(t, Config{Cluster: "another"}, peer("9"))
	a := start(t, mine, peer("1"))
	b := start(t, mine, peer("2"))
	if before := a.until(t, "[2@127.0.0.1:72]"); strings.Contains(fmt.Sprint(before), ":79") {
		t.Errorf("another cluster was taken for ours: %q", before)
	}
	b.until(t, "[1@127.0.0.1:71]")
	thief := mine
	thief.Secret = []byte("another secret, long enough")
	start(t, thief, peer("8"))
	a.until(t, "its tag is wrong")
	c := start(t, mine, strategies.Peer{Name: "ö", Addr: strings.Repeat("long.", 40) + "host:7"})
	a.until(t, "ö@long.long.")
	c.stop()
	a.until(t, "[2@127.0.0.1:72]") // by time
	b.stop()
	a.until(t, "[]")
}

// TestLooksLeaveNothingBehind: resolvers of the library are opened by the dozen, and all end.
func TestLooksLeaveNothingBehind(t *testing.T) {
	name := loopback(t)
	before := runtime.NumGoroutine()
	s, err := New(Config{Interface: name, Cluster: "nobody", Interval: time.Millisecond, Listen: 5 * time.Millisecond, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	l := &look{Strategy: s, report: strategies.NewReporter("test", func(strategies.Update) {})}
	for range 50 {
		if err := l.once(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	deadline, tick := time.After(20*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for runtime.NumGoroutine() > before {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

func TestRecord(t *testing.T) {
	ours, err := newTagger([]byte("secret"), "one")
	if err != nil {
		t.Fatal(err)
	}
	p := strategies.Peer{Name: strings.Repeat("n", 128), Addr: strings.Repeat("a.", 126) + "a:65535"}
	text := ours.write("instance", p)
	for _, s := range text {
		if len(s) > 255 {
			t.Errorf("%d bytes do not fit into a string of DNS", len(s))
		}
	}
	if got, err := ours.read("instance", text); err != nil || got != p {
		t.Errorf("read %v, %v", got, err)
	}
	if _, err := ours.read("other", text); !errors.Is(err, errTag) {
		t.Errorf("under another name: %v", err)
	}
	for i := range text[1:] {
		changed := append([]string(nil), text...)
		changed[i+1] = changed[i+1][:4] + "A" + changed[i+1][4:]
		if _, err := ours.read("instance", changed); !errors.Is(err, errTag) {
			t.Errorf("string %d changed: %v", i+1, err)
		}
	}
	thief, _ := newTagger([]byte("thief"), "one")
	if _, err := thief.read("instance", text); !errors.Is(err, errTag) {
		t.Errorf("another secret: %v", err)
	}
	foreign, _ := newTagger([]byte("secret"), "two")
	for _, text := range [][]string{text, nil, {"", "=", "c"}} {
		if _, err := foreign.read("instance", text); !errors.Is(err, errForeign) {
			t.Errorf("another cluster: %v", err)
		}
	}
}

func TestNoSuchInterface(t *testing.T) {
	if _, err := interfaces("none-such"); err == nil || !strings.Contains(err.Error(), "none-such") {
		t.Errorf("got %v", err)
	}
}

func TestBadConfigurationNamesFieldAndCure(t *testing.T) {
	for field, c := range map[string]Config{
		"Secret":   {Secret: []byte("short")},
		"Cluster":  {Cluster: strings.Repeat("x", 129)},
		"Interval": {Interval: -1, TTL: time.Hour},
		"Listen":   {Listen: -1},
		"TTL":      {TTL: time.Second},
	} {
		_, err := New(c)
		if e, ok := errors.AsType[*strategies.ConfigError](err); !ok || e.Field != field || e.Cure == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
}
