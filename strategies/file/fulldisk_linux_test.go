package file_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestFullDisk uses a real file system that is full: who cannot announce says so and looks on, and who announced
// before is refreshed.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "nr_inodes=8"); err != nil {
		t.Skip("cannot mount a file system here: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	synctest.Test(t, func(t *testing.T) {
		a := start(t, dir, "a")
		pass(look)
		var blocks []string
		for i := 0; ; i++ { // until no more files fit
			name := filepath.Join(dir, fmt.Sprint("block", i))
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				if !errors.Is(err, syscall.ENOSPC) {
					t.Fatal(err)
				}
				break
			}
			blocks = append(blocks, name)
		}
		b := start(t, dir, "b")
		pass(time.Minute)
		b.sees(t, "[a@a:1]")
		if len(b.errors()) == 0 || !strings.Contains(b.errors()[0], "no space left") || !strings.Contains(b.errors()[0], "others cannot see this node") {
			t.Errorf("errors: %q", b.errors())
		}
		if len(a.errors()) != 0 {
			t.Errorf("who announced before fails: %q", a.errors())
		}
		if err := os.Remove(blocks[0]); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Minute)
		a.sees(t, "[b@b:1]")
	})
}
