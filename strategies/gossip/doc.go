// Package gossip finds peers on the same network segment: every node says who it is in small encrypted datagrams to a
// multicast group, and listens to the others.
//
// # Guarantees
//
//   - Who does not have the secret learns neither names nor addresses and cannot make a peer appear or disappear:
//     datagrams are sealed with AES-256-GCM under a key derived from Secret and Cluster.
//   - A datagram is taken once. Copies of it are refused by a window of sequence numbers per sender, and old ones by
//     their time, which must be within MaxSkew of our clock.
//   - A node that stops says goodbye and leaves the set at once; one that falls silent leaves it after TTL. A goodbye
//     that comes late does not remove a successor at the same address.
//   - A newcomer is answered at once, not at the next Interval.
//   - Datagrams of other clusters are ignored. Those of this cluster that cannot be opened, or whose clock is off, are
//     reported, at most once a minute.
//   - A network that is not there, or goes away, is an error at every attempt; the sockets are opened again.
//
// # Not guaranteed
//
//   - Containers, clouds and wireless networks often do not carry multicast. That looks like a network without peers.
//   - Who records datagrams and plays them to a node that has just started, within MaxSkew, makes it believe in a peer
//     that has left: it tries to connect, and that is all.
//   - Traffic shows that a cluster exists, and which addresses send.
//
// # Limits
//
// IPv4; one interface; datagrams do not leave the segment. [strategies.MaxPeers] senders are remembered.
package gossip
