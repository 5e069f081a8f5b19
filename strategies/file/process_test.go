//go:build unix

package file_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
	"github.com/foundation-runtime/foundation/strategies/file"
)

const childDir = "FOUNDATION_TEST_FILE_DIR"

// TestMain makes this program a node in a directory, if told so.
func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := quick(dir, "child")
	if err == nil {
		err = s.Watch(neverEnds{}, func(u strategies.Update) { fmt.Println(u.Peers, u.Err) })
	}
	fmt.Println(err)
	os.Exit(1)
}

func quick(dir, name string) (*file.Strategy, error) {
	s, err := file.New(file.Config{Dir: dir, Interval: 10 * time.Millisecond, TTL: time.Minute})
	if err != nil {
		return nil, err
	}
	return s, strategies.Announce(s, strategies.Peer{Name: name, Addr: name + ":1"})
}

// neverEnds is a context for a process that is killed.
type neverEnds struct{}

func (neverEnds) Deadline() (time.Time, bool) { return time.Time{}, false }
func (neverEnds) Done() <-chan struct{}       { return nil }
func (neverEnds) Err() error                  { return nil }
func (neverEnds) Value(any) any               { return nil }

// holdLock does what a living process does with its entry.
func holdLock(t *testing.T, path string) (release func()) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	return func() { f.Close() }
}

// TestKilledProcess: two real processes find each other, and after kill -9 the entry is gone long before its TTL.
func TestKilledProcess(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Process.Kill(); child.Wait() })

	s, err := quick(dir, "parent")
	if err != nil {
		t.Fatal(err)
	}
	sets := make(chan string, 100)
	stopped := make(chan error)
	go func() {
		stopped <- s.Watch(t.Context(), func(u strategies.Update) { sets <- fmt.Sprint(u.Peers, " ", u.Err) })
	}()
	t.Cleanup(func() { <-stopped })

	await(t, "the parent", sets, "[child@child:1] <nil>")
	lines := make(chan string, 100)
	go func() {
		for scan := bufio.NewScanner(out); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	await(t, "the child", lines, "[parent@parent:1] <nil>")

	killed := time.Now()
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, "the parent", sets, "[] <nil>")
	if d := time.Since(killed); d > 20*time.Second {
		t.Errorf("seen after %v", d)
	}
	left, err := filepath.Glob(filepath.Join(dir, "default", "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("want the parent's entry alone, got %v, %v", left, err)
	}
}

func await(t *testing.T, who string, sets <-chan string, want string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case got := <-sets:
			if got == want {
				return
			}
		case <-deadline:
			t.Fatalf("%s never saw %s", who, want)
		}
	}
}

// TestUnreadableDirectory needs a user whom permissions stop.
func TestUnreadableDirectory(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("permissions do not stop root")
	}
	inBubble(t, func(t *testing.T, dir string) {
		if err := os.Mkdir(filepath.Join(dir, "default"), 0); err != nil {
			t.Fatal(err)
		}
		a := start(t, dir, "")
		pass(look)
		if len(a.errors()) == 0 || !strings.Contains(a.errors()[0], "permission denied") {
			t.Errorf("errors: %q", a.errors())
		}
	})
}
