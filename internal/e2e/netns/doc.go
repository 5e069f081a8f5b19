// Package netns gives a test hosts of its own: network namespaces of this machine, joined by a bridge, in which real
// programs run, and whose links can be cut.
//
//	net := netns.New(t)
//	a, b := net.Host("a"), net.Host("b") // 10.77.0.1 and 10.77.0.2
//	server := b.Start("server", "-listen", b.IP())
//	a.Block(b)   // nothing of a reaches b any more; b's packets still reach a
//	a.Unblock(b)
//	a.Reset(b)   // connections between them break
//
// # Guarantees
//
//   - Nothing is created in the network of the machine itself, and there is no way from a host to it: the bridge stands
//     in a namespace of its own, and both ends of every link are created inside namespaces.
//   - What a test created is removed when it ends, passed, failed or panicking: programs first, then namespaces, by the
//     names they were created with.
//   - Names carry the process that created them, so runs beside each other do not meet, though all use the same addresses.
//   - What a run left that was killed is removed by the next New: namespaces whose name says that their process is gone
//     (an identifier that was given to another process since does not count), and the programs in them.
//   - Programs die with the test process, by a signal of the kernel. One that changes its user, as some servers do, loses
//     that signal and is left to the next New.
//   - Without root or without the ip command the test is skipped, and says what is missing.
//
// # Not guaranteed
//
//   - Block and Unblock are about unicast between two hosts: multicast and broadcast pass. LinkDown stops all.
//   - Links have no delay, loss or limit of their own.
//
// # Limits
//
// Linux; IPv4, 253 hosts per network. A program sees the file system, the processes and the clock of the machine.
package netns
