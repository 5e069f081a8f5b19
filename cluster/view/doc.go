// Package view decides what each member of the cluster is, as one node sees it: joining, up, suspect, unreachable,
// leaving, down, forgotten.
//
// A [View] is a pure reducer. It is told what happened, with the time, and returns what is to be done:
//
//	for _, out := range v.Step(time.Now(), view.SessionLost{ID: id}) {
//		… // connect, dial, ask, answer, tell, publish an event
//	}
//	timer.Reset(time.Until(v.NextTick()))
//
// It has no goroutine, no clock, no randomness and does no I/O; the same inputs give the same outputs. Package cluster is
// the shell around it.
//
// # Evidence
//
// A silent host is unreachable only by two evidences: SWIM holds it dead, and our own session with it was silent for
// [Timing].Silent. Bytes that arrive veto SWIM. A connection that closes changes nothing by itself: it is redialled.
// Death is proved, without waiting for silence, by
//
//   - P1, a newer incarnation of the name: from the same address at once; from another address if the old one refuses dials.
//   - P2, refusal: the control connection closed, two dials in a row were refused, and more than half of the other members
//     that are up found the same by dials of their own.
//   - P3, a goodbye.
//
// # What the caller does
//
//   - Ticks at [View.NextTick] or before. Where steps come later than that, the time between counts as a pause of this
//     process, and nobody is held silent for it.
//   - Feeds [Hello] before it answers a handshake, and asks [View.Admit] then. Sends the error with its Floor and Rank to
//     who is refused; there it is the input [Removed].
//   - Executes [Dial] after its delay and reports [Dialled] once for each; brings [Ask] to the other's [Asked], [Answer] to
//     [Confirmed], and [Tell] to [Removed].
//   - Keeps trying after [Connect] until a session is up or [EndSession] comes. Redials sessions that lost their
//     connection by itself.
//   - Starts anew, with a greater incarnation, after [SelfRemoved].
//
// # Guarantees
//
//   - Nobody becomes unreachable without both evidences, nor down without a proof or a decision about an unreachable one.
//   - Down is final for an incarnation. It is announced once, and so is Forgotten.
//   - The events of a member are in a fixed order: Joining, Up, Leaving, Down, Forgotten, with steps left out but for the
//     first; between Joining and Down stand Suspect, Unreachable and, back from either, Reachable.
//   - Members that see the same members up have the same [View.ViewID].
//   - P2 never removes so many that the rest is less than half of the members that were up when that set had last been
//     unchanged for Settle, or half without the oldest. A cluster of two is exempt: there is no rest to protect.
//   - Of two sides that removed each other one restarts: the one with fewer members up, then the younger.
//
// # Not guaranteed
//
//   - Agreement: views differ while news travels, and for as long as a partition lasts.
//   - That a proved death is one. A firewall or proxy that refuses dials for a living node and closes its connections looks
//     the same from everywhere: set NoProof behind such. The one who was removed is told, and restarts.
//   - Honesty: inputs are believed. Who sent them is the transport's to check.
//   - Safe use by several goroutines.
//
// # Limits
//
// [MaxMembers] live members, [MaxDown] that are down, [MaxFloors] names that were forgotten: beyond it the least is
// remembered in common with others, so an unknown name with an incarnation older than that is refused too. A step takes
// time in proportion to the members if it is a [Tick], or changes who is up, else to their logarithm.
package view
