// Package lease gives names that never have two owners at a time, with fencing tokens, by sessions and locks of Consul.
//
//	leases, err := lease.New(sys, lease.Config{})
//	hold, err := leases.Register(ctx, "bank", pid) // or spawn leases.Actor("bank", start), which begins with that
//	store.Write(hold.Token(), record)              // the store refuses tokens less than one it has seen
//	pid, ok := leases.Whereis("bank")              // on any node
//
// The registry of package registry goes on when the network is cut, and so both sides of a cut may give a name to a process: it promises
// that one is left after the heal. This one promises that there are never two, and pays for it: without Consul there is no new
// owner, and after a few seconds no owner at all. It needs an actor.System and no cluster.
//
// # How it works
//
// A node has one session at Consul, without health checks, and renews it every 3 s. It believes in the session until 9 s after it sent the
// last renewal that Consul answered; Consul ends it 10 s after that at the earliest. A name is a key locked by the session. Each
// activation, a restart on the same node too, locks the key anew with a value of its own, reads it back from Consul's leader, and
// takes the index of that write as its token. When a session ends in any way other than by giving names back, Consul gives them to
// nobody for 15 s. (All times are those of the zero [Config].)
//
// # Guarantees
//
//   - While a [Hold] is good, nobody else has been given the name: not after a cut in any direction, not when the session was destroyed by
//     hand, not after the agent has left. This takes clocks that run alike, within a twentieth, and Consul's servers to work as they should.
//   - When the lease is over the processes that hold names by it are killed at that moment, whatever Consul says later. A process
//     made by [Registry.Actor] starts no turn after it, even if the whole OS process was stopped meanwhile.
//   - Each activation of a name has a greater [Token] than all before it, on all nodes.
//   - A name is given back when its process ends, by [Registry.Unregister] and [Registry.Close]; then it is free at once.
//   - A request that got no answer has no late effect on a later activation's lock, and leaves no name locked by a node that
//     does not use it.
//   - The session of another node is destroyed by nobody but who calls [Registry.EndSession].
//
// # Not guaranteed
//
//   - A turn that runs when the lease ends runs on: nothing in Go stops it. If it is paused (SIGSTOP, a virtual machine moved, a page
//     fault) and goes on when another process has the name, its writes arrive late. That is what the token is for: a store that
//     keeps a [Fence] refuses them; one that does not can be written to by two. The same holds for a process that was killed in
//     the middle of a turn: its name is free at once.
//   - A machine that was suspended: its monotonic clock stood still. It learns at its next renewal, within 3 s; its tokens are too old
//     at once.
//   - Tokens of a Consul that was restored from a snapshot, or set up anew: indexes begin again at an older one, so it may
//     repeat tokens, and may give names that are held. End all holders before, and raise the fences by hand.
//   - A key under Prefix that somebody deletes or writes otherwise, or a Consul server restarted alone within 15 s after a session was
//     destroyed by hand: it forgets the lock delay. What has two owners then has two tokens.
//   - Whereis for names of other nodes is what Consul said last.
//
// # Limits
//
// A new owner after a crash: 10 to 20 s until Consul ends the session, and 15 s lock delay; after [Registry.EndSession] 15 s. A name costs
// two requests to Consul's leader, and each change of one makes every node read all of them: thousands of names, a few changes a
// second. Names up to 256 bytes, metadata up to 4 KiB. The lock delay is 1 minute at most at Consul, and so the TTL.
package lease
