// Package dns finds peers by asking for a name: the A and AAAA records of one name with a fixed port, or SRV records,
// which bring their ports along. Headless services of Kubernetes are both.
//
// # Guarantees
//
//   - An error, no such name and no records included, is reported as an error and removes nobody: DNS is down, or not
//     filled yet, more often than a whole cluster is gone.
//   - A peer leaves the set when it was in no answer for Keep, so that servers that give out some records of many at a
//     time show the whole cluster.
//   - An answer that is known to be incomplete (A came, AAAA failed) only adds.
//   - Answers too large for a datagram are asked for again over TCP.
//
// # Not guaranteed
//
//   - The TTL of records is not looked at: the servers on the way may cache for that long, then an Interval is added.
//   - The hosts file and the search list of the system apply; end Name with a dot to keep the search list out.
//   - DNSSEC is left to the server that is asked.
//
// # Limits
//
// Names of targets of SRV records are reported, not resolved: a peer that moves keeps its name.
package dns
