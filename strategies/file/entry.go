package file

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
)

const (
	suffix        = ".peer"
	temporary     = ".new"
	maxEntryBytes = 4096
)

// entryName is what our files are called: an identity drawn at each start, never used again.
var entryName = regexp.MustCompile(`^[0-9a-f]{32}\.(peer|new)$`)

// isTemporary reports whether a file was not announced yet.
func isTemporary(name string) bool { return strings.HasSuffix(name, temporary) }

// entry is the content of a file.
type entry struct {
	Version int    `json:"version"`
	Addr    string `json:"addr"`
	Name    string `json:"name,omitempty"`
	Process int    `json:"process"` // for people
}

func decode(data []byte) (strategies.Peer, error) {
	var e entry
	if err := json.Unmarshal(data, &e); err != nil {
		return strategies.Peer{}, err
	}
	if e.Version != 1 {
		return strategies.Peer{}, fmt.Errorf("version %d is not known here", e.Version)
	}
	return strategies.Peer{Addr: e.Addr, Name: e.Name}.Check()
}

// own is the entry of this process. The open file holds the lock.
type own struct {
	dir, id string
	peer    strategies.Peer
	file    *os.File
}

func newOwn(dir string, self strategies.Peer) *own {
	var id [16]byte
	rand.Read(id[:]) // never fails
	return &own{dir: dir, id: hex.EncodeToString(id[:]), peer: self}
}

func (o *own) path(suffix string) string { return filepath.Join(o.dir, o.id+suffix) }

func (o *own) is(name string) bool { return o != nil && strings.HasPrefix(name, o.id) }

// refresh tells the others that this process goes on, and makes the entry if it is not there, or not ours any more.
func (o *own) refresh(now time.Time) error {
	if o.file != nil {
		mine, err1 := o.file.Stat()
		there, err2 := os.Lstat(o.path(suffix))
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			return os.Chtimes(o.path(suffix), now, now)
		}
		o.file.Close()
		o.file = nil
	}
	return o.publish()
}

func (o *own) publish() error {
	f, err := os.OpenFile(o.path(temporary), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	data, err := json.Marshal(entry{Version: 1, Addr: o.peer.Addr, Name: o.peer.Name, Process: os.Getpid()})
	if err == nil {
		err = lockOwn(f)
	}
	if err == nil {
		_, err = f.Write(append(data, '\n'))
	}
	if err == nil {
		err = os.Rename(o.path(temporary), o.path(suffix))
	}
	if err != nil {
		os.Remove(o.path(temporary))
		f.Close()
		return err
	}
	o.file = f
	return nil
}

// remove takes the entry away: a goodbye. What cannot be removed is stale once the lock is free.
func (o *own) remove() {
	if o.file != nil {
		os.Remove(o.path(suffix))
		o.file.Close()
	}
}

// owner is what the lock of an entry says of its process.
type owner int

const (
	lives   owner = iota
	gone          // ended: nobody holds the lock
	unknown       // there are no locks here
)

// visited is what a visit saw.
type visited struct {
	info  os.FileInfo
	owner owner
	peer  strategies.Peer
}

// visit looks at one entry. The error tells why there is no peer; the rest holds nevertheless.
func visit(path string) (v visited, err error) {
	f, err := openEntry(path)
	if err != nil {
		return visited{owner: lives}, err
	}
	defer f.Close()
	if v.info, err = f.Stat(); err != nil {
		return visited{owner: lives}, err
	}
	v.owner = askOwner(f)
	data, err := io.ReadAll(io.LimitReader(f, maxEntryBytes+1))
	if err == nil && len(data) > maxEntryBytes {
		err = errors.New("it is too large for an entry")
	}
	if err == nil {
		v.peer, err = decode(data)
	}
	if err != nil {
		err = fmt.Errorf("%s is not a good entry: %w; remove it if no process of this program needs it", path, err)
	}
	return v, err
}

// removeEntry removes a stale file, unless another one has its place by now.
func removeEntry(path string, v visited) {
	if there, err := os.Lstat(path); err == nil && os.SameFile(v.info, there) {
		os.Remove(path)
	}
}
