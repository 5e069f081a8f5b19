// Package codec turns message values into bytes for another node, and back.
//
// A [Registry] knows the types of one node by name, and numbers them; a [Table] is how a peer numbers its own. The bytes of a
// value are the number of its type and standard msgpack:
//
//	r, err := codec.New(codec.Config{Types: []codec.Type{codec.TypeOf[Order]("order"), codec.ErrorOf("sold out", ErrSoldOut)}})
//	b, err := r.Append(nil, Order{ID: 7}, refs)   // here
//	table, err := r.Table(namesOfThePeer)         // there
//	v, err := table.Decode(b, refs)               // an Order
//
// # What can be sent
//
// Without registration: nil, bool, all integers and floats, string, []byte, [time.Time], [time.Duration], [actor.PID],
// [actor.Down] and [actor.ExitSignal], slices of these and maps of strings to these, []any, map[string]any, a few others of that
// kind, and errors. All else is registered with [TypeOf]: structs, and other named types; pointers to them come along.
//
// Within a registered type everything is sent that has meaning elsewhere: the exported fields of structs, also those of embedded
// structs, slices, arrays, maps with any keys, pointers. [actor.PID], [actor.Ref] and [actor.ReplyTo] are sent wherever they
// stand, PIDs also as keys; [actor.Replies] costs nothing. What stands in an interface arrives as what it is: an int as an int,
// an int8 as an int8, a registered struct or a pointer to one as such. Not sent are unexported fields and those tagged
// msgpack:"-"; other tags have no meaning here. An [actor.MonitorRef] arrives as zero: it is of use to its owner alone.
//
// A type with EncodeMsgpack and DecodeMsgpack, else MarshalMsgpack and UnmarshalMsgpack, MarshalBinary and UnmarshalBinary, or
// MarshalText and UnmarshalText, is written and read by these. They must be a pair, and the type's own, not of a field it
// embeds. What such methods write of PIDs and interfaces is theirs to read.
//
// # Changing a type
//
// A struct is a list of its fields in their order; names are not sent. While nodes of two versions run, fields may be added at
// the end and renamed, and nothing else: older nodes skip what they do not know, newer ones leave zero what is missing. A field
// that is no longer used stays where it is; integers may be widened, and a float32 to a float64. For everything else give the
// changed type a new name, "order.v2", and register both.
//
// # Errors
//
// The reasons of package actor, those of package context, io.EOF and some more of the standard library, and what [ErrorOf] names
// keep their identity. Errors of types registered with TypeOf, [*actor.ExitError] and [*actor.PanicError] arrive as such. All
// others arrive as [*RemoteError] with their text, and wrap what they wrapped of the aforementioned: errors.Is, errors.As and
// [actor.IsNormal] judge them as before. So does an error of a registered type that hides its cause in an unexported field.
//
// # Guarantees
//
//   - A value arrives equal to what was sent, with the same Go type, or there is an error on one side. Integers that a field
//     cannot hold, nil for what cannot be nil, and anything else that is not of the type are [ErrMalformed].
//   - What Append lets pass is within the limits of Decode, between nodes with the same types and Limits.
//   - Whatever the bytes: no panic. Decoding allocates at most about 64 times their length and 4 KiB, methods of types apart.
//     Their structure is checked, by internal/mpguard, before any count in them is believed.
//   - Append of structs of scalars, strings, slices and pointers allocates nothing if the buffer has room. Decode allocates what
//     it returns.
//   - What Decode returns holds nothing of the bytes.
//   - [Registry.AppendError] sends the text of an error where all else fails.
//
// # Not guaranteed
//
//   - Identity of pointers: a value that is reached twice arrives twice. Cyclic values are [ErrLimit].
//   - The location of a time, and its monotonic reading: times arrive in UTC, at the same instant.
//   - The difference of a nil pointer and a pointer to a nil slice or map: both arrive as a nil pointer.
//   - The order of maps on the wire.
//
// # Limits
//
// [Limits] for values, [MaxTypes] types and errors in all, [MaxName] bytes for a name. Because of the bound on memory a value that
// is much larger in memory than on the wire is refused with [ErrLimit]: some thousands of maps with one short entry, say, or
// a struct with a large array that is not sent. Texts of errors are cut at 4 KiB and stacks at
// 16 KiB; the value of a panic that takes more than that becomes a text.
package codec
