// Package cluster makes Systems on many machines one: a PID works from anywhere, and so does every signal.
//
//	node, err := cluster.Join(ctx, sys, cluster.Config{Types: []cluster.Type{cluster.TypeOf[Hello]("hello")}})
//
// A node finds others by [Config.Seeds] or a strategy, keeps a session with each, and delivers messages, requests, links,
// monitors and exits between their processes. Messages are plain structs, registered by name in [Config.Types].
//
// # Guarantees
//
//   - Signals of one process to another arrive in the order sent, once, or not at all: those of one sender that do arrive are a
//     prefix of what was sent over a session. A short loss of the connection loses and repeats nothing.
//   - A message that is not delivered is a dead letter, here or there, with a reason; never nothing. If the connection is
//     lost for good, what was not acknowledged is a dead letter here though it may have been handled there.
//   - Links and monitors to a node that is lost, or was started anew, break with actor.NoConnection, each exactly once.
//     Requests to it fail at once.
//   - PIDs name one life of a node: nothing sent to a process reaches a later one's.
//   - What another node says is decoded within limits, and believed only of its own processes and of relations that exist.
//   - A node is down when there is proof or when two evidences agree; see package view.
//
// # Not guaranteed
//
//   - That members agree at every moment who is up.
//   - That a message sent is handled: there is at most one delivery, and no retry after a session is lost.
//   - Order between lanes: what is sent by [Node.SendOn] may overtake or be overtaken.
//   - Backpressure from a full mailbox of another node: what does not fit is a dead letter there, also with Block.
//   - Anything against a member that lies about itself: members are trusted within the limits above.
//
// # Limits
//
// Those of packages transport (frames, messages, lanes), codec (depth, elements) and view (members).
package cluster
