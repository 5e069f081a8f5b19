package codec_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
)

// refs knows the PIDs of one System, and replies by their number.
type refs struct {
	sys *actor.System
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

func TestSmall(t *testing.T) {
	r, err := codec.New(codec.Config{Types: []codec.Type{codec.TypeOf[small]("small")}})
	if err != nil {
		t.Fatal(err)
	}
	table, err := r.Table(r.Names())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{small{1, 2, "x"}, &small{-1, 2, "y"}, 5, nil, "a", map[string]any{"a": 1}, []any{small{3, 2, "x"}, &small{}}} {
		b, err := r.Append(nil, v, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := table.Decode(b, nil)
		if err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%#v: %#v, %v", v, got, err)
		}
	}
}

func newTable(tb testing.TB, types ...codec.Type) (*codec.Registry, *codec.Table) {
	tb.Helper()
	r, err := codec.New(codec.Config{Types: types})
	if err != nil {
		tb.Fatal(err)
	}
	table, err := r.Table(r.Names())
	if err != nil {
		tb.Fatal(err)
	}
	return r, table
}

func BenchmarkSmall(b *testing.B) {
	r, table := newTable(b, codec.TypeOf[small]("small"))
	var v any = small{123456789, 4711, "a short one"}
	body, err := r.Append(nil, v, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 100)
		for b.Loop() {
			if buf, err = r.Append(buf[:0], v, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := table.Decode(body, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
