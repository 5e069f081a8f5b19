package codec

import (
	"reflect"
	"testing"
)

type flatStruct struct {
	I   int64
	U   uint32
	S   string
	I8  int8
	B   bool
	F   float64
	U64 uint64
	G   float32
	N   int
}

// FuzzFlat: the way without the guard and the ordinary way agree on all bytes.
func FuzzFlat(f *testing.F) {
	cfg := Config{Types: []Type{TypeOf[flatStruct]("flat")}}
	tables := [2]*Table{}
	for i := range tables {
		r, err := New(cfg)
		if err != nil {
			f.Fatal(err)
		}
		if e := r.byName["flat"]; !e.flat {
			f.Fatal("it is not flat")
		} else if i == 1 {
			e.flat = false
		}
		if tables[i], err = r.Table(r.Names()); err != nil {
			f.Fatal(err)
		}
	}
	r := tables[0].reg
	number := len(r.entries) - 1
	for _, v := range []any{flatStruct{}, &flatStruct{-1, 1, "short", -128, true, 1, 1 << 60, 1, 1}, (*flatStruct)(nil), flatStruct{S: string(make([]byte, 300))}} {
		b, err := r.Append(nil, v, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[2:], number&1 == 0)
	}
	f.Add([]byte{0x99}, false)
	f.Add([]byte{0x99, 1, 1, 0xa1}, false)
	f.Add([]byte{0x9a, 1, 1, 0xa0, 1, 0xc2, 0xcb, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xca, 0, 0, 0, 0, 1, 1}, false)
	f.Fuzz(func(t *testing.T, body []byte, ptr bool) {
		b := appendNumber(typeRef{entry: r.byName["flat"], ptr: ptr}, body)
		fast, fastErr := tables[0].Decode(b, nil)
		slow, slowErr := tables[1].Decode(b, nil)
		if (fastErr == nil) != (slowErr == nil) || fastErr != nil && fastErr.Error() != slowErr.Error() {
			t.Fatalf("%x: flat says %v, the other way %v", b, fastErr, slowErr)
		}
		if !reflect.DeepEqual(fast, slow) && !hasNaN(slow) {
			t.Errorf("%x: flat reads %#v, the other way %#v", b, fast, slow)
		}
	})
}

func appendNumber(t typeRef, body []byte) []byte {
	n := t.number()
	return append([]byte{byte(n) | 0x80, byte(n >> 7)}, body...)
}

func hasNaN(v any) bool {
	p, ok := v.(*flatStruct)
	if x, isValue := v.(flatStruct); isValue {
		p, ok = &x, true
	}
	return ok && p != nil && (p.F != p.F || p.G != p.G)
}
