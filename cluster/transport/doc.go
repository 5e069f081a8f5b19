// Package transport keeps sessions between nodes and moves records over them. A record is a sequence of bytes; what it means is not
// known here.
//
// A [Session] is with one life of a node: see [nodeid.ID]. It consists of lanes, ordered streams that do not wait for each other,
// each over a connection of its own. Connections break and are made again; the session lasts. Frames carry numbers, the receiver
// acknowledges what was delivered, the sender keeps what was not, and sends it again over the next connection.
//
//	t, err := transport.Start(transport.Config{Self: hello, Listen: ":4600"}, handler)
//	s, err := t.Session(peer, "10.0.0.2:4600") // never waits
//	err = s.Send(transport.Default, record, false)
//
// # The frame
//
// All numbers are little endian.
//
//	 0  u32  length of the payload, at most Limits.Frame
//	 4  u8   kind
//	 5  u8   flags: 1 = the payload is compressed with S2
//	 6  u16  0
//	 8  u64  number of the frame on its lane, 1, 2, 3, …; 0 if the kind is not numbered
//	16  u64  the greatest number received on this lane, an acknowledgement of all up to it
//	24       payload
//
//	kind         numbered  payload
//	1 batch      yes       records, each behind its length as a uvarint
//	2 first      yes       the length of a large record as a uvarint, then its beginning
//	3 more       yes       the next piece of that record; the last one completes the length
//	4 ack        no        empty
//	5 goodbye    no        empty; everything that was said has been acknowledged, and nothing follows
//
// A frame is written with at most 64 KiB. Records that need more go in consecutive frames; nothing comes between them on their lane.
//
// # The handshake
//
// A connection begins on both sides with "FND" and the version of the framing, 1; who dialled adds what it wants, 0 for a lane. Then
// come messages: length as u32, type as u8, payload.
//
//	dialler   FND 1 0  head [body]
//	listener  FND 1    head [body]    or a refusal
//	dialler   confirm                 or a refusal
//	listener  ready                   or a refusal
//
// The head (4 KiB) says who speaks, for which cluster, session and lane, and what was received last. The body (Limits.Hello) holds
// facts, types, lanes and meta data, and is read only from who named the right cluster and, with TLS, showed a certificate of the
// node it says it is. Nobody sends a frame before ready. Of two nodes that dial each other at once, the lesser one's connection
// stays.
//
// # Guarantees
//
//   - Records of a lane are delivered in the order in which they were taken, none twice and none left out, whatever happens to
//     connections, until the session ends. Then each record that was taken was delivered at the other end, or is among the lost
//     of Down, or both if it is marked as in doubt.
//   - A session ends exactly when [Transport.End] or Close is called, the peer says goodbye, its place is taken by another life of
//     the node, the peer does not know the session any more, a lane overflows, a frame is malformed, or a lane has no connection
//     for Timing.Resume. A peer whose handler is busy is not gone: it answers, and the session waits.
//   - For each session [Handler.Up] comes first, once, and Down last, once. The next session with the same life begins when Down
//     has returned at both ends; one with a later life is Up after the earlier one's Down.
//   - Send never waits. What waits in a lane is bounded by Limits.Lane, twice that for [Session.SendAlways].
//   - With TLS nothing that a peer says is used before its certificate was verified, and no node speaks for another.
//   - A stranger costs at most 64 KiB and Timing.Handshake, and at most Limits.Pending of them are heard at a time.
//   - After Close no goroutine of the transport runs.
//
// # Not guaranteed
//
//   - That a record was handled: it was passed to the handler.
//   - Order between lanes. A lane of Config.Lanes that the peer does not have flows into its Bulk, in order.
//   - Without TLS, anything against a peer that lies: the names of nodes and of the cluster are all that is asked for.
//   - Fairness between strangers: who holds all places for handshakes keeps others from connecting, not those who are connected.
//   - That a peer that is silent and keeps its connections is noticed, other than by the system: TCP_USER_TIMEOUT (Linux) and
//     keep-alive. [Session.Heard] is there for who wants to decide about it.
//   - With TLS, frames are written by the lane's writer, never in the goroutine that sends: an answer takes a little longer.
//
// # Limits
//
// See [Limits] and [Timing]. 29 named lanes. A session has two goroutines per lane that is used; Control and Default always are.
// Handlers that wait hold up their lane at both ends, and the end of the session.
package transport
