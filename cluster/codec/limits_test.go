package codec_test

import (
	"bytes"
	bin "encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/foundation-runtime/foundation/cluster/codec"
)

type ring struct{ Next *ring }

// shared is a value that is small in memory and without end on the wire.
func shared(levels int) any {
	v := any([]any{})
	for range levels {
		v = []any{v, v, v, v, v, v, v, v}
	}
	return v
}

func TestLimitsOfWriting(t *testing.T) {
	circle := &ring{}
	circle.Next = circle
	list := []any{nil}
	list[0] = list
	dict := map[string]any{}
	dict["me"] = dict
	tooLong := strings.Repeat("x", codec.DefaultMaxBytes+1)
	many := make([]string, 10_000)
	for i := range many {
		many[i] = tooLong[:1<<20]
	}
	r, table := newTable(t, append(types(), codec.TypeOf[ring]("ring"))...)
	for name, v := range map[string]any{
		"cyclic pointers": circle, "cyclic list": list, "cyclic map": dict,
		"long": tooLong, "long bytes": []byte(tooLong), "long in a struct": small{Name: tooLong}, "many long": many,
		"elements": make([]bool, 64<<10+1), "elements of a map": map[string]any{"a": make([]int8, 64<<10)}, "shared": shared(7),
		"raw, too deep": msgpack.RawMessage(bytes.Repeat([]byte{0x91}, 40)), "raw, half": msgpack.RawMessage{0x92, 1},
		"raw, two": msgpack.RawMessage{1, 1},
	} {
		b, err := r.Append(nil, v, nil)
		if err == nil || len(b) > 0 || !strings.HasPrefix(name, "raw") && !errors.Is(err, codec.ErrLimit) {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	for name, v := range map[string]any{
		"long": tooLong[:codec.DefaultMaxBytes-5], "elements": make([]bool, 64<<10), "shared": shared(4),
	} {
		b, err := r.Append(nil, v, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := table.Decode(b, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWhatIsWrittenIsRead: whatever Append lets pass is within what Decode allows.
func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, limits := range []codec.Limits{{Depth: 4}, {Elements: 9}, {MaxBytes: 20}, {Depth: 64}, {Depth: 1, Elements: 1}} {
		r, err := codec.New(codec.Config{Types: types(), Limits: limits})
		if err != nil {
			t.Fatal(err)
		}
		table := tableOf(t, r, r)
		links := newRefs(t)
		passed := 0
		for _, v := range append(values(t, links), nested(3), nested(4), nested(31), nested(63), nested(64)) {
			b, err := r.Append(nil, v, links)
			if err != nil {
				if !errors.Is(err, codec.ErrLimit) {
					t.Errorf("%+v: %T: %v", limits, v, err)
				}
				continue
			}
			passed++
			if _, err := table.Decode(b, links); err != nil {
				t.Errorf("%+v: %#v was written, and read: %v", limits, v, err)
			}
		}
		if passed < 100 {
			t.Errorf("%+v: only %d passed", limits, passed)
		}
	}
}

// nested is so many maps in each other.
func nested(levels int) map[string]any {
	v := map[string]any{}
	for range levels - 1 {
		v = map[string]any{"": v}
	}
	return v
}

// body is the bytes of a value of the named type.
func body(t *testing.T, r *codec.Registry, name string, b ...byte) []byte {
	t.Helper()
	for i, n := range r.Names() {
		if n == strings.TrimPrefix(name, "*") {
			number := uint64(i) << 1
			if name != n {
				number |= 1
			}
			return append(bin.AppendUvarint(nil, number), b...)
		}
	}
	t.Fatalf("no %q", name)
	return nil
}

func TestHostileBytes(t *testing.T) {
	links := newRefs(t)
	r, table := newTable(t, append(types(), codec.TypeOf[[1 << 20]byte]("big"), codec.TypeOf[[][12]string]("wide"))...)
	malformed, limit := codec.ErrMalformed, codec.ErrLimit
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, malformed},
		{"no body", body(t, r, "int"), malformed},
		{"number without end", bytes.Repeat([]byte{0xff}, 20), malformed},
		{"no such number", []byte{0xff, 0xff, 3, 0xc0}, malformed},
		{"an error as a type", body(t, r, "io.EOF", 0xc0), malformed},
		{"an error behind a pointer", body(t, r, "*error", 0xc0), malformed},
		{"nil with a value", body(t, r, "nil", 1), malformed},
		{"nil for an int", body(t, r, "int", 0xc0), malformed},
		{"nil for a string", body(t, r, "string", 0xc0), malformed},
		{"nil for a struct", body(t, r, "small", 0xc0), malformed},
		{"nil for a field", body(t, r, "small", 0x91, 0xc0), malformed},
		{"nil for an array", body(t, r, "everything", 0x97, 0xc0), malformed},
		{"nil for a PID", body(t, r, "actor.PID", 0xc0), malformed},
		{"trailing", body(t, r, "small", 0x90, 0), malformed},
		{"trailing nil", body(t, r, "*small", 0xc0, 0xc0), malformed},
		{"int8 of 128", body(t, r, "int8", 0xcc, 128), malformed},
		{"int8 of -129", body(t, r, "int8", 0xd1, 0xff, 0x7f), malformed},
		{"uint32 of 2^32", body(t, r, "small", 0x92, 1, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0), malformed},
		{"uint64 of -1", body(t, r, "uint64", 0xff), malformed},
		{"int64 of 2^63", body(t, r, "int64", 0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0), malformed},
		{"any of 2^63", body(t, r, "[]any", 0x91, 0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0), malformed},
		{"float for an int", body(t, r, "int", 0xca, 0, 0, 0, 0), malformed},
		{"float64 for a float32", body(t, r, "float32", 0xcb, 0, 0, 0, 0, 0, 0, 0, 0), malformed},
		{"bin for a string", body(t, r, "string", 0xc4, 0), malformed},
		{"string for bytes", body(t, r, "[]byte", 0xa0), malformed},
		{"map for a struct", body(t, r, "small", 0x80), malformed},
		{"half a string", body(t, r, "small", 0x93, 1, 1, 0xa5, 'x'), malformed},
		{"reserved", body(t, r, "[]any", 0x91, 0xc1), malformed},
		{"list of 4G", body(t, r, "[]any", 0xdd, 255, 255, 255, 255), malformed},
		{"map of 4G", body(t, r, "map[string]any", 0xdf, 255, 255, 255, 255), malformed},
		{"string of 4G", body(t, r, "string", 0xdb, 255, 255, 255, 255), malformed},
		{"ext of 4G", body(t, r, "actor.PID", 0xc9, 255, 255, 255, 255, 1), malformed},
		{"deep", body(t, r, "[]any", bytes.Repeat([]byte{0x91}, 1<<20)...), limit},
		{"deep pairs", body(t, r, "[]any", bytes.Repeat([]byte{0x91, 0x92, 56}, 1000)...), limit},
		{"strange ext", body(t, r, "[]any", 0x91, 0xd4, 9, 0), malformed},
		{"ext of a reply in an any", body(t, r, "[]any", 0x91, 0xd4, 2, 0), malformed},
		{"no PID", body(t, r, "actor.PID", 0xd4, 1, 'x'), malformed},
		{"reply of another type", body(t, r, "later", 0xd4, 2, 'x'), malformed},
		{"three for a pair", body(t, r, "[]any", 0x91, 0x93, 0, 0, 0), malformed},
		{"no number in a pair", body(t, r, "[]any", 0x91, 0x92, 0xa0, 0), malformed},
		{"large number in a pair", body(t, r, "[]any", 0x91, 0x92, 0xcf, 1, 0, 0, 0, 0, 0, 0, 0, 0), malformed},
		{"a list as a key", body(t, r, "map[any]any", append([]byte{0x81, 0x92}, append(numberOf(t, r, "[]any"), 0x90, 1)...)...), malformed},
		{"bytes as a key", body(t, r, "map[any]any", 0x81, 0xc4, 0, 1), malformed},
		{"int as an error", body(t, r, "[]error", 0x91, 5), malformed},
		{"nanoseconds", body(t, r, "time.Time", 0xd7, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0), malformed},
		{"time of a byte", body(t, r, "time.Time", 0xd4, 0xff, 0), malformed},
		{"array of three", body(t, r, "everything", append([]byte{0x95, 0x91, 0xd6, 0xff, 0, 0, 0, 0, 0xc0, 0x90, 0xc0}, 0xc4, 3, 1, 2, 3)...), malformed},
		{"custom of three", body(t, r, "custom", 0x93, 1, 2, 3), malformed},
		{"binary of two", body(t, r, "binary", 0xc4, 2, 1, 2), malformed},
		{"much memory", body(t, r, "wide", append([]byte{0xdc, 0x10, 0}, bytes.Repeat([]byte{0x90}, 0x1000)...)...), limit},
		{"large type, few bytes", body(t, r, "big", 0xc4, 0), limit},
		{"many maps", body(t, r, "[]map[string]any", append([]byte{0xdc, 0x10, 0}, bytes.Repeat([]byte{0x81, 0xa0, 0xc0}, 0x1000)...)...), limit},
		{"too long", body(t, r, "[]byte", make([]byte, codec.DefaultMaxBytes+1)...), limit},
		{"elements", body(t, r, "[]bool", append([]byte{0xdd, 0, 1, 0, 1}, bytes.Repeat([]byte{0xc2}, 1<<16+1)...)...), limit},
	} {
		v, err := table.Decode(c.b, links)
		if v != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v", c.name, v, err)
		}
		if n := allocated(func() { _, _ = table.Decode(c.b, links) }); n > allowed(len(c.b)) {
			t.Errorf("%s: %d bytes allocated for %d", c.name, n, len(c.b))
		}
	}
}

func numberOf(t *testing.T, r *codec.Registry, name string) []byte {
	n, _ := bin.Uvarint(body(t, r, name))
	b, err := msgpack.Marshal(uint32(n))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// allowed is how many bytes decoding so many may allocate: the promise, and an error's text.
func allowed(size int) uint64 { return 64*uint64(size) + 4<<10 + 3<<10 }

// allocated is how many bytes f allocates; others allocate beside it at times.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

func TestHostileErrors(t *testing.T) {
	_, table := newTable(t, types()...)
	links := newRefs(t)
	for name, b := range map[string][]byte{
		"nothing": nil, "int": {1}, "empty": {0x90}, "one": {0x91, 0}, "no form": {0x92, 0xa0, 0}, "strange form": {0x92, 9, 0},
		"no sentinel": {0x93, 0, 0xcd, 255, 255, 0xa0}, "a type as sentinel": {0x93, 0, 5, 0xa0}, "value that is no error": {0x94, 1, 4, 1, 0xa0},
		"exit without PID": {0x93, 2, 1, 0xc0}, "panic without stack": {0x93, 3, 1, 1}, "remote without text": {0x93, 4, 1, 1},
		"causes": {0x94, 4, 0xa0, 0xa0, 1}, "five": {0x95, 4, 0xa0, 0xa0, 0x90, 0}, "trailing": {0xc0, 0xc0},
	} {
		if got, err := table.DecodeError(b, links); got != nil || !errors.Is(err, codec.ErrMalformed) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	deep := append(bytes.Repeat([]byte{0x94, 4, 0xa0, 0xa0, 0x91}, 100), 0xc0)
	if _, err := table.DecodeError(deep, links); !errors.Is(err, codec.ErrLimit) {
		t.Error(err)
	}
}

func TestErrorsSayWhere(t *testing.T) {
	r, table := newTable(t, types()...)
	_, err := table.Decode(body(t, r, "small", 0x92, 1, 0xc0), nil)
	if want := "byte 2: format 0xc0 where an integer is to come"; err == nil || !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("%v does not say %q", err, want)
	}
}
