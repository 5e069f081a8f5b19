// Package e2e holds the end-to-end tests: real programs, real servers and a real network that is cut, on one machine.
//
// They run with make e2e, as root, and are left out of every other build by the tag e2e. Hosts are network namespaces
// (package netns); nothing of them touches the network of the machine. What a test needs and is not there is a reason
// to skip it, which it says: root, the ip command, dnsmasq, the Consul server that make e2e-deps builds.
//
// Programs are started as users start them, and watched through what they print. Four are here: probe runs one strategy, node is a
// node of a cluster that does what it reads, attacker opens connections to a node and misbehaves, and holder takes a leased name and
// writes to a store.
//
// What a test measures it prints beside its goal; make e2e FIGURES=path writes all that as a table, as it stands in docs/e2e.md. The
// long versions run with make soak.
package e2e
