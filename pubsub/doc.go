// Package pubsub brings messages to all processes that want a topic, on every node of a cluster.
//
//	topics, err := pubsub.New(node, pubsub.Config{})
//	err = topics.Subscribe(ctx, "orders.*.created", pid)       // on the node of pid
//	err = topics.Publish(ctx, "orders.7.created", Created{7})  // anywhere
//
// A subscriber is a process of any style; it gets an [Event]. A topic is parts with dots between them. In a pattern "*" stands for one
// part, and ">" at the end for one or more. [NewLocal] makes topics of a System without a cluster.
//
// Each node tells the others which topics it wants, not who there wants them; package crdt says how. A publisher writes an event
// once and sends it to the nodes that want it, where it is brought to the subscribers.
//
// # Guarantees
//
//   - When [PubSub.Subscribe] returns nil, every publish that begins later at a node that is connected reaches the process. A
//     publisher that does not know completely what a node wants, because the two have just met, sends it everything.
//   - A node that wants nothing of a topic gets nothing of it, but for the time above, and for one second after its last
//     subscriber is gone. A node gets an event once however many subscribers and patterns there are.
//   - What one process publishes to a topic arrives at each subscriber in order.
//   - Events between two nodes are numbered. When some are lost, because a session died or too much was under way, processes that
//     subscribed [WithGaps] hear how many, exactly, before the next event. Events that a node would have been sent while it was
//     out of reach count.
//   - A publisher does not wait for subscribers: from 513 on processes of their own deliver. It waits when these are 256 events
//     behind, and for room towards a node.
//   - Subscriptions end with their process.
//
// # Not guaranteed
//
//   - That an event arrives: there is at most one delivery. A full mailbox loses it, which is counted; see [WithBuffer].
//   - Order between topics, between publishers, or of [Event.Seq] of different publishers of the same node.
//   - That an event published before Subscribe returned does not arrive, or none that was under way when Unsubscribe returned.
//   - Nodes without a PubSub cannot be told from slow ones. A Subscribe waits two seconds for the first sign of a node's PubSub
//     in a session, then takes it to have none; such a node is sent events, which become dead letters there, in the first 15 seconds of a session.
//   - Who sent the message is Event.From; the sender of the message itself may be a process of this package.
//
// # Limits
//
// Topics up to [MaxTopic] bytes, without white space. A message that goes to other nodes is of a type in Config.Types there and here,
// and must not hold an actor.ReplyTo. There is one PubSub on each node of a cluster. Events that came from other nodes and are not
// brought to subscribers yet wait without bound. A gap counts events of all topics that the node wanted, or was sent because the
// publisher did not know.
//
// Not there: replay of earlier events, filters at the publisher's node, subscribers and dispatchers with code of their own, presence,
// and ways over other servers than the cluster itself.
package pubsub
