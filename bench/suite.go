package main

import (
	"runtime"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

// suite returns all workloads in the order of the report. The goals are the project's.
func suite(processes int) []group {
	return []group{sending(), passing(), asking(), living(processes), supervising(), running(), betweenNodes()}
}

// within is a goal for the time per operation.
func within(limit float64, unit report.Unit) report.Goal {
	return report.Goal{Figure: report.Time, Limit: limit, Unit: unit}
}

// allocs is a goal for the allocations per operation.
func allocs(limit float64) report.Goal {
	return report.Goal{Figure: report.AllocsOp, Limit: limit, Unit: report.Allocs}
}

// atMost is a goal for a figure in its own unit.
func atMost(figure string, limit float64, unit report.Unit) report.Goal {
	return report.Goal{Figure: figure, Limit: limit, Unit: unit}
}

// ours is the contestant of this module.
func ours(start func(*env) (probe, error), goals ...report.Goal) contestant {
	return contestant{who: foundation, start: start, goals: goals}
}

// sending are the workloads with one consumer.
func sending() group {
	return group{"Sending, per message", []work{
		{id: "send/pointer", title: "send 1→1, pointer", base: report.Chan, by: []contestant{
			ours(loads(foundSend), within(0.5, report.Chan), allocs(0)),
			{who: protoactor, start: loads(protoSend)},
			{who: otp, start: loads(erlang("send"))},
		}},
		{id: "send/flood", title: "send 1→1, a million without flow control", base: report.Chan, by: []contestant{
			ours(loads(foundFlood)),
			{who: protoactor, start: loads(protoFlood)},
		}},
		{id: "send/struct", title: "send 1→1, 32-byte struct by value", base: report.Chan, by: []contestant{
			ours(loads(foundQuotes), within(0.6, report.Chan), allocs(0)),
			{who: goRuntime, start: loads(channelQuotes)},
			{who: protoactor, start: loads(protoQuotes)},
		}},
		// Small differences of large figures: many rounds, so that some of each are undisturbed.
		{id: "send/process", title: "send from a process", base: report.Chan, rounds: 21, by: []contestant{
			{who: foundation, what: "send from a process, no sender", start: loads(foundMail(sendPlain, false))},
			{who: foundation, what: "the same with a sender", over: 1, start: loads(foundMail(sendSigned, false)),
				goals: []report.Goal{within(5, report.Nanoseconds), allocs(0)}},
			{who: foundation, what: "the same with sender and baggage", over: 2, start: loads(foundMail(sendSigned, true)),
				goals: []report.Goal{within(5, report.Nanoseconds), allocs(0)}},
		}},
		{id: "send/fan-in", title: "send N→1, a producer per core", base: report.Chan, by: []contestant{
			ours(loads(foundFanIn), within(0.8, report.Chan)),
			{who: goRuntime, start: loads(channelFanIn)},
			{who: protoactor, start: loads(protoFanIn)},
			{who: otp, start: loads(erlang("fan_in"))},
		}},
	}}
}

// passing are the workloads in which balls go from process to process.
func passing() group {
	return group{"Passing on, per hop", []work{
		{id: "pass/ping-pong", title: "ping-pong", base: report.Hop, by: []contestant{
			ours(loads(foundRings(1, 2)), within(0.2, report.Hop)),
			{who: protoactor, start: loads(protoRings(1, 2))},
			{who: otp, start: loads(erlang("ping_pong"))},
		}},
		{id: "pass/pairs", title: "1000 pairs", base: report.Hop, by: []contestant{
			ours(loads(foundRings(pairCount, 2)), within(0.3, report.Hop)),
			{who: protoactor, start: loads(protoRings(pairCount, 2))},
			{who: otp, start: loads(erlang("pairs"))},
		}},
		{id: "pass/ring", title: "ring of 10,000", base: report.Hop, by: []contestant{
			ours(loads(foundRings(1, ringSize)), within(0.5, report.Hop)),
			{who: protoactor, start: loads(protoRings(1, ringSize))},
			{who: otp, start: loads(erlang("ring"))},
		}},
	}}
}

// asking are the requests with a reply. The request of ours holds an int, so putting it into an interface is one
// allocation, which the goals allow beside those of the ask.
func asking() group {
	const boxing = 1
	return group{"Asking, per request and reply", []work{
		{id: "ask/deadline", title: "ask from a goroutine, with a deadline", base: report.Hop, by: []contestant{
			ours(loads(foundAsk), within(2.2, report.Hop), allocs(1+boxing)),
			{who: goRuntime, start: loads(channelAsk)},
			{who: protoactor, start: loads(protoAsk)},
			{who: otp, start: loads(erlang("ask"))},
		}},
		{id: "ask/inline", title: "ask from a goroutine, idle inline target", base: report.Hop, by: []contestant{
			ours(loads(foundAskInline), within(0.8, report.Hop)),
		}},
		{id: "ask/async", title: "ask between processes", base: report.Hop, by: []contestant{
			ours(loads(foundAskAsync), within(0.8, report.Hop), allocs(2)),
		}},
	}}
}

// living are the workloads about the number and the life of processes.
func living(processes int) group {
	peerProcesses := min(processes, million) // Erlang and protoactor-go need gigabytes for more
	perProcessGoal := atMost(report.Memory, 256, report.Bytes)
	if processes >= 10*million {
		perProcessGoal.Limit = 300 // 3 GB for ten million
	}
	return group{"Processes", []work{
		{id: "process/spawn", title: "spawn and exit, unnamed", base: report.Hop, by: []contestant{
			ours(loads(foundSpawn), within(4, report.Hop), allocs(3)),
			{who: goRuntime, start: loads(goroutineSpawn)},
			{who: protoactor, start: loads(protoSpawn)},
			{who: otp, start: loads(erlang("spawn"))},
			{who: foundation, what: "spawn and exit, by a process", start: loads(foundSpawnWithin)},
		}},
		{id: "process/memory", title: "memory per idle process", rounds: 1, by: []contestant{
			ours(measures(perProcess(processes, foundIdle)), perProcessGoal),
			{who: goRuntime, start: measures(perProcess(peerProcesses/10, idleGoroutines))},
			{who: protoactor, start: measures(perProcess(peerProcesses, protoIdle))},
			{who: otp, start: measures(erlangBytes("idle", peerProcesses))},
		}},
		{id: "process/random", title: "random sends over many processes", base: report.Hop, by: []contestant{
			ours(loads(foundRandom(processes)), within(2, report.Hop)),
			{who: otp, start: loads(erlangRandom(peerProcesses))},
		}},
		{id: "process/skynet", title: "skynet, a million leaves, per leaf", base: report.Hop, rounds: 3, by: []contestant{
			ours(measures(skynet(foundSkynet))),
			{who: goRuntime, start: measures(skynet(goroutineSkynet))},
			{who: otp, start: measures(erlangSkynet)},
		}},
	}}
}

// stopGoal is the goal for the end of a large family.
var stopGoal = atMost(wholeFamily(children), 2000, report.Milliseconds)

// supervising are the workloads about processes that a supervisor looks after.
func supervising() group {
	return group{"Supervision", []work{
		{id: "supervise/restart", title: "crash → restarted, from the error to the next Init", base: report.Hop, by: []contestant{
			ours(loads(foundRestart(false)), within(20, report.Hop)),
			{who: otp, start: loads(erlang("restart"))},
			{who: foundation, what: "crash → restarted, from the poison to the successor's answer", start: loads(foundRestart(true))},
			{who: otp, what: "crash → restarted, from the poison to the successor's answer", start: loads(erlang("restart_seen"))},
		}},
		{id: "supervise/memory", title: "memory per idle supervised, named process", rounds: 1, by: []contestant{
			ours(measures(perProcess(children, foundSupervised(underSupervisor))), atMost(report.Memory, 640, report.Bytes)),
			{who: otp, start: measures(erlangBytes("supervised", children))},
			{who: foundation, what: "memory per idle, named child of a dynamic supervisor",
				start: measures(perProcess(children, foundSupervised(underDynamic))),
				goals: []report.Goal{atMost(report.Memory, 640, report.Bytes)}},
		}},
		{id: "supervise/start", title: "start 100,000 dynamic children, per child", base: report.Hop, rounds: 3, by: []contestant{
			ours(measures(family(children, foundFamily(starting)))),
			{who: otp, start: measures(family(children, erlang("family_start")))},
		}},
		{id: "supervise/stop", title: "stop 100,000 dynamic children, per child", base: report.Hop, rounds: 3, by: []contestant{
			ours(measures(family(children, foundFamily(stopping))), stopGoal),
			{who: otp, start: measures(family(children, erlang("family_stop")))},
		}},
	}}
}

// running are the properties of a whole system.
func running() group {
	responsive := atMost(report.P99, 5, report.Milliseconds)
	return group{"System", []work{
		{id: "system/blocked", title: "ping from outside, all workers blocked", rounds: 1, by: []contestant{
			ours(measures(foundBlocked(false)), responsive),
		}},
		{id: "system/blocked-sender", title: "ping by a handler that blocks at once, as all others", rounds: 1, by: []contestant{
			ours(measures(foundBlocked(true)), responsive),
		}},
		{id: "system/empty", title: "empty system", rounds: 1, by: []contestant{
			ours(measures(perSystem(foundEmpty)), atMost(report.Memory, 100_000, report.Bytes),
				atMost(report.Goroutines, float64(runtime.GOMAXPROCS(0)+2), report.Count)),
			{who: protoactor, start: measures(perSystem(protoEmpty))},
		}},
		{id: "system/scaling", title: "scaling", by: scaling()},
	}}
}
