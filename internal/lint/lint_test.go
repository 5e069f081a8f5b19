package lint

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// rules are the checks, each with trees that break it and one that does not.
var rules = []struct {
	name  string
	check func(*module) []string
	bad   map[string]fixture
	good  fixture
}{
	{"Layers", checkLayers, map[string]fixture{
		"mailbox imports actor":     {"mailbox/a.go": goSource("mailbox", ours("actor"))},
		"actor imports supervision": {"actor/a.go": goSource("actor", ours("supervision"))},
		"actor imports the facade":  {"actor/a.go": goSource("actor", modulePath)},
		"queue imports base":        {"mailbox/a.go": goSource("mailbox", ours("internal/backoff"))},
		"sibling":                   {"pubsub/a.go": goSource("pubsub", ours("registry"))},
		"upward in a test":          {"actor/a_test.go": goSource("actor_test", ours("supervision"))},
		"somebody imports bench":    {"cmd/x/a.go": goSource("main", ours("bench"))},
		"strategy imports cluster":  {"strategies/dns/a.go": goSource("dns", ours("cluster"))},
		"package without a row":     {"misc/a.go": goSource("misc")},
	}, fixture{
		"actor/a.go":                   goSource("actor", "context", ours("mailbox")),
		"actor/a_test.go":              goSource("actor_test", ours("actor"), ours("internal/leak")),
		"mailbox/a_test.go":            goSource("mailbox", ours("internal/leak")),
		"examples/hello/a.go":          goSource("main", ours("actor")),
		"foundation.go":                goSource("foundation", ours("cluster")),
		"strategies/auto/a.go":         goSource("auto", ours("strategies/dns")),
		"tools/go.mod":                 "module other\n",
		"tools/a.go":                   goSource("tools", ours("bench")),
		"mailbox/testdata/fixtures.go": goSource("mailbox", ours("bench")),
	}},
	{"Imports", checkImports, map[string]fixture{
		"protoactor in actor": {"actor/a.go": goSource("actor", "github.com/asynkron/protoactor-go/actor")},
		"in a test":           {"actor/a_test.go": goSource("actor", "github.com/asynkron/protoactor-go/actor")},
		"unknown module":      {"actor/a.go": goSource("actor", "example.org/library")},
		"memberlist":          {"registry/a.go": goSource("registry", "github.com/hashicorp/memberlist")},
		"socket":              {"actor/a.go": goSource("actor", "net")},
		"log":                 {"supervision/a.go": goSource("supervision", "log")},
	}, fixture{
		"bench/a.go":              goSource("main", "github.com/asynkron/protoactor-go/actor", "net"),
		"bench/peer/a.go":         goSource("peer", "github.com/asynkron/protoactor-go/actor"),
		"cluster/membership/a.go": goSource("membership", "github.com/hashicorp/memberlist"),
		"actor/a.go":              goSource("actor", "log/slog"),
		"actor/a_test.go":         goSource("actor", "net"),
	}},
	{"PackageDocs", checkPackageDocs, map[string]fixture{
		"none":       {"actor/a.go": "package actor\n"},
		"other name": {"actor/a.go": "// Package mailbox is it.\npackage actor\n"},
		"detached":   {"actor/a.go": "// Package actor is it.\n\npackage actor\n"},
		"test only":  {"actor/a.go": "package actor\n", "actor/a_test.go": "// Package actor is it.\npackage actor\n"},
		"command":    {"cmd/x/a.go": "package main\n"},
	}, fixture{
		"actor/a.go":       "package actor\n",
		"actor/doc.go":     "// Package actor is it.\npackage actor\n",
		"cmd/x/a.go":       "// Command x does it.\npackage main\n",
		"e2e/some_test.go": "package e2e\n",
	}},
	{"Sleeps", checkSleeps, map[string]fixture{
		"call":       {"a/a_test.go": "package a\nimport \"time\"\nfunc f() { time.Sleep(1) }\n"},
		"renamed":    {"a/a_test.go": "package a\nimport clock \"time\"\nfunc f() { clock.Sleep(1) }\n"},
		"dot import": {"a/a_test.go": "package a\nimport . \"time\"\nfunc f() { Sleep(1) }\n"},
		"value":      {"a/a_test.go": "package a\nimport \"time\"\nvar nap = time.Sleep\n"},
	}, fixture{
		"a/a.go":      "package a\nimport \"time\"\nfunc f() { time.Sleep(1) }\n",
		"a/a_test.go": "package a\nimport \"time\"\nvar x = \"time.Sleep(1)\" // time.Sleep(1)\nvar y = time.Now\n",
		"a/b_test.go": "package a\nfunc g(time interface{ Sleep(int) }) { time.Sleep(1) }\n",
	}},
	{"Links", checkLinks, map[string]fixture{
		"no file":       {"README.md": "see [that](docs/missing.md)\n"},
		"no heading":    {"README.md": "# Top\n[a](#bottom)\n"},
		"other heading": {"README.md": "[a](docs/a.md#none)\n", "docs/a.md": "# One\n"},
		"reference":     {"README.md": "[a][1]\n\n[1]: docs/missing.md\n"},
		"image":         {"docs/a.md": "![picture](picture.png)\n"},
		"outside":       {"README.md": "[up](../elsewhere.md)\n"},
	}, fixture{
		"README.md":  "# A `b` c, d_e!\n[1](docs/a.md) [2](docs/a.md#one-two) [3](https://x.y/z) [4](#a-b-c-d_e) [5](docs/)\n```\n[x](missing)\n```\n`[y](missing)`\n",
		"docs/a.md":  "## One two\n[up](../README.md)\n",
		".git/no.md": "[a](missing)\n",
	}},
	{"Copies", checkCopies, map[string]fixture{
		"differs":       {"README.md": shown("package main\n"), "examples/hello/main.go": "package main\n\n"},
		"no such file":  {"README.md": shown("package main\n")},
		"not shown":     {"README.md": "# Nothing\n", "examples/hello/main.go": "package main\n"},
		"no code block": {"README.md": "<!-- file: examples/hello/main.go -->\ntext\n", "examples/hello/main.go": "package main\n"},
		"never closed":  {"README.md": "<!-- file: examples/hello/main.go -->\n```go\npackage main\n", "examples/hello/main.go": "package main\n"},
	}, fixture{
		"README.md":              shown("package main\n"),
		"examples/hello/main.go": "package main\n",
	}},
	{"Guarantees", checkGuarantees, map[string]fixture{
		"no such test": {guarantees: "| order | `TestOrder` |\n"},
		"no such case": {conformance: "| removes nodes | `TestOrder` |\n"},
		"not a test":   {guarantees: "| order | TestOrder |\n", "a/a.go": "package a\nfunc TestOrder() {}\n"},
	}, fixture{
		guarantees:    "| order | `TestOrder/a case`, FuzzOrder | Tests are named here.\n",
		conformance:   "`go test -run TestOrd ./a` runs `TestOrder`\n",
		"a/a_test.go": "package a\nfunc TestOrder() {}\nfunc FuzzOrder() {}\n",
	}},
}

// TestRepository applies every rule to this repository.
func TestRepository(t *testing.T) {
	if _, err := os.Stat("../../go.mod"); err != nil {
		t.Fatalf("this test looks for the module two directories up: %v", err)
	}
	m, err := load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, fault := range r.check(m) {
				t.Error(fault)
			}
		})
	}
}

// TestRulesCanFail feeds every rule trees that break it once, and one that does not.
func TestRulesCanFail(t *testing.T) {
	for _, r := range rules {
		for name, tree := range r.bad {
			t.Run(r.name+"/"+name, func(t *testing.T) {
				if faults := r.check(tree.load(t)); len(faults) != 1 {
					t.Errorf("want one fault, got %d: %s", len(faults), strings.Join(faults, "; "))
				}
			})
		}
		t.Run(r.name+"/good", func(t *testing.T) {
			for _, fault := range r.check(r.good.load(t)) {
				t.Errorf("flagged without reason: %s", fault)
			}
		})
	}
}

// TestBrokenSourceIsAnError: a file that does not parse must not silently leave the rules.
func TestBrokenSourceIsAnError(t *testing.T) {
	if _, err := load(fstest.MapFS{"a/a.go": {Data: []byte("package")}}); err == nil {
		t.Error("a file without a package name was accepted")
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, dir string
		want         bool
	}{
		{"actor", "actor", true},
		{"actor", "actor/protoactor", false},
		{"bench/...", "bench", true},
		{"bench/...", "bench/a/b", true},
		{"bench/...", "benchmark", false},
		{"strategies/*", "strategies/dns", true},
		{"strategies/*", "strategies", false},
		{"strategies/*", "strategies/dns/x", false},
		{".", "actor", false},
	} {
		if got := matches(c.pattern, c.dir); got != c.want {
			t.Errorf("matches(%q, %q) = %v", c.pattern, c.dir, got)
		}
	}
}

// fixture is a small tree: path → text.
type fixture map[string]string

func (f fixture) load(t *testing.T) *module {
	t.Helper()
	fsys := fstest.MapFS{}
	for p, text := range f {
		fsys[p] = &fstest.MapFile{Data: []byte(text)}
	}
	m, err := load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ours(dir string) string { return modulePath + "/" + dir }

func goSource(name string, imports ...string) string {
	var b strings.Builder
	b.WriteString("package " + name + "\n")
	for _, p := range imports {
		b.WriteString("import _ \"" + p + "\"\n")
	}
	return b.String()
}

func shown(code string) string {
	return "<!-- file: examples/hello/main.go -->\n```go\n" + code + "```\n"
}
