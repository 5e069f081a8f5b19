// Package handoff moves running processes between nodes with their state, and decides who goes on with a process when a node
// is lost. It is pure: machines that are told what happened, with the time, and return what is to be done.
//
//   - [Old] is the process where it runs, [New] where it is moved: one of each per process, made when they are needed.
//   - [Barrier] is kept by each member for each node that went down.
//   - [Route], [Old.Mail] and [Parking] keep the order of mail: at the sender, at the old node, and at the new one.
//   - [Window] bounds what is under way between two nodes.
//
// For example, at the old node:
//
//	for _, out := range old.Step(time.Now(), handoff.Got{From: id, Msg: m}) {
//		… // send, drain, take a snapshot, resume, forward
//	}
//
// # A planned move
//
//	O  Running ──Offer─▶ Offered ──Accept─▶ Draining ──State─▶ Frozen ──Ready─▶ Committed ──Active─▶ Forwarding ──▶ Ended
//	N  Idle ──Offer─▶ Waiting ──State─▶ Restoring ──▶ Prepared ──Activate─▶ Live
//
// The commit point is when O sends Activate. Before it everything ends the attempt: a refusal, a failed Snapshot or Restore, time,
// a lost session, an unsettled view. Then the process runs on at O, with its mail. After it only N's death, or N's word that
// it has no such copy, does. No time does: Activate is said again, around the broken link if need be.
//
// A process that runs on has an epoch two greater, one that moved one greater, one that was started by the barrier three
// greater than known: none has an epoch that another could have been given meanwhile. Attempts are numbered, and both
// sides ignore what is of another attempt.
//
// # Mail
//
// O holds mail from Draining on, and forwards it in order when Active is there; then it is a forwarder. A node that
// learns of the new process sends a Flush to O, behind its last message, and sends to N from then on ([Route]). N parks what
// comes directly until the Flush has come through O ([Parking]). Forwarding ends when all that were up have flushed, and not
// before.
//
// # A node is lost
//
// Each member, when all that came from the lost node is handled, says what it runs or holds prepared of it ([Barrier]). Only
// when all members of the view did, the node to which the table gives a process decides: somebody runs it, or a prepared
// copy is activated, or it is started anew. A prepared copy never starts itself.
//
// # What the caller does
//
//   - Steps machines with [Tick] at their NextTick, executes outputs in order, and brings messages over their lanes. What
//     is for a process without a machine is answered by [Unknown]; an Offer makes a New.
//   - Has PeerDown come after all that came from the node, and to New before the inventory for [Viewed] is taken.
//   - Says in Viewed.Inventory what runs or is prepared here and was known to be at the lost node, or came from it. Gives a
//     ViewID that does not recur.
//   - Registers an activation before it says that it runs.
//   - Sends a State when [Window] lets it.
//
// # Guarantees
//
//   - Of one process never two run, if nodes that are down do not run, whatever messages are lost, or come twice or late
//     within an attempt's order.
//   - When nothing more fails, one runs in the end.
//   - A copy that was prepared from an older state is not activated after the process ran on.
//   - Planned moves lose no mail, repeat none, and keep the order of each sender.
//
// # Not guaranteed
//
//   - One, in a partition, where both sides may hold the other for down: package votes says who may run.
//   - Mail that was held or forwarded by a node that is lost.
//   - That epochs differ if the node that was given one is lost before anybody else knows of it.
//
// # Limits
//
// [MaxMoves] and [MaxBytes] between two nodes, [MaxState] per process, [MaxItems] in a message.
package handoff
