package distributed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/registry/crdt"
	"github.com/foundation-runtime/foundation/supervision"
)

// spec is the intent: what somebody wants to run. It is written by whoever asks for something, the last write wins, and it says
// nothing of what runs. It is not changed once it is written.
type spec struct {
	kind      string
	args      []byte // by the codec of the node that wrote it
	types     uint64 // the hash of that node's table of types
	strategy  Strategy
	key       string
	home      string // of Local
	restart   supervision.Restart
	intensity int
	period    time.Duration
	shutdown  time.Duration
	labels    map[string]string
	zone      string
	stopped   bool       // it is to stay, and not to run
	born      crdt.Stamp // of the Start or Restart: activations with a lesser epoch are of an earlier intent
}

func specOf(c *Child, home string) *spec {
	s := &spec{
		kind: c.Kind, strategy: c.Strategy, key: c.Key, restart: c.Restart, intensity: c.Intensity, period: c.Period,
		shutdown: c.Shutdown, labels: maps.Clone(c.Labels), zone: c.Zone,
	}
	if c.Strategy == Local {
		s.home = home
	}
	if s.intensity == 0 {
		s.intensity = supervision.DefaultIntensity
	}
	if s.period == 0 {
		s.period = supervision.DefaultPeriod
	}
	if s.shutdown == 0 {
		s.shutdown = supervision.DefaultShutdown
	}
	return s
}

// permits reports whether a member may run it.
func (s *spec) permits(p *place) bool {
	if s.zone != "" && s.zone != p.zone || s.home != "" && s.home != p.name {
		return false
	}
	for k, v := range s.labels {
		if have, ok := p.labels[k]; !ok || have != v {
			return false
		}
	}
	return true
}

// The form of a spec in records: a version, then its fields in order.
const specForm = 1

func (s *spec) append(b []byte) []byte {
	b = append(b, specForm, byte(s.strategy), byte(s.restart), flag(s.stopped))
	b = binary.BigEndian.AppendUint64(b, uint64(s.born))
	b = binary.BigEndian.AppendUint64(b, s.types)
	b = binary.AppendVarint(b, int64(s.intensity))
	b = binary.AppendVarint(b, int64(s.period))
	b = binary.AppendVarint(b, int64(s.shutdown))
	for _, t := range []string{s.kind, s.key, s.home, s.zone} {
		b = appendText(b, t)
	}
	b = binary.AppendUvarint(b, uint64(len(s.labels)))
	for _, k := range slices.Sorted(maps.Keys(s.labels)) {
		b = appendText(appendText(b, k), s.labels[k])
	}
	return appendText(b, string(s.args))
}

var errSpec = errors.New("cluster/distributed: malformed specification")

func parseSpec(b []byte) (*spec, error) {
	f := fields{rest: b}
	form := f.byte()
	s := &spec{strategy: Strategy(f.byte()), restart: supervision.Restart(f.byte()), stopped: f.flag()}
	s.born, s.types = crdt.Stamp(f.fixed()), f.fixed()
	s.intensity = int(f.varint())
	s.period, s.shutdown = time.Duration(f.varint()), time.Duration(f.varint())
	s.kind, s.key, s.home, s.zone = f.text(maxKind), f.text(crdt.MaxNameBytes), f.text(crdt.MaxNodeBytes), f.text(maxText)
	n := f.count(2, maxLabels)
	if n > 0 {
		s.labels = make(map[string]string, n)
	}
	last := ""
	for i := 0; i < n && !f.bad; i++ {
		k := f.text(maxText)
		f.bad = f.bad || i > 0 && k <= last
		s.labels[k], last = f.text(maxText), k
	}
	if args := f.bytes(crdt.MaxValueBytes); len(args) > 0 {
		s.args = slices.Clone(args)
	}
	if f.bad || len(f.rest) > 0 || form != specForm || s.strategy > Local || s.restart > supervision.Temporary ||
		s.period < 0 || s.shutdown < supervision.BrutalKill || s.intensity < supervision.NoRestarts || s.intensity > MaxIntensity {
		return nil, errSpec
	}
	return s, nil
}

// status is what an activation is.
type status byte

const (
	running  status = 1 + iota
	starting        // Init has not returned
	failed          // it is not started again unless somebody asks
)

// note is what an activation says of itself, in the metadata of its record: the window of restarts travels with it.
type note struct {
	status   status
	first    bool    // of failed: it never ran
	restarts []int64 // unix milliseconds
	why      string  // of failed
	unknown  bool    // the node knows no such kind
}

// err is why it failed, as an error.
func (n note) err() error {
	if n.unknown {
		return fmt.Errorf("%w: %s", cluster.ErrUnknownKind, n.why)
	}
	return errors.New(n.why)
}

const maxWhy = 512

func (n note) text() string {
	b := []byte{byte(n.status), flag(n.first), flag(n.unknown)}
	b = binary.AppendUvarint(b, uint64(len(n.restarts)))
	for _, t := range n.restarts {
		b = binary.AppendVarint(b, t)
	}
	return string(appendText(b, n.why[:min(len(n.why), maxWhy)]))
}

// parseNote is lenient with what a newer version adds behind.
func parseNote(text string) (n note, err error) {
	f := fields{rest: []byte(text)}
	n.status, n.first, n.unknown = status(f.byte()), f.flag(), f.flag()
	for range f.count(1, MaxIntensity) {
		n.restarts = append(n.restarts, f.varint())
	}
	n.why = f.text(maxWhy)
	if f.bad || n.status < running || n.status > failed {
		return note{}, fmt.Errorf("%w: the note of an activation", errRecord)
	}
	return n, nil
}

// again counts a restart at now, and is false if it is one too many. Restarts further back than period do not count, nor do those
// in the future, by the clock of another node.
func (n *note) again(now time.Time, intensity int, period time.Duration) bool {
	at := now.UnixMilli()
	n.restarts = slices.DeleteFunc(slices.Clone(n.restarts), func(t int64) bool { return at-t > period.Milliseconds() || t > at+period.Milliseconds() })
	if len(n.restarts) >= max(intensity, 0) {
		return false
	}
	n.restarts = append(n.restarts, at)
	return true
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// fields takes bytes apart; once something is wrong, bad stays set and all it gives is zero.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) take(n int) []byte {
	if f.bad || n > len(f.rest) {
		f.bad, f.rest = true, nil
		return nil
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) byte() byte {
	if b := f.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) flag() bool {
	b := f.byte()
	f.bad = f.bad || b > 1
	return b == 1
}

func (f *fields) fixed() uint64 {
	if b := f.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (f *fields) varint() int64 {
	n, size := binary.Varint(f.rest)
	if f.take(max(size, 0)); size <= 0 {
		f.bad = true
		return 0
	}
	return n
}

func (f *fields) uvarint() uint64 {
	n, size := binary.Uvarint(f.rest)
	if f.take(max(size, 0)); size <= 0 {
		f.bad = true
		return 0
	}
	return n
}

// count is the length of a list of at most limit elements that take at least size bytes each.
func (f *fields) count(size, limit int) int {
	n := f.uvarint()
	if n > uint64(len(f.rest)/size) || n > uint64(limit) {
		f.bad = true
		return 0
	}
	return int(n)
}

func (f *fields) bytes(limit int) []byte {
	return f.take(f.count(1, limit))
}

func (f *fields) text(limit int) string { return string(f.bytes(limit)) }

func (f *fields) all() []byte {
	b := f.rest
	f.rest = nil
	return b
}
