package codec_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
)

// full is an everything with something in every field.
func full(tb testing.TB, r refs) everything {
	a, b := r.pid(tb, "<a/1.2>"), r.pid(tb, "<far/3.4>")
	ref := actor.RefOf[small](b)
	return everything{
		base: base{time.Unix(1, 2).UTC()}, small: &small{1, 2, "embedded"},
		Scalars: scalars{true, math.MinInt, -128, math.MinInt16, math.MaxInt32, math.MinInt64, math.MaxUint, 255, 65535,
			math.MaxUint32, math.MaxUint64, math.MaxFloat32, math.SmallestNonzeroFloat64, strings.Repeat("ä", 200), 3},
		Raw: make([]byte, 300), Digest: [4]byte{1, 2, 3, 4}, Grid: [2][2]int16{{1, -2}, {3, -4}},
		When: time.Date(3000, 1, 1, 0, 0, 0, 1, time.UTC), Took: -time.Second,
		Any: pair{int8(1), &pair{a, []any{1, "x", ref, nil}}}, Err: errMine, Shape: &square{2},
		Tree: node{1, &node{Value: 2}, []node{{Value: 3}, {}}, map[string]*node{"a": {Value: 4}, "b": nil}},
		Tags: []string{"", "a"}, ByName: map[string]any{"n": 1, "f": 1.5, "nil": nil, "m": map[string]any{}},
		ByID: map[int]small{-1: {N: 3}}, ByPID: map[actor.PID]string{a: "a", b: "b", {}: "nobody"},
		ByAny: map[any]any{1: int64(2), "a": a, a: "a", level(1): level(2), small{ID: 1}: []byte{}},
		To:    b, Pids: []actor.PID{a, b}, Ref: ref, Refs: map[string][]*actor.Ref[small]{"x": {&ref, nil}},
		Maybe: ptr("there"), Level: ptr(level(9)), Custom: custom{1, -2}, Textual: map[textual]textual{{"a"}: {"b"}},
		Binary: &binary{7}, RawValue: []byte{0x92, 1, 2},
	}
}

// values arrive as they are sent.
func values(tb testing.TB, r refs) []any {
	pid := r.pid(tb, "<far/3.4>")
	all := []any{
		nil, true, false, "", "text", strings.Repeat("x", 70_000), []byte{}, []byte{1}, []byte(nil),
		time.Time{}, time.Unix(0, 0).UTC(), time.Unix(1<<34-1, 999_999_999).UTC(), time.Unix(-1, 5).UTC(), time.Duration(-5),
		float32(1.5), math.Inf(1), math.Copysign(0, -1), math.MaxFloat64, pid, actor.PID{}, struct{}{}, &struct{}{}, ptr(5), ptr("x"), (*string)(nil),
		actor.ExitSignal{From: pid, Reason: actor.Kill}, actor.Down{PID: pid, Reason: actor.Normal},
		[]any{}, []any(nil), []any{nil, 1, "a", []any{[]any{2}}}, []string{"a"}, []error{errMine, nil, codeError{3}},
		[]int{1, -1}, []uint16{1}, []float64{1}, []bool{true}, []time.Time{{}}, []actor.PID{pid, {}}, [][]byte{nil, {}},
		map[string]any{}, map[string]any(nil), map[string]any{"a": map[string]any{"b": []any{int8(1)}}}, map[any]any{1: 2},
		map[string]string{"a": "b"}, map[string]int{"a": 1}, map[int]any{1: pid}, map[string][]string{"a": {"b"}, "c": nil},
		small{}, &small{1, 2, "x"}, (*small)(nil), small{math.MinInt64, math.MaxUint32, strings.Repeat("y", 300)}, level(200), ptr(level(1)),
		pair{1, int8(1)}, &pair{&pair{}, pair{}}, square{1}, custom{3, 4}, &custom{5, 6}, textual{"t"}, binary{1}, &binary{2},
		map[string]small{"a": {1, 2, "b"}}, []small{{1, 2, "b"}, {}}, actor.RefOf[small](pid), actor.ReplyTo[int]{}, &actor.ReplyTo[int]{},
		struct{ P *small }{}, struct{ P *small }{&small{1, 2, "c"}}, &struct{ P *small }{&small{}}, asking{}, &asking{Others: []*actor.ReplyTo[string]{nil, {}}},
		codeError{1}, &codeError{2}, errMine, actor.Shutdown, everything{RawValue: []byte{0xc0}}, full(tb, r), ptr(full(tb, r)),
		node{Next: &node{Next: &node{Next: &node{}}}},
	}
	for _, n := range []int64{0, 1, 31, 32, 33, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, math.MaxInt64, math.MinInt64} {
		for _, n := range []int64{n, -n} {
			all = append(all, int(n), int8(n), int16(n), int32(n), n, uint(n), uint8(n), uint16(n), uint32(n), uint64(n), ptr(n))
		}
	}
	return all
}

func TestValuesArriveAsSent(t *testing.T) {
	links := newRefs(t)
	r, table := newTable(t, types()...)
	for i, v := range values(t, links) {
		t.Run(fmt.Sprintf("%d %T", i, v), func(t *testing.T) {
			for name, v := range map[string]any{"message": v, "element": []any{v}, "field": &pair{B: v}, "map": map[string]any{"x": v}} {
				b, err := r.Append([]byte("before"), v, links)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				got, err := table.Decode(b[len("before"):], links)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if !reflect.DeepEqual(got, v) {
					t.Errorf("%s: sent %#v, arrived %#v", name, v, got)
				}
				clear(b) // it is the reader's buffer: nothing may point into it
				if !reflect.DeepEqual(got, v) {
					t.Errorf("%s: what arrived is part of the bytes", name)
				}
			}
		})
	}
}

func TestUnexportedFieldsStay(t *testing.T) {
	links := newRefs(t)
	r, table := newTable(t, types()...)
	v := full(t, links)
	v.hidden, v.Skipped = 5, make(chan int)
	b, err := r.Append(nil, v, links)
	if err != nil {
		t.Fatal(err)
	}
	got, err := table.Decode(b, links)
	if err != nil {
		t.Fatal(err)
	}
	if x := got.(everything); x.hidden != 0 || x.Skipped != nil {
		t.Error("fields arrived that are not sent")
	}
}

// TestNodesNumberTheirOwnTypes: what matters is the name.
func TestNodesNumberTheirOwnTypes(t *testing.T) {
	links := newRefs(t)
	all := types()
	slices.Reverse(all)
	a, b := newRegistry(t, types()...), newRegistry(t, all...)
	for _, v := range values(t, links) {
		bytes, err := a.Append(nil, v, links)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tableOf(t, b, a).Decode(bytes, links); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%#v: %#v, %v", v, got, err)
		}
	}
}

type (
	v1 struct{ A int }
	v2 struct {
		A int
		B string
		C []v1
		D *v2
	}
	inner1 struct{ In v1 }
	inner2 struct {
		In   v2
		More any
	}
)

// TestTypesGrowAtTheEnd: nodes of two versions understand each other, in both directions and inside other types.
func TestTypesGrowAtTheEnd(t *testing.T) {
	older := newRegistry(t, codec.TypeOf[v1]("v"), codec.TypeOf[inner1]("in"))
	newer := newRegistry(t, codec.TypeOf[v2]("v"), codec.TypeOf[inner2]("in"), codec.TypeOf[small]("small"))
	for _, c := range []struct {
		from, to   *codec.Registry
		sent, want any
	}{
		{older, newer, v1{1}, v2{A: 1}},
		{newer, older, v2{A: 1, B: "b", C: []v1{{2}}, D: &v2{}}, v1{1}},
		{older, newer, inner1{v1{1}}, inner2{In: v2{A: 1}}},
		{newer, older, inner2{v2{A: 1, B: "b"}, small{}}, inner1{v1{1}}}, // small is unknown there, and not looked at
	} {
		b, err := c.from.Append(nil, c.sent, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tableOf(t, c.to, c.from).Decode(b, nil); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%#v: %#v, %v", c.sent, got, err)
		}
	}
}

func TestUnknownTypes(t *testing.T) {
	r := newRegistry(t, codec.TypeOf[pair]("pair"))
	for _, v := range []any{small{}, &small{}, ptr(&small{}), []any{small{}}, pair{A: small{}}, map[string]any{"a": &small{}}, make(chan int), func() {}, 1i} {
		buf := []byte("before")
		b, err := r.Append(buf, v, nil)
		if !errors.Is(err, codec.ErrUnknownType) || string(b) != "before" {
			t.Errorf("%T: %q, %v", v, b, err)
		}
	}
	_, err := r.Append(nil, &small{}, nil)
	if want := "add cluster.TypeOf[*codec_test.small](name) to Config.Types"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v does not say %q", err, want)
	}
	knows := newRegistry(t, codec.TypeOf[pair]("pair"), codec.TypeOf[small]("shop.small"))
	for _, v := range []any{small{}, &small{}, pair{A: small{}}, []any{1, &small{}}} {
		b, err := knows.Append(nil, v, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = tableOf(t, r, knows).Decode(b, nil); !errors.Is(err, codec.ErrUnknownType) || !strings.Contains(err.Error(), `"shop.small"`) {
			t.Errorf("%#v: %v", v, err)
		}
	}
}

func TestReferencesNeedRefs(t *testing.T) {
	links := newRefs(t)
	r, table := newTable(t, types()...)
	for _, v := range []any{links.pid(t, "<a/1.1>"), asking{}, []any{actor.PID{}}} {
		if _, err := r.Append(nil, v, nil); err == nil {
			t.Errorf("%T was written without Refs", v)
		}
		b, err := r.Append(nil, v, links)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := table.Decode(b, nil); err == nil {
			t.Errorf("%T was read without Refs", v)
		}
	}
}

// TestEmptyRawMessage: it writes nothing by itself, which would be no value.
func TestEmptyRawMessage(t *testing.T) {
	links := newRefs(t)
	r, table := newTable(t, types()...)
	b, err := r.Append(nil, everything{To: links.pid(t, "<far/1.1>")}, links)
	if err != nil {
		t.Fatal(err)
	}
	v, err := table.Decode(b, links)
	if err != nil {
		t.Fatal(err)
	}
	if got := v.(everything); got.To != links.pid(t, "<far/1.1>") || string(got.RawValue) != "\xc0" {
		t.Errorf("%#v", got)
	}
}

// TestLongReferences: Refs may write more than a byte of length can say.
func TestLongReferences(t *testing.T) {
	links := newRefs(t)
	r, table := newTable(t, types()...)
	for _, n := range []int{200, 260, 70_000} {
		v := []actor.PID{links.pid(t, "<"+strings.Repeat("n", n)+"/1.1>"), {}}
		b, err := r.Append(nil, v, links)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := table.Decode(b, links); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%d: %v, %v", n, got, err)
		}
	}
}
