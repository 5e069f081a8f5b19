// Package actor is a process engine with the semantics of the BEAM: isolated processes with mailboxes, links, monitors, exit
// reasons and names, run by a fixed number of workers.
//
// An [Actor] is a behaviour; [System.Spawn] makes a process of it and returns its [PID]. Messages are sent with
// [Context.Send] or [System.Send] and handled one at a time. [Ask] sends a request, whose type says the type of its answer.
// Behaviours come in three styles with the same PIDs, links and supervision: untyped ([Func] or a struct), typed
// ([Typed], messages stored unboxed) and blocking ([Blocking], a goroutine of its own with selective receive).
//
// # Guarantees
//   - Receive is never called concurrently for one process.
//   - Signals of one process to another (messages, exits, links, monitors) arrive in the order sent. Exits act on arrival, before
//     queued messages; Down and a trapped ExitSignal are messages and keep their place in the queue.
//   - Every message ends handled or as a [DeadLetter] with a reason: Sent = Handled + Dead + Queued in [Stats].
//   - A PID never reaches another process than its own, however often slots are reused.
//   - The end of a process runs in this order: Terminate; not alive, name free, queue to dead letters, askers told; links and
//     monitors told.
//   - A handler that waits or computes for long does not keep others from running, for longer than a few milliseconds.
//
// # Not guaranteed
//   - Order between signals of different senders.
//   - That a message to a living process is handled: it may end first.
//   - That a killed handler stops: Go cannot stop a goroutine. It is fenced off instead: its Context's Done is closed, what it still
//     sends is dropped and counted, and its successor may run beside it. What both share they must protect.
//
// # Limits
//
// 2^28 processes at once; a slot is used 2^32 times. Messages are passed by reference: do not change what was sent.
package actor
