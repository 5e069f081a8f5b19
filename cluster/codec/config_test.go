package codec_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
)

type (
	withChan struct {
		Deep map[string][]struct{ Done chan int }
	}
	withFunc  struct{ F func() }
	withMutex struct {
		Mu sync.Mutex
		N  int
	}
	withComplex  struct{ C *complex128 }
	onlyHidden   struct{ a int }
	pointers     struct{ P **int }
	endless      *endless
	selfEmbedded struct {
		*selfEmbedded
		n int
	}
	withEndless  struct{ E endless }
	uncomparable struct{ s []int }
)

func (u uncomparable) Error() string { return fmt.Sprint("u", u.s) }

func TestFaultsOfConfig(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  codec.Config
		want []string // each in the text
	}{
		"all at once": {codec.Config{Limits: codec.Limits{MaxBytes: -1, Depth: 65, Elements: -1}, Types: []codec.Type{
			codec.TypeOf[small](""), codec.TypeOf[small]("a"), codec.TypeOf[node]("a"), codec.TypeOf[*small]("b"), codec.ErrorOf("c", nil), {},
		}}, []string{"Limits.MaxBytes is -1", "Limits.Depth is 65", "Limits.Elements is -1", `Types[0], "": the name is empty`,
			`Types[2], "a": the name is that of the type codec_test.small already`, `Types[3], "b": codec_test.small is registered already, as "a"`,
			`Types[4], "c": there is neither`, `Types[5], ""`}},
		"long name": {codec.Config{Types: []codec.Type{codec.TypeOf[small](strings.Repeat("x", 256))}}, []string{"256 bytes", "up to 255"}},
		"fields": {codec.Config{Types: []codec.Type{codec.TypeOf[withChan]("c"), codec.TypeOf[withFunc]("f"), codec.TypeOf[withMutex]("m"),
			codec.TypeOf[withComplex]("x"), codec.TypeOf[onlyHidden]("h"), codec.TypeOf[pointers]("p"), codec.TypeOf[withEndless]("e"),
			codec.TypeOf[selfEmbedded]("s")}},
			[]string{"c.Deep[][].Done: a chan int", "f.F: a func()", "m.Mu: a sync.Mutex cannot be sent: all its fields are unexported",
				"x.C: a complex128", "h: a codec_test.onlyHidden", "p.P: a **int", "e.E: a codec_test.endless", "s: a codec_test.selfEmbedded", `msgpack:"-"`, "MarshalBinary"}},
		"not types of values": {codec.Config{Types: []codec.Type{codec.TypeOf[any]("any of it"), codec.TypeOf[error]("e"), codec.TypeOf[**int]("p"),
			codec.TypeOf[chan int]("c"), codec.TypeOf[uintptr]("u")}},
			[]string{"interface {} is not a type of values", "error is not", "*int is not", "c: a chan int", "u: a uintptr"}},
		"built in": {codec.Config{Types: []codec.Type{codec.TypeOf[string]("text"), codec.TypeOf[small]("int"), codec.ErrorOf("eof", io.EOF),
			codec.TypeOf[*time.Time]("t"), codec.ErrorOf("x", uncomparable{})}},
			[]string{"string is built in; leave it out", `"int": the name is that of the type int`, `"EOF" is registered already, as "io.EOF"`,
				"time.Time is built in", "cannot be compared"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := codec.New(c.cfg)
			if err == nil || r != nil {
				t.Fatalf("%v, %v", r, err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in:\n%v", want, err)
				}
			}
		})
	}
}

func TestTooManyTypes(t *testing.T) {
	var all []codec.Type
	for i := range codec.MaxTypes {
		all = append(all, codec.ErrorOf(fmt.Sprint("e", i), fmt.Errorf("%d", i)))
	}
	if _, err := codec.New(codec.Config{Types: all}); err == nil || !strings.Contains(err.Error(), "there can be 4096") {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	r := newRegistry(t, codec.TypeOf[small]("small"), codec.ErrorOf("mine", errMine))
	names := r.Names()
	if len(names) != len(newRegistry(t).Names())+2 || !slices.Equal(names[len(names)-2:], []string{"small", "mine"}) {
		t.Error(names)
	}
	names[0] = "changed"
	if r.Names()[0] == "changed" {
		t.Error("Names is what the Registry holds")
	}
}

// TestPeersNames: they come from the network.
func TestPeersNames(t *testing.T) {
	r := newRegistry(t)
	many := make([]string, codec.MaxTypes+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for name, c := range map[string]struct {
		names []string
		want  error
	}{
		"none":     {nil, nil},
		"strange":  {[]string{"\xff", "a", strings.Repeat("x", 255)}, nil},
		"many":     {many[1:], nil},
		"too many": {many, codec.ErrLimit},
		"too long": {[]string{strings.Repeat("x", 256)}, codec.ErrLimit},
		"empty":    {[]string{"a", ""}, codec.ErrMalformed},
		"twice":    {[]string{"a", "b", "a"}, codec.ErrMalformed},
	} {
		if table, err := r.Table(c.names); !errors.Is(err, c.want) || (table == nil) != (c.want != nil) {
			t.Errorf("%s: %v, %v", name, table, err)
		}
	}
	table, err := r.Table([]string{"int", "unheard of"})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := table.Decode([]byte{0, 5}, nil); v != 5 || err != nil {
		t.Error(v, err)
	}
	if _, err := table.Decode([]byte{2, 5}, nil); !errors.Is(err, codec.ErrUnknownType) {
		t.Error(err)
	}
	if _, err := table.Decode([]byte{4, 5}, nil); !errors.Is(err, codec.ErrMalformed) {
		t.Error(err)
	}
}

type (
	// a type may embed one that has methods of its own: they know nothing of the other fields.
	stamped struct {
		stamp
		Note string
	}
	stamp struct{ N int }
	// addressed embeds a PID, which has MarshalText.
	addressed struct {
		actor.PID
		Note string
	}
	halfText int
)

func (s *stamp) MarshalBinary() ([]byte, error) { return []byte{byte(s.N)}, nil }
func (s *stamp) UnmarshalBinary(b []byte) error { s.N = int(b[0]); return nil }
func (h halfText) MarshalText() ([]byte, error) { return []byte("half"), nil }

func TestMethodsOfEmbeddedFieldsAreTheirs(t *testing.T) {
	links := newRefs(t)
	r, table := newTable(t, codec.TypeOf[stamped]("s"), codec.TypeOf[addressed]("a"), codec.TypeOf[halfText]("h"))
	for _, v := range []any{stamped{stamp{3}, "x"}, addressed{links.pid(t, "<far/1.1>"), "y"}, halfText(5)} {
		b, err := r.Append(nil, v, links)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := table.Decode(b, links); err != nil || got != v {
			t.Errorf("%#v: %#v, %v", v, got, err)
		}
	}
}

func (o onlyHidden) String() string   { return fmt.Sprint(o.a) }
func (s selfEmbedded) String() string { return fmt.Sprint(s.n, s.selfEmbedded == nil) }
