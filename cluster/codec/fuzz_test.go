package codec_test

import (
	"bytes"
	bin "encoding/binary"
	"errors"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster/codec"
)

// source makes values of bytes; at the end of the bytes all are zero.
type source struct {
	b     []byte
	links refs
	pids  []actor.PID
}

func (s *source) byte() byte {
	if len(s.b) == 0 {
		return 0
	}
	c := s.b[0]
	s.b = s.b[1:]
	return c
}

// number has as many bytes as the first says, so that all lengths are frequent.
func (s *source) number() uint64 {
	var n uint64
	for range s.byte() % 9 {
		n = n<<8 | uint64(s.byte())
	}
	if s.byte()&1 != 0 {
		n = -n
	}
	return n
}

func (s *source) text() string {
	c := s.byte()
	n := int(c % 40)
	if c > 250 {
		n = int(c) * int(s.byte())
	}
	return string(bytes.Repeat([]byte{s.byte()}, n))
}

// any returns one of the values that interfaces hold.
func (s *source) any(depth int) any {
	if depth > 3 {
		return nil
	}
	examples := []any{
		false, "", 0, int8(0), int64(0), uint8(0), uint64(0), 0.5, float32(0), []byte{}, time.Time{}, time.Duration(0), small{}, &small{},
		actor.PID{}, []any{}, []string{}, map[string]any{}, map[string]string{}, []small{}, level(0), pair{}, &pair{}, actor.Ref[small]{},
		binary{}, textual{}, square{}, scalars{},
	}
	i := int(s.byte())
	if i >= len(examples) {
		return nil
	}
	v := reflect.New(reflect.TypeOf(examples[i])).Elem()
	s.fill(v, depth+1)
	return v.Interface()
}

func (s *source) error() error {
	return []error{nil, io.EOF, actor.Normal, errMine, codeError{5}, &codeError{6}, &actor.ExitError{Reason: actor.Killed}}[s.byte()%7]
}

// fill sets v and all in it.
func (s *source) fill(v reflect.Value, depth int) {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = time.Unix(int64(s.number())>>8, int64(s.number()%1e9)).UTC()
		return
	case *actor.PID:
		*p = s.pids[int(s.byte())%len(s.pids)]
		return
	case *actor.Ref[small]:
		p.PID = s.pids[int(s.byte())%len(s.pids)]
		return
	case *any:
		*p = s.any(depth)
		return
	case *error:
		*p = s.error()
		return
	case *custom:
		p.x = int(s.byte())
		return
	case *textual:
		p.s = s.text()
		return
	case *binary:
		p.b = s.byte()
		return
	case *msgpack.RawMessage:
		*p = msgpack.RawMessage{0x91, s.byte() & 0x7f}
		return
	}
	n := int(s.byte() % 5)
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(n > 2)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(s.number()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(s.number())
	case reflect.Float32:
		v.SetFloat(float64(int32(s.number())) / 7)
	case reflect.Float64:
		v.SetFloat(float64(s.number()) / 7)
	case reflect.String:
		v.SetString(s.text())
	case reflect.Slice:
		if n > 0 && depth < 5 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
			s.fillAll(v, depth)
		}
	case reflect.Array:
		s.fillAll(v, depth)
	case reflect.Pointer:
		if n > 0 && depth < 5 {
			v.Set(reflect.New(v.Type().Elem()))
			s.fill(v.Elem(), depth+1)
		}
	case reflect.Map:
		if n > 0 && depth < 5 {
			s.fillMap(v, n, depth)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag == "" && f.Type != reflect.TypeFor[actor.MonitorRef]() {
				s.fill(v.Field(i), depth+1)
			}
		}
	}
}

func (s *source) fillAll(v reflect.Value, depth int) {
	for i := range v.Len() {
		s.fill(v.Index(i), depth+1)
	}
}

func (s *source) fillMap(v reflect.Value, n, depth int) {
	v.Set(reflect.MakeMap(v.Type()))
	for range n - 1 {
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		s.fill(key, depth+1)
		s.fill(elem, depth+1)
		if key.Comparable() && (key.Kind() != reflect.Interface || key.IsNil() || key.Elem().Kind() != reflect.Pointer) {
			v.SetMapIndex(key, elem) // a pointer is another one on arrival
		}
	}
}

// FuzzRoundTrip: what is made of any bytes arrives as it was sent.
func FuzzRoundTrip(f *testing.F) {
	links := newRefs(f)
	r, table := newTable(f, types()...)
	pids := []actor.PID{{}, links.pid(f, "<a/1.2>"), links.pid(f, "<far/3.4>")}
	for _, n := range []int{0, 1, 10, 100, 1000, 5000} {
		seed := make([]byte, n)
		for i := range seed {
			seed[i] = byte(i*i*7 + n)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &source{b, links, pids}
		var v everything
		v.small = &small{}
		s.fill(reflect.ValueOf(&v).Elem(), 0)
		v.Textual, v.Shape = nil, square{float64(s.byte())}
		for _, v := range []any{v, &v, s.any(0), []any{s.any(0), s.error()}} {
			bytes, err := r.Append(nil, v, links)
			if errors.Is(err, codec.ErrLimit) {
				continue // of many small maps
			}
			if err != nil {
				t.Fatalf("%#v: %v", v, err)
			}
			got, err := table.Decode(bytes, links)
			if err != nil || !reflect.DeepEqual(got, v) {
				t.Fatalf("%#v\narrives as %#v, %v", v, got, err)
			}
		}
	})
}

// plain is what a library without Refs and type numbers can read too.
type plain struct {
	Scalars scalars
	Again   *scalars
	Texts   []string
	Bytes   []byte
	Digest  [5]byte
	Grid    [2][3]int32
	When    time.Time
	Took    time.Duration
	Dict    map[string]string
	Counts  map[int16]uint64
	Deep    map[string][]*small
	Own     custom
	Times   []time.Time
}

// FuzzInterop: vmihailenco/msgpack reads what the codec writes to equal values, and the other way round.
func FuzzInterop(f *testing.F) {
	r, table := newTable(f, codec.TypeOf[plain]("plain"))
	number, err := r.Append(nil, (*plain)(nil), nil)
	if err != nil {
		f.Fatal(err)
	}
	n, size := bin.Uvarint(number)
	number = bin.AppendUvarint(nil, n&^1)
	for _, n := range []int{0, 1, 10, 100, 1000} {
		seed := make([]byte, n)
		for i := range seed {
			seed[i] = byte(i*i*7 + n)
		}
		f.Add(seed, n%2 == 0)
	}
	f.Fuzz(func(t *testing.T, b []byte, compact bool) {
		s := &source{b: b, pids: []actor.PID{{}}}
		var v plain
		s.fill(reflect.ValueOf(&v).Elem(), 0)
		ours, err := r.Append(nil, v, nil)
		if err != nil {
			t.Fatal(err)
		}
		var read plain
		if err := msgpack.Unmarshal(ours[size:], &read); err != nil {
			t.Fatalf("vmihailenco: %v", err)
		}
		utc(&read)
		if !reflect.DeepEqual(read, v) {
			t.Fatalf("vmihailenco reads\n%#v of\n%#v", read, v)
		}
		var theirs bytes.Buffer
		enc := msgpack.NewEncoder(&theirs)
		enc.UseArrayEncodedStructs(true)
		enc.UseCompactInts(compact)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		got, err := table.Decode(append(bytes.Clone(number), theirs.Bytes()...), nil)
		if err != nil || !reflect.DeepEqual(got, v) {
			t.Fatalf("of vmihailenco's bytes for\n%#v the codec reads\n%#v, %v", v, got, err)
		}
		if got := theirs.Len(); compact && got < len(ours)-size {
			t.Errorf("vmihailenco needs %d bytes, the codec %d", got, len(ours)-size)
		}
	})
}

// utc does what the library leaves out.
func utc(v *plain) {
	v.When = v.When.UTC()
	for i := range v.Times {
		v.Times[i] = v.Times[i].UTC()
	}
}

// checkFault: there is a fault of one of the documented kinds, or none and the bytes are of a value that can be sent.
func checkFault(t *testing.T, b []byte, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, codec.ErrMalformed) && !errors.Is(err, codec.ErrUnknownType) && !errors.Is(err, codec.ErrLimit) {
		t.Errorf("%x: %v", b, err)
	}
}

// FuzzDecode: arbitrary bytes do not panic, nor take more memory than allowed; what is accepted can be sent on.
func FuzzDecode(f *testing.F) {
	links := newRefs(f)
	r, table := newTable(f, types()...)
	for _, v := range values(f, links) {
		b, err := r.Append(nil, v, links)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 5000 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v any
		var err error
		if n := allocated(func() { v, err = table.Decode(b, links) }); n > allowed(len(b)) {
			t.Errorf("%x: %d bytes allocated for %d", b, n, len(b))
		}
		checkFault(t, b, err)
		if twice, _ := table.Decode(b, links); err != nil || !reflect.DeepEqual(v, twice) { // NaN, perhaps behind a pointer
			return
		}
		again, err := r.Append(nil, v, links)
		if err != nil {
			if !errors.Is(err, codec.ErrLimit) {
				t.Errorf("%x: %#v cannot be sent on: %v", b, v, err)
			}
			return
		}
		if got, err := table.Decode(again, links); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%x: %#v is sent on as %#v, %v", b, v, got, err)
		}
	})
}

// FuzzDecodeError is FuzzDecode for errors.
func FuzzDecodeError(f *testing.F) {
	links := newRefs(f)
	r, table := newTable(f, types()...)
	for _, err := range []error{
		nil, actor.Normal, errMine, codeError{1}, &causedError{"op", io.EOF}, errors.Join(io.EOF, errors.New("x")),
		&actor.ExitError{Reason: actor.Kill}, &actor.PanicError{Value: small{}, Stack: []byte("stack")},
	} {
		b, err := r.AppendError(nil, err, links)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var failure, err error
		if n := allocated(func() { failure, err = table.DecodeError(b, links) }); n > allowed(len(b)) {
			t.Errorf("%x: %d bytes allocated for %d", b, n, len(b))
		}
		checkFault(t, b, err)
		if err != nil {
			return
		}
		normal := actor.IsNormal(failure)
		again, err := r.AppendError(nil, failure, links)
		if err != nil {
			t.Fatalf("%x: %#v cannot be sent on: %v", b, failure, err)
		}
		if got, err := table.DecodeError(again, links); err != nil || normal != actor.IsNormal(got) && len(b) < 100 {
			t.Errorf("%x: %#v is sent on as %#v, %v", b, failure, got, err)
		}
	})
}
