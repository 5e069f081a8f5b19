package main

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

// lived is what a line of the tree says of a process: its PID and that it runs.
var lived = regexp.MustCompile(`(\S+)  <demo/(\S+)>  up `)

// processes returns the PIDs by the names in a tree.
func processes(tree string) map[string]string {
	pids := make(map[string]string)
	for _, m := range lived.FindAllStringSubmatch(tree, -1) {
		pids[m[1]] = m[2]
	}
	return pids
}

func TestTheTreeHeals(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, 12, true); err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(out.String(), "After ")
	if !ok {
		t.Fatalf("no second tree in\n%s", out.String())
	}
	old, now := processes(before), processes(after)
	if len(old) != 14 || len(now) != len(old) {
		t.Errorf("%d processes before and %d after, want 14:\n%s", len(old), len(now), out.String())
	}
	for _, same := range []string{"top", "workers", "chain", "patience"} {
		if old[same] != now[same] {
			t.Errorf("%s, a supervisor that nobody harmed, was %s and is %s", same, old[same], now[same])
		}
	}
	for _, fresh := range []string{"pool", "0", "1"} {
		if old[fresh] == now[fresh] {
			t.Errorf("%s is still %s: it was not killed", fresh, now[fresh])
		}
	}
	if !strings.Contains(after, "restarts  last: ") || !strings.Contains(after, "digraph") {
		t.Errorf("no restart or no graph in\n%s", after)
	}
}

func TestNothingCrashesWithoutJobs(t *testing.T) {
	sys, err := actor.NewSystem("demo")
	if err != nil {
		t.Fatal(err)
	}
	if n := crash(sys, 0); n != 0 {
		t.Errorf("%d processes ended", n)
	}
	if err := sys.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := await(ctx, func() bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
