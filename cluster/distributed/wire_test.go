package distributed

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/handoff"
	"github.com/foundation-runtime/foundation/registry/crdt"
	"github.com/foundation-runtime/foundation/supervision"
)

func someSpec(r *rand.Rand) *spec {
	s := &spec{
		kind: "counter", args: []byte{1, 2, 3}, types: r.Uint64(), strategy: Strategy(r.IntN(4)), key: "k", home: "n1",
		restart: supervision.Restart(r.IntN(3)), intensity: r.IntN(MaxIntensity+2) - 1, period: time.Duration(r.IntN(1e9)),
		shutdown: supervision.Infinity, zone: "east", stopped: r.IntN(2) == 0, born: crdt.Stamp(r.Uint64()),
	}
	if r.IntN(2) == 0 {
		s.labels = map[string]string{"disk": "fast", "cpu": ""}
	}
	return s
}

func someMessages(r *rand.Rand) []message {
	o := crdt.Origin{Node: "n1", Incarnation: 7}
	specs := &crdt.Register[string, *spec]{}
	specs.Merge("a", crdt.Write[*spec]{Stamp: 3, Origin: o, Value: someSpec(r)})
	specs.Merge("b", crdt.Write[*spec]{Stamp: 4, Origin: o, Deleted: true})
	e := crdt.Entry{Key: key("a"), PID: wirePID(9), Meta: note{status: running, restarts: []int64{1, 2}}.text(), Stamp: 5, Epoch: 6}
	return []message{
		{kind: recordHello, flags: flagReady, root: 77, specSum: 8, digest: crdt.Digest{Origin: o, Upto: 3, Hash: 4}},
		{kind: recordDigest, flags: flagLeaving, digest: crdt.Digest{Origin: o}},
		{kind: recordDelta, delta: crdt.Delta{Origin: o, First: 1, Ops: []crdt.Op{{Add: true, Entry: e}, {Drop: 1}}}},
		{kind: recordSince, request: crdt.PageRequest{Origin: o, Upto: 3}}, {kind: recordFetch, request: crdt.PageRequest{Origin: o}},
		{kind: recordPage, page: crdt.Page{Origin: o, Base: 2, First: 3, Cursor: 2, Done: true, Items: []crdt.Item{{Seq: 1, Entry: e}}}},
		{kind: recordTypes, names: []string{"a", "b"}}, {kind: recordSpecs, specs: specs, final: true},
		{kind: recordPast, past: []past{{"a", 7, note{status: failed, first: true, why: "boom"}}}},
		{kind: recordDone, number: 9, down: member{"n2", 3}}, {kind: recordBye}, {kind: recordAsk, names: []string{"a", "b"}}, {kind: recordPiece, final: true, rest: []byte{1, 2}},
		{kind: recordMove, rest: handoff.Append(nil, handoff.Offer{ID: "a", Attempt: handoff.Attempt{Epoch: 1, N: 2}, ViewID: 3})},
	}
}

func TestRecords(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		for _, m := range someMessages(r) {
			m.stamp = crdt.Stamp(r.Uint64())
			b := m.append(nil)
			got, err := parse(b)
			if err != nil {
				t.Fatalf("%+v: %v", m, err)
			}
			if again := got.append(nil); !bytes.Equal(b, again) {
				t.Fatalf("%+v became %+v", m, got)
			}
			if cut := b[:r.IntN(len(b))]; m.kind != recordDone && m.kind != recordPiece { // their last field is the rest
				if _, err := parse(cut); err == nil {
					t.Fatalf("%d of %d bytes of %+v are taken", len(cut), len(b), m)
				}
			}
		}
		s := someSpec(r)
		if got, err := parseSpec(s.append(nil)); err != nil || !reflect.DeepEqual(got, s) {
			t.Fatalf("%+v became %+v: %v", s, got, err)
		}
	}
	if m, err := parse([]byte{200, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2}); err != nil || m.kind != 200 {
		t.Fatal("a record of a newer version is refused:", err)
	}
}

// FuzzRecords: whatever comes, no panic; and what is taken is what would be sent.
func FuzzRecords(f *testing.F) {
	for _, m := range someMessages(rand.New(rand.NewPCG(1, 1))) {
		f.Add(m.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parse(b)
		if err != nil || m.kind > recordAsk || m.kind == 0 {
			return
		}
		again, err := parse(m.append(nil))
		if err != nil || again.kind != m.kind {
			t.Fatalf("%x is taken as %+v, which is not: %v", b, m, err)
		}
	})
}

func TestWindow(t *testing.T) {
	now := time.Unix(1000, 0)
	n := note{}
	for i := range 3 {
		if !n.again(now.Add(time.Duration(i)*time.Second), 3, 5*time.Second) {
			t.Fatal("restart", i, "of 3 is refused")
		}
	}
	if n.again(now.Add(5*time.Second), 3, 5*time.Second) {
		t.Fatal("the end of the period is part of it")
	}
	if !n.again(now.Add(5*time.Second+time.Millisecond), 3, 5*time.Second) {
		t.Fatal("the first one does not count any more")
	}
	none := note{}
	if none.again(now, supervision.NoRestarts, time.Second) {
		t.Fatal("NoRestarts")
	}
}
