package netns

import (
	"os"
	"os/exec"
	"testing"
)

func TestNamesTellTheirOwner(t *testing.T) {
	want := owner{pid: 12, started: 3456}
	for _, host := range []string{"a", "a-b", "bridge"} {
		if got, ok := parseName(want.name(7, host)); !ok || got != want {
			t.Errorf("%s: %v, %v", want.name(7, host), got, ok)
		}
	}
	for _, name := range []string{"", "other", "foundation-e2e", "foundation-e2e-", "foundation-e2e-1-2-3", "foundation-e2e-x-2-3-a",
		"foundation-e2e-1-x-3-a", "foundation-e2e--1-2-3-a", "foundation-e2e-0-2-3-a", "my-foundation-e2e-1-2-3-a"} {
		if o, ok := parseName(name); ok {
			t.Errorf("%q is taken for one of %v", name, o)
		}
	}
}

func TestStatOfAProcess(t *testing.T) {
	for stat, want := range map[string]uint64{
		"1 (a) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 42 9 9":       42,
		"1 (a b) ) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 43 9 9":   43,
		"1 ((S 0 1)) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 44 9 9": 44,
	} {
		if got, err := parseStat(stat); err != nil || got != want {
			t.Errorf("%q: %d, %v", stat, got, err)
		}
	}
	for _, stat := range []string{"", ")", "1 (a) S 0", "1 (a) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 x 9 9"} {
		if got, err := parseStat(stat); err == nil {
			t.Errorf("%q: %d", stat, got)
		}
	}
}

func TestOwnersGo(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc here")
	}
	self, err := ownerOf(os.Getpid())
	if err != nil || self.gone() {
		t.Errorf("this process: %v, %v", self, err)
	}
	if before := (owner{self.pid, self.started - 1}); !before.gone() {
		t.Error("an earlier process with our identifier is taken for us")
	}
	child := exec.Command(os.Args[0], "-test.run=^$")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	if !(owner{child.Process.Pid, self.started}).gone() {
		t.Error("a process that has ended is not gone")
	}
}
