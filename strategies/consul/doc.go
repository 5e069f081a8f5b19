// Package consul finds peers through Consul: each node registers itself as a service with a TTL check at its agent, and
// watches the passing instances with blocking queries, in one or several datacenters.
//
// # Guarantees
//
//   - A node that is announced is registered until Watch ends, and deregistered then. Its check is renewed at a third of
//     the TTL; if the agent has forgotten it, it registers again.
//   - A change is seen when the agent knows of it: queries wait at the agent, and follow the rules for indexes (one that
//     goes back or is zero starts anew).
//   - An error removes nobody. Attempts that fail are repeated after RetryAfter, and then more seldom, up to 30 s.
//   - A token that may not see any instance is an error too, not an empty set, also if it lost its rights meanwhile.
//   - A datacenter that fails keeps its last set; the others are not held up.
//
// # Not guaranteed
//
//   - A killed node stays in the set for TTL, and in the catalogue for a minute or more: Consul does not detect that
//     nodes are down, it only finds them.
//   - An answer that is well-formed and wrong, as after a Consul server lost its data, is reported as it is; see
//     [strategies.Apply].
//   - To requests without any token Consul does not say that it held back instances: they see an empty set. A token that
//     may see some of the instances sees those.
//   - Tests here run against a server that speaks the endpoints used; make e2e runs the strategy against Consul.
//
// # Limits
//
// The agent must reach the other datacenters. At most five queries per RetryAfter and datacenter.
package consul
