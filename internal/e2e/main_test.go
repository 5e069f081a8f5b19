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

// probePath is the program that runs one strategy, built once for all tests.
var probePath string

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
	probePath = filepath.Join(dir, "probe")
	if out, err := exec.Command("go", "build", "-o", probePath, "./probe").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building probe: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
