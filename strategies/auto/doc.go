// Package auto chooses how a node finds its peers by looking at where it runs, and says what it saw and chose.
//
// The first of these that is there decides:
//
//	a list (Peers, FOUNDATION_PEERS)              package static
//	a name in DNS (DNS, FOUNDATION_DNS)           package dns
//	a pod, and a service (FOUNDATION_SERVICE)     package kubernetes; after three failures in a row also package dns
//	an agent (CONSUL_HTTP_ADDR)                   package consul
//	a Secret, and a network with multicast        packages file and mdns together
//	nothing of that                               package file: the processes of this user on this machine
//
// # Guarantees
//
//   - The choice depends on [Config] and [Sight] alone, is made once, and does not touch the network.
//   - What was seen and not used is told, with the reason: see [Decision].
//   - A choice whose details are wrong is an error. Nothing else is taken instead.
//
// # Not guaranteed
//
//   - That the source works: its errors come through Watch.
//
// # Limits
//
// Without a Secret no network is asked for strangers: nodes on other machines need one of the first four rows.
package auto
