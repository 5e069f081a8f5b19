// Package strategies defines how a node finds its peers, and what it does with what it finds.
//
// A [Strategy] watches one source of addresses: a list, a directory, DNS, multicast, a service catalogue. It connects to
// nobody and decides nothing; it reports sets of [Peer] values. The packages below this one are the sources. [Union]
// watches several at once, [Chain] falls back from one to the next when it fails. Anything with a Watch method can be
// one more: [Poll] makes a strategy of a function that looks once.
//
// What a set means is the same for all of them, and is written down here as functions without side effects: [Merge],
// [Diff], [Apply] and [Table].
//
// # Guarantees
//
//   - An [Update] is either a set or an error, never both: a source that cannot be asked is not an empty source.
//   - A set is sorted by address, has each address once, and holds only addresses that [ParseAddr] accepts, in the form
//     it returns them.
//   - A set is reported when it differs from the one before, and once more after an error, so that a consumer sees the
//     source recover. Every failed attempt is reported.
//   - found is never called by two goroutines at once, and not after Watch has returned.
//   - [Apply] never lets an update remove a peer that is live, whatever the source says.
//   - A part of a [Union] or [Chain] that returns early or panics in Watch is reported and started again, later each
//     time; the other parts do not notice.
//
// # Not guaranteed
//
//   - A set may hold addresses where nobody listens any more, strangers, and the node itself. Who connects checks who
//     answers and skips itself.
//   - A strategy that neither answers nor fails holds up a [Chain] at its place. Those in this module bound each attempt.
//   - found must return soon: while it runs the strategy does not look.
//
// # Limits
//
// A set of more than [MaxPeers] peers is reported as an error: a source that large is a mistake or an attack.
package strategies
