// Package mdns finds peers on the local network by multicast DNS and DNS-SD, as printers are found.
//
// It wraps github.com/grandcat/zeroconf, whose faults shape it: a resolver works once and may close or fill a channel at
// any time, so each look takes a fresh one with a fresh channel and drains it to its end; it never says that a service
// is gone, so peers leave by time.
//
// # Guarantees
//
//   - A peer counts only if its record carries a tag made with the Secret and name of our cluster: other clusters on the
//     network are ignored, and the address is the one that was tagged, whatever the address records say. A record of
//     this cluster with another Secret is reported, at most once a minute.
//   - A peer that is not seen for TTL leaves the set.
//   - A node that stops sends a goodbye, which clears the caches of other programs on the network.
//   - When the interfaces of the machine change, the node announces itself anew on those there are.
//   - A network that is not there is an error at every look.
//
// # Not guaranteed
//
//   - Without a Secret the tag keeps clusters apart and stops nobody. With one, old records can be played again: a peer
//     that has left seems to be there.
//   - A goodbye is not noticed here before TTL.
//   - The library logs through package log when an interface has no IPv6, and its announcing ends up to four seconds
//     after Watch.
//
// # Limits
//
// Asks over IPv4 (addresses of peers may be IPv6). [strategies.MaxPeers] peers.
package mdns
