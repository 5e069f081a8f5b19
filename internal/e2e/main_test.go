//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
)

// The programs, built once for all tests: probe runs one strategy, node is a node that does what it is told, attacker misbehaves,
// holder takes a leased name.
var probePath, nodePath, attackerPath, holderPath, foundationPath string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if netns.Missing() != "" {
		return m.Run() // every test says so, and is skipped
	}
	dir, err := os.MkdirTemp("", "foundation-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for _, p := range []struct {
		path *string
		pkg  string
	}{{&probePath, "./probe"}, {&nodePath, "./node"}, {&attackerPath, "./attacker"}, {&holderPath, "./holder"},
		{&foundationPath, "../../cmd/foundation"}} {
		*p.path = filepath.Join(dir, filepath.Base(p.pkg))
		if out, err := exec.Command("go", "build", "-o", *p.path, p.pkg).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building %s: %v\n%s", p.pkg, err, out)
			return 1
		}
	}
	code := m.Run()
	if err := writeFigures(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
