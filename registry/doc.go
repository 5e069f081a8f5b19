// Package registry gives processes names and groups that every node of a cluster knows.
//
//	reg, err := registry.New(node, registry.Config{})
//	err = reg.Register(ctx, "bank", pid)      // on the node of pid
//	pid, ok := reg.Whereis("bank")            // anywhere, without asking anybody
//	err = reg.Join(ctx, "workers", pid)
//
// Each node writes the entries of its own processes and no others, and sends them to all; package crdt says how. So a name is read
// locally, and every node goes on with what it sees when the network is cut.
//
// # Guarantees
//
//   - What was registered is visible on this node when Register returns. On the others it is a few milliseconds later.
//   - An entry vanishes when its process ends, when it is taken back, and while its node is down, leaves or is out of reach: then all
//     of the node's entries, and no others, at once. If the same life of the node comes back, they are shown again as soon as they
//     are known to be what the node holds. What was taken back meanwhile does not come up once more.
//   - A name may get two holders on nodes that have not heard of each other. When they have, exactly one is left, on all nodes
//     the same: the one registered first, or the one that [Config.Resolve] chose. The others lose the name and end with a
//     [NameConflict] that names the winner. Only the node of a process takes its name.
//   - Of two [Registry.RegisterSync] for one name, at nodes that see the same members up, at most one succeeds.
//   - [Registry.Whereis] takes no lock and allocates nothing.
//   - Nothing is passed on for others: a node shows another's entries only if the two are connected.
//
// # Not guaranteed
//
//   - A name is not a lock: across a partition both sides may hold it. For work that must never be done twice use a lease with
//     a fencing token.
//   - That a process got from Whereis still lives.
//   - Order between changes of different nodes.
//   - That a process with several names, which ends because it lost one of them, has successors for the others: give processes that
//     must not end for such a reason one name each.
//   - That somebody is left if the winner of a conflict ends, or takes the name back, while the news of it is on its way to the loser.
//   - Nodes whose clock is ahead of others by more than half a second are refused by them until it is set right: their entries
//     are not seen there. Clocks decide who was first, and nothing else.
//
// # Limits
//
// Names up to 1 KiB, metadata up to 4 KiB, of which every node holds a copy: 300 to 500 bytes for a name. A process is registered on its
// own node. Changes of one millisecond travel together; after a burst of more than 4,096 the whole of a node's entries is fetched
// in pages.
package registry
