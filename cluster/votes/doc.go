// Package votes decides which part of a cluster may go on when it falls apart: vote sets that are changed by agreement of
// their members, leases, and partition policies.
//
// A [State] is a pure reducer. It is told what happened, with the time, and returns what is to be done:
//
//	for _, out := range s.Step(time.Now(), votes.Received{From: id, Msg: m}) {
//		… // send, suspend, resume, stop, tell
//	}
//	timer.Reset(time.Until(s.NextTick()))
//
// It has no goroutine, no clock, no randomness but that of [Config].Seed, and does no I/O.
//
// # How it works
//
// V_k is vote set k of a lineage. What V_k+1 is, is agreed on among the members of V_k by one instance of Paxos, with
// quorums of the [Policy]. Nothing is stored: who restarts is another incarnation, and not in V_k. Members that died, leave
// or are silent are left out, others that are ready are appended as the youngest; so is who was excluded and comes back.
//
// A heartbeat asks for a lease, the answer echoes when it was sent. Who accepts a value that excludes x grants x nothing
// from then on, and accepts it only when what it granted before has lapsed. So x does not run any more when it is excluded.
// A lease also tells what its granter accepted and does not know to be chosen: x needs leases of a quorum of that as well,
// since it may be chosen already and followed by a set that others decide on.
//
// Something that was accepted once is always completed. Nothing is proposed against a quorum that still hears x, so in a
// partial partition nobody is excluded at first; see [PartialPartition].
//
// Lineages that meet, because they formed apart or by [Force], become one: see [Dissolved].
//
// # What the caller does
//
//   - Ticks at [State.NextTick]. Brings [Send] to the other's [Received]; it may lose, repeat and reorder messages.
//   - Asks [State.MayRun] before each turn of what only one may run, or compares the time with [State.Until] as it was after
//     the last step. Suspends, resumes and stops on the outputs.
//   - Starts what an excluded member ran only after [Changed] with it in Out, and only while MayRun.
//   - Passes times with a monotonic reading.
//
// # Guarantees
//
//   - All that know V_k of a lineage know the same.
//   - Whoever knows a V_j without x can be sure that x does not run by an earlier set, if clocks run at the same rate but for
//     Margin in Lease, no proof of death is wrong, and the policy is not KeepAll.
//   - When messages pass again and a quorum of the newest set lives, all members come into one set.
//
// # Not guaranteed
//
//   - That somebody runs: without a quorum nobody does. Only an operator ends that, by [Force].
//   - Anything within a turn that was paused, as by SIGSTOP: fence writes with the epoch of the activation.
//   - One lineage, if nodes restart while the first set is formed, or more than Expected nodes do that: a restarted node has
//     forgotten its vote. Lineages that meet become one; until then both run.
//   - Honesty of members.
//   - Safe use by several goroutines.
//
// # Limits
//
// [MaxMembers] of a set, [MaxBroken] in a heartbeat, twice MaxMembers nodes known. A step takes time in proportion to the
// nodes known, and n log² n where leases are measured.
package votes
