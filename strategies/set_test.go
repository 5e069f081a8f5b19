package strategies_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
)

// set makes peers of name@host or host; every port is 1.
func set(all ...string) []strategies.Peer {
	var peers []strategies.Peer
	for _, s := range all {
		p, err := strategies.ParsePeer(s + ":1")
		if err != nil {
			panic(err)
		}
		peers = append(peers, p)
	}
	return peers
}

func show(peers []strategies.Peer) string { return fmt.Sprint(peers) }

func same(t *testing.T, what string, got, want []strategies.Peer) {
	t.Helper()
	if show(got) != show(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestMerge(t *testing.T) {
	for _, c := range []struct {
		name string
		sets [][]strategies.Peer
		want []strategies.Peer
	}{
		{"nothing", nil, nil},
		{"sorted and once", [][]strategies.Peer{set("c", "a"), set("b", "a")}, set("a", "b", "c")},
		{"a name wins over none", [][]strategies.Peer{set("a"), set("n@a")}, set("n@a")},
		{"the first name wins", [][]strategies.Peer{set("n@a"), set("m@a")}, set("n@a")},
	} {
		same(t, c.name, strategies.Merge(c.sets...), c.want)
	}
	first := set("b", "a")
	strategies.Merge(first)
	same(t, "argument untouched", first, set("b", "a"))
}

// TestStrategyCases translates libcluster's strategy_test.exs: what is connected and disconnected is the difference of
// two sets, and what must not be disconnected is not in it.
func TestStrategyCases(t *testing.T) {
	added, removed := strategies.Diff(set("a"), set("a"))
	same(t, "existing nodes are not connected again", added, nil)
	same(t, "present nodes are not disconnected", removed, nil)
	added, _ = strategies.Diff(nil, set("a", "b"))
	same(t, "new nodes are connected", added, set("a", "b"))
	_, removed = strategies.Diff(set("a", "b"), set("b"))
	same(t, "gone nodes are disconnected", removed, set("a"))
	_, removed = strategies.Diff(nil, nil)
	same(t, "missing nodes are not disconnected", removed, nil)
}

func TestApplyNeverRemovesALiveMember(t *testing.T) {
	liveB := func(p strategies.Peer) bool { return p.Addr == "b:1" }
	known := set("a", "b")
	for _, c := range []struct {
		name   string
		update strategies.Update
		want   []strategies.Peer
	}{
		{"an error changes nothing", strategies.Update{Err: errors.New("down")}, set("a", "b")},
		{"an error beside a set changes nothing", strategies.Update{Err: errors.New("down"), Peers: set("x")}, set("a", "b")},
		{"an empty answer keeps the living", strategies.Update{}, set("b")},
		{"a lying answer keeps the living", strategies.Update{Peers: set("x", "y")}, set("b", "x", "y")},
		{"the rest is replaced", strategies.Update{Peers: set("b", "c")}, set("b", "c")},
	} {
		same(t, c.name, strategies.Apply(known, c.update, liveB), c.want)
	}
}

// TestApplyRandom: whatever comes, live members stay, errors change nothing, and all that was found is there.
func TestApplyRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func() (s []strategies.Peer) {
		for range r.IntN(6) {
			s = append(s, set(string(rune('a'+r.IntN(8))))...)
		}
		return s
	}
	var known []strategies.Peer
	for range 5000 {
		members := pick()
		live := func(p strategies.Peer) bool { return slices.Contains(members, p) }
		u := strategies.Update{Peers: pick()}
		if r.IntN(4) == 0 {
			u = strategies.Update{Err: errors.New("down")}
		}
		after := strategies.Apply(known, u, live)
		for _, p := range known {
			if (live(p) || u.Err != nil) && !slices.Contains(after, p) {
				t.Fatalf("%v left: known %v, update %v, after %v", p, known, u, after)
			}
		}
		for _, p := range u.Peers {
			if !slices.Contains(after, p) {
				t.Fatalf("%v was found and is not known", p)
			}
		}
		known = after
	}
}

func TestTable(t *testing.T) {
	var table strategies.Table
	start := time.Unix(0, 0)
	table.Seen(set("n@a")[0], start)
	table.Seen(set("b")[0], start.Add(5*time.Second))
	table.Seen(set("a")[0], start.Add(time.Second))
	same(t, "a name is kept", table.Peers(), set("n@a", "b"))
	table.Expire(start.Add(11*time.Second), 10*time.Second)
	same(t, "at the TTL they stay", table.Peers(), set("n@a", "b"))
	table.Expire(start.Add(11*time.Second+1), 10*time.Second)
	same(t, "after it they go", table.Peers(), set("b"))
	table.Remove("b:1")
	if table.Len() != 0 {
		t.Error("removed and still there")
	}
}

func TestParseAddr(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1:1":          "10.0.0.1:1",
		"[::ffff:10.0.0.1]:1": "10.0.0.1:1",
		"[FE80::1%eth0]:7":    "[fe80::1%eth0]:7",
		"Node-1.Example.":     "",
		"Node-1.Example.:07":  "node-1.example:7",
		"a_b:65535":           "a_b:65535",
		"a:0":                 "",
		"a:65536":             "",
		"a:-1":                "",
		"a:http":              "",
		":7":                  "",
		"::1:7":               "",
		"0.0.0.0:7":           "",
		"224.0.0.1:7":         "",
		"a..b:7":              "",
		"a b:7":               "",
		"a\x00:7":             "",
		"é:7":                 "",
		"":                    "",

		strings.Repeat("a.", 127) + "a:1": "",
		strings.Repeat("a", 64) + ":1":    "",
	} {
		got, err := strategies.ParseAddr(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("ParseAddr(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func FuzzParsePeer(f *testing.F) {
	f.Add("n@host:1")
	f.Add("[::1%a]:2")
	f.Add("@[::ffff:1.2.3.4]:09")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := strategies.ParsePeer(s)
		if err != nil {
			return
		}
		again, err := strategies.ParsePeer(p.String())
		if err != nil || again != p {
			t.Errorf("%q is read as %v, which is read as %v, %v", s, p, again, err)
		}
	})
}
