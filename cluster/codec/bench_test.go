package codec_test

import (
	"bytes"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
)

type order struct {
	ID    string
	From  actor.PID
	Lines []small
	Meta  map[string]string
}

var (
	aSmall = small{123456789, 4711, "a short one"}
	dict   = map[string]any{"id": 123456, "name": "a short one", "tags": []any{"a", "b"}, "ratio": 0.5}
)

func TestAppendAllocatesNothing(t *testing.T) {
	links := newRefs(t)
	r, _ := newTable(t, types()...)
	buf := make([]byte, 0, 1<<10)
	for _, v := range []any{aSmall, &aSmall, "text", 1000, []string{"a", "b"}, []small{aSmall, aSmall}, map[string]string{"a": "b"}, dict, pair{1, &aSmall}} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := r.Append(buf, v, links); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%T: %v allocations", v, n)
		}
	}
}

func TestDecodeAllocatesTheValue(t *testing.T) {
	r, table := newTable(t, types()...)
	for _, v := range []any{small{ID: 1000, N: 1}, &small{}} {
		b, err := r.Append(nil, v, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			if _, err := table.Decode(b, nil); err != nil {
				t.Fatal(err)
			}
		}); n != 1 {
			t.Errorf("%T: %v allocations", v, n)
		}
	}
}

func BenchmarkCodec(b *testing.B) {
	links := newRefs(b)
	r, table := newTable(b, append(types(), codec.TypeOf[order]("order"))...)
	pid := links.pid(b, "<a/1.1>")
	for name, v := range map[string]any{
		"small": aSmall, "pointer": &aSmall, "any": pair{aSmall, &aSmall}, "dict": dict,
		"order": order{"id", pid, []small{aSmall, aSmall, aSmall}, map[string]string{"a": "b"}},
	} {
		body, err := r.Append(nil, v, links)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name+"/encode", func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 1<<10)
			for b.Loop() {
				if _, err := r.Append(buf, v, links); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/decode", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := table.Decode(body, links); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVmihailenco is the library alone, pooled and with the compact forms, on the same struct.
func BenchmarkVmihailenco(b *testing.B) {
	var buf bytes.Buffer
	enc, dec := msgpack.NewEncoder(&buf), msgpack.NewDecoder(&buf)
	b.Run("small/encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf.Reset()
			enc.Reset(&buf)
			enc.UseArrayEncodedStructs(true)
			enc.UseCompactInts(true)
			if err := enc.Encode(&aSmall); err != nil {
				b.Fatal(err)
			}
		}
	})
	body := bytes.Clone(buf.Bytes())
	b.Run("small/decode", func(b *testing.B) {
		b.ReportAllocs()
		in := bytes.NewReader(body)
		for b.Loop() {
			in.Reset(body)
			dec.Reset(in)
			if err := dec.Decode(new(small)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
