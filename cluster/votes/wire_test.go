package votes_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/votes"
)

func samples() []votes.Msg {
	s, ids := setOf(3), []nodeid.ID{node(1), node(2)}
	ballot, other := votes.Ballot{N: 300, Node: node(1)}, votes.Ballot{N: 7, Node: node(2)}
	return []votes.Msg{
		votes.Heartbeat{},
		votes.Heartbeat{Know: votes.Know{Set: s}, Sent: 3 * time.Second, Member: true, Ready: true, Broken: ids},
		votes.Heartbeat{Know: votes.Know{Set: s}, Hears: true, Leaving: true, Pending: true},
		votes.Grant{Know: votes.Know{Set: s}, Echo: time.Hour, Pending: setOf(2)},
		votes.Learn{Know: votes.Know{Set: s}},
		votes.Prepare{Know: votes.Know{Set: s}, Ballot: ballot},
		votes.Promise{Set: s.SetID, Ballot: ballot, Accepted: other, Value: s, Holds: ids},
		votes.Accept{Set: s.SetID, Ballot: ballot, Value: s, Must: true},
		votes.Accepted{Set: s.SetID, Ballot: ballot},
		votes.Refused{Set: s.SetID, Ballot: ballot, Promised: other, Wait: time.Minute},
		votes.Withhold{Set: s.SetID, ID: node(1)},
	}
}

// TestGolden: the bytes do not change by accident.
func TestGolden(t *testing.T) {
	var lines []string
	for _, m := range samples() {
		b := votes.Append(nil, m)
		lines = append(lines, hex.EncodeToString(b))
		got, err := votes.Decode(b)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%T %+v came back as %+v, %v", m, m, got, err)
		}
		for n := range b {
			if _, err := votes.Decode(b[:n]); !errors.Is(err, votes.ErrMalformed) {
				t.Errorf("%T cut off at %d: %v", m, n, err)
			}
		}
		if _, err := votes.Decode(append(b, 0)); err == nil {
			t.Errorf("%T with a byte behind it is accepted", m)
		}
	}
	got := strings.Join(lines, "\n") + "\n"
	if os.Getenv("VOTES_REWRITE") != "" {
		if err := os.WriteFile("testdata/messages.hex", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/messages.hex")
	if err != nil || got != string(want) {
		t.Errorf("%v; the wire format changed: if that is meant, run with VOTES_REWRITE=1\n%s", err, got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range samples() {
		f.Add(votes.Append(nil, m))
	}
	f.Add([]byte{3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := votes.Decode(b)
		if err != nil {
			return
		}
		if again := votes.Append(nil, m); !bytes.Equal(again, b) {
			t.Fatalf("%x is %+v, which is %x", b, m, again)
		}
		// Whatever it says, a node takes it without panicking, and does not run for it.
		s := votes.New(node(0), votes.Config{Policy: votes.KeepMajority, Timing: votes.Fast(), Expected: 3}, epoch)
		s.Step(epoch, votes.Ready{})
		s.Step(epoch, votes.Met{ID: node(1)})
		for i := range 3 {
			s.Step(epoch.Add(time.Duration(i)*time.Second), votes.Received{From: node(1), Msg: m})
			s.Step(epoch.Add(time.Duration(i)*time.Second), votes.Tick{})
		}
	})
}
