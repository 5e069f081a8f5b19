package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
)

// TestMain makes this program one of the nodes that it starts, if told so.
func TestMain(m *testing.M) {
	if os.Getenv(nodeVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestNodesCountTheSame: text that travels in pieces, cut within characters and words, is counted as text that does not.
func TestNodesCountTheSame(t *testing.T) {
	files := map[string]string{
		"picture": "PNG\x00" + strings.Repeat("x", 3*pieceSize), "poison": "a", "locked": "secret\n", "empty": "",
		"exact": strings.Repeat("a ", pieceSize/2),
		"long":  "x" + strings.Repeat("мир ärger\n", pieceSize/5),
	}
	var many strings.Builder // more different words than one message holds
	for i := range 3 * mostWords {
		many.WriteString("w" + strings.ReplaceAll(grouped(int64(i)), ",", "_") + " ")
	}
	files["many"] = many.String()
	dir := tree(t, files)
	c := config{readers: 2, shards: 2, top: 5000, poison: "poison", nodes: 3}
	fsys := locked{os.DirFS(dir), "locked"}
	want, err := run(bounded(t), c, fsys, quiet)
	if err != nil {
		t.Fatal(err)
	}
	got, took, err := runOnNodes(bounded(t), c, fsys, quiet, os.Stderr)
	if err != nil || took <= 0 {
		t.Fatal(err)
	}
	if err := same(want, got); err != nil {
		t.Error(err)
	}
	if want.Words == 0 || len(got.Top) != 5000 || got.Top[0].Word != "a" || got.Restarts != 1 {
		t.Errorf("%d words, %d rows beginning with %v, %d restarts", want.Words, len(got.Top), got.Top[0], got.Restarts)
	}
	if f := got.Skipped[unreadable]; len(f) != 1 || !errors.Is(f[0].Why, fs.ErrPermission) {
		t.Errorf("unreadable: %v", f)
	}
}

// broken is a tree one of whose files ends with an error after one piece.
type broken struct {
	fs.FS
	path string
}

func (b broken) Open(name string) (fs.File, error) {
	f, err := b.FS.Open(name)
	if err == nil && name == b.path {
		return &brokenFile{File: f, left: pieceSize + 100}, nil
	}
	return f, err
}

type brokenFile struct {
	fs.File
	left int
}

var errDisk = errors.New("disk on fire")

func (f *brokenFile) Read(b []byte) (int, error) {
	if f.left == 0 {
		return 0, errDisk
	}
	n, err := f.File.Read(b[:min(len(b), f.left)])
	f.left -= n
	return n, err
}

// TestNodesForgetABrokenFile: of a file that cannot be read to its end nothing counts, and its counter goes on.
func TestNodesForgetABrokenFile(t *testing.T) {
	dir := tree(t, map[string]string{"a": strings.Repeat("never ", pieceSize), "b": "good\n", "c": "good\n"})
	got, _, err := runOnNodes(bounded(t), config{readers: 1, shards: 1, top: 5, nodes: 1}, broken{os.DirFS(dir), "a"}, quiet, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Top) != 1 || got.Top[0] != (entry{"good", 2}) || got.Restarts != 0 {
		t.Errorf("%v, %d restarts", got.Top, got.Restarts)
	}
	if f := got.Skipped[unreadable]; len(f) != 1 || f[0].Path != "a" || !errors.Is(f[0].Why, errDisk) {
		t.Errorf("unreadable: %v", f)
	}
}

// trap calls f at the first Open of a file, and lets all others wait for that.
type trap struct {
	fs.FS
	once *sync.Once
	f    func()
}

func (t trap) Open(name string) (fs.File, error) {
	if name != "." {
		t.once.Do(t.f)
	}
	return t.FS.Open(name)
}

// TestNodeIsKilled: without a node the words of its shards are lost, and whoever wants the result is told so.
func TestNodeIsKilled(t *testing.T) {
	ctx := bounded(t)
	dir := tree(t, map[string]string{"a": "a\n", "b": "b\n", "c": "c\n"})
	team, err := assemble(ctx, 3, io.Discard)
	t.Cleanup(func() { _ = team.disband(ctx) }) // one of them was killed
	if err != nil {
		t.Fatal(err)
	}
	down := make(chan struct{})
	team.node.Subscribe(func(e cluster.MemberEvent) {
		if e.Kind == cluster.MemberDown {
			close(down)
		}
	})
	killed := make(chan time.Time, 1)
	fsys := trap{os.DirFS(dir), new(sync.Once), func() {
		killed <- time.Now()
		if err := team.children[1].Process.Kill(); err != nil {
			t.Error(err)
		}
		select {
		case <-down:
		case <-ctx.Done():
		}
	}}
	_, err = runIn(ctx, team.sys, places{team.shard, team.counter}, config{readers: 3, shards: 3, top: 5}, fsys, quiet)
	if !errors.Is(err, actor.NoConnection) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the result is %v", err)
	}
	t.Logf("known after %v", time.Since(<-killed).Round(time.Millisecond))
}

func TestSame(t *testing.T) {
	a := result{Counted: 1, Lines: 2, Words: 3, Distinct: 1, Top: []entry{{"a", 3}}, Skipped: map[outcome][]failure{binary: {{"x", errBinary}}}}
	if err := same(a, a); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*result){
		"words": func(r *result) { r.Words++ }, "lines": func(r *result) { r.Lines++ }, "files": func(r *result) { r.Counted++ },
		"table": func(r *result) { r.Top = []entry{{"b", 3}} }, "skipped": func(r *result) { r.Skipped = nil },
	} {
		b := a
		if change(&b); same(a, b) == nil {
			t.Errorf("another number of %s is the same", name)
		}
	}
}

func TestOwnerIsTheSameEverywhere(t *testing.T) {
	for word, want := range map[string]int{"a": 1, "the": 1, "мир": 0, "": 1} {
		if got := owner(word, 3); got != want {
			t.Errorf("%q is of shard %d, not %d", word, got, want)
		}
	}
}
