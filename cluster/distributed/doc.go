// Package distributed supervises children that belong to the cluster: each runs where it belongs, and elsewhere when that node
// is lost or leaves.
//
//	node, err := cluster.Join(ctx, sys, cluster.Config{Types: distributed.Types(), Kinds: []cluster.Kind{
//		cluster.KindOf("counter", func(a CounterArgs) (actor.Actor, error) { return &counter{a}, nil }),
//	}})
//	d, err := distributed.New(node, distributed.Config{})
//	pid, err := d.Start(ctx, distributed.Child{ID: "hits", Kind: "counter", Args: CounterArgs{Step: 1}})
//	pid, ok := d.Whereis("hits") // on any node
//
// Intent and fact are kept apart. What somebody wants is a specification, that all nodes hold and the last write decides; a deletion is
// a write, and is remembered. What runs is an activation, in a record that only the node where it runs writes and takes back. So a
// child that is started again somewhere can never revive one that was deleted. Every activation has a greater epoch than those
// before it.
//
// All decisions are one pure function of what is known about a child. It runs at every node, and nobody is in charge.
//
// # Guarantees
//
//   - Among nodes that see each other, once all is quiet: of every Singleton, Partitioned or Local child that is wanted, and whose node
//     may run it, there is exactly one process; of a Replicated one, one at each node that may run it; of one that was
//     terminated or deleted, none.
//   - Partitions: both sides go on, and each runs everything. When the network is whole, the activation with the greater token stays
//     and the other process ends with [NameConflict]; it is not restarted, and nothing is counted against the child.
//   - A node that joins starts nothing before it knows what everybody wants and runs. Nothing is moved because it joined,
//     unless Config.Redistribute or [Supervisor.Rebalance] say so.
//   - What a node ran is started elsewhere after all others that are up have said that they know the node to be down, and nothing more
//     of it can come up at them.
//   - Restarts follow supervision.Restart. Intensity is the child's own and travels with it: a child that crashes always fails, in the
//     whole cluster, and ends neither a supervisor nor a sibling nor a node. [Supervisor.Restart] begins anew.
//   - Leaving: a node that closes its supervisor moves its Singleton and Partitioned children that implement [Handoff], with
//     their state, to where they belong. Mail is held and sent on in order, with its sender, and requests with their asker; nothing
//     is lost, and nothing comes twice. There is never a moment in which a child runs twice or cannot be found. A move that comes to
//     nothing leaves the child where it is; whatever crashes meanwhile, one process is left. What is sent to an address of
//     [Supervisor.Named] is never overtaken, though the child is moved.
//   - Start returns when the child runs and is visible to its caller.
//   - An Init that never returns holds up its own child only. The reason of an end is never missed.
//
// # Not guaranteed
//
//   - That there is at most one process while the cluster is split, or just after two nodes have learned of each other: a child is not
//     a lock. Stores that must not be written by two compare [Token].
//   - That a specification is the one written last where clocks differ: of two written within the difference either stays. Nodes
//     whose clock is more than half a second ahead are not listened to.
//   - That changed arguments reach a process that runs: it was started with those of its time, and the next activation has the new ones.
//   - That a Temporary child survives its node. It is not started a second time; that includes a node which the others only believe
//     to be lost.
//   - What stands in the mailbox of a process that ends, and is not moved: it becomes dead letters.
//   - Order between what is sent to a PID of a child and what is sent to its address, or to a later PID.
//   - What is sent to an old PID when all nodes have said that they know the new one: it is a dead letter. Use [Supervisor.Named].
//   - Links, monitors, timers and children of a process that is moved: they end with it, with [Moved]. Names of a System likewise.
//   - That a moved process gets the answers to its AskAsync: those that come after its Snapshot are handled by what stays behind.
//
// # Not there yet
//
//   - Partition policies: this is KeepAll. Checkpoints: a crash begins from the specification.
//   - A copy that was prepared when the old node crashed is dropped, and the child started anew, though its state was there.
//   - Questions to a third member where only the connection between the two nodes of a move is broken: the move waits until it is
//     back, or one of them is down.
//   - Names in package registry: a child's name is its ID, in the table of this package.
//
// # Limits
//
// IDs and keys up to crdt.MaxNameBytes, arguments up to 32 KiB, [MaxIntensity] restarts counted. Every node holds all
// specifications, about 500 bytes each beside their texts. Two processes, one of them the child, run for each activation. States up to
// handoff.MaxState, 256 moves or 4 MiB under way between two nodes.
// Nodes whose specifications differ exchange all of them. A deletion is remembered for 24 hours: a node that was away for longer may
// bring back what was deleted meanwhile.
package distributed
