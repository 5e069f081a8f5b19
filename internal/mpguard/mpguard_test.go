package mpguard_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/foundation-runtime/foundation/internal/mpguard"
)

// format is a row of the msgpack specification: the bytes of one whole value of that format.
type format struct {
	first byte
	whole []byte
}

// whole builds head, then fill zero bytes.
func whole(fill int, head ...byte) []byte { return append(head, make([]byte, fill)...) }

// formats has a row for each of the 255 formats that exist. Zero bytes are integers, so they are elements too.
func formats() (all []format) {
	add := func(b []byte) { all = append(all, format{b[0], b}) }
	for i := range 0x80 {
		add([]byte{byte(i)})
		if i < 0x10 {
			add(whole(2*i, byte(0x80+i)))
			add(whole(i, byte(0x90+i)))
		}
		if i < 0x20 {
			add(whole(i, byte(0xa0+i)))
			add([]byte{byte(0xe0 + i)})
		}
	}
	for _, b := range [][]byte{
		{0xc0}, {0xc2}, {0xc3},
		whole(3, 0xc4, 3), whole(0x102, 0xc5, 1, 2), whole(0x10001, 0xc6, 0, 1, 0, 1), // bin
		whole(1+3, 0xc7, 3), whole(1+0x102, 0xc8, 1, 2), whole(1+0x10001, 0xc9, 0, 1, 0, 1), // ext
		whole(4, 0xca), whole(8, 0xcb), // float
		whole(1, 0xcc), whole(2, 0xcd), whole(4, 0xce), whole(8, 0xcf), // uint
		whole(1, 0xd0), whole(2, 0xd1), whole(4, 0xd2), whole(8, 0xd3), // int
		whole(2, 0xd4), whole(3, 0xd5), whole(5, 0xd6), whole(9, 0xd7), whole(17, 0xd8), // fixext
		whole(3, 0xd9, 3), whole(0x102, 0xda, 1, 2), whole(0x10001, 0xdb, 0, 1, 0, 1), // str
		whole(0x102, 0xdc, 1, 2), whole(0x102, 0xdd, 0, 0, 1, 2), // array
		whole(2*0x102, 0xde, 1, 2), whole(2*0x102, 0xdf, 0, 0, 1, 2), // map
	} {
		add(b)
	}
	return all
}

// TestEveryFormat: each format is accepted whole, alone and as an element, and refused with any byte less or one more.
func TestEveryFormat(t *testing.T) {
	seen := map[byte]bool{0xc1: true}
	for _, f := range formats() {
		t.Run(fmt.Sprintf("0x%02x", f.first), func(t *testing.T) {
			if seen[f.first] {
				t.Fatal("two rows")
			}
			seen[f.first] = true
			for name, b := range map[string][]byte{
				"alone": f.whole, "in an array": append([]byte{0x91}, f.whole...),
				"in a map": append(append([]byte{0x81}, f.whole...), 7),
			} {
				if err := mpguard.Check(b); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			short := max(0, len(f.whole)-600) // of the longest a part: the others are the same
			for n := range f.whole[short:] {
				fault := mpguard.Limits{}.Scan(f.whole[:short+n])
				if fault.Kind < mpguard.Truncated || fault.Kind > mpguard.Count {
					t.Fatalf("%d bytes of it: %v", short+n, fault)
				}
			}
			want := mpguard.Fault{Kind: mpguard.Trailing, Offset: len(f.whole), Format: 0xc0, Got: 1}
			if got := (mpguard.Limits{}).Scan(append(f.whole, 0xc0)); got != want {
				t.Errorf("with one byte more: %+v", got)
			}
		})
	}
	if len(seen) != 256 {
		t.Errorf("%d of 256 formats have a row", len(seen))
	}
}

// nested is depth arrays in each other, around an integer.
func nested(depth int) []byte { return append(bytes.Repeat([]byte{0x91}, depth), 1) }

func TestFaults(t *testing.T) {
	const none, length, count = mpguard.None, mpguard.Length, mpguard.Count
	big := mpguard.DefaultElements
	for _, c := range []struct {
		name  string
		limit mpguard.Limits
		b     []byte
		want  mpguard.Fault
		text  string
	}{
		{"nothing", mpguard.Limits{}, nil, mpguard.Fault{Kind: mpguard.Truncated, Got: 1}, "byte 0: the bytes end"},
		{"reserved", mpguard.Limits{}, []byte{0x92, 1, 0xc1}, mpguard.Fault{Kind: mpguard.Reserved, Offset: 2, Format: 0xc1, Got: 1, Limit: 1}, "byte 2: format 0xc1"},
		{"array of 4G", mpguard.Limits{}, []byte{0xdd, 255, 255, 255, 255}, mpguard.Fault{Kind: count, Format: 0xdd, Got: 1<<32 - 1}, "4294967295 values"},
		{"map of 4G", mpguard.Limits{}, []byte{0xdf, 255, 255, 255, 255}, mpguard.Fault{Kind: count, Format: 0xdf, Got: 2<<32 - 2}, "8589934590 values"},
		{"bin of 4G", mpguard.Limits{}, []byte{0xc6, 255, 255, 255, 255, 1}, mpguard.Fault{Kind: length, Format: 0xc6, Got: 5 + 1<<32 - 1, Limit: 6}, "4294967300 bytes, left are 6"},
		{"ext of 4G", mpguard.Limits{}, []byte{0xc9, 255, 255, 255, 255, 1}, mpguard.Fault{Kind: length, Format: 0xc9, Got: 6 + 1<<32 - 1, Limit: 6}, "left are 6"},
		{"half a head", mpguard.Limits{}, []byte{0x91, 0xdd, 0}, mpguard.Fault{Kind: length, Offset: 1, Format: 0xdd, Got: 5, Limit: 2}, "takes 5 bytes"},
		{"outer array takes the bytes", mpguard.Limits{}, []byte{0x93, 0x93, 1, 1, 1}, mpguard.Fault{Kind: count, Offset: 1, Format: 0x93, Got: 5, Limit: 3}, "5 values"},
		{"string takes the bytes", mpguard.Limits{}, []byte{0x92, 0xa1, 'x'}, mpguard.Fault{Kind: mpguard.Truncated, Offset: 3, Got: 1}, "byte 3: the bytes end"},
		{"deepest", mpguard.Limits{}, nested(mpguard.DefaultDepth), mpguard.Fault{}, ""},
		{"too deep", mpguard.Limits{}, nested(mpguard.DefaultDepth + 1), mpguard.Fault{Kind: mpguard.Depth, Offset: 32, Format: 0x91, Got: 33, Limit: 32}, "nested 33 deep, the limit is 32"},
		{"2 MiB of heads", mpguard.Limits{}, nested(2 << 20), mpguard.Fault{Kind: mpguard.Depth, Offset: 32, Format: 0x91, Got: 33, Limit: 32}, "byte 32"},
		{"empty too deep", mpguard.Limits{Depth: 1}, []byte{0x91, 0x80}, mpguard.Fault{Kind: mpguard.Depth, Offset: 1, Format: 0x80, Got: 2, Limit: 1}, ""},
		{"beside, not inside", mpguard.Limits{Depth: 2}, []byte{0x93, 0x91, 1, 0x90, 0x81, 1, 2}, mpguard.Fault{}, ""},
		{"back at the top", mpguard.Limits{Depth: 3}, []byte{0x92, 0x91, 0x91, 1, 0x91, 0x91, 1}, mpguard.Fault{}, ""},
		{"depth above the most", mpguard.Limits{Depth: 1 << 30}, nested(mpguard.MaxDepth + 1), mpguard.Fault{Kind: mpguard.Depth, Offset: 64, Format: 0x91, Got: 65, Limit: 64}, ""},
		{"depth at the most", mpguard.Limits{Depth: 1 << 30}, nested(mpguard.MaxDepth), mpguard.Fault{}, ""},
		{"most elements", mpguard.Limits{}, whole(big, 0xdd, 0, 1, 0, 0), mpguard.Fault{}, ""},
		{"an element too many", mpguard.Limits{}, whole(big+1, 0xdd, 0, 1, 0, 1), mpguard.Fault{Kind: mpguard.Elements, Format: 0xdd, Got: 65537, Limit: 65536}, "65537 elements so far, the limit is 65536"},
		{"a pair too many", mpguard.Limits{Elements: 5}, whole(6, 0x83), mpguard.Fault{Kind: mpguard.Elements, Format: 0x83, Got: 6, Limit: 5}, ""},
		{"in all too many", mpguard.Limits{Elements: 5}, []byte{0x92, 0x92, 1, 2, 0x92, 1, 2}, mpguard.Fault{Kind: mpguard.Elements, Offset: 4, Format: 0x92, Got: 6, Limit: 5}, ""},
		{"negative limits", mpguard.Limits{Depth: -1, Elements: -1}, nested(mpguard.DefaultDepth), mpguard.Fault{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.limit.Scan(c.b)
			if got != c.want {
				t.Fatalf("%+v, want %+v", got, c.want)
			}
			err := c.limit.Check(c.b)
			if f, ok := errors.AsType[mpguard.Fault](err); ok != (c.want.Kind != none) || f.Kind != c.want.Kind {
				t.Fatalf("Check: %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("%q does not say %q", err, c.text)
			}
		})
	}
}

func TestEveryKindHasWords(t *testing.T) {
	for k := mpguard.None; k <= mpguard.Trailing; k++ {
		if s := (mpguard.Fault{Kind: k}).Error(); strings.Contains(s, ": fault") {
			t.Errorf("kind %d: %s", k, s)
		}
	}
	if s := (mpguard.Fault{Kind: 200}).Error(); !strings.HasSuffix(s, ": fault 200") {
		t.Error(s)
	}
}

// obvious accepts what the package promises to accept, by recursion and with a decoder's arithmetic: b without the
// value at its start. It panics, as a decoder would, where bytes are missing.
func obvious(b []byte, l mpguard.Limits, elements *int) []byte {
	c, rest := b[0], b[1:]
	number := func(n int) (v int) {
		for range n {
			v, rest = v<<8|int(rest[0]), rest[1:]
		}
		return v
	}
	values, size := 0, 0
	switch {
	case c < 0x80, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3:
		return rest
	case c == 0xc1:
		panic("reserved")
	case c < 0x90:
		values = 2 * int(c-0x80)
	case c < 0xa0:
		values = int(c - 0x90)
	case c < 0xc0:
		size = int(c - 0xa0)
	case c <= 0xc6:
		size = number(1 << (c - 0xc4))
	case c <= 0xc9:
		size = number(1<<(c-0xc7)) + 1
	case c <= 0xcb:
		size = 4 << (c - 0xca)
	case c <= 0xd3:
		size = 1 << (c & 3)
	case c <= 0xd8:
		size = 1<<(c-0xd4) + 1
	case c <= 0xdb:
		size = number(1 << (c - 0xd9))
	case c <= 0xdd:
		values = number(2 << (c - 0xdc))
	default:
		values = 2 * number(2<<(c-0xde))
	}
	if c >= 0xdc || c < 0xa0 {
		if *elements += values; *elements > l.Elements || l.Depth == 0 {
			panic("limit")
		}
		l.Depth--
		for range values {
			rest = obvious(rest, l, elements)
		}
	}
	return rest[size:]
}

func obviouslyFine(b []byte, l mpguard.Limits) (fine bool) {
	defer func() { fine = recover() == nil && fine }()
	elements := 0
	return len(obvious(b, l, &elements)) == 0
}

// FuzzCheck: no panic, no allocation, a fault inside the bytes, and the verdict of the obvious way.
func FuzzCheck(f *testing.F) {
	for _, x := range formats() {
		f.Add(x.whole[:min(len(x.whole), 100)], uint8(3), uint16(100))
		f.Add(append([]byte{0x92, x.first}, x.whole[1:min(len(x.whole), 50)]...), uint8(0), uint16(0))
	}
	f.Add(nested(70), uint8(64), uint16(64))
	f.Add(sample(), uint8(0), uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, depth uint8, elements uint16) {
		l := mpguard.Limits{Depth: int(depth), Elements: int(elements)}
		var fault mpguard.Fault
		least := 1.0
		for range 3 { // the fuzzer allocates beside it at times
			least = min(least, testing.AllocsPerRun(1, func() { fault = l.Scan(b) }))
		}
		if least != 0 {
			t.Error("Scan allocates")
		}
		if err := l.Check(b); (err == nil) != (fault.Kind == mpguard.None) {
			t.Errorf("Scan: %v, Check: %v", fault, err)
		}
		if fault.Offset < 0 || fault.Offset > len(b) || fault.Error() == "" {
			t.Errorf("%+v", fault)
		}
		l = mpguard.Limits{Depth: min(l.Depth, mpguard.MaxDepth), Elements: l.Elements}
		if l.Depth == 0 {
			l.Depth = mpguard.DefaultDepth
		}
		if l.Elements == 0 {
			l.Elements = mpguard.DefaultElements
		}
		if fine := obviouslyFine(b, l); fine != (fault.Kind == mpguard.None) {
			t.Errorf("%x: fine %v, but %v", b, fine, fault)
		}
	})
}

// sample is what a message looks like: a struct as a map of names, with a list, bytes and an ext.
func sample() []byte {
	b := []byte{0x85, 0xa2, 'i', 'd', 0xcf, 1, 2, 3, 4, 5, 6, 7, 8, 0xa4, 'n', 'a', 'm', 'e', 0xb4}
	b = append(b, "a name of twenty byte"[:20]...)
	b = append(b, 0xa4, 't', 'a', 'g', 's', 0x93, 0xa1, 'x', 0xa1, 'y', 0xa1, 'z', 0xa4, 'd', 'a', 't', 'a', 0xc4, 128)
	b = append(b, make([]byte, 128)...)
	return append(b, 0xa2, 't', 'o', 0xd8, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
}

func TestScanAllocatesNothing(t *testing.T) {
	for name, b := range map[string][]byte{"accepted": sample(), "refused": nested(100), "empty": nil} {
		if n := testing.AllocsPerRun(100, func() { mpguard.Limits{}.Scan(b) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	bad := nested(100)
	if n := testing.AllocsPerRun(100, func() { _ = mpguard.Check(bad) }); n > 1 {
		t.Errorf("Check: %v allocations", n)
	}
}

func BenchmarkCheck(b *testing.B) {
	for name, body := range map[string][]byte{
		"message": sample(), "integers": whole(60_000, 0xdc, 0xea, 0x60), "bytes": whole(60_000, 0xc5, 0xea, 0x60),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := mpguard.Check(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
