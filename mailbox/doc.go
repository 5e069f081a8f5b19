// Package mailbox holds the queues an actor can have as its mailbox. It knows
// nothing of actors: a queue carries cells of any type T and has no dependency
// outside the standard library.
//
// Every queue has many producers and one consumer:
//
//   - [Unbounded] accepts everything and grows with what it holds.
//   - [Bounded] holds at most its capacity and applies an [Overflow] policy to
//     what comes when it is full.
//   - [Priority] has levels, of which 0 is the most urgent, and takes the most
//     urgent first. It may be bounded in the same way.
//
// The zero value of each is ready to use, and none may be copied after its
// first use. All implement [Queue], and [New] makes the one a [Spec] describes.
//
// # What is guaranteed
//
// Any number of goroutines may call Push, PushWait, Len and Close at once. Pop
// is for one consumer; [Bounded] and [Priority] also permit several.
//
// Order is FIFO per producer: what one goroutine pushes, it pushes in this
// order, and Pop returns it in this order ([Priority]: within one level). A
// push that returned before another one began comes before it, whoever made
// them. Nothing is said of the order of pushes that overlap.
//
// A value whose push was accepted is returned by Pop exactly once, unless
// DropOldest evicts it, in which case the push that evicted it returns it. A
// value whose push returned an error is not in the queue.
//
// [Bounded] and [Priority] keep no reference to a value after it was popped,
// evicted or refused. [Unbounded] may keep some until it is empty.
//
// # Close
//
// After Close every push fails with [ErrClosed], and every PushWait that was
// waiting wakes with ErrClosed. Close discards nothing: Pop goes on returning
// what is left until the queue is empty, and this is how what is left is
// drained. Close is idempotent.
//
// # What is not guaranteed
//
// Pop never waits: it reports false when it finds nothing. That of [Unbounded]
// may also do so because a Push that has not returned yet is in the way of
// others that have. How the consumer learns that there is something to pop is
// the concern of its scheduler. Len is true for some moment during the call
// only.
package mailbox
