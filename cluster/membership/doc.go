// Package membership says which nodes there are: SWIM with Lifeguard by hashicorp/memberlist, over sockets that it is given.
//
//	m, err := membership.Start(membership.Config{
//		Node: id, Cluster: "shop", Profile: membership.LAN(), Keys: keys,
//		Packets: socket, Dial: dial, Events: func(e membership.Event) { … },
//	})
//	n, err := m.Join(ctx, "10.0.0.7:7946", "10.0.0.8:7946")
//
// Streams that others open are handed in with [Members.Accept], so packets and streams, and whatever else the node speaks,
// share one port number.
//
// memberlist alone never finds a lost part of the cluster again. Every address that was ever a member, a seed or
// discovered is kept in a book and joined again while nobody there is alive; see [RejoinConfig].
//
// # Guarantees
//
//   - [Config].Events is called by one goroutine, in the order of what happened, without any lock held. Between two events
//     of one kind of change nothing is left out: who is [Alive] becomes [Dead] or [Left] before it is [Alive] again.
//   - What [Members.Members] returns is ahead of the events, never behind.
//   - Two parts of a cluster that were cut off from each other find each other within some seconds after the cut, if one
//     of them can reach the other, however long the cut was, up to [RejoinConfig].ForgetAfter.
//   - A node of another cluster, or without one of the keys, is not admitted and learns nothing. It is counted, and reported
//     as [Rejected] at most once in a while per sender and reason.
//   - A restarted node is another node: its incarnation is part of its name here. Both may have one address.
//   - Whatever bytes arrive from who has no key: no panic, and no memory beyond [MaxStreamBytes] for each of [MaxStreams].
//   - After [Members.Close] no goroutine of this package runs, and nothing is sent. What memberlist has begun, a probe, ends
//     by its own timer, at most eight ProbeIntervals later: under testing/synctest let that time pass.
//
// # Not guaranteed
//
//   - Accuracy: a node that does not answer for long enough is called dead, alive or not. It is [Alive] again when heard of.
//   - That [Left] is told from [Dead] everywhere: who has not heard the goodbye in time reports Dead.
//   - Agreement: members learn of others one by one, and views differ for a while, or as long as a cut lasts. News spreads in
//     some GossipIntervals; about once in a hundred times gossip misses somebody, who learns it some PushPullIntervals later.
//   - Anything against a holder of a key. Who has one can declare anybody dead, and use up memory. Packets are not protected
//     against replay. Without keys everybody who reaches the port is such a holder.
//   - That the reason of a rejection is exact: of an encrypted packet that no key opens nobody can say more.
//
// # Limits
//
// Metadata up to [MaxMeta] bytes. Packets are at most [MaxPacketBytes]. Some hundreds of nodes; the times to detect a crash are
// in [Profile]. IP addresses, no names, are what members advertise.
package membership
