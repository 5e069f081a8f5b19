package gossip_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
	"github.com/foundation-runtime/foundation/strategies/gossip"
)

const secret = "a secret of the cluster under test"

// loopback is the name of the interface to talk on, and a group that no other test uses.
func loopback(t *testing.T) (name, group string) {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 || i.Flags&net.FlagUp == 0 {
			continue
		}
		group = fmt.Sprintf("239.192.%d.%d:%d", 1+rand.IntN(250), 1+rand.IntN(250), 20000+rand.IntN(10000))
		addr, _ := net.ResolveUDPAddr("udp4", group)
		probe, err := net.ListenMulticastUDP("udp4", &i, addr)
		if err != nil {
			t.Skip("no multicast on the loopback interface: ", err)
		}
		probe.Close()
		return i.Name, group
	}
	t.Skip("no loopback interface")
	return "", ""
}

type node struct {
	updates chan string
	stop    func()
}

func start(t *testing.T, c gossip.Config, name string) *node {
	t.Helper()
	if c.Interval == 0 {
		c.Interval = time.Hour // nothing here may wait for it
	}
	s, err := gossip.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if name != "" {
		if err := strategies.Announce(s, strategies.Peer{Name: name, Addr: name + ":1"}); err != nil {
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

// until reads updates up to want and returns those before it.
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

// TestNodesFindEachOther goes beyond libcluster's gossip_test.exs, which only starts the strategy.
func TestNodesFindEachOther(t *testing.T) {
	ifi, group := loopback(t)
	c := gossip.Config{Secret: []byte(secret), Group: group, Interface: ifi}
	a := start(t, c, "a")
	quiet := start(t, c, "")
	quiet.until(t, "[a@a:1]")
	other := c
	other.Cluster = "other"
	start(t, other, "foreigner")
	b := start(t, c, "b")
	a.until(t, "[b@b:1]")
	b.until(t, "[a@a:1]")
	quiet.until(t, "[a@a:1 b@b:1]")
	b.stop()
	a.until(t, "[]")
	quiet.until(t, "[a@a:1]")
}

// TestHostileDatagrams: what is recorded, forged or garbled changes nothing.
func TestHostileDatagrams(t *testing.T) {
	ifi, group := loopback(t)
	lo, err := net.InterfaceByName(ifi)
	if err != nil {
		t.Fatal(err)
	}
	addr, _ := net.ResolveUDPAddr("udp4", group)
	ear, err := net.ListenMulticastUDP("udp4", lo, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer ear.Close()
	c := gossip.Config{Secret: []byte(secret), Group: group, Interface: ifi}
	a := start(t, c, "a")
	a.until(t, "[]")
	b := start(t, c, "b")
	a.until(t, "[b@b:1]")
	b.stop()
	a.until(t, "[]")

	var recorded [][]byte // the three of a and b, and the goodbye
	for len(recorded) < 4 {
		data := make([]byte, 2000)
		ear.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, _, err := ear.ReadFrom(data)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data[:n]), "b:1") {
			t.Error("the address can be read on the wire")
		}
		recorded = append(recorded, data[:n])
	}
	impostor := c
	impostor.Secret = []byte("another secret, as long as it needs be")
	out, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // and so sends over loopback
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for _, data := range append(recorded, nil, []byte("x"), make([]byte, 5000), recorded[0][:40]) {
		if _, err := out.WriteTo(data, addr); err != nil {
			t.Fatal(err)
		}
	}
	start(t, impostor, "impostor")
	if before := a.until(t, "does not open"); len(before) != 0 {
		t.Errorf("believed a replay: %q", before)
	}
	d := start(t, c, "d")
	if before := a.until(t, "[d@d:1]"); fmt.Sprint(before) != "[[]]" && len(before) != 0 {
		t.Errorf("believed a forger: %q", before)
	}
	d.until(t, "[a@a:1]")
}

func TestNoSuchInterface(t *testing.T) {
	n := start(t, gossip.Config{Secret: []byte(secret), Interface: "none-such", Interval: time.Millisecond}, "a")
	n.until(t, "interface none-such")
	n.until(t, "name an Interface")
}

func TestBadConfigurationNamesFieldAndCure(t *testing.T) {
	good := []byte(secret)
	for _, c := range []struct {
		field  string
		config gossip.Config
	}{
		{"Secret", gossip.Config{Secret: []byte("short")}},
		{"Cluster", gossip.Config{Secret: good, Cluster: strings.Repeat("x", 129)}},
		{"Group", gossip.Config{Secret: good, Group: "10.0.0.1:5"}},
		{"Group", gossip.Config{Secret: good, Group: "239.0.0.1"}},
		{"Interval", gossip.Config{Secret: good, Interval: -1, TTL: 1}},
		{"TTL", gossip.Config{Secret: good, TTL: time.Second}},
		{"MaxSkew", gossip.Config{Secret: good, MaxSkew: -1}},
	} {
		_, err := gossip.New(c.config)
		if e, ok := errors.AsType[*strategies.ConfigError](err); !ok || e.Field != c.field || e.Cure == "" {
			t.Errorf("%s: %v", c.field, err)
		}
		if err != nil && strings.Contains(err.Error(), "short\"") {
			t.Error("the error shows the secret")
		}
	}
}
