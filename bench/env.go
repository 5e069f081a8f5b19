package main

import (
	"bufio"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/foundation-runtime/foundation/bench/internal/report"
)

// env is what workloads are started with.
type env struct {
	erl       *beam     // nil without Erlang
	erls      *beamPair // two nodes; started when first used
	pair      *pair     // as long as somebody uses it
	processes int       // for the workloads about many idle processes
}

// machine describes where the run takes place.
func machine(erl *beam, peers bool) report.Machine {
	m := report.Machine{
		OS:       runtime.GOOS + "/" + runtime.GOARCH,
		CPU:      cpuModel(),
		Cores:    runtime.NumCPU(),
		Procs:    runtime.GOMAXPROCS(0),
		Versions: map[string]string{"go": strings.TrimPrefix(runtime.Version(), "go")},
	}
	if peers {
		m.Versions[protoactor] = moduleVersion("github.com/asynkron/protoactor-go")
	}
	if erl != nil {
		m.Versions[otp] = erl.version
	}
	return m
}

// cpuModel returns the processor's name where the system tells it in the way of Linux.
func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

// moduleVersion returns the version of a module this program was built with.
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == path {
			return dep.Version
		}
	}
	return "unknown"
}
