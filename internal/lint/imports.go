package lint

import (
	"fmt"
	"slices"
	"strings"
)

// dependency is a third-party module and the packages that may import it.
type dependency struct {
	module    string
	importers []string
}

// heavy names the packages that may import a third-party module. A module that is not here may not be imported at
// all: adding one is a decision, and this is where it is written down.
var heavy = []dependency{
	{"github.com/asynkron/protoactor-go", []string{"bench/...", "actor/protoactor"}},
	{"github.com/hashicorp/memberlist", []string{"cluster/membership"}},
	{"github.com/grandcat/zeroconf", []string{"strategies/mdns"}},
	{"github.com/miekg/dns", []string{"strategies/dns"}},
	// Two things are built on Consul: finding peers, and leases. Neither needs the other, so neither wraps it for the other.
	{"github.com/hashicorp/consul/api", []string{"strategies/consul", "registry/lease"}},
	{"github.com/lithammer/go-jump-consistent-hash", []string{"cluster/placement"}},
	{"github.com/zeebo/xxh3", []string{"cluster/placement"}},
	{"github.com/vmihailenco/msgpack/v5", []string{"cluster/codec"}},
	{"github.com/klauspost/compress", []string{"cluster/transport"}},
	{"github.com/dgraph-io/badger/v4", []string{"cache/badgerstore"}},
	{"github.com/redis/go-redis/v9", []string{"cache/redisstore"}},
	{"github.com/prometheus/client_golang", []string{"internal/metrics"}},
}

// banned names packages of the standard library that a layer does without; tests are free to use them.
var banned = []struct {
	packages []string
	imports  []string
	why      string
}{
	{[]string{"mailbox", "actor", "supervision", "registry/crdt"}, []string{"net", "net/http", "net/rpc"},
		"nothing below the cluster opens a socket"},
	{[]string{"mailbox", "actor", "supervision"}, []string{"log"},
		"a process logs through the *slog.Logger it was given"},
}

// standard reports whether path belongs to the standard library: its first element has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// checkImports holds third-party modules and the banned parts of the standard library to their tables.
func checkImports(m *module) (faults []string) {
	for _, f := range m.files {
		for _, imported := range f.imports() {
			if _, ours := internalDir(imported); ours {
				continue
			}
			if standard(imported) {
				faults = append(faults, checkBanned(f, imported)...)
				continue
			}
			i := slices.IndexFunc(heavy, func(d dependency) bool {
				return imported == d.module || strings.HasPrefix(imported, d.module+"/")
			})
			switch {
			case i < 0:
				faults = append(faults, fmt.Sprintf("%s: imports %s, which the table of dependencies does not name",
					f.path, imported))
			case !matchesAny(heavy[i].importers, f.dir()):
				faults = append(faults, fmt.Sprintf("%s: imports %s, which belongs to %s", f.path, imported,
					strings.Join(heavy[i].importers, " and ")))
			}
		}
	}
	return faults
}

func checkBanned(f *goFile, imported string) (faults []string) {
	for _, b := range banned {
		if !f.test && matchesAny(b.packages, f.dir()) && slices.Contains(b.imports, imported) {
			faults = append(faults, fmt.Sprintf("%s: imports %s: %s", f.path, imported, b.why))
		}
	}
	return faults
}
