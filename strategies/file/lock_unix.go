//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package file

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockOwn takes the lock that says that this process lives. Whoever looks holds a lock for a moment too.
func lockOwn(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil || noLocks(err) {
		return nil
	}
	return fmt.Errorf("lock %s: %w", f.Name(), err)
}

// askOwner tries the lock of another process, and gives it back when f is closed.
func askOwner(f *os.File) owner {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	switch {
	case err == nil:
		return gone
	case noLocks(err):
		return unknown
	default:
		return lives
	}
}

func noLocks(err error) bool {
	return errors.Is(err, syscall.ENOLCK) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, errors.ErrUnsupported)
}

// openEntry follows no link and does not wait for the other end of a pipe.
func openEntry(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// notPrivate says why dir may be written by others than this user.
func notPrivate(dir string) string {
	info, err := os.Lstat(dir)
	if err != nil {
		return "cannot be examined (" + err.Error() + ")"
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return "is not a directory"
	case !ok || int(stat.Uid) != os.Geteuid():
		return "belongs to another user"
	case info.Mode().Perm()&0o022 != 0:
		return "may be written by other users"
	}
	return ""
}
