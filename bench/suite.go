package main

import "github.com/foundation-runtime/foundation/bench/internal/report"

// suite returns all workloads in the order of the report. The goals are those of the project's engine section.
func suite(processes int) []group {
	return []group{sending(), passing(), asking(), living(processes), running()}
}

// sending are the workloads with one consumer.
func sending() group {
	return group{"Sending, per message", []work{
		{id: "send/pointer", title: "send 1→1, pointer", base: report.Chan, by: []contestant{
			{who: protoactor, start: loads(protoSend)},
			{who: otp, start: loads(erlang("send"))},
		}},
		{id: "send/flood", title: "send 1→1, a million without flow control", base: report.Chan, by: []contestant{
			{who: protoactor, start: loads(protoFlood)},
		}},
		{id: "send/struct", title: "send 1→1, 32-byte struct by value", base: report.Chan, by: []contestant{
			{who: goRuntime, start: loads(channelQuotes)},
			{who: protoactor, start: loads(protoQuotes)},
		}},
		{id: "send/fan-in", title: "send N→1, a producer per core", base: report.Chan, by: []contestant{
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
			{who: protoactor, start: loads(protoRings(1, 2))},
			{who: otp, start: loads(erlang("ping_pong"))},
		}},
		{id: "pass/pairs", title: "1000 pairs", base: report.Hop, by: []contestant{
			{who: protoactor, start: loads(protoRings(pairCount, 2))},
			{who: otp, start: loads(erlang("pairs"))},
		}},
		{id: "pass/ring", title: "ring of 10,000", base: report.Hop, by: []contestant{
			{who: protoactor, start: loads(protoRings(1, ringSize))},
			{who: otp, start: loads(erlang("ring"))},
		}},
	}}
}

// asking are the requests with a reply.
func asking() group {
	return group{"Asking, per request and reply", []work{
		{id: "ask/deadline", title: "ask from a goroutine, with a deadline", base: report.Hop, by: []contestant{
			{who: goRuntime, start: loads(channelAsk)},
			{who: protoactor, start: loads(protoAsk)},
			{who: otp, start: loads(erlang("ask"))},
		}},
	}}
}

// living are the workloads about the number and the life of processes.
func living(processes int) group {
	peerProcesses := min(processes, million) // Erlang and protoactor-go need gigabytes for more
	return group{"Processes", []work{
		{id: "process/spawn", title: "spawn and exit, unnamed", base: report.Hop, by: []contestant{
			{who: goRuntime, start: loads(goroutineSpawn)},
			{who: protoactor, start: loads(protoSpawn)},
			{who: otp, start: loads(erlang("spawn"))},
		}},
		{id: "process/memory", title: "memory per idle process", rounds: 1, by: []contestant{
			{who: goRuntime, start: measures(perProcess(processes/10, idleGoroutines))},
			{who: protoactor, start: measures(perProcess(peerProcesses, protoIdle))},
			{who: otp, start: measures(erlangIdle(peerProcesses))},
		}},
		{id: "process/random", title: "random sends over many processes", base: report.Hop, by: []contestant{
			{who: otp, start: loads(erlangRandom(peerProcesses))},
		}},
		{id: "process/skynet", title: "skynet, a million leaves, per leaf", base: report.Hop, rounds: 3, by: []contestant{
			{who: goRuntime, start: measures(skynet(goroutineSkynet))},
			{who: otp, start: measures(erlangSkynet)},
		}},
	}}
}

// running are the properties of a whole system.
func running() group {
	return group{"System", []work{
		{id: "system/empty", title: "empty system", rounds: 1, by: []contestant{
			{who: protoactor, start: measures(perSystem(protoEmpty))},
		}},
	}}
}
