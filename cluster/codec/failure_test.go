package codec_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
)

// across sends err to a node and returns what arrives, alone and in a field of a message.
func across(t *testing.T, r *codec.Registry, table *codec.Table, links codec.Refs, err error) error {
	t.Helper()
	b, fault := r.AppendError([]byte("x"), err, links)
	if fault != nil {
		t.Fatalf("AppendError(%v): %v", err, fault)
	}
	got, fault := table.DecodeError(b[1:], links)
	if fault != nil {
		t.Fatalf("DecodeError(%v): %v", err, fault)
	}
	b, fault = r.Append(nil, actor.ExitSignal{Reason: err}, links)
	if fault != nil {
		t.Fatalf("Append(%v): %v", err, fault)
	}
	msg, fault := table.Decode(b, links)
	if fault != nil {
		t.Fatalf("Decode(%v): %v", err, fault)
	}
	if in := msg.(actor.ExitSignal).Reason; !reflect.DeepEqual(in, got) {
		t.Errorf("alone %#v arrives, in a field %#v", got, in)
	}
	return got
}

func TestSentinelsKeepIdentity(t *testing.T) {
	r, table := newTable(t, types()...)
	links := newRefs(t)
	for _, err := range []error{
		nil, actor.Normal, actor.Shutdown, actor.Kill, actor.Killed, actor.NoProc, actor.NoConnection, actor.Ignore, actor.ErrMailboxFull,
		actor.ErrOverloaded, actor.ErrExpired, actor.ErrUnhandled, actor.ErrNoReply, actor.ErrWrongType, actor.ErrExited,
		actor.ErrSenderDead, actor.ErrStopped, actor.ErrSelfAsk, actor.ErrNameTaken, actor.ErrTooManyProcesses,
		actor.ErrUnknownType, actor.ErrNotEncodable, actor.ErrTooLarge, actor.ErrUnsupported, actor.ErrConnectionLost, context.Canceled,
		context.DeadlineExceeded, io.EOF, fs.ErrNotExist, codec.ErrLimit, errMine,
	} {
		if got := across(t, r, table, links, err); got != err {
			t.Errorf("%v arrives as %#v", err, got)
		}
	}
}

// selfish is its own cause; matching says that it is io.EOF; broken panics.
type (
	selfish  struct{}
	matching struct{}
	broken   struct{ error }
)

func (s *selfish) Error() string      { return "selfish" }
func (s *selfish) Unwrap() error      { return s }
func (matching) Error() string        { return "matching" }
func (matching) Is(target error) bool { return target == io.EOF }

func TestWrappedErrors(t *testing.T) {
	links := newRefs(t)
	pid := links.pid(t, "<far/1.2>")
	r, table := newTable(t, types()...)
	deep := error(errMine)
	for range 100 {
		deep = fmt.Errorf("again: %w", deep)
	}
	_, notThere := os.Open("/there/is/no/such/file")
	for _, c := range []struct {
		err    error
		is     []error
		isNot  []error
		normal bool
	}{
		{fmt.Errorf("a: %w", actor.Normal), []error{actor.Normal}, []error{actor.Shutdown, io.EOF}, true},
		{fmt.Errorf("a: %w", fmt.Errorf("%w, %w", actor.Shutdown, errMine)), []error{actor.Shutdown, errMine}, []error{actor.Normal}, false},
		{errors.Join(io.EOF, context.Canceled, errors.New("x")), []error{io.EOF, context.Canceled}, nil, false},
		{errors.New("plain"), nil, []error{errMine}, false},
		{&actor.ExitError{PID: pid, Reason: actor.Normal}, []error{actor.Normal}, nil, false},
		{fmt.Errorf("a: %w", &actor.ExitError{PID: pid, Reason: fmt.Errorf("b: %w", actor.Normal)}), []error{actor.Normal}, nil, false},
		{errors.Join(actor.Normal, &actor.PanicError{Value: 1}), []error{actor.Normal}, nil, false},
		{&actor.PanicError{Value: errMine}, []error{errMine}, nil, false},
		{&actor.PanicError{Value: fmt.Errorf("x: %w", io.EOF), Stack: []byte("stack")}, []error{io.EOF}, nil, false},
		{&causedError{"op", actor.Normal}, []error{actor.Normal}, nil, true},
		{fmt.Errorf("a: %w", &causedError{"op", fmt.Errorf("b: %w", errMine)}), []error{errMine}, nil, false},
		{notThere, []error{fs.ErrNotExist}, []error{fs.ErrExist}, false},
		{matching{}, []error{io.EOF}, nil, false},
		{deep, []error{errMine}, nil, false},
		{&selfish{}, nil, []error{errMine}, false},
		{uncomparable{}, nil, nil, false},
		{(*actor.ExitError)(nil), nil, nil, false},
		{broken{}, nil, nil, false},
	} {
		got := across(t, r, table, links, c.err)
		for range 2 { // what arrived is sent on
			if _, bad := c.err.(broken); !bad && !reflect.ValueOf(c.err).IsZero() && got.Error() != c.err.Error() {
				t.Errorf("%q arrives as %q", c.err, got)
			}
			for _, is := range c.is {
				if !errors.Is(got, is) {
					t.Errorf("%v is no longer %v", c.err, is)
				}
			}
			for _, not := range c.isNot {
				if errors.Is(got, not) {
					t.Errorf("%v became %v", c.err, not)
				}
			}
			if actor.IsNormal(got) != c.normal {
				t.Errorf("%v: normal is %v", c.err, !c.normal)
			}
			got = across(t, r, table, links, got)
		}
	}
}

func TestErrorsArriveAsThemselves(t *testing.T) {
	links := newRefs(t)
	r, table := newTable(t, types()...)
	pid := links.pid(t, "<far/1.2>")
	for _, err := range []error{
		codeError{5}, &codeError{6}, &actor.ExitError{PID: pid, Reason: actor.Killed}, &actor.ExitError{Reason: &actor.ExitError{Reason: codeError{7}}},
		&actor.PanicError{Value: "text", Stack: []byte("stack")}, &actor.PanicError{Value: small{1, 2, "x"}}, &actor.PanicError{},
	} {
		if got := across(t, r, table, links, err); !reflect.DeepEqual(got, err) {
			t.Errorf("%#v arrives as %#v", err, got)
		}
	}
	wrapped := across(t, r, table, links, fmt.Errorf("a: %w", errors.Join(codeError{5}, &causedError{"op", io.EOF})))
	if e, ok := errors.AsType[codeError](wrapped); !ok || e.Code != 5 {
		t.Errorf("no codeError in %#v", wrapped)
	}
	if e, ok := errors.AsType[*causedError](wrapped); !ok || e.Op != "op" || !errors.Is(wrapped, io.EOF) {
		t.Errorf("no causedError in %#v", wrapped)
	}
	if e, ok := errors.AsType[*codec.RemoteError](wrapped); !ok || e.Type != "*fmt.wrapError" {
		t.Errorf("no RemoteError in %#v", wrapped)
	}
}

func TestPanicsThatCannotBeSent(t *testing.T) {
	links := newRefs(t)
	r, table := newTable(t, types()...)
	cyclic := []any{nil}
	cyclic[0] = cyclic
	for want, v := range map[string]any{strings.Repeat("x", 4<<10-3) + "…": strings.Repeat("x", 1<<20), "{[1]}": struct{ s []int }{[]int{1}}, "a []interface {}": cyclic} {
		err := &actor.PanicError{Value: v, Stack: make([]byte, 1<<20)}
		got, ok := across(t, r, table, links, err).(*actor.PanicError)
		if !ok || got.Value != want || len(got.Stack) != 16<<10 {
			t.Errorf("%q arrives as %#v", want, got.Value)
		}
	}
}

func TestErrorsAreBounded(t *testing.T) {
	r, table := newTable(t, types()...)
	links := newRefs(t)
	var nested error = actor.Normal
	var joined []error
	for i := range 1000 {
		nested = &actor.ExitError{Reason: nested}
		joined = append(joined, fmt.Errorf("%d: %w", i, codeError{i}))
	}
	long := errors.New(strings.Repeat("ö", 1<<20))
	for _, err := range []error{long, errors.Join(joined...), fmt.Errorf("%w %w", long, io.EOF)} {
		b, fault := r.AppendError(nil, err, links)
		if fault != nil || len(b) > 8<<10 {
			t.Errorf("%d bytes, %v", len(b), fault)
		}
		if got := across(t, r, table, links, err); len(got.Error()) > 4<<10 || strings.ContainsRune(got.Error(), '\ufffd') {
			t.Errorf("a text of %d bytes", len(got.Error()))
		}
	}
	b, err := r.AppendError(nil, nested, links)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := table.DecodeError(b, links); err != nil || actor.IsNormal(got) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestErrorsOfStrangers: an error arrives though the node does not know what the peer named it.
func TestErrorsOfStrangers(t *testing.T) {
	knows, other := newRegistry(t, types()...), newRegistry(t)
	table := tableOf(t, other, knows)
	for _, err := range []error{errMine, codeError{5}, &codeError{5}, fmt.Errorf("%w: %w", errMine, actor.Normal), errors.Join(codeError{1}, actor.Normal)} {
		b, fault := knows.AppendError(nil, err, nil)
		if fault != nil {
			t.Fatal(fault)
		}
		got, fault := table.DecodeError(b, nil)
		if fault != nil || got.Error() != err.Error() || errors.Is(got, actor.Normal) != errors.Is(err, actor.Normal) {
			t.Errorf("%v: %#v, %v", err, got, fault)
		}
	}
}
