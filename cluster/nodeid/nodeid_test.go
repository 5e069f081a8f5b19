package nodeid_test

import (
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

func TestNextIsGreaterThanWhatIsKnown(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	a := nodeid.Next(now, 0, 0xffff)
	if a.Counter() != 1_000_000 {
		t.Fatal(a.Counter())
	}
	if b := nodeid.Next(now, a, 0); b <= a || b.Counter() != a.Counter()+1 {
		t.Fatalf("%v after %v", b, a)
	}
	if b := nodeid.Next(now.Add(-time.Hour), a, 0); b <= a {
		t.Fatal("a clock set back made an older life")
	}
	if b := nodeid.Next(time.UnixMilli(-5), 0, 0); b == 0 {
		t.Fatal("a clock before 1970 made no life")
	}
}

func TestTextIsReadBack(t *testing.T) {
	for _, name := range []string{"a", "node-1.example", "höhe", strings.Repeat("x", nodeid.MaxName)} {
		id := nodeid.ID{Name: name, Incarnation: nodeid.Next(time.Now(), 0, 7)}
		got, err := nodeid.Parse(id.String())
		if err != nil || got != id {
			t.Errorf("%q: %v, %v", id, got, err)
		}
	}
	for _, bad := range []string{"", "a", "a#", "a#0", "a#01", "a#-1", "a#Z", "#1", "a@b#1", "a/b#1", "a#1#2", "a b#1", strings.Repeat("x", 200) + "#1"} {
		if got, err := nodeid.Parse(bad); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}

func TestCompare(t *testing.T) {
	a1, a2, b1 := nodeid.ID{"a", 1}, nodeid.ID{"a", 2}, nodeid.ID{"b", 1}
	if a1.Compare(a2) >= 0 || a2.Compare(b1) >= 0 || b1.Compare(a2) <= 0 || a1.Compare(a1) != 0 {
		t.Fatal("order")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("node#abc")
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := nodeid.Parse(text); err == nil && id.String() != text {
			t.Fatalf("%q is read as %q", text, id)
		}
	})
}
