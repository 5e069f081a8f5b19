package distributed

import (
	"fmt"
	"maps"
	"slices"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/crdt"
	"github.com/foundation-runtime/foundation/supervision"
)

// State is what a child is.
type State uint8

const (
	// Waiting: it is wanted, and nobody has it yet; perhaps no node may run it.
	Waiting State = iota
	// Starting: its Init has not returned.
	Starting
	// Running is what it should be.
	Running
	// Stopped: it was terminated.
	Stopped
	// HasFailed: it was restarted too often, or did not come up. Restart starts it again.
	HasFailed
)

// String is the name of the constant.
func (s State) String() string {
	names := [...]string{"Waiting", "Starting", "Running", "Stopped", "HasFailed"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// ChildInfo describes a child, as far as this node knows.
type ChildInfo struct {
	ID       string
	Kind     string
	Strategy Strategy
	Restart  supervision.Restart
	State    State
	Node     string    // that runs it, or where it failed
	PID      actor.PID // of Running
	// Epoch grows with every activation of the child. Stores that write on behalf of the child refuse lesser ones; see [Token].
	Epoch uint64
	Token Token
	Err   error // of HasFailed
}

// Token orders activations of a child: bytes, of which the greater are of the activation that stays. Two sides of a partition may
// reach the same Epoch, and never the same Token.
type Token = crdt.Token

// Counts counts children.
type Counts struct {
	Specs                                       int // children
	Waiting, Starting, Running, Stopped, Failed int // as above; of a Replicated child each process counts
}

// what came of an intent.
type outcome uint8

const (
	undecided outcome = iota
	isThere
	hasFailed
	isGone
)

// outcome is what became of the intent of born.
func (c *core) outcome(ch *child, born crdt.Stamp) outcome {
	if ch.spec == nil {
		return isGone
	}
	for r := range c.store.Holders(key(ch.id)) {
		n, err := parseNote(r.Meta)
		switch {
		case err != nil || r.Epoch < uint64(born):
		case n.status == running:
			return isThere
		case n.status == failed:
			return hasFailed
		}
	}
	if c.specs.Len() > 0 && ch.spec.born > born { // somebody else wanted it later: that is the one to wait for
		return c.outcome(ch, ch.spec.born)
	}
	return undecided
}

// failure is where and why a child failed.
func (c *core) failure(ch *child) (node string, n note) {
	for r := range c.store.Holders(key(ch.id)) {
		if n, err := parseNote(r.Meta); err == nil && n.status == failed {
			return r.Origin.Node, n
		}
	}
	return "", note{}
}

// failedNow reports whether a child has failed, and nobody has asked for it since.
func (c *core) failedNow(ch *child) bool {
	has := false
	for r := range c.store.Holders(key(ch.id)) {
		n, err := parseNote(r.Meta)
		if err != nil || n.status != failed {
			return false
		}
		has = has || r.Epoch >= uint64(ch.spec.born)
	}
	return has
}

// Whereis is the process of a child, as far as this node knows; of a Replicated one that of this node, if there is one.
func (d *Supervisor) Whereis(id string) (actor.PID, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.whereis(d.core, id)
}

func (d *Supervisor) whereis(c *core, id string) (pid actor.PID, ok bool) {
	for r := range c.store.Holders(key(id)) {
		p := processOf(r.PID)
		if n, err := parseNote(r.Meta); err != nil || n.status != running || p == 0 {
			continue
		}
		mine := r.Origin == c.store.Self()
		if !ok || mine && c.children[id] != nil && c.children[id].spec != nil && c.children[id].spec.strategy == Replicated {
			pid, ok = d.pid(c.sources[r.Origin], p), true
		}
	}
	return pid, ok
}

// Children describes all children of the cluster, by ID; a Replicated one once for each process.
func (d *Supervisor) Children() []ChildInfo {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.core
	list := make([]ChildInfo, 0, len(c.children))
	for _, id := range slices.Sorted(maps.Keys(c.children)) {
		if ch := c.children[id]; ch.spec != nil {
			list = d.describe(list, c, ch)
		}
	}
	return list
}

// Child describes one child; of a Replicated one the process that Whereis finds.
func (d *Supervisor) Child(id string) (ChildInfo, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch := d.core.children[id]
	if ch == nil || ch.spec == nil {
		return ChildInfo{}, false
	}
	list := d.describe(nil, d.core, ch)
	for _, x := range list {
		if x.Node == d.sys.Name() {
			return x, true
		}
	}
	return list[0], true
}

func (d *Supervisor) describe(list []ChildInfo, c *core, ch *child) []ChildInfo {
	info := ChildInfo{ID: ch.id, Kind: ch.spec.kind, Strategy: ch.spec.strategy, Restart: ch.spec.restart}
	if ch.spec.stopped {
		info.State = Stopped
	}
	n := len(list)
	for r := range c.store.Holders(key(ch.id)) {
		x := info
		note, err := parseNote(r.Meta)
		if err != nil {
			continue
		}
		x.Node, x.Epoch, x.Token = r.Origin.Node, r.Epoch, r.Token()
		switch note.status {
		case running:
			x.State, x.PID = Running, d.pid(c.sources[r.Origin], processOf(r.PID))
		case starting:
			x.State = Starting
		case failed:
			x.State, x.Err = HasFailed, note.err()
			if !note.first {
				x.Err = fmt.Errorf("%w: %w", ErrIntensity, x.Err)
			}
		}
		list = append(list, x)
		if ch.spec.strategy.once() {
			break
		}
	}
	if len(list) == n {
		list = append(list, info)
	}
	return list
}

// Count counts the children of the cluster.
func (d *Supervisor) Count() (n Counts) {
	last := ""
	for i, x := range d.Children() {
		if i == 0 || x.ID != last {
			n.Specs++
		}
		last = x.ID
		switch x.State {
		case Waiting:
			n.Waiting++
		case Starting:
			n.Starting++
		case Running:
			n.Running++
		case Stopped:
			n.Stopped++
		case HasFailed:
			n.Failed++
		}
	}
	return n
}
