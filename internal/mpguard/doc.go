// Package mpguard looks at the structure of msgpack bytes before anything decodes them.
//
// A decoder believes what a head claims: five bytes can say "four thousand million elements follow" and make it ask for
// all that memory, and a megabyte of nested arrays can use up the stack. Neither can be caught by recover. So bytes of
// another node pass [Check], or [Limits.Check], first:
//
//	if err := mpguard.Check(body); err != nil {
//		return err
//	}
//	err := msgpack.Unmarshal(body, &v)
//
// # Guarantees
//
//   - What is accepted is exactly one whole value: every value that a head claims is there, no byte is left over, and
//     nothing is nested deeper or has more elements than the [Limits] say.
//   - One pass over the bytes, which ends at the first fault. A claim is refused before what it claims is read.
//   - Whatever the bytes: no panic, and [Limits.Scan] allocates nothing. [Limits.Check] allocates the error.
//   - A [Fault] says at which byte, what was exceeded, and by how much.
//
// # Not guaranteed
//
//   - Nothing is said about meaning: types, the order and uniqueness of a map's keys, UTF-8, numbers that a field cannot
//     hold.
//   - What is in a bin or an ext is not looked at, msgpack or not. Who decodes it calls Check again.
//   - A decoder that allocates per element may need many times the bytes for what is accepted; Elements bounds it.
//
// # Limits
//
// [DefaultDepth] and [DefaultElements], or those in [Limits]; never deeper than [MaxDepth]. The number of bytes is the
// caller's to limit: the frame it read them from has a size.
package mpguard
