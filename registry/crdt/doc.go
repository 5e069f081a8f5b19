// Package crdt holds the replicated data structures of the registry: plain values that know neither network nor time.
//
//   - [Store] is the registry's: one shard per node, written by that node alone. The others apply its operations in
//     order, ask it for what they missed, and hide it while membership says that the node is down.
//   - [Map] is the general one: an add-wins map that anybody may write, for presence and specs that may come back.
//   - [Register] is for specs that must stay deleted: the last write wins, and a deletion is a write.
//   - [Clock] is the hybrid logical clock whose stamps order what happens on several nodes.
//
// A shard has one writer, and so needs no tombstones and no causal context but one number: its states are totally
// ordered, and the merge of two is the later one. Deltas are contiguous ranges of its operations. A node that missed more
// than the owner keeps collects pages beside the state it shows, and changes over when they are complete.
//
// # Guarantees
//
//   - Whatever is lost, repeated, delayed or reordered: a store shows of each node exactly the entries that this node had
//     at one moment. Stores that have seen the last operation of every node show the same.
//   - An entry of another node vanishes only when its owner removed it, when membership hides the owner, or when the
//     owner is known to have restarted. An older incarnation never comes back.
//   - The changes that are returned add up to what is shown.
//   - [Compare] is a total order that each node computes from the records alone; of the visible holders of a name exactly
//     one is not told to go by [Store.Lost] of the nodes that see all of them.
//   - The merge of maps and of registers is commutative, associative and idempotent; merging a delta is merging the state.
//   - A decoder never panics, and allocates at most 64 bytes for each byte of the frame, plus 4 KiB. What it accepts
//     encodes to the same bytes.
//   - Lookups allocate nothing.
//
// # Not guaranteed
//
//   - Nothing here is safe for concurrent use, reading included. Records are not changed once they are written, and may be
//     read by anybody.
//   - The sender is not checked: the caller makes sure that what claims to be from an origin comes from it, and that this
//     incarnation was admitted. The first frame of a newer one ends its predecessor.
//   - A name may have several holders until their owners have heard of each other. A registration is not a lock.
//   - While an owner writes faster than it is asked for pages, a full exchange starts anew and may not end.
//   - Stamps decide which of two concurrent writes is read, never whether something is safe.
//
// # Limits
//
// Names up to [MaxNameBytes], metadata up to [MaxMetaBytes], node names up to [MaxNodeBytes], frames up to
// [MaxFrameBytes]. An owner keeps its last [RingOps] operations. A name costs about 210 bytes on every node, besides its
// text. Holders of one key are a sorted slice, in which the latest come last: adding to a large group is cheap, and
// removing from it moves one pointer per later member. A node without entries costs the others one small struct;
// [Store.Forget] ends that too. The context of a [Map] has one span per origin that ever wrote, and one more for each
// hole; [Map.Forget] is for origins that are gone for good.
package crdt
