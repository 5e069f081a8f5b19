package main

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// tree writes files into a directory of its own: path → text.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// locked is a tree one of whose files cannot be opened, whoever runs the test.
type locked struct {
	fs.FS
	path string
}

func (l locked) Open(name string) (fs.File, error) {
	if name == l.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return l.FS.Open(name)
}

func quiet(int64, int64) {}

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestRunCountsLikeTheNaiveWay(t *testing.T) {
	files := map[string]string{
		"a.txt":         "One two two\nthree THREE three\n",
		"b/c.txt":       "two мир\n",
		"b/d/empty.txt": "",
	}
	for i := range 50 {
		files[filepath.ToSlash(filepath.Join("many", string(rune('A'+i))))] = strings.Repeat("four ", i) + "one\n"
	}
	want := map[string]int64{}
	var words, lines int64
	for _, text := range files {
		for word, times := range naive(text) {
			want[word] += times
			words += times
		}
		lines += int64(strings.Count(text, "\n"))
	}
	dir := tree(t, files)
	for _, c := range []config{{readers: 1, shards: 1, top: 100}, {readers: 8, shards: 3, top: 100}} {
		var last int64
		r, err := run(bounded(t), c, os.DirFS(dir), func(done, total int64) {
			if done != last+1 || total != int64(len(files)) {
				t.Errorf("progress went from %d to %d of %d", last, done, total)
			}
			last = done
		})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int64{}
		for _, row := range r.Top {
			got[row.Word] = row.Times
		}
		if !maps.Equal(got, want) {
			t.Errorf("%d readers, %d shards: got %v, want %v", c.readers, c.shards, got, want)
		}
		if r.Counted != int64(len(files)) || r.Words != words || r.Lines != lines || r.Distinct != int64(len(want)) {
			t.Errorf("totals %d files, %d words, %d lines, %d different", r.Counted, r.Words, r.Lines, r.Distinct)
		}
		if last != int64(len(files)) || r.Restarts != 0 || len(r.Skipped) != 0 {
			t.Errorf("%d reported, %d restarts, skipped %v", last, r.Restarts, r.Skipped)
		}
	}
}

func TestRunReportsWhatItCannotCount(t *testing.T) {
	dir := tree(t, map[string]string{
		"good": "word\n", "locked": "secret\n", "picture": "PNG\x00\x01", "poison1": "a", "poison2": "b",
	})
	for _, readers := range []int{1, 4} {
		c := config{readers: readers, shards: 2, top: 10, poison: "poison"}
		r, err := run(bounded(t), c, locked{os.DirFS(dir), "locked"}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if r.Counted != 1 || len(r.Top) != 1 || r.Top[0] != (entry{"word", 1}) {
			t.Errorf("counted %d files: %v", r.Counted, r.Top)
		}
		if f := r.Skipped[unreadable]; len(f) != 1 || f[0].Path != "locked" || !errors.Is(f[0].Why, fs.ErrPermission) {
			t.Errorf("unreadable: %v", f)
		}
		if f := r.Skipped[binary]; len(f) != 1 || f[0].Path != "picture" {
			t.Errorf("binary: %v", f)
		}
		if r.Restarts != 2 || len(r.Skipped[poisoned]) != 2 {
			t.Fatalf("%d restarts, poisoned: %v", r.Restarts, r.Skipped[poisoned])
		}
		for i, f := range r.Skipped[poisoned] {
			var p *actor.PanicError
			if want := []string{"poison1", "poison2"}[i]; f.Path != want || !errors.As(f.Why, &p) {
				t.Errorf("poisoned: %s (%v), want %s with the panic", f.Path, f.Why, want)
			}
		}
	}
}

func TestRunOfNothing(t *testing.T) {
	r, err := run(bounded(t), config{readers: 2, shards: 2, top: 5}, fstest.MapFS{}, quiet)
	if err != nil || r.Counted != 0 || len(r.Top) != 0 {
		t.Errorf("an empty tree: %+v, %v", r, err)
	}
}

func TestRunReportsADirectoryItCannotList(t *testing.T) {
	dir := tree(t, map[string]string{"open/a": "a\n", "shut/b": "b\n"})
	r, err := run(bounded(t), config{readers: 1, shards: 1, top: 5}, locked{os.DirFS(dir), "shut"}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if f := r.Skipped[unreadable]; r.Counted != 1 || len(f) != 1 || f[0].Path != "shut" {
		t.Errorf("counted %d, unreadable: %v", r.Counted, f)
	}
}

// TestRunEndsWithItsContext: an interrupted run returns the context's error, although its only file was never read.
func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(bounded(t))
	stuck := stuckFS{opened: cancel, release: make(chan struct{})}
	// The file opens once the run is over, so that its reader can end too.
	context.AfterFunc(ctx, func() { close(stuck.release) })
	_, err := run(ctx, config{readers: 1, shards: 1, top: 5}, stuck, quiet)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// stuckFS has one file, whose opening calls opened and then waits for release.
type stuckFS struct {
	opened  func()
	release chan struct{}
}

func (s stuckFS) Open(name string) (fs.File, error) {
	if name == "file" {
		s.opened()
		<-s.release
	}
	return fstest.MapFS{"file": &fstest.MapFile{Data: []byte("x")}}.Open(name)
}

func TestProgram(t *testing.T) {
	dir := tree(t, map[string]string{"a": "Hello hello\n"})
	var out, errs strings.Builder
	if err := program(bounded(t), []string{"-dir", dir}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"   1  hello      2\n", "1 files, 1 lines, 2 words, 1 different"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in\n%s", part, &out)
		}
	}
	if !strings.Contains(errs.String(), "100% 1/1 files") {
		t.Errorf("no progress:\n%s", &errs)
	}
}
