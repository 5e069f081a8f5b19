package lint

import (
	"fmt"
	"slices"
)

// layer says what the packages named by a pattern may import of this module, directly. The first row that matches a
// package decides; a package without a row is an error. Rows of packages that do not exist yet are decisions already
// made.
type layer struct {
	packages string
	may      []string
}

// base are the packages without any dependency of ours: every layer but the queues may use them, and every test.
var base = []string{
	"internal/wire", "internal/mpguard", "internal/invariant", "internal/backoff", "internal/fakenet",
	"internal/sim", "internal/script", "internal/leak", "registry/crdt",
}

// below lists everything under the facade.
var below = []string{
	"mailbox", "actor", "actor/protoactor", "supervision", "cluster/...", "strategies/...", "registry", "registry/lease", "pubsub",
	"cache/...", "federation", "internal/dashboard", "internal/metrics",
}

// engine is what a part of the cluster may build on.
var engine = []string{"actor", "mailbox", "supervision"}

var layers = []layer{
	// Level 0: nothing of ours.
	{"mailbox", nil},
	{"registry/crdt", nil},
	{"internal/lint", nil},
	{"internal/wire", nil},
	{"internal/mpguard", nil},
	{"internal/invariant", nil},
	{"internal/backoff", nil},
	{"internal/fakenet", nil},
	{"internal/sim", nil},
	{"internal/script", nil},
	{"internal/leak", nil},

	// The engine. supervision is built from links, exits and monitors, as a user would build it.
	{"actor", with("mailbox", "actor/internal/...")},
	{"actor/internal/...", with("mailbox", "actor/internal/...")},
	{"actor/protoactor", with("actor", "mailbox")},
	{"supervision", with("actor", "mailbox")},

	// Finding peers: addresses only. auto alone knows the implementations.
	{"strategies", nil},
	{"strategies/auto", with("strategies/...")},
	{"strategies/*", with("strategies")},

	// The cluster: parts do not import each other, cluster puts them together.
	{"cluster/distributed", with(append(engine, "cluster", "cluster/codec", "cluster/nodeid", "cluster/placement", "cluster/handoff",
		"cluster/votes")...)},
	{"cluster/nodeid", nil},
	{"cluster/network", nil},
	{"cluster/codec", with("actor")},
	{"cluster/placement", with()},
	{"cluster/votes", with("cluster/nodeid")},
	{"cluster/view", with("cluster/nodeid")},
	{"cluster/transport", with("cluster/nodeid", "cluster/network")},
	{"cluster/membership", with("cluster/nodeid", "cluster/network")},
	{"cluster/handoff", with("cluster/nodeid")},
	{"cluster", with(append(engine, "strategies", "cluster/codec", "cluster/placement", "cluster/transport",
		"cluster/membership", "cluster/view", "cluster/nodeid", "cluster/network", "cluster/handoff")...)},

	// Above the cluster: siblings that do not know each other.
	{"registry/lease", with("actor")}, // works with a System alone
	{"registry", with(append(engine, "cluster")...)},
	{"pubsub", with(append(engine, "cluster", "cluster/codec")...)},
	{"cache", with(append(engine, "cluster")...)},
	{"cache/*", with("cache")},
	{"federation", with(append(engine, "cluster")...)},
	{"internal/dashboard", with(append(engine, "cluster", "registry", "pubsub", "cache")...)},
	{"internal/metrics", with(append(engine, "cluster", "registry", "pubsub", "cache")...)},

	// The facade wires everything; programs use everything; nobody imports programs.
	{".", with(below...)},
	{"cmd/...", with(append(below, ".", "cmd/...")...)},
	{"bench/...", with(append(below, ".", "bench/...")...)},
	{"examples/...", with(append(below, ".")...)},

	// End-to-end tests start programs, and otherwise look from outside.
	{"internal/e2e/netns", nil},
	{"internal/e2e/...", with("internal/e2e/netns", "internal/e2e/find", "strategies", "strategies/...", "cluster", "cluster/transport",
		"actor", "registry/lease", ".")},
}

// with is the base plus dirs.
func with(dirs ...string) []string { return slices.Concat(base, dirs) }

// checkLayers compares every import between packages of this module with the table. A test may use the base packages
// too, and an external test what its package is for: its own directory.
func checkLayers(m *module) (faults []string) {
	unknown := map[string]bool{}
	for _, f := range m.files {
		i := slices.IndexFunc(layers, func(l layer) bool { return matches(l.packages, f.dir()) })
		if i < 0 {
			if !unknown[f.dir()] {
				faults = append(faults, f.dir()+": package has no row in the layer table (internal/lint/layers.go)")
			}
			unknown[f.dir()] = true
			continue
		}
		may := layers[i].may
		if f.test {
			may = slices.Concat(may, base, []string{f.dir()})
		}
		for _, imported := range f.imports() {
			if dir, ours := internalDir(imported); ours && !matchesAny(may, dir) {
				faults = append(faults, fmt.Sprintf("%s: the layer table does not let %s import %s", f.path, f.dir(), dir))
			}
		}
	}
	return faults
}
