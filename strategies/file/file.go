package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
)

// Config of a Strategy; the zero value is good for programs of one user.
type Config struct {
	// Dir is shared by all processes that shall find each other. Empty: [DefaultDir].
	Dir string
	// Cluster keeps clusters in one Dir apart. Empty: "default".
	Cluster string
	// Interval is the time between two looks, and between two refreshes. Zero: 500 ms.
	Interval time.Duration
	// TTL is how long an entry of a process that lives counts without a refresh. Zero: 20 intervals.
	TTL time.Duration
}

// Strategy watches one directory.
type Strategy struct {
	config  Config
	private bool // Dir is the default one, in a place where others may write
	self    *strategies.Peer
}

// DefaultDir is a directory of this user in the directory for temporary files.
func DefaultDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("foundation-%d", os.Getuid()))
}

var clusterName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$`)

// New checks c; it does not touch the directory.
func New(c Config) (*Strategy, error) {
	bad := func(field string, value any, why, cure string) error {
		return &strategies.ConfigError{Strategy: "strategies/file", Field: field, Value: value, Why: why, Cure: cure}
	}
	s := &Strategy{private: c.Dir == ""}
	if c.Dir == "" {
		c.Dir = DefaultDir()
	}
	if c.Cluster == "" {
		c.Cluster = "default"
	}
	if c.Interval == 0 {
		c.Interval = 500 * time.Millisecond
	}
	if c.TTL == 0 {
		c.TTL = 20 * c.Interval
	}
	if !clusterName.MatchString(c.Cluster) {
		return nil, bad("Cluster", c.Cluster, "it becomes the name of a directory",
			"use up to 64 letters, digits, dots, dashes and underscores, without a dot in front")
	}
	if c.Interval < time.Millisecond {
		return nil, bad("Interval", c.Interval, "it is shorter than 1 ms", "leave it zero for 500 ms")
	}
	if c.TTL < 3*c.Interval {
		return nil, bad("TTL", c.TTL, fmt.Sprintf("it is shorter than three intervals of %v, so that one late refresh removes a peer", c.Interval),
			"leave it zero for 20 intervals")
	}
	s.config = c
	return s, nil
}

// Announce implements [strategies.Announcer].
func (s *Strategy) Announce(self strategies.Peer) error {
	s.self = &self
	return nil
}

// String names the strategy and its directory.
func (s *Strategy) String() string { return "file(" + s.dir() + ")" }

func (s *Strategy) dir() string { return filepath.Join(s.config.Dir, s.config.Cluster) }

// Watch implements [strategies.Strategy].
func (s *Strategy) Watch(ctx context.Context, found func(strategies.Update)) error {
	w := &watch{Strategy: s, report: strategies.NewReporter(s.String(), found), seen: map[string]sight{}}
	if s.self != nil {
		w.own = newOwn(s.dir(), *s.self)
		defer w.own.remove()
	}
	for ctx.Err() == nil {
		w.look(time.Now())
		strategies.Pause(ctx, s.config.Interval)
	}
	return nil
}

// watch is the state of one Watch.
type watch struct {
	*Strategy
	report *strategies.Reporter
	own    *own // nil if nothing is announced
	seen   map[string]sight

	announceFailures int
	announceAgain    time.Time
}

// sight is what was seen of one file.
type sight struct {
	modified time.Time // as the file system says; only compared with itself
	changed  time.Time // by our clock: when modified was last seen to change
	faulty   bool      // reported as unreadable
}

// look refreshes the own entry and reports the others.
func (w *watch) look(now time.Time) {
	if err := w.prepare(); err != nil {
		w.report.Err(err)
		return
	}
	if w.own != nil && !now.Before(w.announceAgain) {
		if err := w.own.refresh(now); err != nil {
			w.announceFailures++
			w.announceAgain = now.Add(strategies.Backoff(w.announceFailures, w.config.Interval, time.Minute))
			w.report.Err(fmt.Errorf("others cannot see this node: %w; make room or give another Dir", err))
		} else {
			w.announceFailures = 0
		}
	}
	files, err := os.ReadDir(w.dir())
	if err != nil {
		w.report.Err(fmt.Errorf("%w; let this user read it, or give another Dir", err))
		return
	}
	peers, errs := w.read(files, now)
	for _, err := range errs {
		w.report.Err(err)
	}
	w.report.Set(peers)
}

// prepare makes the directory, and refuses one that somebody else may have prepared.
func (w *watch) prepare() error {
	if err := os.MkdirAll(w.dir(), 0o700); err != nil {
		return fmt.Errorf("%w; let this user write there, or give another Dir", err)
	}
	if !w.private {
		return nil
	}
	if why := notPrivate(w.config.Dir); why != "" {
		return fmt.Errorf("%s %s, so that anybody could announce nodes; remove it or give another Dir", w.config.Dir, why)
	}
	return nil
}

// read visits files and returns the peers among them. Errors are those of files that were not reported before.
func (w *watch) read(files []os.DirEntry, now time.Time) (peers []strategies.Peer, errs []error) {
	before := w.seen
	w.seen = map[string]sight{}
	for _, f := range files {
		name := f.Name()
		if !entryName.MatchString(name) || !f.Type().IsRegular() || w.own.is(name) || len(w.seen) > strategies.MaxPeers {
			continue
		}
		s, known := before[name]
		info, err := f.Info()
		if err != nil {
			continue // removed since the directory was read
		}
		if !known || !s.modified.Equal(info.ModTime()) {
			s = sight{modified: info.ModTime(), changed: now}
		}
		p, err := w.judge(name, now.Sub(s.changed))
		if err != nil && !s.faulty {
			errs = append(errs, err)
		}
		s.faulty = err != nil
		w.seen[name] = s
		if p != nil {
			peers = append(peers, *p)
		}
	}
	return peers, errs
}

// judge says whether an entry that was not refreshed for so long is a peer, and removes it if its process ended.
func (w *watch) judge(name string, idle time.Duration) (*strategies.Peer, error) {
	if isTemporary(name) && idle <= w.config.TTL {
		return nil, nil // its owner is about to lock and rename it
	}
	path := filepath.Join(w.dir(), name)
	v, err := visit(path)
	switch {
	case os.IsNotExist(err):
		return nil, nil
	case v.owner == gone, v.owner == unknown && idle > 10*w.config.TTL:
		removeEntry(path, v)
		return nil, nil
	case idle > w.config.TTL, isTemporary(name):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &v.peer, nil
}
