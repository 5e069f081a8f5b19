package crdt_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// codecs decode and encode again, for everything that has an encoding.
var codecs = map[string]func([]byte) ([]byte, error){
	"delta": func(b []byte) ([]byte, error) {
		d, err := crdt.DecodeDelta(b)
		return d.Append(nil), err
	},
	"digest": func(b []byte) ([]byte, error) {
		d, err := crdt.DecodeDigest(b)
		return d.Append(nil), err
	},
	"request": func(b []byte) ([]byte, error) {
		q, err := crdt.DecodePageRequest(b)
		return q.Append(nil), err
	},
	"page": func(b []byte) ([]byte, error) {
		p, err := crdt.DecodePage(b)
		return p.Append(nil), err
	},
	"context": func(b []byte) ([]byte, error) {
		c, err := crdt.DecodeContext(b)
		if err != nil {
			return nil, err
		}
		return c.Append(nil), nil
	},
	"map": func(b []byte) ([]byte, error) {
		m, err := crdt.DecodeMap(b, asText)
		if err != nil {
			return nil, err
		}
		return encodeMap(m), nil
	},
	"register": func(b []byte) ([]byte, error) {
		g, err := crdt.DecodeRegister(b, asText)
		if err != nil {
			return nil, err
		}
		return encodeRegister(g), nil
	},
}

func encodeRegister(g *specs) []byte {
	return crdt.AppendRegister(nil, g, func(dst []byte, v string) []byte { return append(dst, v...) })
}

func asText(b []byte) (string, error) { return string(b), nil }

// samples are encodings of everything, with edges.
func samples() map[string][][]byte {
	far := crdt.Origin{Node: strings.Repeat("n", crdt.MaxNodeBytes), Incarnation: math.MaxUint64}
	full := crdt.Entry{Key: crdt.Key{Kind: 255, Name: "x\x00y"}, PID: crdt.PID{1, 15: 16}, Meta: "m",
		Stamp: math.MaxUint64, Epoch: math.MaxUint64}
	delta := crdt.Delta{Origin: nodeA, First: 300, Ops: []crdt.Op{
		{Add: true, Entry: full}, {Drop: 299}, {Drop: 1, Add: true, Entry: entry("n")}}}
	empty := crdt.Delta{Origin: far, First: 1}
	page := crdt.Page{Origin: nodeA, Base: 9, First: 10, After: 2, Cursor: 9, Done: true, Ops: delta.Ops,
		Items: []crdt.Item{{Seq: 3, Entry: full}, {Seq: 9, Entry: entry("z")}}}
	var m, other texts
	m.PutAll(nodeA, map[string]string{"": "", "k": "v"}, 1)
	other.Put(nodeB, "k", "w", 2)
	other.Put(far, "k2", "w", math.MaxUint64)
	other.Put(nodeB, "k3", "w", 2)
	other.Remove("k2", "k3")
	m.Merge(&other)
	var g specs
	g.Put(nodeA, "k", "v", 7)
	g.Put(far, "", "", math.MaxUint64)
	g.Delete(nodeB, "gone", 8)
	var seen crdt.Context
	for _, n := range []uint64{1, 2, 5, 9, 1 << 62} {
		seen.Add(crdt.Dot{Origin: nodeC, Seq: n})
	}
	return map[string][][]byte{
		"delta":  {delta.Append(nil), empty.Append(nil)},
		"digest": {crdt.Digest{Origin: nodeA, Upto: 1 << 62, Hash: math.MaxUint64}.Append(nil)},
		"request": {crdt.PageRequest{Origin: far}.Append(nil),
			crdt.PageRequest{Origin: nodeB, Base: 1, Upto: 200, After: 3}.Append(nil)},
		"page":     {page.Append(nil), (&crdt.Page{Origin: far, First: 1}).Append(nil)},
		"context":  {(&crdt.Context{}).Append(nil), seen.Append(nil), m.Seen().Append(nil)},
		"register": {encodeRegister(&specs{}), encodeRegister(&g)},
		"map":      {encodeMap(&texts{}), encodeMap(&m), encodeMap(m.Delta(other.Seen()))},
	}
}

func TestCodecRoundTrip(t *testing.T) {
	for form, all := range samples() {
		for i, b := range all {
			again, err := codecs[form](b)
			if err != nil || !bytes.Equal(again, b) {
				t.Errorf("%s %d: %v\n%x\n%x", form, i, err, b, again)
			}
		}
	}
}

// TestCodecRefuses: cut short, prolonged, of another form, or too long, nothing is decoded.
func TestCodecRefuses(t *testing.T) {
	for form, all := range samples() {
		for _, b := range all {
			for n := range b {
				if _, err := codecs[form](b[:n]); !errors.Is(err, crdt.ErrFormat) {
					t.Errorf("%s cut to %d of %d bytes: %v", form, n, len(b), err)
				}
			}
			if _, err := codecs[form](append(bytes.Clone(b), 0)); !errors.Is(err, crdt.ErrFormat) {
				t.Errorf("%s with one byte more: %v", form, err)
			}
			for other := range codecs {
				if _, err := codecs[other](b); other != form && err == nil {
					t.Errorf("a %s was decoded as a %s", form, other)
				}
			}
		}
		if _, err := codecs[form](make([]byte, crdt.MaxFrameBytes+1)); !errors.Is(err, crdt.ErrLimit) {
			t.Errorf("%s beyond the limit: %v", form, err)
		}
	}
	bad := errors.New("bad value")
	refuse := func([]byte) (string, error) { return "", bad }
	if _, err := crdt.DecodeMap(samples()["map"][1], refuse); !errors.Is(err, bad) {
		t.Errorf("the error of a value: %v", err)
	}
	if _, err := crdt.DecodeRegister(samples()["register"][1], refuse); !errors.Is(err, bad) {
		t.Errorf("the error of a value: %v", err)
	}
}

// TestCodecGolden holds the bytes: nodes of different versions read each other's.
func TestCodecGolden(t *testing.T) {
	d := crdt.Delta{Origin: nodeA, First: 7, Ops: []crdt.Op{{Drop: 6, Add: true, Entry: crdt.Entry{
		Key: name("n"), PID: crdt.PID{9}, Meta: "m", Stamp: 2, Epoch: 3}}}}
	want := "\x10\x01a\x00\x00\x00\x00\x00\x00\x00\x01\x07\x01" + "\x03\x06\x01\x01n\x09" + strings.Repeat("\x00", 15) +
		"\x01m\x00\x00\x00\x00\x00\x00\x00\x02\x03"
	if got := string(d.Append(nil)); got != want {
		t.Errorf("delta: %q, want %q", got, want)
	}
	var m texts
	m.Put(nodeA, "k", "v", 2)
	want = "\x15\x01\x01a\x00\x00\x00\x00\x00\x00\x00\x01\x01\x00\x00" + "\x01\x01k\x01\x00\x01" +
		"\x00\x00\x00\x00\x00\x00\x00\x02\x01v"
	if got := string(encodeMap(&m)); got != want {
		t.Errorf("map: %q, want %q", got, want)
	}
	if h := crdtHash(t); h != goldenHash {
		t.Errorf("hash %#x, want %#x: digests of two versions would never agree", h, uint64(goldenHash))
	}
}

const goldenHash = 0x7d5c033bcb11858e

func crdtHash(t *testing.T) uint64 {
	s := connected(t, "a")[0]
	must(s.Add(crdt.Entry{Key: name("n"), PID: crdt.PID{9}, Meta: "m", Stamp: 2, Epoch: 3}))
	return s.Digest().Hash
}

// mutate spoils an encoding: most of what it makes passes the first checks.
func mutate(r *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + r.IntN(3) {
		i := r.IntN(len(b))
		switch r.IntN(4) {
		case 0:
			b[i] = byte(r.Uint32())
		case 1:
			b[i] += byte(1 - 2*r.IntN(2))
		case 2:
			b = append(b[:i:i], append([]byte{byte(r.Uint32())}, b[i:]...)...)
		default:
			b = append(b[:i:i], b[r.IntN(len(b)-i)+i:]...)
		}
		if len(b) == 0 {
			return []byte{0}
		}
	}
	return b
}

func TestCodecSurvivesNoise(t *testing.T) {
	r := seeded(t)
	for form, all := range samples() {
		for range 20_000 / len(all) {
			b := mutate(r, all[r.IntN(len(all))])
			again, err := codecs[form](b)
			if err == nil && !bytes.Equal(again, b) {
				t.Fatalf("%s: %x encodes to %x", form, b, again)
			}
		}
	}
}

// TestCodecAllocationIsBounded feeds what costs most per byte: the shortest elements in full frames, and counts of
// which nothing follows.
func TestCodecAllocationIsBounded(t *testing.T) {
	if raceEnabled {
		t.Skip("not under the race detector")
	}
	head := "\x01a\x00\x00\x00\x00\x00\x00\x00\x01"
	const n = 16000
	count := "\x80\x7d" // n
	var wide crdt.Context
	keys, item := map[string]string{}, &crdt.Page{Origin: nodeA, Base: n, First: 1, Cursor: n}
	for i := range n {
		short := string([]byte{byte(i >> 8), byte(i)})
		wide.Add(crdt.Dot{Origin: crdt.Origin{Node: short}, Seq: 1})
		if i < n/2 {
			keys[short] = ""
		}
		if i < n/4 {
			item.Items = append(item.Items, crdt.Item{Seq: uint64(i + 1), Entry: crdt.Entry{Key: name("x")}})
		}
	}
	var m texts
	m.PutAll(nodeA, keys, 1)
	var g specs
	for k := range keys {
		g.Delete(nodeA, k, 1)
	}
	for what, c := range map[string]struct {
		form string
		b    []byte
	}{
		"removals":      {"delta", []byte("\x10" + head + "\x01" + count + strings.Repeat("\x01\x01", n))},
		"no operations": {"delta", []byte("\x10" + head + "\x01" + count + strings.Repeat("\x00", 2*n))},
		"huge count":    {"delta", []byte("\x10" + head + "\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f")},
		"origins":       {"context", wide.Append(nil)},
		"spans":         {"context", []byte("\x14\x01" + head + count + strings.Repeat("\x01\x00", n))},
		"keys":          {"map", encodeMap(&m)},
		"items":         {"page", item.Append(nil)},
		"writes":        {"register", encodeRegister(&g)},
	} {
		if len(c.b) > crdt.MaxFrameBytes {
			t.Fatalf("%s: frame of %d bytes", what, len(c.b))
		}
		decode := map[string]func(){
			"delta":    func() { crdt.DecodeDelta(c.b) },
			"context":  func() { crdt.DecodeContext(c.b) },
			"map":      func() { crdt.DecodeMap(c.b, asText) },
			"page":     func() { crdt.DecodePage(c.b) },
			"register": func() { crdt.DecodeRegister(c.b, asText) },
		}[c.form]
		if got, limit := allocated(decode), uint64(64*len(c.b)+4096); got > limit {
			t.Errorf("%s: %d bytes allocated for a frame of %d, limit %d", what, got, len(c.b), limit)
		} else {
			t.Logf("%s: %.1f bytes per byte", what, float64(got)/float64(len(c.b)))
		}
	}
}

// allocated is what f allocates: the least of some runs, for the runtime allocates too.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

func fuzz(f *testing.F, form string) {
	for _, b := range samples()[form] {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		again, err := codecs[form](b)
		switch {
		case err == nil && !bytes.Equal(again, b):
			t.Errorf("%x encodes to %x", b, again)
		case err != nil && !errors.Is(err, crdt.ErrFormat) && !errors.Is(err, crdt.ErrLimit):
			t.Errorf("an error without a class: %v", err)
		}
	})
}

func FuzzDelta(f *testing.F)    { fuzz(f, "delta") }
func FuzzDigest(f *testing.F)   { fuzz(f, "digest") }
func FuzzRequest(f *testing.F)  { fuzz(f, "request") }
func FuzzPage(f *testing.F)     { fuzz(f, "page") }
func FuzzContext(f *testing.F)  { fuzz(f, "context") }
func FuzzMap(f *testing.F)      { fuzz(f, "map") }
func FuzzRegister(f *testing.F) { fuzz(f, "register") }

// FuzzStore feeds a store with whatever decodes: it must neither panic nor touch what is its own.
func FuzzStore(f *testing.F) {
	for _, form := range []string{"delta", "page", "digest"} {
		for _, b := range samples()[form] {
			f.Add(b, b)
		}
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := connected(t, "self", "a")[0]
		must(s.Add(entry("own")))
		for _, b := range [][]byte{first, second} {
			if d, err := crdt.DecodeDelta(b); err == nil {
				s.Apply(d)
			}
			if p, err := crdt.DecodePage(b); err == nil {
				s.ApplyPage(p)
			}
			if d, err := crdt.DecodeDigest(b); err == nil {
				s.Check(d)
			}
			if q, err := crdt.DecodePageRequest(b); err == nil {
				s.Page(q, frame)
			}
		}
		s.Forget("a")
		if r := s.Lookup(name("own")); r == nil {
			t.Error("our own entry is gone")
		}
	})
}

func BenchmarkDecodeDelta(b *testing.B) {
	frame := samples()["delta"][0]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := crdt.DecodeDelta(frame); err != nil {
			b.Fatal(err)
		}
	}
}
