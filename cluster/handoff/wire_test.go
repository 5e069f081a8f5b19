package handoff

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

func samples() []Msg {
	a := Attempt{300, 2}
	return []Msg{
		Offer{"user/1", a, 1 << 63}, Accept{"user/1", a}, Refuse{"user/1", a, "busy"},
		State{"user/1", a, 3, []byte("state")}, State{"user/1", a, 0, nil}, Ready{"user/1", a}, Failed{"user/1", a, "no"},
		Activate{"user/1", a, 301}, Abort{"user/1", a}, Active{"user/1", a, 77}, Flush{ids[nY], []string{"a", "b"}},
		Done{Down: ids[nO], ViewID: 9, More: true, Items: []Item{{"a", a, 0, false}, {"b", Attempt{}, 7, true}}},
		Done{Down: ids[nO]}, Inquire{ids[nO]},
	}
}

// TestGolden: the bytes do not change by accident.
func TestGolden(t *testing.T) {
	var lines []string
	for _, m := range samples() {
		b := Append(nil, m)
		lines = append(lines, hex.EncodeToString(b))
		got, rest, err := Decode(append(b, 1, 2))
		if err != nil || !reflect.DeepEqual(got, m) || len(rest) != 2 {
			t.Errorf("%T %+v came back as %+v, %d bytes left, %v", m, m, got, len(rest), err)
		}
		for n := range b {
			if _, _, err := Decode(b[:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%T cut off at %d: %v", m, n, err)
			}
		}
	}
	got := strings.Join(lines, "\n") + "\n"
	if os.Getenv("HANDOFF_REWRITE") != "" {
		if err := os.WriteFile("testdata/messages.hex", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/messages.hex")
	if err != nil || got != string(want) {
		t.Errorf("%v; the wire format changed: if that is meant, run with HANDOFF_REWRITE=1\n%s", err, got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range samples() {
		f.Add(Append(nil, m))
	}
	f.Add([]byte{byte(kindDone), 1, 'x', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, rest, err := Decode(b)
		if err != nil {
			return
		}
		if again := Append(nil, m); !bytes.Equal(again, b[:len(b)-len(rest)]) {
			t.Fatalf("%x is %+v, which is %x", b, m, again)
		}
		// Whatever it says, no machine panics, and nothing begins to run for it.
		o, n, bar := NewOld(ids[nO], "x", 1, DefaultTiming()), NewNew("x", DefaultTiming()), NewBarrier(ids[nY], ids[nO], DefaultTiming())
		o.Step(t0, Move{To: ids[nN]})
		bar.Step(t0, Viewed{ViewID: 1, Members: ids[nN:nY]})
		for _, from := range ids {
			for _, s := range []func() []Output{
				func() []Output { return o.Step(t0, Got{from, m}) },
				func() []Output { return n.Step(t0, Got{from, m}) },
				func() []Output { return bar.Step(t0, Got{from, m}) },
				func() []Output { return Unknown(ids[nY], from, m) },
			} {
				for _, out := range s() {
					if _, runs := out.(Run); runs {
						t.Fatalf("%+v makes a process run", m)
					}
				}
			}
		}
	})
}
