//go:build e2e

package e2e_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
	"github.com/foundation-runtime/foundation/strategies/file"
)

// TestFile: two processes with a directory in common.
func TestFile(t *testing.T) {
	t.Parallel()
	n := netns.New(t)
	ha, hb := n.Host("a"), n.Host("b")
	c := file.Config{Dir: t.TempDir(), Interval: 50 * time.Millisecond, TTL: 4 * time.Second}
	a, b := watch(t, ha, "file", c, "a", 7), watch(t, hb, "file", c, "b", 7)
	a.until("[b@10.77.0.2:7]")
	b.until("[a@10.77.0.1:7]")

	// A stopped process leaves by time, and is there again when it goes on.
	b.Signal(syscall.SIGSTOP)
	a.until("[]")
	b.Signal(syscall.SIGCONT)
	a.until("[b@10.77.0.2:7]")

	// A killed one leaves at the next look, though its entry is fresh.
	b.Kill()
	killed := time.Now()
	if u, _ := a.until("[]"); u.Time.Sub(killed) >= c.TTL {
		t.Errorf("the end of a killed process was seen after %v, as if nobody had held its lock", u.Time.Sub(killed))
	}
	b = watch(t, hb, "file", c, "b", 7)
	a.until("[b@10.77.0.2:7]")
	b.until("[a@10.77.0.1:7]")
	b.leave()
	a.until("[]")
	a.leave()
	if left, err := os.ReadDir(c.Dir + "/default"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
