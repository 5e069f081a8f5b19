//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// figures are what tests measured, for the table in docs/e2e.md: make e2e FIGURES=path writes it.
var figures struct {
	mu   sync.Mutex // protects rows
	rows []string
}

// figure notes a measured value beside its goal.
func figure(t *testing.T, what, goal, measured string) {
	t.Helper()
	t.Logf("%s: %s (goal: %s)", what, measured, goal)
	figures.mu.Lock()
	defer figures.mu.Unlock()
	name, _, _ := strings.Cut(t.Name(), "/")
	figures.rows = append(figures.rows, fmt.Sprintf("| %s | %s | %s | `%s` |", what, goal, measured, name))
}

// missed marks a figure that does not meet its goal, also where the test does not fail for it.
func missed(is bool) string {
	if is {
		return " (**not met**)"
	}
	return ""
}

// writeFigures writes the table of a run.
func writeFigures() error {
	path := os.Getenv("E2E_FIGURES")
	if path == "" {
		return nil
	}
	slices.Sort(figures.rows)
	text := "| what | goal | measured | test |\n|---|---|---|---|\n" + strings.Join(figures.rows, "\n") + "\n"
	return os.WriteFile(path, []byte(text), 0o644)
}

// ms writes a time for a table.
func ms(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// mib writes a size for a table.
func mib(bytes int) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// quantile of times; it sorts them.
func quantile(all []time.Duration, q float64) time.Duration {
	slices.Sort(all)
	return all[min(int(float64(len(all))*q), len(all)-1)]
}

// soakFor is how long the long versions of tests last; zero without make soak.
func soakFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("SOAK")
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("SOAK: %v", err)
	}
	return d
}
