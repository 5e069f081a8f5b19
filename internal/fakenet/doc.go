// Package fakenet is a network in memory for tests: hosts, streams and packets, and every fault that a network has.
//
// It runs under testing/synctest: whoever waits, waits on a condition or a channel, and what takes time is one timer.
//
//	n := fakenet.New(fakenet.Config{Seed: 1, Latency: time.Millisecond, Loss: 0.1})
//	defer n.Close()
//	ln, err := n.Host("10.0.0.1").Listen("10.0.0.1:0")
//	conn, err := n.Host("10.0.0.2").Dial(ctx, ln.Addr().String())
//	n.Partition([]string{"10.0.0.1"}, []string{"10.0.0.2"})
//
// Names of hosts are IP addresses. A text that is none is a mistake in the test, and panics.
//
// # Guarantees
//
//   - A stream delivers the bytes that were written, in order, once, until it is reset. What is under way is bounded by
//     [Config].Buffer; who writes more waits. Deadlines end every wait and can be moved while somebody waits.
//   - Who closes a stream without having read everything resets it, as TCP does.
//   - A dial to a port without a listener fails with syscall.ECONNREFUSED, one without an answer with a timeout, as
//     net.Error tells it. Errors are *net.OpError, addresses *net.TCPAddr and *net.UDPAddr.
//   - A cut loses packets and stalls streams and dials without a word. Streams go on when it is mended: nothing is lost.
//     Dials ask again 1, 3, 7, 15 … seconds after they began, as TCP does.
//     Where only one direction is cut, the other delivers, but its sender hears of no room any more.
//   - [Network.Crash] ends all of a host's sockets at once. Who is connected to it sees a reset as soon as the
//     network lets it through, and a dial to it is refused.
//   - After [Network.Close] nothing is delivered, every wait has ended and no timer is left.
//
// # Not guaranteed
//
//   - The seed fixes what is lost, doubled and delayed in the order in which packets are sent, and goroutines decide
//     that order: two runs of one seed are alike, not equal.
//   - There is no congestion control, no retransmission time and no ICMP: a stream goes on in the moment of the mending,
//     a packet to a closed port is gone. Loss is of packets only.
//   - A paused host's goroutines run on, only its network stands still: its clocks see no jump, as they would at a SIGSTOP.
//
// # Limits
//
// Packets up to 65507 bytes. One lock for the whole network: it is made for tens of hosts, not for benchmarks.
package fakenet
