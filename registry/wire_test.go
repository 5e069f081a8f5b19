package registry

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// samples are one record of each kind.
func samples() []message {
	o := crdt.Origin{Node: "a", Incarnation: 9}
	e := crdt.Entry{Key: crdt.Key{Kind: crdt.Name, Name: "bank"}, PID: wirePID(77), Meta: "m", Stamp: 5, Epoch: 2}
	return []message{
		{kind: recordHello, number: 4, digest: crdt.Digest{Origin: o, Upto: 3, Hash: 8}},
		{kind: recordDigest, digest: crdt.Digest{Origin: o}},
		{kind: recordDelta, delta: crdt.Delta{Origin: o, First: 4, Ops: []crdt.Op{{Drop: 3}, {Add: true, Entry: e}}}},
		{kind: recordSince, request: crdt.PageRequest{Origin: o, Upto: 7}},
		{kind: recordFetch, request: crdt.PageRequest{Origin: o, Base: 4, Upto: 7, After: 2}},
		{kind: recordPage, page: crdt.Page{Origin: o, Base: 4, First: 5, Cursor: 4, Items: []crdt.Item{{Seq: 2, Entry: e}}, Done: true}},
		{kind: recordHint, name: "bank"},
		{kind: recordDoubt, number: 8, name: "bank"},
		{kind: recordBetter, number: 8, owner: member{"a", 3}, page: crdt.Page{Origin: o, Base: 2, First: 3, After: 1, Cursor: 2,
			Items: []crdt.Item{{Seq: 2, Entry: e}}, Done: true}},
		{kind: recordPromote, number: 2, name: "bank"},
		{kind: recordClaim, number: 1, view: 99, name: "bank"},
		{kind: recordAnswer, number: 1, verdict: granted},
		{kind: recordAnswer, number: 1, verdict: taken, owner: member{"b", 12}, process: 77},
		{kind: recordRelease, number: 1, name: "bank"},
	}
}

func TestRecordsComeBack(t *testing.T) {
	for _, m := range samples() {
		m.stamp = 12345
		b := m.append(nil)
		got, err := parse(b)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%+v, %v, want %+v", got, err, m)
		}
		for n := range len(b) {
			if cut, err := parse(b[:n]); err == nil && bytes.Equal(cut.append(nil), b) {
				t.Errorf("kind %d: %d of %d bytes are the whole", m.kind, n, len(b))
			}
		}
	}
	if _, err := parse([]byte{200, 0, 0, 0, 0, 0, 0, 0, 1, 7, 7}); err != nil {
		t.Error("a kind of a newer version:", err)
	}
	for what, b := range map[string][]byte{
		"empty":          {},
		"too long":       make([]byte, crdt.MaxFrameBytes+1),
		"no name":        append([]byte{byte(recordHint)}, make([]byte, 8)...),
		"a long name":    append([]byte{byte(recordHint), 0, 0, 0, 0, 0, 0, 0, 0}, strings.Repeat("x", crdt.MaxNameBytes+1)...),
		"no verdict":     append([]byte{byte(recordAnswer)}, make([]byte, 17)...),
		"half an answer": append([]byte{byte(recordAnswer)}, make([]byte, 12)...),
	} {
		if _, err := parse(b); !errors.Is(err, errRecord) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if processOf(wirePID(5)) != 5 || processOf(crdt.PID{1}) != 0 {
		t.Error("PIDs do not come back")
	}
}

func FuzzParse(f *testing.F) {
	for _, m := range samples() {
		f.Add(m.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parse(b)
		if err != nil || m.kind == 0 || m.kind > recordRelease {
			return
		}
		again, err := parse(m.append(nil))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
	})
}

// FuzzReceived lets another member send anything to a node that holds something.
func FuzzReceived(f *testing.F) {
	for _, m := range samples() {
		f.Add(m.append(nil), []byte{})
		f.Add(samples()[0].encode(), m.append(nil))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		s := newFuzzed(t)
		n := s.nodes[0]
		for _, rec := range [][]byte{a, b} {
			_ = n.core.received(member{"a", 3}, rec, s.now)
			n.drain()
		}
		s.pass(2 * tickEvery)
		if h := n.core.holder("mine"); h == nil || processOf(h.PID) != 1 {
			t.Fatal("another node took away what it does not own")
		}
	})
}

func (m message) encode() []byte { return m.append(nil) }
