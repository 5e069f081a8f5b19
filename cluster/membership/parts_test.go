package membership

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

func TestConfigIsCheckedWhole(t *testing.T) {
	bad := Config{
		Node: nodeid.ID{Name: "a/b"}, Cluster: strings.Repeat("c", MaxCluster+1), Meta: make([]byte, MaxMeta+1),
		Keys:    [][]byte{[]byte("short")},
		Profile: Profile{Name: "odd", ProbeInterval: time.Second, ProbeTimeout: 2 * time.Second, IndirectChecks: -1},
		Rejoin:  RejoinConfig{Interval: time.Minute, ForgetAfter: -1},
	}
	m, err := Start(bad)
	if m != nil || err == nil {
		t.Fatal("started")
	}
	for _, field := range []string{
		"Node", "Cluster", "Meta", "Keys[0]", "Packets", "Dial", "Advertise", "Profile.ProbeTimeout", "Profile.GossipInterval",
		"Profile.SuspicionMult", "Profile.IndirectChecks", "Rejoin.MaxInterval", "Rejoin.ForgetAfter",
	} {
		if !strings.Contains(err.Error(), "membership: "+field+" is ") {
			t.Errorf("no word about %s in:\n%v", field, err)
		}
	}
	var ce *ConfigError
	if !errors.As(err, &ce) || ce.Cure == "" {
		t.Errorf("not a ConfigError: %v", err)
	}
}

func TestProfilesAreValidAndPrint(t *testing.T) {
	for _, p := range []Profile{Fast(), LAN(), WAN()} {
		p.check(func(field string, value any, why, cure string) {
			t.Errorf("%s: %s is %v: %s", p.Name, field, value, why)
		})
		if s := p.String(); !strings.Contains(s, p.Name) || strings.Contains(s, "%!") {
			t.Errorf("prints %q", s)
		}
		least, most := p.Suspicion(100)
		if least != 2*time.Duration(p.SuspicionMult)*p.ProbeInterval || most != least*time.Duration(p.SuspicionMaxMult) {
			t.Errorf("%s: suspicion of 100 is %v to %v", p.Name, least, most)
		}
		for n := range 200 {
			if from, to := p.Detection(n); from <= 0 || to <= from {
				t.Errorf("%s: detection of %d is %v to %v", p.Name, n, from, to)
			}
		}
	}
}

func TestLogLines(t *testing.T) {
	for line, want := range map[string]logLine{
		"[DEBUG] memberlist: Stream connection from=1.2.3.4:5\n":  {slog.LevelDebug, "Stream connection", "1.2.3.4:5"},
		"[WARN] memberlist: Refuting a suspect message (from: b)": {slog.LevelWarn, "Refuting a suspect message (from: b)", ""},
		"[ERR] memberlist: Decrypt packet failed: x from=[::1]:2": {slog.LevelError, "Decrypt packet failed: x", "[::1]:2"},
		"[ERROR] memberlist: y":                                   {slog.LevelError, "y", ""},
		"[INFO] memberlist: z":                                    {slog.LevelInfo, "z", ""},
		"no level":                                                {slog.LevelError, "no level", ""},
		"":                                                        {slog.LevelError, "", ""},
	} {
		if got := parseLog(line); got != want {
			t.Errorf("%q: %+v, want %+v", line, got, want)
		}
	}
	if _, ok := judge(logLine{level: slog.LevelInfo, text: "Failed to decode"}); ok {
		t.Error("information was judged")
	}
}

func FuzzParseLog(f *testing.F) {
	f.Add("[ERR] memberlist: Failed to decode ping request: EOF from=1.2.3.4:5")
	f.Add("from=")
	f.Fuzz(func(t *testing.T, line string) {
		l := parseLog(line)
		judge(l)
		if len(l.text)+len(l.from) > len(line) {
			t.Errorf("%q became %+v", line, l)
		}
	})
}

func FuzzCheckPacket(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{244})
	f.Add([]byte{244, 4, 't', 'e', 's', 't'})
	f.Add([]byte{244, 255, 't'})
	f.Add(make([]byte, MaxPacketBytes+1))
	f.Fuzz(func(t *testing.T, b []byte) {
		detail, reason := checkPacket(b, "test")
		_, label, err := memberlist.RemoveLabelHeaderFromPacket(b)
		ours := err == nil && label == "test" && len(b) <= MaxPacketBytes
		if ours != (reason == nil) || (detail == "") != (reason == nil) {
			t.Errorf("%x: %v (%s), memberlist reads %q, %v", b, reason, detail, label, err)
		}
	})
}

func FuzzNode(f *testing.F) {
	f.Add("a#1", []byte{10, 0, 0, 1}, uint16(1), []byte{1, 0, 'x'})
	f.Add("a#1", []byte{10, 0, 0}, uint16(1), []byte{1, 1})
	f.Add("a", []byte{}, uint16(0), []byte{2})
	f.Fuzz(func(t *testing.T, name string, ip []byte, port uint16, meta []byte) {
		id, e, err := nodeOf(&memberlist.Node{Name: name, Addr: net.IP(ip), Port: port, Meta: meta})
		if err != nil {
			return
		}
		if _, err := netip.ParseAddrPort(e.addr); err != nil || id.String() != name {
			t.Errorf("%v at %q: %v", id, e.addr, err)
		}
		again, leaving, err := decodeMeta(encodeMeta(e.meta, e.leaving))
		if err != nil || string(again) != string(e.meta) || leaving != e.leaving {
			t.Errorf("metadata %x became %x, %v", e.meta, again, err)
		}
	})
}

func TestReportsAreFew(t *testing.T) {
	var r rejections
	reports := 0
	for i := range 1000 {
		if e := r.add(epoch.Add(time.Duration(i)*100*time.Millisecond), ErrKey, fmt.Sprintf("1.2.3.4:%d", i), "x"); e != nil {
			reports++
			if want := uint64(100); i > 0 && e.Count != want {
				t.Errorf("report of %d, want %d", e.Count, want)
			}
			if !errors.Is(e, ErrKey) || e.Error() == "" {
				t.Errorf("%v", e)
			}
		}
	}
	if reports != 10 || r.total()[ErrKey.Error()] != 1000 {
		t.Errorf("%d reports of %v", reports, r.total())
	}
	for i := range 5000 {
		r.add(epoch.Add(time.Hour), ErrGarbage, fmt.Sprintf("10.0.%d.%d:1", i/250, i%250), "x")
	}
	if len(r.seen) > maxReported {
		t.Errorf("remembers %d", len(r.seen))
	}
	if r.add(epoch.Add(2*time.Hour), ErrGarbage, "9.9.9.9:1", "x") == nil {
		t.Error("a new sender is not reported when the old ones are old")
	}
}

func TestKindsPrint(t *testing.T) {
	for k := Alive; k <= Rejected; k++ {
		if strings.HasPrefix(k.String(), "kind") {
			t.Errorf("kind %d has no name", k)
		}
	}
	if Kind(0).String() != "kind 0" || Kind(99).String() != "kind 99" {
		t.Error("unknown kinds")
	}
}

// TestOutboxKeepsEvents: lines are bounded, events are not.
func TestOutboxKeepsEvents(t *testing.T) {
	o := newOutbox()
	for range maxLogs + 10 {
		o.put(item{log: &slog.Record{}})
		o.put(item{event: Event{Kind: Alive}})
	}
	if n := len(o.take()); n != 2*maxLogs+10 || o.droppedLogs() != 10 {
		t.Errorf("%d items, %d dropped", n, o.droppedLogs())
	}
	o.put(item{log: &slog.Record{}})
	if n := len(o.take()); n != 1 {
		t.Errorf("%d items after a rest", n)
	}
}
