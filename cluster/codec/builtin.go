package codec

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"reflect"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// builtin is what every node knows. Peers match it by name, so rows may be added anywhere.
func builtin() []Type {
	types := []Type{
		{name: "nil"}, {name: "error", typ: typeError},
		TypeOf[bool]("bool"), TypeOf[string]("string"), TypeOf[[]byte]("[]byte"),
		TypeOf[int]("int"), TypeOf[int8]("int8"), TypeOf[int16]("int16"), TypeOf[int32]("int32"), TypeOf[int64]("int64"),
		TypeOf[uint]("uint"), TypeOf[uint8]("uint8"), TypeOf[uint16]("uint16"), TypeOf[uint32]("uint32"), TypeOf[uint64]("uint64"),
		TypeOf[float32]("float32"), TypeOf[float64]("float64"),
		TypeOf[time.Time]("time.Time"), TypeOf[time.Duration]("time.Duration"),
		TypeOf[actor.PID]("actor.PID"), TypeOf[actor.Down]("actor.Down"), TypeOf[actor.ExitSignal]("actor.ExitSignal"),
		TypeOf[struct{}]("struct{}"),
		TypeOf[map[any]any]("map[any]any"), TypeOf[map[int]any]("map[int]any"), TypeOf[map[int]string]("map[int]string"),
		TypeOf[map[string][]string]("map[string][]string"), TypeOf[[][]string]("[][]string"),
		TypeOf[[]map[string]any]("[]map[string]any"), TypeOf[map[actor.PID]any]("map[actor.PID]any"),
	}
	types = append(types, lists()...)
	return append(types, sentinels()...)
}

// lists are slices, and maps by strings, of each scalar.
func lists() (types []Type) {
	for _, rows := range [][]Type{
		rows[any]("any"), rows[bool]("bool"), rows[string]("string"), rows[[]byte]("[]byte"), rows[error]("error"),
		rows[int]("int"), rows[int8]("int8"), rows[int16]("int16"), rows[int32]("int32"), rows[int64]("int64"),
		rows[uint]("uint"), rows[uint8]("uint8"), rows[uint16]("uint16"), rows[uint32]("uint32"), rows[uint64]("uint64"),
		rows[float32]("float32"), rows[float64]("float64"),
		rows[time.Time]("time.Time"), rows[time.Duration]("time.Duration"), rows[actor.PID]("actor.PID"),
	} {
		types = append(types, rows...)
	}
	return types
}

func rows[T any](name string) []Type {
	dict := TypeOf[map[string]T]("map[string]" + name)
	if reflect.TypeFor[T]().Kind() == reflect.Uint8 {
		return []Type{dict} // []uint8 is []byte
	}
	return []Type{TypeOf[[]T]("[]" + name), dict}
}

// sentinels are the errors that keep their identity.
func sentinels() (types []Type) {
	for _, s := range []struct {
		name string
		err  error
	}{
		{"actor.Normal", actor.Normal}, {"actor.Shutdown", actor.Shutdown}, {"actor.Kill", actor.Kill},
		{"actor.Killed", actor.Killed}, {"actor.NoProc", actor.NoProc}, {"actor.NoConnection", actor.NoConnection},
		{"actor.Ignore", actor.Ignore}, {"actor.ErrMailboxFull", actor.ErrMailboxFull},
		{"actor.ErrOverloaded", actor.ErrOverloaded}, {"actor.ErrExpired", actor.ErrExpired},
		{"actor.ErrUnhandled", actor.ErrUnhandled}, {"actor.ErrNoReply", actor.ErrNoReply},
		{"actor.ErrWrongType", actor.ErrWrongType}, {"actor.ErrExited", actor.ErrExited},
		{"actor.ErrSenderDead", actor.ErrSenderDead}, {"actor.ErrStopped", actor.ErrStopped},
		{"actor.ErrSelfAsk", actor.ErrSelfAsk}, {"actor.ErrNameTaken", actor.ErrNameTaken},
		{"actor.ErrTooManyProcesses", actor.ErrTooManyProcesses},
		{"context.Canceled", context.Canceled}, {"context.DeadlineExceeded", context.DeadlineExceeded},
		{"io.EOF", io.EOF}, {"io.ErrUnexpectedEOF", io.ErrUnexpectedEOF}, {"io.ErrClosedPipe", io.ErrClosedPipe},
		{"fs.ErrNotExist", fs.ErrNotExist}, {"fs.ErrExist", fs.ErrExist}, {"fs.ErrPermission", fs.ErrPermission},
		{"fs.ErrInvalid", fs.ErrInvalid}, {"fs.ErrClosed", fs.ErrClosed},
		{"os.ErrDeadlineExceeded", os.ErrDeadlineExceeded}, {"errors.ErrUnsupported", errors.ErrUnsupported},
		{"codec.ErrUnknownType", ErrUnknownType}, {"codec.ErrMalformed", ErrMalformed}, {"codec.ErrLimit", ErrLimit},
		{"actor.ErrUnknownType", actor.ErrUnknownType}, {"actor.ErrNotEncodable", actor.ErrNotEncodable},
		{"actor.ErrTooLarge", actor.ErrTooLarge}, {"actor.ErrUnsupported", actor.ErrUnsupported},
		{"actor.ErrConnectionLost", actor.ErrConnectionLost},
	} {
		types = append(types, ErrorOf(s.name, s.err))
	}
	return types
}
