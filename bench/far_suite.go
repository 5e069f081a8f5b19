package main

import "github.com/foundation-runtime/foundation/bench/internal/report"

// atLeast is a goal for the rate, in millions per second.
func atLeast(limit float64) report.Goal {
	return report.Goal{Figure: report.Rate, Limit: limit, Unit: report.Million}
}

// betweenNodes are the workloads between two OS processes of this machine. A reason to keep something at the other node, such as
// the name in an item, is a reason to allocate; a quote sent by Ref gives none at either end.
func betweenNodes() group {
	responsive := atMost(report.P99, 5, report.Milliseconds)
	return group{"Between two nodes", []work{
		{id: "far/send", title: "small struct, one way 1→1", base: report.TCP, by: []contestant{
			{who: foundation, start: rates(farItems(1)), goals: []report.Goal{atLeast(2.5)}},
			{who: otp, start: rates(farErlang("far_send"))},
			{who: rawSocket, start: rates(rawTCP(tcpStream, tcpOneWay))},
			{who: foundation, what: "32-byte struct through Ref[M], one way 1→1", start: rates(farQuotes),
				goals: []report.Goal{atLeast(2.5)}},
		}},
		{id: "far/fan-in", title: "small struct, one way N→1, a producer per core", base: report.TCP, by: []contestant{
			{who: foundation, start: rates(farFanIn)},
			{who: otp, start: rates(farErlang("far_fan_in"))},
		}},
		{id: "far/ask", title: "ask round trip, from a goroutine", base: report.RTT, by: []contestant{
			ours(loads(farAsk("echo")), within(2, report.RTT)),
			{who: otp, start: loads(farErlang("far_ask"))},
			{who: rawSocket, start: loads(rawTCP(tcpEcho, tcpRoundTrips))},
			{who: foundation, what: "the same, target spawned WithInline", start: loads(farAsk("inline")),
				goals: []report.Goal{within(2, report.RTT)}},
		}},
		{id: "far/pipeline", title: "64 asks under way, from a process", base: report.RTT, by: []contestant{
			{who: foundation, start: rates(farPipeline)},
			{who: otp, start: rates(farErlang("far_pipeline"))},
		}},
		{id: "far/stream", title: "ask while 1 MB messages stream on the bulk lane", rounds: 1, by: []contestant{
			ours(measures(farStream(streamAsks)), responsive),
			{who: otp, what: "the same, there are no lanes", start: measures(farErlangStream)},
		}},
		{id: "far/spawn", title: "spawn at the other node", base: report.RTT, by: []contestant{
			ours(loads(farSpawn)),
			{who: otp, start: loads(farErlang("far_spawn"))},
		}},
		{id: "far/down", title: "monitor and kill at the other node → Down", base: report.RTT, by: []contestant{
			ours(loads(farDown)),
			{who: otp, start: loads(farErlang("far_down"))},
		}},
	}}
}
