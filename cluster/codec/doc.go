// Package codec turns message values into bytes for another node, and back.
//
// # Guarantees
//
//   - What arrives is of the type that was sent.
//
// # Not guaranteed
//
//   - That all peers know all types.
//
// # Limits
//
// Those of [Limits].
package codec
