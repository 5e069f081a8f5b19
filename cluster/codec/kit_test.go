package codec_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
)

// refs knows the PIDs of one System, and ReplyTos by their type.
type refs struct {
	sys *actor.System
}

func newRefs(tb testing.TB) refs {
	tb.Helper()
	sys, err := actor.NewSystem("a")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := sys.Shutdown(context.Background()); err != nil {
			tb.Log(err)
		}
	})
	return refs{sys}
}

func (r refs) pid(tb testing.TB, text string) actor.PID {
	tb.Helper()
	pid, err := r.sys.ParsePID(text)
	if err != nil {
		tb.Fatal(err)
	}
	return pid
}

func (r refs) AppendPID(buf []byte, pid actor.PID) []byte { return append(buf, pid.String()...) }

func (r refs) PID(b []byte) (actor.PID, error) { return r.sys.ParsePID(string(b)) }

func (r refs) AppendReplyTo(buf []byte, x any) ([]byte, error) {
	return append(buf, reflect.TypeOf(x).String()...), nil
}

var errWrongReply = errors.New("another reply")

func (r refs) ReplyTo(b []byte, into any) error {
	if string(b) != reflect.TypeOf(into).Elem().String() {
		return errWrongReply
	}
	return nil
}

type small struct {
	ID   int64
	N    uint32
	Name string
}

type (
	level  uint8
	pair   struct{ A, B any }
	base   struct{ Created time.Time }
	shaped interface{ Area() float64 }
	square struct{ Side float64 }
	node   struct {
		Value int
		Next  *node
		Kids  []node
		Named map[string]*node
	}
	scalars struct {
		B   bool
		I   int
		I8  int8
		I16 int16
		I32 int32
		I64 int64
		U   uint
		U8  uint8
		U16 uint16
		U32 uint32
		U64 uint64
		F32 float32
		F64 float64
		S   string
		L   level
	}
	everything struct {
		base
		*small
		actor.Replies[string]
		Scalars  scalars
		Raw      []byte
		Digest   [4]byte
		Grid     [2][2]int16
		When     time.Time
		Took     time.Duration
		Any      any
		Err      error
		Shape    shaped
		Tree     node
		Tags     []string
		ByName   map[string]any
		ByID     map[int]small
		ByPID    map[actor.PID]string
		ByAny    map[any]any
		To       actor.PID
		Pids     []actor.PID
		Ref      actor.Ref[small]
		Refs     map[string][]*actor.Ref[small]
		Maybe    *string
		Nothing  struct{}
		Level    *level
		Custom   custom
		Textual  map[textual]textual
		Binary   *binary
		hidden   int
		Skipped  chan int `msgpack:"-"`
		Monitor  actor.MonitorRef
		RawValue msgpack.RawMessage
	}
	asking struct {
		actor.Replies[int]
		Later  actor.ReplyTo[int]
		Others []*actor.ReplyTo[string]
	}
)

func (s square) Area() float64 { return s.Side * s.Side }

// custom writes itself with an encoder, as a list of two.
type custom struct{ x, y int }

func (c custom) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeMulti([]int{c.x, c.y}) }

func (c *custom) DecodeMsgpack(d *msgpack.Decoder) error {
	var xy []int
	if err := d.Decode(&xy); err != nil {
		return err
	}
	if len(xy) != 2 {
		return errors.New("not two")
	}
	c.x, c.y = xy[0], xy[1]
	return nil
}

// textual is a text on the wire.
type textual struct{ s string }

func (t textual) MarshalText() ([]byte, error) { return []byte(t.s), nil }

func (t *textual) UnmarshalText(b []byte) error { t.s = string(b); return nil }

// binary is bytes on the wire.
type binary struct{ b byte }

func (b *binary) MarshalBinary() ([]byte, error) { return []byte{b.b}, nil }

func (b *binary) UnmarshalBinary(v []byte) error {
	if len(v) != 1 {
		return errors.New("not one byte")
	}
	b.b = v[0]
	return nil
}

// codeError is an error with data.
type codeError struct{ Code int }

func (e codeError) Error() string { return "code" }

// causedError wraps what no field of it shows.
type causedError struct {
	Op    string
	cause error
}

func (e *causedError) Error() string { return e.Op + ": " + e.cause.Error() }

func (e *causedError) Unwrap() error { return e.cause }

var errMine = errors.New("mine")

// types are all of the above.
func types() []codec.Type {
	return []codec.Type{
		codec.TypeOf[small]("small"), codec.TypeOf[level]("level"), codec.TypeOf[*pair]("pair"), codec.TypeOf[square]("square"),
		codec.TypeOf[node]("node"), codec.TypeOf[scalars]("scalars"), codec.TypeOf[everything]("everything"),
		codec.TypeOf[asking]("asking"), codec.TypeOf[custom]("custom"), codec.TypeOf[textual]("textual"),
		codec.TypeOf[binary]("binary"), codec.TypeOf[codeError]("code"), codec.TypeOf[*causedError]("caused"),
		codec.ErrorOf("mine", errMine), codec.TypeOf[map[string]small]("smalls"), codec.TypeOf[actor.Ref[small]]("ref"),
		codec.TypeOf[actor.ReplyTo[int]]("later"), codec.TypeOf[[]small]("list"), codec.TypeOf[struct{ P *small }]("direct"),
		codec.TypeOf[msgpack.RawMessage]("raw"),
	}
}

func newTable(tb testing.TB, types ...codec.Type) (*codec.Registry, *codec.Table) {
	tb.Helper()
	r := newRegistry(tb, types...)
	return r, tableOf(tb, r, r)
}

func newRegistry(tb testing.TB, types ...codec.Type) *codec.Registry {
	tb.Helper()
	r, err := codec.New(codec.Config{Types: types})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// tableOf is how r reads what from writes.
func tableOf(tb testing.TB, r, from *codec.Registry) *codec.Table {
	tb.Helper()
	table, err := r.Table(from.Names())
	if err != nil {
		tb.Fatal(err)
	}
	return table
}

func ptr[T any](v T) *T { return &v }
