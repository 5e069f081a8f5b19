//go:build unix

package file_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
	"github.com/foundation-runtime/foundation/strategies/file"
)

// node is one strategy at work.
type node struct {
	cancel func()
	done   chan error

	mu   sync.Mutex // protects the fields below
	last string     // set
	errs []string
	hang chan struct{} // if not nil, found waits for it to close
}

// start watches dir with the default times and announces name, if not empty.
func start(t *testing.T, dir, name string) *node {
	t.Helper()
	s, err := file.New(file.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if name != "" {
		if err := strategies.Announce(s, strategies.Peer{Name: name, Addr: name + ":1"}); err != nil {
			t.Fatal(err)
		}
	}
	return watch(t, s)
}

func watch(t *testing.T, s strategies.Strategy) *node {
	ctx, cancel := context.WithCancel(t.Context())
	n := &node{cancel: cancel, done: make(chan error, 1)}
	go func() {
		n.done <- s.Watch(ctx, func(u strategies.Update) {
			n.mu.Lock()
			hang := n.hang
			n.mu.Unlock()
			if hang != nil {
				<-hang
			}
			n.mu.Lock()
			defer n.mu.Unlock()
			if u.Err != nil {
				n.errs = append(n.errs, u.Err.Error())
			} else {
				n.last = fmt.Sprint(u.Peers)
			}
		})
	}()
	t.Cleanup(n.stop)
	return n
}

func (n *node) stop() {
	n.cancel()
	if n.done != nil {
		<-n.done
		n.done = nil
	}
}

// pass lets virtual time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

const look = 510 * time.Millisecond

func (n *node) sees(t *testing.T, want string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last != want {
		t.Errorf("sees %s, want %s (errors: %v)", n.last, want, n.errs)
	}
}

func (n *node) errors() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.errs
}

// inBubble runs f on virtual time with an empty directory.
func inBubble(t *testing.T, f func(t *testing.T, dir string)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { f(t, dir) })
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	found, err := os.ReadDir(filepath.Join(dir, "default"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		names = append(names, f.Name())
	}
	return names
}

// TestTwoTerminals: each finds the others, without itself, and a clean end is seen at the next look.
func TestTwoTerminals(t *testing.T) {
	inBubble(t, func(t *testing.T, dir string) {
		a, quiet := start(t, dir, "a"), start(t, dir, "")
		synctest.Wait()
		b := start(t, dir, "b")
		pass(look)
		a.sees(t, "[b@b:1]")
		b.sees(t, "[a@a:1]")
		quiet.sees(t, "[a@a:1 b@b:1]")
		b.stop()
		pass(look)
		a.sees(t, "[]")
		quiet.sees(t, "[a@a:1]")
		pass(time.Minute)
		quiet.sees(t, "[a@a:1]")
		a.stop()
		if left := files(t, dir); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// TestHangingProcess: an entry that is not refreshed leaves the set, but nobody removes it while its process lives.
func TestHangingProcess(t *testing.T) {
	inBubble(t, func(t *testing.T, dir string) {
		a, b := start(t, dir, "a"), start(t, dir, "b")
		pass(look)
		hang := make(chan struct{})
		b.mu.Lock()
		b.hang = hang
		b.mu.Unlock()
		c := start(t, dir, "c") // b reports it, and hangs
		pass(look)
		a.sees(t, "[b@b:1 c@c:1]")
		pass(9 * time.Second)
		a.sees(t, "[b@b:1 c@c:1]")
		pass(2 * time.Second)
		a.sees(t, "[c@c:1]")
		pass(5 * time.Minute)
		if n := len(files(t, dir)); n != 3 {
			t.Errorf("%d files, want 3", n)
		}
		close(hang)
		pass(2 * look)
		a.sees(t, "[b@b:1 c@c:1]")
		c.stop()
	})
}

// TestEntryComesBack: what cleans directories for temporary files removes nobody for longer than a look.
func TestEntryComesBack(t *testing.T) {
	inBubble(t, func(t *testing.T, dir string) {
		a, b := start(t, dir, "a"), start(t, dir, "b")
		pass(look)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		pass(2 * look)
		a.sees(t, "[b@b:1]")
		b.sees(t, "[a@a:1]")
		if len(a.errors())+len(b.errors()) > 0 {
			t.Errorf("errors: %v %v", a.errors(), b.errors())
		}
	})
}

// TestUnusableDirectory: the error names the directory, the set stays, and all is well when the directory is.
func TestUnusableDirectory(t *testing.T) {
	inBubble(t, func(t *testing.T, dir string) {
		sub := filepath.Join(dir, "sub")
		a, b := start(t, sub, "a"), start(t, sub, "b")
		pass(look)
		if err := errors.Join(os.RemoveAll(sub), os.WriteFile(sub, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		pass(3 * look)
		a.sees(t, "[b@b:1]")
		if len(a.errors()) < 3 || !strings.Contains(a.errors()[0], sub) || !strings.Contains(a.errors()[0], "give another Dir") {
			t.Errorf("errors: %q", a.errors())
		}
		if err := os.Remove(sub); err != nil {
			t.Fatal(err)
		}
		pass(3 * look)
		a.sees(t, "[b@b:1]")
		b.sees(t, "[a@a:1]")
	})
}

// TestForeignFiles: what is not ours is left alone, and what looks like ours is not believed.
func TestForeignFiles(t *testing.T) {
	inBubble(t, func(t *testing.T, dir string) {
		in := func(name string) string { return filepath.Join(dir, "default", name) }
		zeros := strings.Repeat("0", 31)
		stranger, err := file.New(file.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		watch(t, stranger)
		pass(look)
		for name, text := range map[string]string{
			"README":             "mine",
			"x.peer":             `{"version":1,"addr":"x:1"}`,
			zeros + "1.peer":     "{",
			zeros + "2.peer":     `{"version":2,"addr":"x:1"}`,
			zeros + "3.peer":     `{"version":1,"addr":"x:1","name":"a\nb"}`,
			zeros + "4.peer":     strings.Repeat(" ", 5000) + `{"version":1,"addr":"x:1"}`,
			zeros + "5.peer.bak": `{"version":1,"addr":"x:1"}`,
		} {
			if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, ".peer") && len(name) > 32 {
				t.Cleanup(holdLock(t, in(name)))
			}
		}
		for _, err := range []error{os.Mkdir(in(zeros+"6.peer"), 0o700), os.Symlink(in("x.peer"), in(zeros+"7.peer"))} {
			if err != nil {
				t.Fatal(err)
			}
		}
		a := start(t, dir, "a")
		pass(5 * look)
		a.sees(t, "[]")
		if len(a.errors()) != 4 {
			t.Errorf("want one error for each of four bad entries, got %q", a.errors())
		}
		if n := len(files(t, dir)); n != 10 {
			t.Errorf("%d files are left of 10", n)
		}
	})
}

func TestDefaultDirectoryMustBePrivate(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	if !strings.HasPrefix(file.DefaultDir(), tmp) {
		t.Skip("no TMPDIR on this system")
	}
	for what, prepare := range map[string]func() error{
		"written by other users": func() error {
			return errors.Join(os.Mkdir(file.DefaultDir(), 0o777), os.Chmod(file.DefaultDir(), 0o777))
		},
		"not a directory": func() error {
			return errors.Join(os.RemoveAll(file.DefaultDir()), os.Symlink(t.TempDir(), file.DefaultDir()))
		},
	} {
		if err := errors.Join(os.RemoveAll(file.DefaultDir()), prepare()); err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			n := start(t, "", "a")
			pass(look)
			if errs := n.errors(); len(errs) == 0 || !strings.Contains(errs[0], what) {
				t.Errorf("%s: errors %q", what, errs)
			}
			n.sees(t, "")
		})
	}
}

func TestBadConfigurationNamesFieldAndCure(t *testing.T) {
	for field, c := range map[string]file.Config{
		"Cluster":  {Cluster: "../up"},
		"Interval": {Interval: -1},
		"TTL":      {TTL: time.Second},
	} {
		_, err := file.New(c)
		if c, ok := errors.AsType[*strategies.ConfigError](err); !ok || c.Field != field || c.Cure == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
}
